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
from hwsim.report.table import COSTLIEST
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
    """x: MACs a DRAM bit; y: MACs a cycle = utilisation x PEs. Layers without MACs in the array
    have no place on it.
    """
    m, runs = report.machine, _runs(report)
    figure = Figure(figsize=INCHES, layout="constrained")
    axes = figure.add_subplot()
    layers = [x for run in runs for x in run.layers if x.array_macs]
    xs = [intensity(x) for x in layers] or [m.pes / m.beat_bits]
    ys = [x.utilisation * m.pes for x in layers] or [m.pes]
    knee = m.pes / m.beat_bits
    low, high = min(*xs, knee) / 3, max(*xs, knee) * 3
    roof = np.geomspace(low, high, 200)
    axes.plot(roof, np.minimum(roof * m.beat_bits, m.pes), color="black", lw=1.6)
    handles = [
        Line2D(
            [],
            [],
            color="black",
            lw=1.6,
            label=f"roof: {m.pes:,} MACs a cycle, {m.beat_bits} bits a cycle",
        )
    ]
    for run, colour in zip(runs, RUN_COLOURS[-len(runs) :], strict=True):
        _points(axes, run, m.pes, colour)
        handles.append(Line2D([], [], marker="o", ls="", color=colour, label=run.pattern))
    kinds = sorted({x.kind for x in layers})
    handles += [
        Line2D([], [], marker=MARKERS.get(k, "P"), ls="", mfc="none", color="black", label=k)
        for k in kinds
    ]
    for n, x in enumerate(_costliest(report), 1):
        axes.annotate(
            str(n),
            (intensity(x), x.utilisation * m.pes),
            xytext=(7, -11),
            textcoords="offset points",
            fontsize=9,
            weight="bold",
        )
        handles.append(Line2D([], [], ls="", label=f"{n}  {x.name} ({report.run.pattern})"))
    axes.set(
        xscale="log",
        yscale="log",
        xlim=(low, high),
        ylim=(min(min(ys), m.pes / 10) / 2, m.pes * 1.6),
    )
    axes.set_xlabel("kept MACs in the array for each bit moved to or from memory (MAC/bit)")
    axes.set_ylabel("kept MACs in the array for each cycle (MAC/cycle)")
    axes.set_title(
        f"{report.network} on {m.name}: roofline, one mark a layer, area of a mark: its share of the run's cycles"
    )
    axes.grid(True, which="both", color="#eeeeee")
    axes.set_axisbelow(True)
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return _png(figure)


def _points(axes: Any, run: Run, pes: int, colour: str) -> None:
    for kind in sorted({x.kind for x in run.layers}):
        at = [x for x in run.layers if x.kind == kind and x.array_macs]
        sizes = [30 + 1500 * x.cycles / max(run.cycles, 1) for x in at]
        points = [intensity(x) for x in at], [x.utilisation * pes for x in at]
        axes.scatter(
            *points,
            s=sizes,
            marker=MARKERS.get(kind, "P"),
            color=colour,
            alpha=0.65,
            linewidths=0.5,
            edgecolors="white",
        )


def _costliest(report: Report) -> list[LayerReport]:
    return sorted((x for x in report.run.layers if x.array_macs), key=lambda x: -x.cycles)[
        :COSTLIEST
    ]


def time_by_unit(report: Report) -> bytes:
    """x: time; one lane a unit; in each layer's stretch the lane is split by what the unit did.
    Runs share the time axis.
    """
    runs = _runs(report)
    figure = Figure(figsize=(INCHES[0], 1.6 + 3.4 * len(runs)), layout="constrained")
    panels = figure.subplots(len(runs), 1, sharex=True, squeeze=False)[:, 0]
    longest = max(run.time_us for run in runs)
    scale, unit = (1e-3, "ms") if longest >= 1000 else (1.0, "us")
    for axes, run in zip(panels, runs, strict=True):
        _lanes(axes, run, scale / report.machine.clock_mhz, longest * scale)
        axes.set_title(
            f"{run.pattern}: {run.cycles:,} cycles, {run.time_us * scale:.4g} {unit}",
            loc="left",
            fontsize=10,
            pad=16,
        )
    panels[-1].set_xlabel(f"time at {report.machine.clock_mhz:g} MHz ({unit})")
    figure.suptitle(
        f"{report.network} on {report.machine.name}: what each unit did, layer by layer",
        fontsize=12,
    )
    shown = [c for c in CAUSES if any(run.units[u][c] for run in runs for u in UNITS)]
    handles = [Patch(facecolor=CAUSE_COLOURS[c], label=c) for c in shown]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return _png(figure)


def _lanes(axes: Any, run: Run, cycle: float, longest: float) -> None:
    """`cycle`: its length in the axis' unit."""
    widths = np.array([x.cycles for x in run.layers], float)
    starts = np.concatenate([[0.0], np.cumsum(widths)[:-1]])
    for lane, unit in enumerate(UNITS):
        floor = np.full(len(widths), float(lane)) + 0.08
        for cause, colour in CAUSE_COLOURS.items():
            height = (
                0.84 * np.array([x.units[unit][cause] for x in run.layers]) / np.maximum(widths, 1)
            )
            axes.bar(
                starts * cycle,
                height,
                widths * cycle,
                floor,
                align="edge",
                color=colour,
                linewidth=0,
            )
            floor += height
    for start in starts[1:]:
        axes.axvline(start * cycle, color="white", lw=0.3)
    for layer, start in zip(run.layers, starts, strict=True):
        if layer.cycles * cycle > 0.045 * longest:
            name = (
                layer.name
                if len(layer.name) * longest * 0.008 < layer.cycles * cycle
                else _abbreviated(layer, cycle, longest)
            )
            axes.text(
                (start + layer.cycles / 2) * cycle,
                len(UNITS) + 0.1,
                name,
                ha="center",
                va="bottom",
                fontsize=7,
            )
    axes.set_yticks(np.arange(len(UNITS)) + 0.5, UNITS)
    axes.set(ylim=(0, len(UNITS)), xlim=(0, longest))
    axes.set_ylabel("unit")


def _abbreviated(layer: LayerReport, cycle: float, longest: float) -> str:
    """The end of the name, as much as fits above the layer's stretch."""
    room = int(layer.cycles * cycle / longest / 0.008)
    return "…" + layer.name[-max(room - 1, 3) :]
