"""The first screen: at most 100 columns, about 60 lines. Reads a Report alone."""

import io
from collections.abc import Iterator

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from hwsim.report.report import Cosine, LayerReport, Lost, Machine, Report, Run
from hwsim.report.shortfall import WAITS, busiest
from hwsim.result import CAUSES, UNITS

COLUMNS, COSTLIEST, LOSSES, NAME = 100, 5, 6, 37
DENSE = "dense"
PREFIXES = {
    1e-12: "p",
    1e-9: "n",
    1e-6: "u",
    1e-3: "m",
    1.0: "",
    1e3: "k",
    1e6: "M",
    1e9: "G",
    1e12: "T",
}


def text(report: Report, columns: int = COLUMNS) -> str:
    """The screen as plain text."""
    out = io.StringIO()
    Console(
        file=out, width=columns, color_system=None, force_terminal=False, legacy_windows=False
    ).print(screen(report))
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def screen(report: Report) -> Group:
    parts: list[RenderableType] = [
        _title(report),
        _totals(report),
        _units(report),
        _costliest(report),
    ]
    if report.lost:
        parts.append(_lost(report))
    if report.cosine:
        parts.append(_cosine(report))
    parts.append(_small_print(report))
    return Group(*[x for part in parts for x in (part, Text(""))][:-1])


def si(value: float, unit: str) -> str:
    """Three to four digits and a prefix: `si(0.0123, "J")` is `12.3 mJ`."""
    if not value:
        return f"0 {unit}"
    scale = max((s for s in PREFIXES if abs(value) >= s * 0.9995), default=1e-12)
    shown = value / scale
    return f"{shown:.{0 if abs(shown) >= 999.5 else 1 if abs(shown) >= 99.95 else 2}f} {PREFIXES[scale]}{unit}"


def percent(part: float, whole: float = 1.0) -> str:
    return f"{100 * part / whole:.1f}" if whole else "-"


def _titled(title: str, body: RenderableType) -> Group:
    return Group(Text(title, style="bold"), body)


def _grid(*columns: str) -> Table:
    """Columns: `<` left, `>` right before the heading."""
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for c in columns:
        grid.add_column(
            c[1:], justify="left" if c[0] == "<" else "right", no_wrap=True, overflow="ellipsis"
        )
    return grid


def _title(r: Report) -> Text:
    m = r.machine
    what = f"{r.run.pattern} beside dense" if r.dense else r.run.pattern
    size = f"batch {r.batch}" + (f", sequence {r.seq}" if r.seq else "")
    pe = f"PEs up to {m.kept_max}:{m.block_max}" if m.block_max > 1 else "dense PEs"
    return Text.assemble(
        (f"{r.network}: {what}; {size}\n", "bold"),
        f"machine {m.name}: {m.rows} x {m.cols} {pe}, {m.number}, {m.clock_mhz:g} MHz, "
        f"memory {m.beat_bits} bits a cycle\n{m.technology}: {_size(m)}",
    )


def _size(m: Machine) -> str:
    """Of an FPGA what it takes of it, otherwise the area."""
    if m.resources:
        return ", ".join(f"{v.typical:,.0f} {k.upper()}" for k, v in m.resources.items())
    a = m.area_um2.scaled(1e-6)
    return f"{a.typical:.3g} mm2 ({a.low:.3g} to {a.high:.3g})"


