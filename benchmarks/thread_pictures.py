"""Pictures of docs/results_thread.md, in docs/pictures."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

FOLDER = Path(__file__).resolve().parents[1] / "docs/pictures"
BALANCE, QUARTER = "smash_balance.png", "smash_quarter_balance.png"
SCALING, LATENCY = "thread_scaling.png", "thread_latency.png"
Row = dict[str, Any]


def save(figure: Any, name: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    figure.tight_layout()
    figure.savefig(FOLDER / name, dpi=110, metadata={"Software": None})
    plt.close(figure)


def balance_picture(rows: list[Row], name: str) -> None:
    order = sorted(rows, key=lambda r: r["what"])
    figure, axes = plt.subplots(1, len(order), figsize=(4 * len(order), 3), sharey=True, squeeze=False)
    for axis, r in zip(axes[0], order, strict=True):
        axis.bar(range(len(r["issued"])), [x / 1e6 for x in r["issued"]], width=1.0)
        axis.set_title(f"{r['what']}: {r['cycles'] / 1e6:,.0f} M cycles")
        axis.set_xlabel("thread (the last two: single-threaded)")
    axes[0][0].set_ylabel("million instructions")
    save(figure, name)


def scaling_picture(groups: dict[str, dict[int, Row]], blocks: list[int]) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(10, 4))
    for axis, kind in zip(axes, ("strong", "weak"), strict=True):
        for what, by in groups.items():
            if what.endswith(kind):
                found = [b for b in blocks if b in by]
                axis.plot(found, [by[1]["cycles"] / by[b]["cycles"] for b in found], marker="o", label=what.split()[0])
        axis.plot(blocks, blocks if kind == "strong" else [1] * len(blocks), color="grey", linestyle=":", label="perfect")
        axis.set_xscale("log", base=2)
        axis.set_title(kind)
        axis.set_xlabel("blocks")
        axis.set_ylabel("cycles of one block / cycles")
        axis.legend()
    axes[0].set_yscale("log", base=2)
    save(figure, SCALING)


def latency_picture(rows: list[Row]) -> None:
    names = list(dict.fromkeys(r["what"] for r in rows))
    figure, axes = plt.subplots(1, len(names), figsize=(5 * len(names), 4), squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        for times in sorted({r["latency"] for r in rows}):
            found = sorted((r for r in rows if r["what"] == name and r["latency"] == times), key=lambda r: r["threads"])
            axis.plot([r["threads"] for r in found], [r["dram_gb_s"] for r in found], marker="o", label=f"{times} x")
        axis.set_title(name)
        axis.set_xlabel("threads a pipeline")
        axis.set_ylabel("DRAM GB/s")
        axis.legend(title="DRAM latency")
    save(figure, LATENCY)
