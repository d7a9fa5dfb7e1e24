"""Two PNGs: the roofline with the layers on it, and the time by unit and layer. The only file of
the report that imports matplotlib.
"""

import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hwsim.report.report import LayerReport, Report, Run
from hwsim.report.table import COSTLIEST, groups, short
from hwsim.result import CAUSES, UNITS

CAUSE_COLOURS = {
    "busy": "#1f4e79",
    "fill": "#7fb2dd",
    "drain": "#3aa6a0",
    "wait_token": "#e69f00",
    "wait_input": "#c8442f",
    "wait_output": "#8e5ea2",
    "idle": "#e6e6e6",
}
MARKERS = {"conv2d": "s", "linear": "o", "scores": "^", "context": "v", "matmul": "D"}
RUN_COLOURS = ("#8a8a8a", "#c8442f")
INCHES, DOTS = (11.0, 6.4), 130
LINE = 0.011  # height of a line of small text, as a share of the time axis


def pictures(report: Report) -> dict[str, bytes]:
    """File name -> PNG."""
    return {"roofline.png": roofline(report), "time.png": time_by_unit(report)}


def _png(figure: Figure) -> bytes:
    out = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(out, format="png", dpi=DOTS, metadata={"Software": "hwsim"})
    return out.getvalue()


def _runs(report: Report) -> list[Run]:
    return [report.dense, report.run] if report.dense else [report.run]


def intensity(layer: LayerReport) -> float:
    """Kept MACs in the array for each bit across the memory's port."""
    return layer.array_macs / max(layer.dram_bits.read + layer.dram_bits.write, 1)


def roofline(report: Report) -> bytes:
    """x: MACs a DRAM bit; y: MACs a cycle = utilisation x PEs. Layers without MACs in the array have
    no place on it.
    """
    m, runs = report.machine, _runs(report)
    figure = Figure(figsize=INCHES, layout="constrained")
    axes = figure.add_subplot()
    layers = [x for run in runs for x in run.layers if x.array_macs]
    knee = m.pes / m.beat_bits
    xs = [knee, *(intensity(x) for x in layers)]
    ys = [m.pes / 10, *(x.utilisation * m.pes for x in layers)]
    roof = np.geomspace(min(xs) / 3, max(xs) * 3, 200)
    axes.plot(roof, np.minimum(roof * m.beat_bits, m.pes), color="black", lw=1.6)
    label = f"roof: {m.pes:,} MACs a cycle, {m.beat_bits} bits a cycle"
    handles = [Line2D([], [], color="black", lw=1.6, label=label)]
    for run, colour in zip(runs, RUN_COLOURS[-len(runs) :], strict=True):
        _points(axes, run, m.pes, colour)
        handles.append(Line2D([], [], marker="o", ls="", color=colour, label=run.pattern))
    handles += [
        Line2D([], [], marker=MARKERS.get(k, "P"), ls="", mfc="none", color="black", label=k)
        for k in sorted({_kind(x) for x in layers})
    ]
    handles += _numbered(axes, report)
    limits = {"xlim": (roof[0], roof[-1]), "ylim": (min(ys) / 2, m.pes * 1.6)}
    axes.set(xscale="log", yscale="log", **limits)
    axes.set_xlabel("kept MACs in the array for each bit moved to or from memory (MAC/bit)")
    axes.set_ylabel("kept MACs in the array for each cycle (MAC/cycle)")
    what = "one mark a layer, its area the layer's share of the cycles"
    axes.set_title(f"{report.network} on {m.name}: roofline, {what}")
    axes.grid(True, which="both", color="#eeeeee")
    axes.set_axisbelow(True)
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return _png(figure)


def _kind(layer: LayerReport) -> str:
    """Of a fused layer the part that the array does."""
    return layer.kind.split("+")[0]


