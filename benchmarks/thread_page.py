"""Writes docs/results_thread.md from measured figures: tables, pictures, and what they stand beside."""

from collections.abc import Callable
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from benchmarks.measure import table
from benchmarks.thread_pictures import (
    BALANCE,
    LATENCY,
    QUARTER,
    SCALING,
    balance_picture,
    latency_picture,
    scaling_picture,
)
from hwsim.spec.thread import ThreadMachineSpec

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/results_thread.md"
Row = dict[str, Any]
Section = dict[str, Any]

HEAD = """# Results of the thread machine

<!-- written by python -m benchmarks thread; edit benchmarks/thread_page.py, not this page -->

Machine `{name}`: blocks of {mtp} multi-threaded pipelines of {threads} threads and {stp} single-threaded ones, {mhz:g} MHz,
{gb:g} GB/s of DRAM a block; {assumed} of its figures are assumed, because no public source states them
([thread_machine.md](thread_machine.md)). Every run was compared with SciPy or NetworkX ([workloads.md](workloads.md)). Again:
`python -m benchmarks thread`, or one section: `python -m benchmarks thread smash`. Speed of the simulation, and 256 blocks with
their time and memory: [benchmarks.md](benchmarks.md).
"""


def percent(x: float | None) -> str:
    return "" if x is None else f"{100 * x:.1f} %"


def ms(r: Row) -> str:
    return f"{r['time_us'] / 1000:,.2f}"


def stamped(s: Section) -> str:
    t = s["stamp"]
    made = f"Python {t['python']}, Numba {t['numba']}; {t['cpu_s']:.0f} s of one core"
    return f"\nMeasured on {t['date']} at commit {t['commit']}, {made}.\n\n"


def each(r: Row) -> float:
    return float(r["instructions"] / r["work"]["multiplies"])


def products_table(s: Section) -> str:
    rows = {r["what"]: r for r in s["rows"]}
    order = [v for v in ("v1", "v2", "v3", "outer", "inner") if v in rows]
    head = ["version", "cycles", "time, ms", "beside v1", "instructions a product", "IPC mtp", "IPC stp", "DRAM used", "data cache hits"]
    head += ["served on chip", "DMA busy", "instructions of an mtp thread, least to most", "waiting at barriers"]
    lines = []
    for v in order:
        r = rows[v]
        lines.append([
            v, f"{r['cycles']:,}", ms(r), f"{rows['v1']['cycles'] / r['cycles']:.2f}" if "v1" in rows else "", f"{each(r):.1f}",
            f"{r['mtp']['ipc']:.2f}", f"{r['stp']['ipc']:.2f}", percent(r["dram_used"]), percent(r["data_cache_hits"]),
            percent(r["on_chip"]), percent(r["dma_used"]), f"{r['mtp']['least']:,} to {r['mtp']['most']:,}",
            percent(r["waits"]["collective"]),
        ])  # fmt: skip
    return table(head, lines)


def smash_part(s: Section, picture: str) -> str:
    rows = {r["what"]: r for r in s["rows"]}
    r = s["rows"][0]
    size = r["matrix"].split(": ")[1]
    rows_of, nonzeros = (int(size.replace(",", "").split()[i]) for i in (0, 3))
    out = f"\n## SMASH: two R-MAT matrices, {size} each\n{stamped(s)}"
    out += f"`hwsim run spgemm --machine piuma --rmat {rows_of.bit_length() - 1} --nonzeros {nonzeros} --version v3`. "
    out += f"{r['work']['multiplies']:,} products.\n\n"
    out += products_table(s)
    if {"v1", "v2", "v3"} <= set(rows):
        v1, v2, v3 = (rows[v]["cycles"] for v in ("v1", "v2", "v3"))
        fields = {"waiting": percent(rows["v1"]["waits"]["collective"]), "dram": percent(rows["v3"]["dram_used"]), "each": each(rows["v3"])}
        out += SMASH_WORDS.format(all=v1 / v3, tokens=v1 / v2, fragments=v2 / v3, **fields)
        out += f"\n![instructions of each thread](pictures/{picture})\n"
    return out


SMASH_WORDS = """
Published: 9.4 x "compared with competing approaches" (Shivdikar 2021, arXiv:2105.14156, abstract), all on the same simulated
machine. The pair of ours that compares is v3 beside v1, the last version of the same method beside its first: **{all:.1f} x**
({tokens:.1f} x from tokens, {fragments:.1f} x from the fragmented memory). What the thesis's figure is measured against, its
matrices' values, the block's clock and memory are not in any text that we could read, so how near or far the figures are proves
little. Where ours comes from: in v1, threads wait at barriers for {waiting} of their time, since a window's heaviest row is one
thread's; tokens remove that. v3 then saves the walk over the table, and reads ahead. It uses {dram} of the DRAM's bandwidth: a
product costs it {each:.1f} instructions, and four pipelines that issue one a cycle cannot ask for more.
"""


