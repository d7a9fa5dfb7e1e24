"""The pictures show what the report says: read back from the figures' own artists, and PNGs that open."""

import struct

import pytest
from matplotlib.figure import Figure

from hwsim.report import pictures as room
from tests.unit.hwsim.report.test_table import CASES, beside


def drawn(monkeypatch: pytest.MonkeyPatch, draw: object) -> Figure:
    kept: list[Figure] = []
    monkeypatch.setattr(room, "_png", lambda figure: kept.append(figure) or b"")
    draw(beside())  # type: ignore[operator]
    return kept[0]


@pytest.mark.parametrize("name", CASES)
def test_both_are_pngs_of_a_readable_size(name: str) -> None:
    files = room.pictures(CASES[name]())
    assert sorted(files) == ["roofline.png", "time.png"]
    for data in files.values():
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", data[16:24])
        assert 1000 < width < 2000 and 500 < height < 1500


def test_layers_lie_on_the_roofline_where_their_numbers_say(monkeypatch: pytest.MonkeyPatch) -> None:
    axes = drawn(monkeypatch, room.roofline).axes[0]
    report = beside()
    runs = [x for x in (report.dense, report.run) if x]
    layers = [x for run in runs for x in run.layers if x.array_macs]
    moved = [x.dram_bits.read + x.dram_bits.write for x in layers]
    due = sorted((x.array_macs / bits, x.array_macs / x.cycles) for x, bits in zip(layers, moved, strict=True))
    points = sorted(tuple(p) for c in axes.collections for p in c.get_offsets().tolist())
    assert points == [pytest.approx(p) for p in due]
    roof = dict(axes.lines[0].get_xydata().tolist())
    assert max(roof.values()) == 16 and min(roof) < min(p[0] for p in points)
    assert all(y <= min(16, x * 128) for x, y in points)
    assert "MAC/bit" in axes.get_xlabel() and "MAC/cycle" in axes.get_ylabel()


def test_lanes_are_as_wide_as_the_time_and_full(monkeypatch: pytest.MonkeyPatch) -> None:
    figure = drawn(monkeypatch, room.time_by_unit)
    report = beside()
    for axes, run in zip(figure.axes, [x for x in (report.dense, report.run) if x], strict=True):
        area = sum(p.get_width() * p.get_height() for p in axes.patches)
        assert area == pytest.approx(0.84 * 7 * run.time_us)
        assert max(p.get_x() + p.get_width() for p in axes.patches) == pytest.approx(run.time_us)
    assert "us" in figure.axes[-1].get_xlabel()


def test_legends_stand_outside_the_axes(monkeypatch: pytest.MonkeyPatch) -> None:
    for draw in (room.roofline, room.time_by_unit):
        figure = drawn(monkeypatch, draw)
        figure.draw_without_rendering()
        box = figure.legends[0].get_window_extent()
        assert not any(box.overlaps(axes.get_window_extent()) for axes in figure.axes)
        assert box.y0 >= 0 and box.x0 >= 0 and box.x1 <= figure.bbox.x1
