"""Every block side by side in one Verilog text, so that one build serves all benches, and the run that each block gets."""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import Out, connect, flipped

from hwsim.twin.programs import random_program
from rtl.probes import Probed
from tests.harness import machine_bench, twins
from tests.harness.programs import TINY4
from tests.harness.stimulus import random_work
from tests.harness.sweep import machines
from tests.twins import (
    bench_accumulator,
    bench_array,
    bench_buffer,
    bench_feed,
    bench_fetch,
    bench_link,
    bench_nm_select,
    bench_pe,
    bench_sequencer,
    bench_vector,
    bench_weight_loader,
    bench_writeback,
)

TINY2 = TINY4.with_(name="tiny2", array__rows=2, array__cols=2, vector__lanes=2)
RUNS: dict[str, Callable[[], Any]] = {
    "link": lambda: bench_link.compare(2, 2, 0.7, seed=1),
    "pe": lambda: bench_pe.compare(TINY2.pe),
    "nm_select": lambda: bench_nm_select.compare(8),
    "array": lambda: bench_array.compare(TINY2, random_work(7, TINY2, 12), 0.2, seed=1),
    "feed": lambda: bench_feed.compare(TINY2, 0.8, seed=1, commands=8),
    "weight_loader": lambda: bench_weight_loader.compare(TINY2, 0.8, seed=1, commands=8),
    "accumulator": lambda: bench_accumulator.compare(TINY2, 0.8, seed=1),
    "buffer": lambda: bench_buffer.compare(TINY2, "vec", seed=1),
    "vector": lambda: bench_vector.compare(TINY2, 0.8, seed=1, commands=12),
    "fetch": lambda: bench_fetch.compare(TINY2, 0.8, seed=1),
    "writeback": lambda: bench_writeback.compare(TINY2, 0.8, seed=1),
    "sequencer": lambda: bench_sequencer.compare(TINY2, 0.8, seed=1),
}
MACHINES = {"machine": TINY2, "machine_fp16": machines()["2x2_fp16_2of8"], "machine_tiny4": TINY4}
PROGRAMS = 10


def run_machine(name: str, programs: int) -> int:
    """Cycles."""
    spec, cycles = MACHINES[name], 0
    dut = Probed(spec)
    for seed in range(programs):
        cycles += machine_bench.compare(spec, random_program(spec, seed), dut=dut)["cycle"]
    return cycles


class Found(Exception):
    def __init__(self, dut: Any) -> None:
        super().__init__()
        self.dut = dut


def patch_simulate(simulate: Callable[..., int]) -> None:
    """For this process: every bench simulates by this."""
    twins.simulate = simulate
    for module in (
        bench_accumulator, bench_array, bench_buffer, bench_feed, bench_fetch, bench_link, bench_nm_select, bench_pe, bench_sequencer,
        bench_vector, bench_weight_loader, bench_writeback, machine_bench,
    ):  # fmt: skip
        module.simulate = simulate  # type: ignore[attr-defined]


def dut_of(run: Callable[[], Any]) -> Any:
    """The gates that a bench makes, without a run."""

    def stop(dut: Any, cycle: Any, clocked: bool = True) -> int:
        raise Found(dut)

    whole = twins.simulate
    patch_simulate(stop)
    try:
        run()
    except Found as found:
        return found.dut
    finally:
        patch_simulate(whole)
    raise AssertionError("the bench simulates nothing")


class Blocks(wiring.Component):
    """The ports of each, with the block's name in front."""

    def __init__(self, duts: dict[str, Any]):
        self.duts = duts
        super().__init__({name: Out(dut.signature) for name, dut in duts.items()})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        for name, dut in self.duts.items():
            m.submodules[f"block_{name}"] = dut
            connect(m, flipped(getattr(self, name)), dut)
        return m