def missing(s: Section, name: str) -> str:
    """Which versions the figures do not have yet."""
    found = {r["what"] for r in s["rows"]}
    left = [v for v in ("v1", "v2", "v3") if v not in found]
    return f"\nNot measured yet: {', '.join(left)}; `python -m benchmarks thread {name}` does all.\n" if left else ""


def inner_part(s: Section) -> str:
    r = s["rows"][0]
    out = f"\n## Competing approaches: R-MAT, {r['matrix'].split(': ')[1]}\n{stamped(s)}"
    out += f"`hwsim run spgemm --machine piuma --rmat 11 --version inner`. {r['work']['multiplies']:,} products.\n\n" + products_table(s)
    rows = {x["what"]: x for x in s["rows"]}
    for name in ("outer", "inner"):
        if name in rows:
            times = rows[name]["cycles"] / rows["v3"]["cycles"]
            out += f"\nv3 beside the {name} product: {times:.1f} x; that one takes {each(rows[name]):.0f} instructions a product.\n"
    return out


def hottiles_part(s: Section) -> str:
    lines, gains = [], []
    groups = [s["rows"][i : i + 3] for i in range(0, len(s["rows"]) - 2, 3)]
    for mtp, stp, both in groups:
        gain = (mtp["cycles"] / both["cycles"], stp["cycles"] / both["cycles"])
        gains.append(gain)
        share = both["work"]["hot_nonzeros"] / both["work"]["nonzeros"]
        lines.append([mtp["matrix"], f"{mtp['cycles']:,}", f"{stp['cycles']:,}", f"{both['cycles']:,}", f"{gain[0]:.2f}", f"{gain[1]:.2f}",
                      percent(share), percent(mtp["dram_used"]), percent(both["dram_used"])])  # fmt: skip
    head = ["matrix", "mtp", "stp", "both", "both beside mtp", "both beside stp", "on stp", "DRAM used, mtp", "DRAM used, both"]
    means = [geometric_mean(g[i] for g in gains) for i in (0, 1)]
    out = f"\n## Both kinds of pipelines: Y = A X, 32 columns of doubles\n{stamped(s)}"
    out += "`hwsim run spmm --machine piuma --rmat 12 --version both`. Cycles.\n\n"
    return out + table(head, lines) + HOTTILES_WORDS.format(mtp=means[0], stp=means[1])


HOTTILES_WORDS = """
Geometric means: both beside multi-threaded pipelines alone {mtp:.2f} x, beside single-threaded ones alone {stp:.2f} x.
Published (Gerogiannis et al. 2024, HPCA, HotTiles, ten matrices, PIUMA's own simulator): 1.4 x and 9.2 x. The order is the
same, single-threaded alone slowest and both together fastest or equal. What bounds the first factor here is the channel: the
multi-threaded pipelines alone use nearly all of it, so a tile pays only by the words of X that it saves. The second is smaller
because two of our single-threaded pipelines do more: X lies whole in the scratchpad while a tile is done, tiles are as wide as the
estimate likes, and what nothing in public says, how long they wait for a scratchpad and how often they issue, is assumed in their
favour. The matrices differ too: theirs have 0.1 to 4.2 million rows.
"""


def assumed_part(s: Section) -> str:
    lines = []
    for i in range(0, len(s["rows"]) - 2, 3):
        mtp, stp, both = s["rows"][i : i + 3]
        gains = [f"{x['cycles'] / both['cycles']:.2f}" for x in (mtp, stp)]
        lines.append([f"`{both['field']}`", str(both["value"]), *(f"{x['cycles']:,}" for x in (mtp, stp, both)), *gains])
    head = ["figure", "cycles", "mtp", "stp", "both", "both beside mtp", "both beside stp"]
    out = f"\n### What these factors rest on: {s['rows'][0]['matrix']}\n{stamped(s)}"
    return out + "Each row is `piuma` with one assumed figure changed; the first of each is its own.\n\n" + table(head, lines)


