"""Cycles of the thread machine against the rules of docs/thread_machine.md: one thread alone, one thing at a time."""

from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks.thread_curves import share
from hwsim.spec.thread import ThreadMachineSpec
from hwsim.spec.thread_isa import encode
from hwsim.thread import Memory
from tests.harness.thread_programs import ALONE, TINY, load_value, run

A = ALONE.arithmetic
PAD, DRAM, CACHE = ALONE.scratchpad.latency_cycles, ALONE.dram.latency_cycles, ALONE.data_cache
LINE_WORDS = ALONE.fetch_cache.line_bytes // 4
NOP = encode("addi")


def cycles(
    body: Sequence[int], setup: Sequence[int] = (), spec: ThreadMachineSpec = ALONE, memory: Memory | None = None, args: Sequence[int] = ()
) -> int:
    """From the issue of the instruction ahead of the body to the issue of the one behind it; the second time round, code in the cache."""
    memory = memory or Memory(spec)
    out = memory.reserve(8 * 64)
    words = [*load_value(9, out), encode("csrrs", 7, imm=0xF14), encode("slli", 7, 7, imm=3), encode("add", 9, 9, 7), *setup]
    words += [encode("addi", 30, 0, imm=2)]
    words += [NOP] * (-len(words) % LINE_WORDS)
    loop = [encode("csrrs", 28, imm=0xC00), *body, encode("csrrs", 29, imm=0xC00)]
    assert len(loop) <= LINE_WORDS
    loop += [NOP] * (-len(loop) % LINE_WORDS)
    loop += [encode("sub", 29, 29, 28), encode("sd", 0, 9, 29), encode("fence"), encode("addi", 30, 30, imm=-1)]
    loop += [encode("bne", 0, 30, 0, imm=-4 * len(loop))]
    return int(run([*words, *loop], spec, memory, args).read(out, 1, np.int64)[0])


@pytest.mark.parametrize(
    ("name", "latency"),
    [("add", 1), ("mul", A.multiply_cycles), ("div", A.divide_cycles), ("fadd.d", A.float_cycles), ("fdiv.d", A.float_divide_cycles)],
)
def test_a_result_is_ready_after_its_latency(name: str, latency: int) -> None:
    one = encode(name, 10, 11, 12)
    assert cycles([one]) == 2  # nobody waits for it
    assert cycles([one, encode("add", 13, 10, 10)]) == 2 + latency
    assert cycles([one, encode("add", 10, 0, 0)]) == 2 + latency  # nor is it overwritten before


def test_a_taken_branch_costs_its_cycles() -> None:
    assert cycles([encode("bne", 0, 0, 0, imm=4)]) == 2
    assert cycles([encode("beq", 0, 0, 0, imm=8), NOP]) == 2 + A.branch_cycles


def test_scratchpad_and_dram_take_their_latency() -> None:
    use = encode("add", 13, 12, 12)
    assert cycles([encode("ld", 12, 2, imm=-8), use]) == 2 + 1 + PAD
    dram = load_value(11, 0x80000000)
    assert cycles([encode("ld", 12, 11), use], dram) == 2 + 1 + DRAM
    assert cycles([encode("sd", 0, 2, 11, imm=-8)]) == 2
    assert cycles([encode("sd", 0, 2, 11, imm=-8), encode("fence")]) == 2 + 1 + PAD


def test_a_bank_serves_one_access_a_cycle_and_an_atomic_takes_two() -> None:
    """Three loads of one bank issue in t, t+1, t+2 and do not queue; behind an atomic the next waits one cycle more."""
    at = [encode("addi", 14, 2, imm=-64)]
    load = encode("ld", 13, 2, imm=-64)
    assert cycles([encode("ld", 12, 2, imm=-64), load, encode("add", 15, 13, 13)]) == 3 + 1 + PAD
    assert cycles([encode("amoadd.d", 12, 14, 0), load, encode("add", 15, 13, 13)], at) == 3 + 2 + PAD
    other_bank = encode("ld", 13, 2, imm=-56)
    assert cycles([encode("amoadd.d", 12, 14, 0), other_bank, encode("add", 15, 13, 13)], at) == 3 + 1 + PAD


