"""Files and functions stay small enough to be read in one go; tests assert; no path of one machine is written down."""

import ast
import re

from tests.house.tree import ROOMS, ROOT, functions, name, parsed, sources, texts

FILE_LINES, FUNCTION_LINES = 450, 60
# absolute paths of one machine, notes of its work place, package hosts
FOREIGN = re.compile(
    r"(?<![\w.~$}])/(?:work|tmp|home|root|opt|mnt)/|\.\./shared|\b(?:house|design|peers|brief)\.md\b"
    r"|pypi\.org|pythonhoste[d]|index[-_]url|\bissue #?[0-9]",
    re.IGNORECASE,
)


def test_no_file_is_longer_than_a_reading() -> None:
    long = {name(f): n for f in sources(*ROOMS) if (n := len(f.read_text().splitlines())) > FILE_LINES}
    assert not long, f"over {FILE_LINES} lines: {long}"


def test_no_function_is_longer_than_a_screen() -> None:
    sizes = {f"{name(f)}:{n.lineno} {n.name}": (n.end_lineno or 0) - n.lineno + 1 for f in sources(*ROOMS) for n in functions(f)}
    long = {k: v for k, v in sizes.items() if v > FUNCTION_LINES}
    assert len(sizes) > 100 and not long, f"over {FUNCTION_LINES} lines: {long}"


def test_no_machine_and_no_host_is_named() -> None:
    found = [
        f"{name(f)}:{i} {line.strip()[:80]}"
        for f in texts()
        for i, line in enumerate(f.read_text(errors="replace").splitlines(), 1)
        if FOREIGN.search(line)
    ]
    assert not found, "\n".join(found)


def asserts(node: ast.AST, helpers: set[str]) -> bool:
    """Whether the node asserts itself, expects an error, or calls one of the helpers."""
    for n in ast.walk(node):
        if isinstance(n, ast.Assert):
            return True
        if isinstance(n, ast.Call):
            called = ast.unparse(n.func).split(".")[-1]
            if called in helpers or called in ("raises", "warns", "assert_array_equal", "assert_allclose"):
                return True
    return False


def asserting_helpers() -> set[str]:
    """Names of functions below tests/ that assert, directly or through one another."""
    nodes = [n for f in sources("tests") for n in functions(f)]
    helpers: set[str] = set()
    while True:
        more = {n.name for n in nodes if asserts(n, helpers)} - helpers
        if not more:
            return helpers
        helpers |= more


def test_every_test_asserts() -> None:
    helpers = asserting_helpers()
    tests = [(f, n) for f in sources("tests") if f.name.startswith(("test_", "bench_")) for n in functions(f) if n.name.startswith("test_")]
    idle = [f"{name(f)}:{n.lineno} {n.name}" for f, n in tests if not asserts(n, helpers)]
    assert len(tests) > 5 and not idle, f"nothing is asserted in: {idle}"


def test_every_public_module_says_what_it_is() -> None:
    silent = [name(f) for f in sources("hwsim", "mapper", "models", "rtl") if f.name != "__init__.py" and not ast.get_docstring(parsed(f))]
    assert not silent, f"no docstring: {silent}"


def test_no_leftovers() -> None:
    stale = [name(f) for f in sources(*ROOMS) if re.search(r"_(old|new|copy|bak)[0-9]*\.py$", f.name)]
    marks = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error")))
    marked = [f"{name(f)}:{i}" for f in sources(*ROOMS) for i, line in enumerate(f.read_text().splitlines(), 1) if marks.search(line)]
    assert not stale and not marked, f"{stale} {marked}"
    assert (ROOT / "LICENSE").read_text().lstrip().startswith("Apache License")
