"""Which points of a sweep no other point beats, and the picture of it."""

import io
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hwsim.explore.sweep import Point

INCHES, DOTS = (9.0, 6.0), 130
FRONT, REST = "#c8442f", "#7d8ca3"
MARKERS = "osD^vP*X<>"


def front(points: Sequence[Point]) -> list[Point]:
    """The Pareto front of time against energy, the fastest first: for each of its points every
    other one is slower or needs more energy. Of equals the first stays. Faulty points never stand on it.
    """
    best, kept = float("inf"), []
    for p in sorted((p for p in points if not p.fault), key=lambda p: (p.time_us, p.energy_pj.typical)):
        if p.energy_pj.typical < best:
            best = p.energy_pj.typical
            kept.append(p)
    return kept


def picture(points: Sequence[Point], title: str) -> bytes:
    """PNG: time against energy (with its range), a marker and a thin front for each pattern, whose
    networks differ; the front of all drawn through.
    """
    figure = Figure(figsize=INCHES, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    good, best = [p for p in points if not p.fault], front(points)
    for pattern, marker in zip(sorted({p.pattern for p in good}), MARKERS * len(good), strict=False):
        of = [p for p in good if p.pattern == pattern]
        spread = [[_uj(p.energy_pj.typical - p.energy_pj.low) for p in of], [_uj(p.energy_pj.high - p.energy_pj.typical) for p in of]]
        x, y = [p.time_us / 1e3 for p in of], [_uj(p.energy_pj.typical) for p in of]
        axes.errorbar(x, y, spread, fmt="none", ecolor=REST, elinewidth=0.6, alpha=0.4)
        own = front(of)
        axes.step([p.time_us / 1e3 for p in own], [_uj(p.energy_pj.typical) for p in own], where="post", color=REST, lw=0.7, ls=":")
        axes.scatter(x, y, marker=marker, s=34, c=[FRONT if p in best else REST for p in of], label=pattern, zorder=3)
    axes.step([p.time_us / 1e3 for p in best], [_uj(p.energy_pj.typical) for p in best], where="post", color=FRONT, lw=1.2)
    for p in best:
        axes.annotate(p.machine, (p.time_us / 1e3, _uj(p.energy_pj.typical)), xytext=(5, 5), textcoords="offset points", fontsize=7)
    axes.set(xscale="log", yscale="log", xlabel="time, ms", ylabel="energy, uJ", title=title)
    axes.grid(visible=True, which="both", lw=0.3)
    axes.legend(title="pattern")
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DOTS, metadata={"Software": "hwsim"})
    return out.getvalue()


def _uj(pj: float) -> float:
    return pj / 1e6