SCALING_WORDS = """
What is lost, for SpMV on {blocks} blocks: threads wait {remote} of their time for other blocks' memory, over which x lies, and
{ended} of it they have ended already: blocks own the same number of non-zeros, but not of rows, and R-MAT's rows are longest at
the top (mean instructions of a block over those of the busiest: {balance}). Rows would have to be dealt in another order, and
hot words of x kept in every block, to do better.

SpMM gains nothing from 8 to 16 blocks (strong) because the ninth block begins a second row, and each block has one column link to it,
of 32 bits: these links are busy for 73 % of the run in the mean and up to 92 %. With column links of 64 bits the same run takes 356,755
cycles instead of 448,546; with column hops of 12 cycles instead of 60 still 445,361. On 32 blocks a block has three of them, busy for
30 %, and width no longer counts. `hwsim run spmm --machine FILE.yaml --rmat 12 --version mtp --blocks 16`, the file being `piuma`
with `network.link_bits` [128, 64], or `network.hop_latency_cycles` [12, 12].

BFS slows down beyond 8 blocks (strong) because each of its five levels ends with its longest thread, which more blocks do not shorten:
the busiest one issues 10,890 instructions on 8 blocks and 10,881 on 32 (a pull draws 32 vertices at once, 512 draws for 2,112 threads),
the others wait for it at barriers, 58 % of their time on 8 blocks and 70 % on 32, and its words come over column hops of 60 cycles
from 16 blocks on. With 12 instead, 16 and 32 blocks take 141,718 and 163,422 cycles, not 169,430 and 194,185; 8 take 156,210.
`hwsim run bfs --machine FILE.yaml --rmat 14 --blocks 32`, the file likewise.
"""


def bandwidth_part(s: Section) -> str:
    lines = [
        [r["what"], f"{r['cycles']:,}", percent(r["dram_used"]), f"{r['dram_gb_s']:.2f}", f"{r['mtp']['ipc']:.2f}",
         percent(r["waits"]["dram"])]
        for r in s["rows"]
    ]  # fmt: skip
    out = f"\n## How much of the DRAM the other kernels use: {s['rows'][0]['matrix']}\n{stamped(s)}"
    best = max(s["rows"], key=lambda r: r["dram_used"])
    head = ["workload", "cycles", "DRAM used", "GB/s", "IPC mtp", "threads wait for DRAM"]
    memory_bound = [r["what"] for r in s["rows"] if r["dram_used"] >= MEMORY_BOUND]
    out += table(head, lines) + f"\nMost: {best['what']}, {percent(best['dram_used'])} of the channel's peak. "
    return out + f"At {percent(MEMORY_BOUND)} or above: {', '.join(memory_bound)}.\n"


def slower_part(s: Section) -> str:
    head = ["cycles of the channel an access", "cycles", "DRAM used", "IPC mtp", "threads wait for DRAM", "for their turn"]
    lines = [
        [str(r["access_cycles"]), f"{r['cycles']:,}", percent(r["dram_used"]), f"{r['mtp']['ipc']:.2f}", percent(r["waits"]["dram"]),
         percent(r["waits"]["turn"])]
        for r in s["rows"]
    ]  # fmt: skip
    own, bound = s["rows"][0], [r for r in s["rows"] if r["dram_used"] >= MEMORY_BOUND]
    out = f"\n## SMASH's third version when memory bounds it: R-MAT, {own['matrix'].split(': ')[1]}\n{stamped(s)}"
    out += "`hwsim run spgemm --machine FILE.yaml --rmat 11 --version v3`, the file being `piuma` with another `dram.access_cycles`.\n\n"
    fields = {"own": percent(own["dram_used"]), "ipc": own["mtp"]["ipc"], "least": percent(MEMORY_BOUND)}
    fields |= {"cycles": min((r["access_cycles"] for r in bound), default=0), "most": percent(max(r["dram_used"] for r in s["rows"]))}
    return out + table(head, lines) + SLOWER_WORDS.format(**fields)


MEMORY_BOUND = 0.9  # of the channel's peak: asked of code that memory bounds

SLOWER_WORDS = """
On `piuma` as it is the third version is not bound by memory: its pipelines complete {ipc:.2f} instructions a cycle, and the channel is
used for {own}. The same code reaches {least} and more once an access takes {cycles} cycles of the channel, and {most} at the most.
"""


def many_part(s: Section) -> str:
    r = s["rows"][0]
    head = ["host processes", "load before, of two cores", "wall time, s", "CPU time, s", "memory, GiB", "cycles", "instructions"]
    lines = []
    for x in s["rows"]:
        spent = [str(x["processes"]), f"{x['load']:.1f}", f"{x['wall_s']:.1f}", f"{x['cpu_s']:.1f}", f"{x['together_mib'] / 1024:.2f}"]
        lines.append([*spent, f"{x['cycles']:,}", f"{x['instructions']:,}"])
    out = f"\n## {r['blocks']} blocks: {r['threads']:,} threads\n{stamped(s)}`hwsim {r['what']}`, checked against SciPy, as all runs are. "
    return out + "Memory: the peaks of the processes added, pages that they share counted in each.\n\n" + table(head, lines)


