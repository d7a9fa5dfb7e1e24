"""docs/results.md was written by the generator as it is now: its words, and the columns of its tables. Its numbers take minutes."""

import re

from benchmarks import gates_counts, results
from benchmarks.dense import TEXT
from tests.house.tree import ROOT

PAGE = ROOT / "docs/results.md"
WORDS = (results.HEAD, TEXT, results.SPEEDUP, results.PAYS, results.SENTENCES, gates_counts.TEXT)


def as_pattern(words: str) -> str:
    """Fields stand for anything."""
    return ".+?".join(re.escape(part) for part in re.split(r"\{[^}]*\}", words))


def test_the_page_has_the_words_of_the_generator_in_order() -> None:
    at, page = 0, PAGE.read_text("utf-8")
    for words in WORDS:
        found = re.compile(as_pattern(words.strip()), re.DOTALL).search(page, at)
        assert found, f"docs/results.md lacks, behind character {at}: {words.strip()[:80]!r}; run python -m benchmarks results"
        at = found.end()


def test_the_tables_have_the_columns_of_the_generator() -> None:
    lines = PAGE.read_text("utf-8").splitlines()
    rules = [i for i, line in enumerate(lines) if line.startswith("| --- |")]
    found = [[cell.strip() for cell in lines[i - 1].split("|")[1:-1]] for i in rules]
    wanted = [head for head in results.heads() if head != results.BELOW or results.BELOW in found]
    assert found == wanted, "docs/results.md is of another generator; run python -m benchmarks results"


def test_patterns_of_words_tell_them_apart() -> None:
    assert re.fullmatch(as_pattern("a {x} (b) {y:g}."), "a 1 2 (b) 3.")
    assert not re.fullmatch(as_pattern("a {x} (b)"), "a 1 (c)")


def test_the_gates_of_the_page_are_those_that_were_counted() -> None:
    assert PAGE.read_text("utf-8").endswith(gates_counts.section()), "run python -m benchmarks gates_counts"
    assert {"top", "array", "pe", "vector", "fetch", "buffer act"} <= gates_counts.known().keys()
