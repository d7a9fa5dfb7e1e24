"""python -m benchmarks results: measures every table of docs/results.md and writes the page anew.

Cycles are counted, not timed: every run of one commit gives the same page but for its date.
"""

import platform
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from statistics import median
from typing import Any

from benchmarks import gates_counts
from benchmarks.alone import Pays, pays
from benchmarks.dense import DENSE_HEADS, dense_tables
from benchmarks.gates_counts import PAGE
from benchmarks.measure import ROOT, git, table
from hwsim import trip
from hwsim.report import Report
from hwsim.report.versions import versions
from hwsim.result import Result
from hwsim.spec.errors import SpecError
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.patterns import NMPattern

MACHINE = "sat"
PATTERNS = ("1:16", "2:16", "1:8", "2:8", "4:8", "2:4")
NETWORKS = {"resnet50": "", "bert_base": "--seq 128", "vit_small": ""}
FFN = "*.ffn.*"  # with the layer norm behind the second one, which the machine runs in the same stretch
FFN_ASKED = {"2:8": 3.5, "2:4": 1.85}
GAIN_ASKED = 0.95
CAUSES = 5
PAYS_HEAD = ["network", "pattern", "shapes", "bound by the array", "engine's speedup there", "engine / estimate, least", "median"]
SENTENCES_HEAD = ["pattern", "cycles", "time", "speedup", "utilisation", "energy", "cosine, mean", "least", "nearest sentence changed"]
BELOW = ["network", "layer", "pattern", "engine's speedup", "estimate's", "ratio", "dense bound by", "pruned bound by"]


def load(name: str, options: str) -> trip.Network:
    return trip.load(name, seq=int(options.split()[-1]) if options else None)


def dense_and_pruned(network: trip.Network, machine: AcceleratorSpec, patterns: Iterable[str]) -> tuple[Result, list[Report]]:
    """Without values. One report a pattern."""
    dense = measured(network, machine)
    reports = []
    for pattern in patterns:
        pruned = trip.prune(network, pattern)
        reports.append(trip.report(pruned, measured(pruned, machine), machine, dense=dense))
    return dense, reports


def measured(network: trip.Network, machine: AcceleratorSpec) -> Result:
    return trip.simulate(network, trip.compile(network, machine), machine, values=False)[0]


def cycles_of(layers: Iterable[Any], glob: str) -> int:
    return sum(x.cycles for x in layers if fnmatchcase(x.name, glob))


def speedups(name: str, options: str, machine: AcceleratorSpec) -> str:
    dense, reports = dense_and_pruned(load(name, options), machine, PATTERNS)
    first = reports[0].dense
    assert first is not None
    ffn = cycles_of(dense.layers, FFN) if name == "bert_base" else 0
    rows = [["dense", "1", f"{dense.cycles:,}", "1", *(["1", ""] if ffn else []), "1", percent(first.utilisation), ""]]
    for r in reports:
        p, run = NMPattern.parse(r.run.pattern), r.run
        row = [str(p), f"{p.block / p.kept:g}", f"{run.cycles:,}", f"{r.speedup:.2f}"]
        if ffn:
            asked = FFN_ASKED.get(str(p))
            row += [f"{ffn / cycles_of(run.layers, FFN):.2f}", f">= {asked}" if asked else ""]
        rows.append([*row, f"{first.estimate_cycles / run.estimate_cycles:.2f}", percent(run.utilisation), lost(r)])
    command = " ".join(f"hwsim run {name} {options} --machine {machine.name} --pattern 2:8 --no-values".split())
    title = f"{name}, sequence {options.split()[-1]}" if options else name
    return f"### {title}\n\n`{command}`\n\n" + table(speedup_head(ffn > 0), rows)


def speedup_head(ffn: bool) -> list[str]:
    of_ffn = ["FFN layers", "asked"] if ffn else []
    return ["pattern", "M/N", "cycles", "speedup", *of_ffn, "estimate's", "utilisation", "what took the rest of M/N"]


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def lost(r: Report) -> str:
    """Shares of the cycles above dense x N/M; negative shares were won."""
    shown = [f"{x.cause} {100 * x.share:.0f} %" for x in r.lost if abs(x.share) >= 0.005]
    return ", ".join(shown[:CAUSES]) + (", ..." if len(shown) > CAUSES else "")


def pays_table(machine: AcceleratorSpec) -> str:
    rows, below = [], []
    for name, options in NETWORKS.items():
        found = list(pays(load(name, options), machine, PATTERNS))
        for pattern in PATTERNS:
            rows.append([name, *pays_row([x for x in found if x.pattern == pattern])])
        below += [(name, x) for x in found if x.gain < GAIN_ASKED]
    counted = sum(x.by_array for _, x in below)
    title = f"\nBelow {GAIN_ASKED}, whatever bounds the layer; {counted or 'none'} of them bound by the array:\n\n"
    return table(PAYS_HEAD, rows) + title + (table(BELOW, [below_row(n, x) for n, x in below]) if below else "none\n")


def below_row(network: str, x: Pays) -> list[str]:
    return [network, x.layer, x.pattern, f"{x.engine:.2f}", f"{x.estimate:.2f}", f"{x.gain:.3f}", x.dense_by, x.pruned_by]


def pays_row(found: list[Pays]) -> list[str]:
    bound = [x for x in found if x.by_array]
    if not bound:
        return [found[0].pattern, str(len(found)), "0", "", "", ""]
    speed = sorted(x.engine for x in bound)
    least = min(bound, key=lambda x: x.gain)
    return [
        found[0].pattern,
        str(len(found)),
        str(len(bound)),
        f"{speed[0]:.2f} to {speed[-1]:.2f}",
        f"{least.gain:.3f} ({least.layer})",
        f"{median(x.gain for x in bound):.3f}",
    ]