def by_blocks(s: Section) -> tuple[dict[str, dict[int, Row]], list[int]]:
    groups: dict[str, dict[int, Row]] = {}
    for r in s["rows"]:
        groups.setdefault(r["what"], {})[r["blocks"]] = r
    return groups, sorted({r["blocks"] for r in s["rows"]})


def causes(r: Row) -> str:
    """What thread cycles went to, the three largest shares."""
    largest = sorted(r["waits"].items(), key=lambda x: -x[1])[:3]
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in largest)


def scaling_part(s: Section) -> str:
    groups, blocks = by_blocks(s)
    lines = []
    for what, by in groups.items():
        strong, one = what.endswith("strong"), by[1]["cycles"]
        faster = [f"{one / by[b]['cycles']:.2f}" if b in by else "" for b in blocks]
        first, last = by[min(by)], by[max(by)]
        lines.append([what, first["matrix"] + ("" if strong else " a block"), f"{one:,}", *faster, causes(first), causes(last)])
    head = ["workload", "matrix", "cycles, 1 block", *(f"{b} blocks" for b in blocks), "threads with the fewest blocks", "with the most"]
    out = f"\n## More blocks\n{stamped(s)}`hwsim run spmv --machine piuma --rmat 14 --blocks 8`. Strong: the same matrix, "
    out += "cycles of one block over cycles.\nWeak: rows grow with the blocks, the same ratio, so 1 is perfect. "
    out += "SpMM is `--version mtp`.\n\n"
    out += table(head, lines)
    if "spmv strong" in groups:
        last = groups["spmv strong"][max(groups["spmv strong"])]
        fields = {k: percent(last["waits"][k]) for k in ("remote", "ended")}
        out += SCALING_WORDS.format(blocks=last["blocks"], balance=percent(last["balance"]), **fields)
    return out + f"\n![scaling](pictures/{SCALING})\n"


def latency_part(s: Section) -> str:
    names = list(dict.fromkeys(r["what"] for r in s["rows"]))
    threads, times = (sorted({r[k] for r in s["rows"]}) for k in ("threads", "latency"))
    at = {(r["what"], r["latency"], r["threads"]): r for r in s["rows"]}
    lines = [
        [n, f"{t} x", *(_point(at.get((n, t, k))) for k in threads)]
        for n in names
        for t in times
    ]
    head = ["workload", "DRAM latency", *(f"{k} threads a pipeline" for k in threads)]
    out = f"\n## Threads hide latency: {s['rows'][0]['matrix']}\n{stamped(s)}Multi-threaded pipelines alone. Instructions a cycle "
    out += "and pipeline, and DRAM bandwidth used.\n\n"
    return out + table(head, lines) + f"\n![latency](pictures/{LATENCY})\n"


def _point(r: Row | None) -> str:
    return f"{r['mtp']['ipc']:.2f}, {percent(r['dram_used'])}" if r else ""


PARTS: dict[str, Callable[[Section], str]] = {
    "smash": lambda s: smash_part(s, BALANCE) + missing(s, "smash"),
    "smash_quarter": lambda s: smash_part(s, QUARTER) + missing(s, "smash_quarter"),
    "products": inner_part,
    "hottiles": hottiles_part,
    "hottiles_assumed": assumed_part,
    "bandwidth": bandwidth_part,
    "slower_dram": slower_part,
    "scaling": scaling_part,
    "many": many_part,
    "latency": latency_part,
}


def page(figures: dict[str, Section], spec: ThreadMachineSpec) -> str:
    peak = 8 * spec.dram.channels / spec.dram.access_cycles * spec.clock_mhz / 1000
    fields = {"name": spec.name, "mtp": spec.mtp.pipelines, "threads": spec.mtp.threads, "stp": spec.stp.pipelines, "mhz": spec.clock_mhz}
    head = HEAD.format(**fields, gb=peak, assumed=len(spec.assumed))
    return head + "".join(PARTS[name](s) for name, s in figures.items())


def write_page(figures: dict[str, Section], spec: ThreadMachineSpec) -> None:
    text = page(figures, spec)
    PAGE.write_text(text)
    for name, picture in (("smash", BALANCE), ("smash_quarter", QUARTER)):
        if picture in text:
            balance_picture(figures[name]["rows"], picture)
    if "scaling" in figures:
        scaling_picture(*by_blocks(figures["scaling"]))
    if "latency" in figures:
        latency_picture(figures["latency"]["rows"])
    print(f"wrote {PAGE.relative_to(ROOT)}")