def _totals(r: Report) -> Group:
    runs = [r.dense, r.run] if r.dense else [r.run]
    grid = _grid(
        "<", *(f">{x.pattern}" for x in runs), *([f">dense / {r.run.pattern}"] if r.dense else [])
    )

    def row(name: str, cells: list[str], values: list[float]) -> None:
        ratio = (
            [f"{values[0] / values[1]:.2f}x"]
            if r.dense and values and values[1]
            else [""] * bool(r.dense)
        )
        grid.add_row(name, *cells, *ratio)

    row("cycles", [f"{x.cycles:,}" for x in runs], [x.cycles for x in runs])
    row(
        f"time at {r.machine.clock_mhz:g} MHz",
        [si(x.time_us * 1e-6, "s") for x in runs],
        [x.time_us for x in runs],
    )
    row("utilisation of the PEs, %", [percent(x.utilisation) for x in runs], [])
    row("MACs in the array", [f"{x.array_macs:,}" for x in runs], [x.array_macs for x in runs])
    row("DRAM read", [si(x.dram_bits.read, "bit") for x in runs], [x.dram_bits.read for x in runs])
    row(
        "DRAM written",
        [si(x.dram_bits.write, "bit") for x in runs],
        [x.dram_bits.write for x in runs],
    )
    row(
        "energy, typical",
        [si(x.energy_pj.typical * 1e-12, "J") for x in runs],
        [x.energy_pj.typical for x in runs],
    )
    row(
        "energy, range",
        [
            f"{si(x.energy_pj.low * 1e-12, 'J')} to {si(x.energy_pj.high * 1e-12, 'J')}"
            for x in runs
        ],
        [],
    )
    row("power, typical", [si(x.power_mw.typical * 1e-3, "W") for x in runs], [])
    blocks = sorted(r.run.energy_by_block_pj.items(), key=lambda kv: -kv[1].typical)[:4]
    parts = ", ".join(f"{k} {percent(v.typical, r.run.energy_pj.typical)} %" for k, v in blocks)
    return Group(grid, Text(f"energy of the {r.run.pattern} run goes to: {parts}"))


def _units(r: Report) -> Group:
    runs = [r.dense, r.run] if r.dense else [r.run]
    causes = [c for c in CAUSES if any(x.units[u][c] for x in runs for u in UNITS)]
    how = f", dense / {r.run.pattern}" if r.dense else ""
    grid = _grid("<unit", *(f">{c}" for c in causes))

    def cell(unit: str, cause: str) -> str:
        shares = [100 * x.units[unit][cause] / max(x.cycles, 1) for x in runs]
        return "/".join(f"{s:.1f}" for s in shares) if any(shares) else "-"

    for unit in UNITS:
        grid.add_row(unit, *(cell(unit, c) for c in causes))
    return _titled(f"what each unit did, % of the cycles{how}", grid)


def _costliest(r: Report) -> Group:
    """Layers of equal kind, shape, pattern and dataflow stand in one line, named by the first."""
    every = groups(r.run)
    shown = every[:COSTLIEST]
    speedup = [">speedup"] if r.dense else []
    grid = _grid("<layer", "<N:M", ">cycles", ">time %", *speedup, ">util %", "<array")
    before = {x.name: x.cycles for x in r.dense.layers} if r.dense else {}
    for g in shown:
        cycles, used = cycles_of(g), sum(x.utilisation * x.cycles for x in g)
        many = f" x{len(g)}" if len(g) > 1 else ""
        name = short(g[0].name, NAME - 9 * bool(r.dense) - len(many)) + many
        gain = [f"{sum(before[x.name] for x in g) / max(cycles, 1):.2f}x"] if r.dense else []
        cells = [f"{cycles:,}", percent(cycles, r.run.cycles), *gain, percent(used, cycles)]
        grid.add_row(name, f"{g[0].pattern} {g[0].dataflow}", *cells, _mostly(g))
    share = percent(sum(map(cycles_of, shown)), r.run.cycles)
    what = f"the {len(shown)} costliest of {len(every)} kinds of layers"
    return _titled(f"{what}, {share} % of the time (xN: N equal ones together)", grid)


def groups(run: Run) -> list[list[LayerReport]]:
    """Equal layers together, the costliest group first."""
    found: dict[tuple[str, ...], list[LayerReport]] = {}
    for x in run.layers:
        found.setdefault((x.kind, x.shape, x.pattern, x.dataflow), []).append(x)
    return sorted(found.values(), key=lambda g: -cycles_of(g))


def cycles_of(layers: list[LayerReport]) -> int:
    return sum(x.cycles for x in layers)


def short(name: str, width: int) -> str:
    """Parts of a fused layer lose the prefix of the first; what is too long loses its middle."""
    first, *rest = name.split("+")
    prefix = first[: first.rfind(".") + 1]
    whole = "+".join([first, *(x.removeprefix(prefix) for x in rest)])
    if len(whole) <= width:
        return whole
    return f"{whole[: width // 2]}…{whole[len(whole) - (width - width // 2 - 1) :]}"


