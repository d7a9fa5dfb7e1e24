"""Prices: every action has one, ranges hold together, published figures are hit, and no number of a table is dead."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hwsim.result import ACTIONS
from hwsim.spec.errors import SpecError
from hwsim.spec.load import load_machine, machine_names
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.prices import Priced, PriceTable, price_names, price_table
from hwsim.spec.prices.parts import PARTS
from hwsim.spec.prices.ranges import ZERO
from hwsim.spec.prices.table import factors

TABLES = Path(__file__).parents[3] / "hwsim/spec/price_tables"
COUNTS: dict[str, int | None] = {name: 1000 + i for i, name in enumerate(ACTIONS)}


def reported(table: PriceTable) -> list[Any]:
    """Everything that a table says of two machines, one of them FP16."""
    out: list[Any] = []
    for spec in (load_machine("sat"), load_machine("sat_int8")):
        out += [table.energy_pj(spec, COUNTS), table.blocks_um2(spec), table.resources(spec)]
    return out


@pytest.mark.parametrize("technology", price_names())
@pytest.mark.parametrize("machine", machine_names())
def test_every_action_has_a_price_in_order(machine: str, technology: str) -> None:
    spec, table = load_machine(machine), price_table(technology)
    for action in ACTIONS:
        price = table.price_pj(spec, action)
        free = action == "pe.skipped_mac" or (
            action == "nm_select.select" and spec.pe.block_max == 1
        )
        assert (price == ZERO) == free, action
        assert price.low <= price.typical <= price.high
    area = table.area_um2(spec)
    assert 0 < area.low <= area.typical <= area.high


def test_every_machine_has_a_table() -> None:
    assert {load_machine(n).technology for n in machine_names()} <= set(price_names())
    assert set(price_names()) >= {"45nm", "ultrascale_plus"}


def test_published_products_and_sums() -> None:
    """Horowitz 2014, 45 nm: INT8 0.2 + 0.1 pJ, FP16 1.1 + 0.9 pJ: what gating saves where no register stands between them."""
    for machine, pj in (("dense32", 0.3), ("dense32_fp16", 2.0)):
        spec, table = load_machine(machine).with_(pe__multiplier_latency_cycles=0), price_table("45nm")
        saved = (
            table.price_pj(spec, "pe.mac").typical - table.price_pj(spec, "pe.gated_mac").typical
        )
        assert saved == pytest.approx(pj)


@pytest.mark.parametrize(("kibibytes", "pj"), [(8, 10), (32, 20), (1024, 100)])
def test_sram_beside_published_caches(kibibytes: int, pj: float) -> None:
    """Horowitz 2014: 64 bits from a cache of this size; with tags, so a factor of three is allowed."""
    price = price_table("45nm").sram.at(8192 * kibibytes, 64).read_pj
    assert price.low * 64 < pj < 3 * price.high * 64


def test_a_mac_on_the_fpga_costs_less_than_a_whole_accelerator() -> None:
    """DPU B3136: 7.9 W at 0.46 T MAC/s (price_tables/ultrascale_plus.yaml)."""
    price = price_table("ultrascale_plus").price_pj(load_machine("sat_int8"), "pe.mac")
    assert 0.5 < price.typical and price.high < 7.9 / 0.46


def test_sat_fits_the_card_it_is_for() -> None:
    """XCVU9P: 1,182,240 LUT, 2,364,480 FF, 6,840 DSP, 2,160 RAMB36 (AMD DS890)."""
    parts = price_table("ultrascale_plus").resources(load_machine("sat")).values()
    total = {
        unit: sum((p.get(unit, ZERO) for p in parts), ZERO) for unit in ("lut", "ff", "dsp", "ram")
    }
    assert total["lut"].typical < 1_182_240 and total["ff"].typical < 2_364_480
    assert total["dsp"].high < 6_840 and 0 < total["ram"].high < 2_160
    assert price_table("45nm").resources(load_machine("sat")) == {}


def test_ram_blocks_by_hand() -> None:
    """tiny4: act 4 KiB x 64 bits: 512 rows, one block. sat: act 2 MiB x 2048 bits: 29 blocks wide, 8192 rows, 16 deep."""
    fpga = price_table("ultrascale_plus")
    assert fpga.resources(load_machine("tiny4"))["act"]["ram"].typical == 1
    assert fpga.resources(load_machine("sat"))["act"]["ram"].typical == 29 * 16


def test_sram_price_grows_with_capacity_and_holds_at_its_points() -> None:
    sram = price_table("45nm").sram
    for p in sram.points:
        assert sram.at(p.capacity_bits, p.width_bits) == p
    for width in (32, 128):
        reads = [sram.at(8192 << k, width).read_pj.typical for k in range(13)]
        assert reads == sorted(reads) and reads[-1] > 10 * reads[0]
    a, b, between = (sram.at(8192 * k, 128).read_pj for k in (16, 64, 32))
    assert between.typical == pytest.approx((a.typical * b.typical) ** 0.5)
    assert sram.at(1, 1).read_pj == sram.points[0].read_pj
    assert sram.at(1 << 40, 1 << 20).read_pj == sram.points[-1].read_pj


def test_scaling_rule() -> None:
    assert factors("HP45", 0.9, "HP45", 0.9) == (1, 1)
    there, back = factors("HP45", 0.9, "HP7", 0.7), factors("HP7", 0.7, "HP45", 0.9)
    assert there[0] * back[0] == pytest.approx(1) and there[1] == pytest.approx(0.059)
    assert there[0] == pytest.approx(0.047817 / 0.69885, rel=1e-3)  # the polynomials by hand
    spec = load_machine("dense32")
    logic = [price_table(t).price_pj(spec, "pe.mac").typical for t in ("45nm", "16nm", "7nm")]
    assert logic == sorted(logic, reverse=True) and logic[2] == pytest.approx(logic[0] * there[0])


def test_energy_is_count_times_price() -> None:
    spec, table = load_machine("sat"), price_table("ultrascale_plus")
    energy = table.energy_pj(spec, COUNTS)
    assert list(energy) == list(ACTIONS)
    for action, n in COUNTS.items():
        assert n and energy[action] == table.price_pj(spec, action) * n


def test_unknown_gating_is_a_range_from_all_to_none() -> None:
    spec, table, macs = load_machine("sat"), price_table("ultrascale_plus"), 1000
    known = {"pe.padded_mac": 7, "act.read_bits": 64}
    open_ = sum(
        table.energy_pj(
            spec, {**known, "pe.mac": None, "pe.gated_mac": None}, kept_macs=macs
        ).values(),
        ZERO,
    )
    gated = sum(table.energy_pj(spec, {**known, "pe.mac": 0, "pe.gated_mac": macs}).values(), ZERO)
    none = sum(table.energy_pj(spec, {**known, "pe.mac": macs, "pe.gated_mac": 0}).values(), ZERO)
    assert open_.low == pytest.approx(gated.low) and open_.high == pytest.approx(none.high)
    assert open_.typical == pytest.approx(none.typical) and open_.low < none.low
    for actions, kept in (
        ({"pe.mac": None, "pe.gated_mac": None}, None),
        ({"pe.mac": None}, 5),
        ({"act.read_bits": None}, 5),
    ):
        with pytest.raises(SpecError, match="unknown; only pe.mac and pe.gated_mac may be"):
            table.energy_pj(spec, actions, kept_macs=kept)


def changed(table: PriceTable) -> Iterator[tuple[str, PriceTable]]:
    """The table with one figure doubled (and its range kept in order), each in turn."""

    def doubled(p: Priced, end: str) -> Priced:
        ends = (
            {"low": p.low / 2}
            if end == "low"
            else {end: p.high}
            if end == "typical"
            else {end: 2 * p.high}
        )
        return dataclasses.replace(p, **ends)

    for name, part in table.parts.items():
        for what in ("pj", "um2"):
            price = getattr(part, what)
            for end in ("low", "typical", "high"):
                new = dataclasses.replace(part, **{what: doubled(price, end)})
                if new != part:
                    yield (
                        f"{name}.{what}.{end}",
                        dataclasses.replace(table, parts={**table.parts, name: new}),
                    )
    for name, units in table.fabric.parts.items():
        for what in ("lut", "ff", "dsp"):
            if getattr(units, what) != ZERO:
                new_units = dataclasses.replace(
                    units, **{what: doubled(getattr(units, what), "high")}
                )
                fabric = dataclasses.replace(
                    table.fabric, parts={**table.fabric.parts, name: new_units}
                )
                yield f"resources.{name}.{what}", dataclasses.replace(table, fabric=fabric)


@pytest.mark.parametrize("technology", ["45nm", "ultrascale_plus"])
def test_no_figure_is_dead(technology: str) -> None:
    table = price_table(technology)
    before, seen = reported(table), 0
    for what, other in changed(table):
        assert reported(other) != before, what
        seen += 1
    assert seen > 3 * len(PARTS)


@pytest.mark.parametrize("figure", ["pj", "um2", "sram_pj", "sram_um2"])
def test_the_gap_is_not_dead(figure: str, tmp_path: Path) -> None:
    text = (TABLES / "ultrascale_plus.yaml").read_text()
    start = text.index(f"  {figure}: {{")
    line = text[start : text.index("\n", start)]
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace(line, f"  {figure}: {{low: 40, typical: 41, high: 42}}"))
    assert reported(price_table(file)) != reported(price_table("ultrascale_plus"))


SMALLER = {
    "pe__kept_max": 4,
    "pe__block_max": 8,
    "pe__multiplier_latency_cycles": 2,
    "pe__adder_latency_cycles": 2,
    "array__rows": 16,
    "array__dataflows": ("ws",),
    "levels__act__capacity_bits": 8388608,
    "levels__vec__banks": 8,
    "levels__weight__width_bits": 1024,
    "vector__lanes": 16,
    "vector__latency_cycles": 8,
    "vector__rows_in_flight": 2,
    "vector__functions": ("map",),
    "sequencer__queue_depth": 4,
    "sequencer__token_depth": 3,
    "memory__width_bits": 256,
    "memory__address_bits": 24,
    "link_depth": 1,
}


@pytest.mark.parametrize("path", SMALLER)
def test_what_is_built_smaller_has_another_area(path: str) -> None:
    spec: AcceleratorSpec = load_machine("sat")
    assert price_table("45nm").area_um2(spec.with_(**{path: SMALLER[path]})) != price_table(
        "45nm"
    ).area_um2(spec)


def test_notes_name_what_is_not_read_or_copied() -> None:
    assert price_table("45nm").notes == ("45nm: price of mux_bit is derived",)
    assert len(price_table("ultrascale_plus").notes) == len(PARTS) - 1


def test_area_by_hand() -> None:
    """dense32, 45 nm, typical. A PE: multiplier, adder, 120 register bits (two weights of 8, activation, two sums of 32, two operands of 8,
    their product of 16), a choice of 32 bits; the sum's second place is for the second dataflow."""
    spec, table = load_machine("dense32"), price_table("45nm")
    blocks = table.blocks_um2(spec)
    assert blocks["pe"].typical == pytest.approx(
        1024 * (282 + 179 + 5.98 * (16 + 8 + 64 + 32) + 4.7 * 32)
    )
    act, bits = spec.levels.act, 4194304
    assert act.capacity_bits == bits and blocks["act"].typical == pytest.approx(
        bits * table.sram.at(bits, act.width_bits).um2.typical
    )
    assert blocks["vec"].high == pytest.approx(
        bits * table.sram.at(bits // 2, spec.levels.vec.width_bits).um2.high
    )  # two banks
    assert table.area_um2(spec).low == pytest.approx(sum(b.low for b in blocks.values()))
