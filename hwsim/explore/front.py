"""Which points of a sweep no other point beats, and the picture of it."""

import io
from collections.abc import Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from hwsim.explore.sweep import Point

INCHES, DOTS = (10.0, 6.2), 130
FRONT = "#c8442f"
STYLES = (("o", "#1f4e79"), ("s", "#3aa6a0"), ("D", "#8e5ea2"), ("^", "#e69f00"), ("v", "#5c6b73"), ("P", "#7fb2dd"))


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
    """PNG: time against energy, a colour and a dotted front for each pattern, since their networks differ
    in worth; the front of all, numbered, with the range of its energy, drawn through.
    """
    figure = Figure(figsize=INCHES, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    good = [p for p in points if not p.fault]
    for i, pattern in enumerate(sorted({p.pattern for p in good})):
        marker, colour = STYLES[i % len(STYLES)]
        of = [p for p in good if p.pattern == pattern]
        axes.scatter(_ms(of), _mj(of), marker=marker, s=30, color=colour, label=pattern, zorder=3)
        axes.step(_ms(front(of)), _mj(front(of)), where="post", color=colour, lw=1.0, ls=":")
    _draw_front(axes, front(points))
    axes.set(xscale="log", yscale="log", xlabel="time, ms", ylabel="energy, mJ", title=title)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(visible=True, lw=0.3)
    figure.legend(loc="outside lower left", ncols=2, fontsize=8)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DOTS, metadata={"Software": "hwsim"})
    return out.getvalue()


def _draw_front(axes: Any, best: list[Point]) -> None:
    axes.step(_ms(best), _mj(best), where="post", color=FRONT, lw=1.4)
    for n, p in enumerate(best, 1):
        x, y = _ms([p])[0], _mj([p])[0]
        spread = [[y - p.energy_pj.low / 1e9], [p.energy_pj.high / 1e9 - y]]
        label = f"{n}: {p.machine}, {p.pattern}"
        axes.errorbar(x, y, spread, fmt="o", ms=9, mfc="none", color=FRONT, elinewidth=0.6, label=label, zorder=4)
        axes.annotate(str(n), (x, y), xytext=(7, 6 if n % 2 else -14), textcoords="offset points", color=FRONT, weight="bold")


def _ms(points: Sequence[Point]) -> list[float]:
    return [p.time_us / 1e3 for p in points]


def _mj(points: Sequence[Point]) -> list[float]:
    return [p.energy_pj.typical / 1e9 for p in points]