def test_slots_bound_what_is_outstanding() -> None:
    """requests_per_thread is 3: the fourth load waits for the first, which is back 1 + latency after its issue."""
    loads = [encode("ld", 12 + i, 2, imm=-8 - 8 * i) for i in range(4)]
    assert cycles(loads[:3]) == 4
    assert cycles(loads) == 1 + (1 + PAD) + 1


def test_a_cache_hit_and_a_miss() -> None:
    memory = Memory(ALONE)
    at = memory.place(np.arange(8, dtype=np.int64), "local")
    point = load_value(11, at | 1 << 62)
    use = encode("add", 13, 12, 12)
    assert cycles([encode("ld", 12, 11), use], point, memory=memory) == 2 + CACHE.hit_cycles
    drop = [*point, encode("addi", 14, 0, imm=8)]
    words = ALONE.data_cache.line_bytes // 8
    flushed = [encode("cache.inval", 0, 11, 14), encode("ld", 12, 11), use]
    # the invalidation takes a cycle; then the line's words, one a cycle, the last after the latency
    assert cycles(flushed, drop, memory=memory) == 2 + 1 + words + DRAM + CACHE.hit_cycles


def test_another_block_is_a_message_there_and_one_back() -> None:
    """Load: t+1 own router; link; hop; served; result; link; hop; usable in the next cycle."""
    spec = TINY.with_(mtp__pipelines=0)
    n = spec.network
    memory = Memory(spec)
    at = memory.place(np.arange(8, dtype=np.int64), "block", block=1)
    there = -(-n.header_bits // n.link_bits[0]) + n.hop_latency_cycles[0]
    back = -(-(n.header_bits + 64) // n.link_bits[0]) + n.hop_latency_cycles[0]
    measured = cycles([encode("ld", 12, 11), encode("add", 13, 12, 12)], load_value(11, at), spec, memory)
    assert measured == 2 + 1 + there + 1 + DRAM + back + 1


def test_threads_take_turns() -> None:
    """A pipeline whose interval is four: a thread issues every fourth cycle, four of them every cycle together, more no more."""
    loop = [encode("addi", 11, 0, imm=2000), encode("addi", 11, 11, imm=-1), encode("bne", 0, 11, 0, imm=-4)]
    for threads in (1, 2, 4, 8):
        spec = TINY.with_(blocks=1, mtp__pipelines=1, mtp__threads=threads, stp__pipelines=0)
        r = run(loop, spec).result
        assert r.pipelines[0].issued == pytest.approx(r.cycles * min(1, threads / 4), rel=0.03)


def test_a_barrier_ends_its_latency_after_the_last_thread() -> None:
    """One thread: its own arrival is the last; scope block takes the latency once, scope run three times (part, result, release)."""
    latency = ALONE.collective.latency_cycles
    assert cycles([encode("coll.barrier", 0, 0, 12)], [encode("addi", 12, 0, imm=1)]) == 1 + latency
    assert cycles([encode("coll.barrier", 0, 0, 0)]) == 1 + 3 * latency


def test_the_dma_engine_moves_one_element_a_cycle() -> None:
    """Start, descriptor (8 words, the last after the scratchpad's latency), then a word a cycle, and the last one's way out."""
    d = ALONE.dma
    spec = ALONE.with_(dma__elements_in_flight=64)
    memory = Memory(spec)
    src, dst = memory.place(np.arange(512, dtype=np.int64)), memory.reserve(8 * 512)
    times = []
    for n in (100, 356):
        at = memory.place(np.array([0, 1, n, dst, 0, src, 0, 0], np.int64), "scratchpad")
        times.append(cycles([encode("dma.start", 0, 11), encode("dma.wait", 0, 0)], load_value(11, at), spec, memory))
    # a read and a write of the one DRAM channel each
    assert times[1] - times[0] == 2 * 256
    assert times[0] > d.start_cycles + 8 + PAD + 200 + DRAM


def test_threads_hide_latency_until_the_channel_is_full() -> None:
    """The gather of the benchmarks: one thread a pipeline is bound by latency, sixteen by the channel; more latency asks for more."""
    curve = [share(threads, 1) for threads in (1, 2, 4, 8, 16)]
    assert curve == sorted(curve) and curve[0] < 0.2 and curve[-1] > 0.95
    assert share(8, 2) < 0.7 * share(8, 1) and share(16, 2) > 0.9