def _points(axes: Any, run: Run, pes: int, colour: str) -> None:
    for kind in sorted({_kind(x) for x in run.layers}):
        at = [x for x in run.layers if _kind(x) == kind and x.array_macs]
        axes.scatter(
            [intensity(x) for x in at],
            [x.utilisation * pes for x in at],
            s=[30 + 1500 * x.cycles / max(run.cycles, 1) for x in at],
            marker=MARKERS.get(kind, "P"),
            color=colour,
            alpha=0.65,
            linewidths=0.5,
            edgecolors="white",
        )


def _numbered(axes: Any, report: Report) -> list[Line2D]:
    """Numbers at the costliest kinds of layers of the run, and what they stand for."""
    handles = []
    costliest = [g for g in groups(report.run) if g[0].array_macs][:COSTLIEST]
    for n, group in enumerate(costliest, 1):
        at = intensity(group[0]), group[0].utilisation * report.machine.pes
        where = {"xytext": (8, -12), "textcoords": "offset points"}
        axes.annotate(str(n), at, fontsize=9, weight="bold", **where)
        many = f" x{len(group)}" if len(group) > 1 else ""
        label = f"{n}: {short(group[0].name, 36)}{many}, {report.run.pattern} run"
        handles.append(Line2D([], [], ls="", label=label))
    return handles


def time_by_unit(report: Report) -> bytes:
    """x: time; one lane a unit; in each layer's stretch the lane is split by what the unit did. Runs
    share the time axis.
    """
    runs = _runs(report)
    figure = Figure(figsize=(INCHES[0], 1.4 + 4.2 * len(runs)), layout="constrained")
    panels = figure.subplots(len(runs), 1, sharex=True, squeeze=False)[:, 0]
    longest = max(run.time_us for run in runs)
    scale, unit = (1e-3, "ms") if longest >= 1000 else (1.0, "us")
    for axes, run in zip(panels, runs, strict=True):
        _lanes(axes, run, scale / report.machine.clock_mhz)
        _names(axes, run, scale / report.machine.clock_mhz, longest * scale)
        axes.set(ylim=(0, len(UNITS)), xlim=(0, longest * scale))
        axes.set_ylabel(f"{run.pattern}: {run.cycles:,} cycles, {run.time_us * scale:.4g} {unit}")
    panels[-1].set_xlabel(f"time at {report.machine.clock_mhz:g} MHz ({unit})")
    title = f"{report.network} on {report.machine.name}: what each unit did, layer by layer"
    figure.suptitle(title, fontsize=12)
    shown = [c for c in CAUSES if any(run.units[u][c] for run in runs for u in UNITS)]
    handles = [Patch(facecolor=CAUSE_COLOURS[c], label=c) for c in shown]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return _png(figure)


def _starts(run: Run) -> Any:
    return np.cumsum([0.0, *(x.cycles for x in run.layers)])[:-1]


def _lanes(axes: Any, run: Run, cycle: float) -> None:
    """`cycle`: its length in the axis' unit."""
    widths, starts = np.array([x.cycles for x in run.layers], float), _starts(run)
    for lane, unit in enumerate(UNITS):
        floor = np.full(len(widths), float(lane)) + 0.08
        for cause, colour in CAUSE_COLOURS.items():
            spent = np.array([x.units[unit][cause] for x in run.layers])
            height = 0.84 * spent / np.maximum(widths, 1)
            at = starts * cycle, height, widths * cycle, floor
            axes.bar(*at, align="edge", color=colour, linewidth=0)
            floor += height
    for start in starts[1:]:
        axes.axvline(start * cycle, color="white", lw=0.3)
    axes.set_yticks(np.arange(len(UNITS)) + 0.5, UNITS)


def _names(axes: Any, run: Run, cycle: float, longest: float) -> None:
    """Above their stretch, upright, where the stretch is wide enough for a line of text."""
    style = {"rotation": 90, "ha": "center", "va": "bottom", "fontsize": 6}
    for layer, start in zip(run.layers, _starts(run), strict=True):
        if layer.cycles * cycle > LINE * longest:
            middle = (start + layer.cycles / 2) * cycle
            axes.text(middle, len(UNITS) + 0.1, short(layer.name, 26), **style)
