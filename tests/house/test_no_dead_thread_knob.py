"""No dead knob in the thread machine: every field of every preset, changed alone, moves cycles, counts, a time, a price, or whether the
work fits."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np
import pytest

from hwsim.report.thread import measures
from hwsim.spec.errors import HwsimError, SpecError
from hwsim.spec.load import load_thread_machine, thread_machine_names
from hwsim.spec.prices import price_names
from hwsim.spec.thread import ThreadMachineSpec
from hwsim.thread import Memory, run_threads
from tests.harness.knobs import knobs, moved
from tests.harness.thread_traffic import traffic_image

NO_KNOBS = {"name", "assumed"}
# fields that must move cycles or counts of the work below, not only a price or the fit
TIMED = {
    "blocks", "mtp.pipelines", "mtp.threads", "mtp.issue_interval_cycles", "stp.pipelines", "stp.threads", "stp.issue_interval_cycles",
    "arithmetic.multiply_cycles", "arithmetic.divide_cycles", "arithmetic.float_cycles", "arithmetic.float_divide_cycles",
    "arithmetic.branch_cycles", "requests_per_thread", "interleave_bits", "fetch_cache.capacity_bits",
    "fetch_cache.line_bits",
    "fetch_cache.ways", "fetch_cache.hit_cycles", "data_cache.capacity_bits", "data_cache.line_bits", "data_cache.ways",
    "data_cache.hit_cycles", "scratchpad.banks", "scratchpad.latency_cycles", "dram.channels", "dram.access_cycles", "dram.latency_cycles",
    "network.row_blocks", "network.hop_latency_cycles", "network.link_bits", "network.header_bits", "dma.queue_depth",
    "dma.elements_in_flight", "dma.start_cycles", "queue.queues", "queue.depth", "queue.latency_cycles", "collective.latency_cycles",
}  # fmt: skip


def small(name: str) -> ThreadMachineSpec:
    """The preset with few blocks in two rows, so that both kinds of links carry something, and caches that the work fills."""
    spec = load_thread_machine(name).with_(blocks=3, network__row_blocks=2, mtp__threads=4, mtp__pipelines=2, dma__queue_depth=2)
    tight = {"fetch_cache__capacity_bits": 4 * 1024, "data_cache__capacity_bits": 2 * 1024, "dma__elements_in_flight": 4, "queue__depth": 2}
    return spec.with_(**tight, fetch_cache__ways=2, data_cache__ways=2, queue__queues=4, requests_per_thread=3)


def others(where: str, value: Any) -> list[Any]:
    if where == "technology":
        return [t for t in price_names() if t != value]
    if isinstance(value, tuple):
        return [(value[0] * 2, *value[1:]), (value[0], value[1] * 2)]
    return [value * 2, value // 2 if isinstance(value, int) else value / 2, value + 1, value * 4, 1]


@cache
def outcome(spec: ThreadMachineSpec) -> dict[str, Any]:
    memory = Memory(spec)
    try:
        Memory(spec).reserve(spec.blocks * load_thread_machine(spec.name).dram.capacity_bytes // 8 * 5)
        shared = memory.place(np.arange(256, dtype=np.int64))
        out = memory.reserve(512 * spec.threads * spec.blocks)
        pad = memory.reserve(min(20_000, 4 * spec.scratchpad.capacity_bytes // 10), "scratchpad")
        result = run_threads(spec, traffic_image(), memory, (shared, out, 3, 30), limit_cycles=400_000).result
    except HwsimError as e:
        return {"refused": type(e).__name__}
    m = measures(result, spec)
    timed = {"cycles": result.cycles, "threads": result.threads, "blocks": result.blocks}
    return {"timed": timed, "time_us": m.time_us, "energy": asdict(m)["energy_pj"], "pad": pad}


def moving(spec: ThreadMachineSpec, where: str, value: Any) -> Iterator[set[str]]:
    before = outcome(spec)
    assert "timed" in before, f"{spec.name} does not run the work"
    for other in others(where, value):
        try:
            new = spec.with_(**{where.replace(".", "__"): other})
        except SpecError:
            continue
        if new != spec:
            after = outcome(new)
            yield moved(before, after)


@pytest.mark.parametrize("machine", thread_machine_names())
def test_every_field_moves_something(machine: str) -> None:
    spec = small(machine)
    mine = knobs(spec, NO_KNOBS)
    dead = [where for where, value in mine if not any(moving(spec, where, value))]
    slack = [where for where, value in mine if where in TIMED and not any("timed" in moved for moved in moving(spec, where, value))]
    assert len(mine) >= 40 and not dead and not slack, f"{machine}: nothing moves with {dead}, no time with {slack}"


def test_what_is_assumed_moves_nothing() -> None:
    """The check can fail: a field that no result rests on moves nothing."""
    spec = small("piuma_tiny")
    assert outcome(spec.with_(assumed=())) == outcome(spec)
    assert {w for w, _ in knobs(spec, NO_KNOBS)} >= TIMED