def _mostly(layers: list[LayerReport]) -> str:
    """What the array did longest, and for which unit it waited."""
    units = {u: {c: sum(x.units[u][c] for x in layers) for c in CAUSES} for u in UNITS}
    cause, cycles = max(units["array"].items(), key=lambda kv: kv[1])
    share = f"{100 * cycles / max(cycles_of(layers), 1):.0f} %"
    if cause not in WAITS:
        return f"{cause} {share}"
    return f"{'idle' if cause == 'idle' else 'waits'} {share} {busiest(units)}"


def _lost(r: Report) -> Group:
    assert r.dense is not None and r.speedup is not None
    kept, block = (int(x) for x in r.run.pattern.split(":"))
    promised, missing = block / kept, r.run.cycles - r.dense.cycles * kept / block
    title = f"{r.run.pattern} could give {promised:.2f}x, the run gives {r.speedup:.2f}x"
    if missing <= 0:
        return Group(Text(f"{title}: nothing is missing", style="bold"))
    grid = _grid("<taken by", ">cycles", ">%", "<most in")
    for x in _worst(r.lost):
        grid.add_row(x.cause, f"{x.cycles:,.0f}", percent(x.share), short(x.layer, NAME))
    return _titled(f"{title}; {missing:,.0f} cycles were lost to", grid)


def _worst(lost: tuple[Lost, ...]) -> Iterator[Lost]:
    """The largest losses, which add up to 100 % with `others`: what is below 1 % or does not fit.
    Then all gains together, so that the cycles add up.
    """
    losses, gains = [x for x in lost if x.cycles > 0], [x for x in lost if x.cycles < 0]
    room = LOSSES - 1 - bool(gains)
    shown = [x for x in losses if x.share >= 0.01][:room]
    yield from shown
    for name, rest in (("others", losses[len(shown) :]), ("gained elsewhere", gains)):
        if rest:
            most = min(rest, key=lambda x: x.cycles).layer if rest is gains else ""
            yield Lost(name, sum(x.cycles for x in rest), sum(x.share for x in rest), most)


def _cosine(r: Report) -> Text:
    c = r.cosine
    assert c is not None
    how = "after one-shot pruning" if r.run.pattern != DENSE else "in the machine's numbers"
    own = f"; the machine's own agree to {c.machine:.4f}" if c.machine is not None else ""
    return Text.assemble(
        (f"embeddings {how}: {_verdict(c)}\n", "bold"),
        f"cosine to the vectors of the network as trained, over {c.sentences} sentences: "
        f"mean {c.mean:.4f}, lowest {c.min:.4f};\nthe nearest other sentence changes for "
        f"{c.nearest_changes} of {c.sentences} ({c.by}{own})",
    )


def _verdict(c: Cosine) -> str:
    near, mend = 4 * c.nearest_changes <= c.sentences, "prune less, or train after pruning"
    if c.mean >= 0.99 and not c.nearest_changes:
        return "kept"
    if c.mean >= 0.9 and near:
        return "damaged"
    return f"ruined, most neighbours stay; {mend}" if near else f"ruined; {mend}"


def _small_print(r: Report) -> Text:
    lines = ["utilisation: MACs of kept weights, done in the array / (PEs x cycles)"]
    if r.run.unknown:
        lines.append(
            f"unknown without values, so the energy range is wider: {', '.join(r.run.unknown)}"
        )
    if r.host:
        work = ", ".join(
            f"{h.work} ({'none' if h.share is None else f'{100 * h.share:.2g} %'})" for h in r.host
        )
        lines.append(f"on the host, with its share of the arithmetic: {work}")
    lines.append(_assumed(r.assumed))
    lines.extend(r.notes)
    if r.versions:
        lines.append(", ".join(f"{k} {v}" for k, v in r.versions.items()))
    return Text("\n".join(lines), style="dim")


def _assumed(fields: tuple[str, ...]) -> str:
    """By group: the fields are listed in the JSON."""
    if not fields:
        return "no number of this machine is assumed"
    groups = dict.fromkeys(name.split(".")[0] for name in fields)
    return f"assumed ({len(fields)} numbers): {', '.join(groups)}"