def sentences(machine: AcceleratorSpec) -> str:
    command = f"`hwsim run minilm --machine {machine.name} --pattern 2:8`\n\n"
    try:
        network = trip.load("minilm")
    except SpecError as e:
        return f"{command}Not measured here: {e}\n"
    rows, first = [], 0
    for pattern in ("dense", "2:8", "2:4"):
        pruned = trip.prune(network, pattern)
        result, _ = trip.simulate(pruned, trip.compile(pruned, machine), machine)
        cosine = trip.sentence_cosine(pruned, machine)
        run = trip.report(pruned, result, machine, cosine=cosine).run
        first = first or run.cycles
        e = run.energy_pj.scaled(1e-9)
        row = [pattern, f"{run.cycles:,}", f"{run.time_us / 1000:.2f} ms", f"{first / run.cycles:.2f}", percent(run.utilisation)]
        row += [f"{e.typical:.1f} mJ ({e.low:.1f} to {e.high:.1f})", f"{cosine.mean:.4f}", f"{cosine.min:.4f}"]
        rows.append([*row, f"{cosine.nearest_changes} of {cosine.sentences}"])
    return command + table(SENTENCES_HEAD, rows)


def stamp() -> str:
    changed = git("status", "--porcelain", "--", "hwsim", "mapper", "models")
    commit = git("log", "-1", "--format=%h", "--", "hwsim", "mapper", "models", "benchmarks")
    v = versions()
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} at commit {commit}{' with changes that are not committed' if changed else ''}, "
        f"Python {platform.python_version()}, NumPy {v['numpy']}, Numba {v['numba']}."
    )


HEAD = """# Results

<!-- written by python -m benchmarks results; edit benchmarks/results.py, not this page -->

{stamp}
All of it again: `python -m benchmarks results` (about {minutes} minutes of one core). The command above a table shows one of its rows.
Networks of the zoo have published shapes and seeded weights: their cycles are real, their accuracy means nothing, so none is given.
MiniLM is trained. Batch is 1 everywhere. How long the simulator takes: [benchmarks.md](benchmarks.md).
The thread machine: [results_thread.md](results_thread.md).
What the blocks of `sat` take on UltraScale+ stands at the end, and has a command of its own.
"""
SPEEDUP = """
## N:M on {name}: {rows} x {cols} PEs, {number}, {mhz:g} MHz, {bits} bits of memory a cycle

One-shot magnitude pruning along the reduced rank; the first convolution and layers with fewer channels than a block stay dense.
Speedup: cycles of the dense run / cycles. Estimate's: the same ratio of the sums of the layers' lower bounds. FFN layers: both linear
layers with what the machine runs in the same stretch (GELU, residual, layer norm). What took the rest: the cycles above dense x N/M, by
what the array did or waited for ([report.md](report.md) defines each cause); below zero: there the dense run lost more than its share.

The activation port gives {port} activations a cycle; full speed wants {rows} x M/N of them, so M/N up to {reach} is what it was built for,
and patterns above that cannot reach M/N. What is no pruned product (attention, softmax, layer norm, pooling, first convolution) keeps
its time whatever the pattern.
"""
PAYS = """
## Where the array is the bound, N:M pays what it can

Every distinct shape of the three networks, run alone and from cold on {name}; asked is engine's speedup >= {asked} x estimate's, for
layers whose estimate is bound by the array dense and pruned: its steps are the largest of the estimate's sums and at least 9/10 of it. The
others are bound by the activation port, the memory, the vector unit or their first loads and last stores.

`python -m benchmarks results`

"""
SENTENCES = """
## all-MiniLM-L6-v2 on {name}, one sentence, sequence 128

With values. Cosine: sentence vectors in the machine's numbers against the trained network in FP32, over the fixed sentences.
No training after pruning.

"""


def heads() -> list[list[str]]:
    """The first rows of all tables of the page, in order; BELOW's stands there only where there is something below."""
    return [*DENSE_HEADS, *(speedup_head(name == "bert_base") for name in NETWORKS), PAYS_HEAD, BELOW, SENTENCES_HEAD, gates_counts.HEAD]


def main() -> None:
    start = time.process_time()
    machine = load_machine(MACHINE)
    parts = [dense_tables()]
    fields = {"name": machine.name, "rows": machine.array.rows, "cols": machine.array.cols, "number": machine.pe.number}
    fields |= {"mhz": machine.clock_mhz, "bits": machine.memory.width_bits}
    port = machine.levels.act.width_bits // machine.pe.element_bits
    parts.append(SPEEDUP.format(**fields, port=port, reach=port // machine.array.rows))
    for name, options in NETWORKS.items():
        print(f"{name} on {machine.name}", file=sys.stderr, flush=True)
        parts.append("\n" + speedups(name, options, machine))
    print("layers alone", file=sys.stderr, flush=True)
    parts.append(PAYS.format(name=machine.name, asked=GAIN_ASKED) + pays_table(machine))
    print("minilm", file=sys.stderr, flush=True)
    parts.append(SENTENCES.format(name=machine.name) + sentences(machine))
    minutes = max(1, round((time.process_time() - start) / 60))
    PAGE.write_text(HEAD.format(stamp=stamp(), minutes=minutes) + "".join(parts) + gates_counts.section())
    print(f"wrote {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
