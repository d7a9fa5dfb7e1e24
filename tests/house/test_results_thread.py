"""The page of results is what its generator makes of the committed figures, and the figures are whole."""

from benchmarks.measure import run_python, spent
from benchmarks.thread import SECTIONS, known
from benchmarks.thread_page import PAGE, page
from hwsim.spec.load import load_thread_machine


def test_the_page_is_made_of_the_figures() -> None:
    assert PAGE.read_text() == page(known(), load_thread_machine("piuma")), "run python -m benchmarks thread"


def test_figures_add_up() -> None:
    sections = known()
    rows = [r for s in sections.values() for r in s["rows"]]
    assert set(sections) <= set(SECTIONS) and len(rows) > 30
    for r in rows:
        assert abs(sum(r["waits"].values()) - 1) < 1e-9 and 0 < r["dram_used"] <= 1 and r["cycles"] > 1000, r["what"]


CHILD = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "x = b'x' * (200 << 20); sum(range(30_000_000))"], check=True)
"""


def test_time_and_memory_of_children_count() -> None:
    before = spent()
    done = run_python(CHILD)
    assert done.cpu_s >= 0.2 and spent() - before >= 0.2
    assert done.peak_mib >= 200 and done.together_mib > done.peak_mib + 1
