"""Totals are sums of parts, and the definitions are what they say."""

from dataclasses import replace

import pytest

from hwsim.report import Report, make_report
from hwsim.spec.errors import ResultError, SimulationError
from tests.unit.hwsim.report.handmade import SPEC, Prices, dense, layer, pruned, result, units


def beside(gated: int | None = 250) -> Report:
    return make_report(pruned(gated=gated), SPEC, Prices(), dense=dense())


def test_totals_by_hand() -> None:
    r = beside()
    assert (r.run.cycles, r.dense.cycles if r.dense else 0) == (3690, 7000)
    assert r.speedup == pytest.approx(7000 / 3690)
    assert r.run.time_us == pytest.approx(18.45)
    assert r.run.utilisation == pytest.approx((16384 + 10000) / (16 * 3690))
    assert (r.run.dram_bits.read, r.run.dram_bits.write) == (40000 + 4096 + 5000 + 4096, 4 * 1024)
    assert r.run.layers[0].speedup == pytest.approx(4800 / 1500)
    assert r.run.layers[0].utilisation == pytest.approx(16384 / (16 * 1500))


def test_energy_adds_up_by_block_and_by_layer() -> None:
    run = beside().run
    for bound in ("low", "typical", "high"):
        whole = getattr(run.energy_pj, bound)
        assert whole == pytest.approx(sum(getattr(x, bound) for x in run.energy_by_block_pj.values()))
        assert whole == pytest.approx(sum(getattr(x.energy_pj, bound) for x in run.layers))
    assert run.power_mw.typical == pytest.approx(run.energy_pj.typical * 1e-12 / (run.time_us * 1e-6) * 1e3)


def test_unknown_gating_widens_the_range() -> None:
    known, unknown = beside().run, beside(gated=None).run
    assert unknown.unknown == ("pe.mac", "pe.gated_mac") and known.unknown == ()
    assert unknown.actions["pe.mac"] is None
    assert unknown.energy_pj.low < known.energy_pj.low < known.energy_pj.high < unknown.energy_pj.high
    macs = 16384  # the layer whose gating is unknown: all gated at the least, none at the most
    assert known.energy_pj.low - unknown.energy_pj.low == pytest.approx(0.5 * 0.9 * (macs - 250))
    assert unknown.energy_pj.high - known.energy_pj.high == pytest.approx(2 * 0.9 * 250)


def test_lost_cycles_add_up_to_the_shortfall() -> None:
    r = beside()
    assert sum(x.cycles for x in r.lost) == pytest.approx(3690 - 7000 / 4)
    assert sum(x.share for x in r.lost) == pytest.approx(1) and all(x.cycles > 0 for x in r.lost)
    by_cause = {x.cause: x.cycles for x in r.lost}
    assert by_cause == pytest.approx(
        {
            "attention products": 800 - 200,
            "activation port": 400 - 100,  # the array waits in `scores`, where the feed is busier than it
            "vector work": (600 - 150) + (390 - 100),
            "bandwidth of the memory": 150,
            "padding": 1100 - 4200 / 4,
            "fill": 100 - 50,
            "drain": 150 - 100,
        }
    )


def test_a_layer_left_dense_is_named() -> None:
    left = layer("head", "linear", 1000, mapped=8000, kept=8000)
    a, b = result("dense", (left,)), result("2:8", (left,))
    lost = make_report(b, SPEC, Prices(), dense=a).lost
    assert [(x.cause, x.cycles, x.layer) for x in lost] == [
        ("layers left dense", 375.0, "head"),  # busy half of the time
        ("bandwidth of the memory", 375.0, "head"),
    ]


def test_a_gain_is_told_from_the_losses() -> None:
    """The dense run waited 3,600 of 4,800 cycles, more than four times as long as the pruned one."""
    slow = units(4800, array={"busy": 1200, "wait_token": 3600}, memory={"busy": 4000})
    quick = units(1500, array={"busy": 1100, "wait_token": 400}, memory={"busy": 1000})
    a = layer("up", "linear", 4800, mapped=16384, kept=16384, units=slow)
    b = layer("up", "linear", 1500, "2:8", mapped=16384, kept=4096, units=quick)
    lost = make_report(result("2:8", (b,)), SPEC, Prices(), dense=result("dense", (a,))).lost
    assert [(x.cause, x.cycles, x.layer) for x in lost] == [("padding", 800.0, "up"), ("shorter waits", -500.0, "up")]
    assert [x.share for x in lost] == pytest.approx([1, -0.625])


@pytest.mark.parametrize(("busy", "cause"), [(500, "bandwidth of the memory"), (501, "activation port")])
def test_the_feed_is_blamed_where_it_outlasts_the_array(busy: int, cause: str) -> None:
    u = units(1000, array={"busy": 500}, feed={"busy": busy}, memory={"busy": 400})
    same = layer("up", "linear", 1000, mapped=8000, kept=8000, units=u)
    lost = make_report(result("2:8", (same,)), SPEC, Prices(), dense=result("dense", (same,))).lost
    assert {x.cause for x in lost} == {"layers left dense", cause}


def test_another_dataflow_is_named() -> None:
    r = pruned()
    other = replace(r, layers=(replace(r.layers[0], dataflow="os"), *r.layers[1:]))
    causes = {x.cause: x.cycles for x in make_report(other, SPEC, Prices(), dense=dense()).lost}
    assert causes["change of dataflow"] == pytest.approx(1100 - 4200 / 4) and "padding" not in causes


def test_utilisation_of_an_overlapped_layer_is_bounded() -> None:
    """Its MACs ran while the layer before wrote back: its own cycles alone cannot hold them."""
    late = layer("late", "linear", 100, mapped=4800, kept=4800)
    early = layer("early", "linear", 900, mapped=1600, kept=1600)
    layers = make_report(result("dense", (early, late)), SPEC, Prices()).run.layers
    assert layers[1].utilisation == pytest.approx(0.5)  # the array was busy in half of them


def test_two_networks_are_not_compared() -> None:
    other = result("dense", dense().layers[:3])
    with pytest.raises(ResultError, match=r"^toy\.encoder\.0\.ffn\.norm: not in both runs; compare one network on one machine$"):
        make_report(pruned(), SPEC, Prices(), dense=other)


def test_two_machines_are_not_compared() -> None:
    with pytest.raises(ResultError, match=r"^toy\.four: not in both runs; compare one network on one machine$"):
        make_report(pruned(), SPEC, Prices(), dense=dense(digest="0" * 16))


def test_both_results_are_checked() -> None:
    broken = replace(dense(), cycles=6999)
    with pytest.raises(SimulationError, match=r"^toy: 6999 cycles, its layers add up to 7000; "):
        make_report(pruned(), SPEC, Prices(), dense=broken)
    with pytest.raises(SimulationError, match=r"^toy: 6999 cycles, "):
        make_report(broken, SPEC, Prices())
