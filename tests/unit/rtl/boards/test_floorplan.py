"""Sites of block RAMs and multipliers: nextpnr knows each of them, no two cells share one, and what is wired together stands together."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np

from rtl.boards import tools
from rtl.boards.floorplan import SITES, Netlist, pin, plan
from rtl.boards.placement import spread

GROUPS, LUTS = 12, 60


def cell(kind: str, outputs: list[int], inputs: list[int]) -> dict[str, Any]:
    return {"type": kind, "attributes": {}, "connections": {"Z": outputs, "A": inputs, "C": ["0", "x"]}}


def grouped() -> dict[str, Any]:
    """Groups of a block RAM, a multiplier, and LUTs that are wired at random with both; one wire from each group to the next."""
    rng, cells = random.Random(1), {}
    for g in range(GROUPS):
        nets = [1000 * g + n for n in range(LUTS)]
        for n, net in enumerate(nets):
            cells[f"lut_{g}_{n}"] = cell("LUT4", [net], rng.sample(nets, 3) + ([1000 * ((g + 1) % GROUPS)] if n == 0 else []))
        cells[f"ram_{g}"] = cell("DP16KD", [1000 * g + 500], rng.sample(nets, 20))
        cells[f"product_{g}"] = cell("MULT18X18D", [1000 * g + 501], rng.sample(nets, 20))
        cells[f"user_{g}"] = cell("TRELLIS_FF", [1000 * g + 502], [1000 * g + 500, 1000 * g + 501])
    return cells


def test_what_is_wired_together_stands_together_each_on_a_site_of_its_own() -> None:
    rounds: list[int] = []
    found = plan(Netlist(grouped()), rounds.append, 1)
    assert found == plan(Netlist(grouped()), rounds.append, 1) and rounds[:2] == [0, 1]
    for name, kind in (("ram", "DP16KD"), ("product", "MULT18X18D")):
        taken = [found[f"{name}_{g}"] for g in range(GROUPS)]
        assert len(set(taken)) == GROUPS and set(taken) <= {site[2] for site in SITES[kind]}
    x = {name: int(site.split("/")[0][1:]) for name, site in found.items()}  # rows of the two kinds are apart in any case
    within = np.mean([abs(x[f"ram_{g}"] - x[f"product_{g}"]) for g in range(GROUPS)])
    among = np.mean([abs(x[f"ram_{g}"] - x[f"product_{h}"]) for g in range(GROUPS) for h in range(GROUPS) if g != h])
    assert 2 * within < among, (within, among)


def test_cells_are_spread_evenly_and_keep_their_order() -> None:
    rng = np.random.default_rng(1)
    at, area = rng.normal(50, 1, (2, 4096)), np.r_[np.ones(4000), np.zeros(96)]
    out = spread(at, area, np.array([[0.0, 80.0], [20.0, 60.0]]))
    assert (out[:, 4000:] == at[:, 4000:]).all()
    tiles = np.histogram2d(*out[:, :4000], bins=(8, 4), range=[[0, 80], [20, 60]])[0]
    assert tiles.min() >= 100 and tiles.max() <= 150  # of 125
    left, right = at[0, :4000][out[0, :4000] < 40], at[0, :4000][out[0, :4000] >= 40]
    assert left.max() <= right.min()


def test_more_than_the_device_has_is_left_to_nextpnr(tmp_path: Path) -> None:
    cells = {f"m{n}": cell("MULT18X18D", [n], [n + 1]) for n in range(len(SITES["MULT18X18D"]) + 1)}
    text = json.dumps({"modules": {"top": {"cells": cells}}})
    (tmp_path / "top.json").write_text(text)
    pin(tmp_path, lambda n: None, 1)
    assert (tmp_path / "top.json").read_text() == text


def test_nextpnr_has_these_sites_and_no_others(tmp_path: Path) -> None:
    """A design that takes them all."""
    nothing: dict[str, Any] = {"attributes": {}, "port_directions": {}, "connections": {}}
    parameters = {"DP16KD": {"DATA_WIDTH_A": "1", "DATA_WIDTH_B": "1"}, "MULT18X18D": {}}
    cells = {f"{kind}_{n}": {"type": kind, "parameters": parameters[kind], **nothing} for kind in SITES for n in range(len(SITES[kind]))}
    module = {"attributes": {"top": 1}, "ports": {}, "cells": cells, "netnames": {}}
    (tmp_path / "top.json").write_text(json.dumps({"creator": "test", "modules": {"top": module}}))
    tools.run("nextpnr-ecp5", tmp_path, *"--85k --package CABGA381 --json top.json --placer heap --no-route --write placed.json".split())
    placed = json.loads((tmp_path / "placed.json").read_text())["modules"]["top"]["cells"]
    for kind, sites in SITES.items():
        assert {c["attributes"]["NEXTPNR_BEL"] for c in placed.values() if c["type"] == kind} == {site[2] for site in sites}
