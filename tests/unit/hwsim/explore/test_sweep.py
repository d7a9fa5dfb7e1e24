"""A sweep: order of the trials, faults as points, the front, its picture and its CSV."""

import csv
import io

import pytest
from distributed import LocalCluster

from hwsim.explore.front import front, picture
from hwsim.explore.grid import grid
from hwsim.explore.sweep import Point, Trial, sweep, to_csv, trials
from hwsim.report.report import Range
from hwsim.spec.errors import MappingError
from hwsim.spec.load import load_machine

TINY = load_machine("tiny4")


def made_up(trial: Trial) -> Point:
    """A trip whose figures follow from the trial, so that a mix-up shows."""
    depth = trial.machine.link_depth
    if depth == 3:
        raise MappingError("fc at weight: needs 9 bits, 8 there are; raise levels.weight.capacity_bits\nsecond line")
    energy = Range(depth * 0.5, depth, depth * 2.0)
    name = trial.machine.name
    return Point(trial.network, name, trial.machine.digest, trial.pattern, 100 // depth, 10 / depth, 0.5, 8, energy, energy)


def test_points_come_in_the_order_of_the_trials_however_many_workers() -> None:
    todo = trials(grid(TINY, link_depth=(4, 1, 3, 2)), ["dense", "2:4"], ["a", "b"])
    assert len(todo) == 16
    one, two = sweep(todo, made_up, workers=1), sweep(todo, made_up, workers=2)
    assert one == two
    assert [(p.network, p.machine, p.pattern) for p in one] == [(t.network, t.machine.name, t.pattern) for t in todo]
    assert {p.fault for p in one if "link_depth=3" in p.machine} == {
        "fc at weight: needs 9 bits, 8 there are; raise levels.weight.capacity_bits"
    }
    assert all(p.cycles for p in one if "link_depth=3" not in p.machine)


def test_an_own_mistake_is_not_a_point() -> None:
    with pytest.raises(AttributeError, match="link_depth"):
        sweep([Trial("a", "no machine")], made_up, workers=1)  # type: ignore[arg-type]


def point(time_us: float, energy: float, **rest: str) -> Point:
    return Point("a", f"{time_us}/{energy}", "0", rest.get("pattern", "dense"), 1, time_us, 1.0, 1, Range(energy / 2, energy, energy * 2))


def test_front_keeps_what_nothing_beats() -> None:
    points = [point(*p) for p in ((5, 1), (1, 9), (2, 4), (3, 4), (2, 5), (4, 3), (6, 1), (2, 4))]
    assert [(p.time_us, p.energy_pj.typical) for p in front(points)] == [(1, 9), (2, 4), (4, 3), (5, 1)]
    for p in points:
        beaten = any(q.time_us <= p.time_us and q.energy_pj.typical <= p.energy_pj.typical and q != p for q in points)
        assert beaten != (p in front(points))
    assert front([Point("a", "m", "0", "dense", fault="does not fit")]) == []


def test_picture_shows_another_front_otherwise() -> None:
    points = [point(1, 9), point(2, 4, pattern="2:4"), point(4, 3)]
    png = picture(points, "a")
    assert png.startswith(b"\x89PNG\r\n") and len(png) > 5_000
    assert png == picture(points, "a")
    assert png != picture(points[:2], "a")


def test_csv_has_a_line_a_point() -> None:
    points = [point(1, 9), Point("a", "m", "0", "dense", fault="too big, by far")]
    rows = list(csv.DictReader(io.StringIO(to_csv(points))))
    assert rows[0]["time_us"] == "1" and rows[0]["energy_pj_low"] == "4.5" and rows[0]["fault"] == ""
    assert rows[1]["fault"] == "too big, by far" and len(rows) == 2


def test_a_cluster_gives_the_same_points() -> None:
    todo = trials(grid(TINY, link_depth=(4, 2)), ["dense"], ["a"])
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        assert sweep(todo, made_up, cluster=cluster.scheduler_address) == sweep(todo, made_up, workers=1)
