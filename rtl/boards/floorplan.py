"""Places for block RAMs and multipliers of an ECP5, before nextpnr places the rest around them.

They stand in seven rows of the device. nextpnr's static placer takes its own good places for them, and then draws free sites near these by
lot; what is to stand together ends twenty tiles apart, and each tile costs time. Here each of them gets the site that makes wires short.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from rtl.boards.placement import Array, Wires, place

Site = tuple[int, int, str]  # x, y, nextpnr's name
# groups of four sites in each row, a clock region's spine between the seventh and the eighth
GROUPS = (4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114)
TILES = (126, 95)
SITES: dict[str, list[Site]] = {
    "DP16KD": [(x + 2 * k, y, f"X{x + 2 * k}/Y{y}/EBR{k}") for y in (22, 46, 70, 82) for x in GROUPS for k in range(4)],
    "MULT18X18D": [(x + k, y, f"X{x + k}/Y{y}/MULT18_{k}") for y in (10, 34, 58) for x in GROUPS for k in (0, 1, 4, 5)],
}
AREA = {"LUT4": 1.0, "CCU2C": 2.0, "TRELLIS_FF": 0.6, "TRELLIS_DPR16X4": 8.0}  # LUTs whose room they take
ROOM, FULL = 8, 0.6  # LUTs of a tile, and how many of them are to be taken
WIDEST = 600  # pins: nets of more go everywhere in any case
EXCHANGES = 4


class Netlist:
    """`kind` and `names` of cells, and the wires between them."""

    def __init__(self, cells: dict[str, Any]):
        self.names, self.kind = list(cells), np.array([c["type"] for c in cells.values()])
        ends = [{b for bits in c["connections"].values() for b in bits if isinstance(b, int)} for c in cells.values()]
        cell = np.repeat(np.arange(len(ends)), [len(nets) for nets in ends])
        net = np.array([b for nets in ends for b in sorted(nets)], dtype=np.int64)
        pins = np.bincount(net)[net]
        some = (pins > 1) & (pins < WIDEST)
        order = np.argsort(net[some], kind="stable")
        self.wires = Wires(len(ends), cell[some][order], np.unique(net[some][order], return_inverse=True)[1])
        self.area = np.array([AREA.get(k, 0.0) for k in self.kind])
        self.placed = {kind: np.flatnonzero(self.kind == kind) for kind in SITES}

    @property
    def box(self) -> Array:
        """The middle of the device, as large as the cells need."""
        middle, half = np.array(TILES) / 2, np.array(TILES) / 2 * min(1, (self.area.sum() / (ROOM * FULL * np.prod(TILES))) ** 0.5)
        return np.stack([middle - half, middle + half], axis=1)

    def fits(self) -> bool:
        return all(len(cells) <= len(SITES[kind]) for kind, cells in self.placed.items())


class Seats:
    """Which site each cell has: `taken`, by kind the cells and the sites' numbers."""

    def __init__(self, netlist: Netlist):
        self.netlist, self.taken = netlist, dict[str, tuple[Array, Array]]()
        self.at = {kind: np.array([site[:2] for site in sites], dtype=float) for kind, sites in SITES.items()}

    def near(self, lower: Array, upper: Array) -> None:
        """Sites as near as can be to the places in `lower`, more so for cells of many pins, into `upper`."""
        pins = self.netlist.wires.pins
        for kind, cells in self.netlist.placed.items():
            off = np.abs(lower[:, cells].T[:, None] - self.at[kind]).sum(2)
            self._take(kind, off * pins[cells][:, None], upper)

    def exchange(self, at: Array) -> None:
        """Sites that make the wires shortest while all other cells stay."""
        wires = self.netlist.wires
        order, starts = np.argsort(wires.cell, kind="stable"), np.r_[0, np.cumsum(wires.pins)]
        first = np.r_[0, np.cumsum(wires.degree)]
        for kind, cells in self.netlist.placed.items():
            cost = np.zeros((len(cells), len(SITES[kind])))
            for n, cell in enumerate(cells):
                for net in wires.net[order[starts[cell] : starts[cell + 1]]]:
                    ends = wires.cell[first[net] : first[net + 1]]
                    x = at[:, ends[ends != cell]]
                    low, high = x.min(1), x.max(1)
                    cost[n] += (np.maximum(0, low - self.at[kind]) + np.maximum(0, self.at[kind] - high)).sum(1)
            self._take(kind, cost, at)

    def _take(self, kind: str, cost: Array, at: Array) -> None:
        rows, sites = linear_sum_assignment(cost)
        self.taken[kind] = self.netlist.placed[kind][rows], sites
        at[:, self.taken[kind][0]] = self.at[kind][sites].T


def plan(netlist: Netlist, heard: Callable[[int], None], seed: int) -> dict[str, str]:
    """nextpnr's names of the sites, by cell."""
    seats, fixed = Seats(netlist), np.isin(netlist.kind, list(SITES))
    at = place(netlist.wires, netlist.area, netlist.box, fixed, seats.near, heard, seed)
    for _ in range(EXCHANGES):
        seats.exchange(at)
    return {netlist.names[c]: SITES[kind][s][2] for kind, taken in seats.taken.items() for c, s in zip(*taken, strict=True)}


def pin(folder: Path, heard: Callable[[int], None], seed: int) -> None:
    """top.json gets the sites. What does not fit stays as it is: nextpnr says so."""
    design = json.loads((folder / "top.json").read_text())
    cells = design["modules"]["top"]["cells"]
    netlist = Netlist(cells)
    if netlist.fits():
        for name, site in plan(netlist, heard, seed).items():
            cells[name]["attributes"]["BEL"] = site
        (folder / "top.json").write_text(json.dumps(design))
