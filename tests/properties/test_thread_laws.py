"""Laws of the thread machine: the order of stepping, jumping over waits and the number of processes change nothing; accounts add up; random
programs compute what Python does."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.spec.thread_isa import encode
from hwsim.thread import Memory, ThreadRun, run_threads
from hwsim.thread_result import CAUSES
from tests.harness import riscv_oracle as oracle
from tests.harness.thread_programs import TINY, results
from tests.harness.thread_traffic import traffic_image

SEEDS = range(3)
# everything small, so that everything is full at times
TIGHT = TINY.with_(
    dma__elements_in_flight=3,
    dma__queue_depth=1,
    queue__depth=1,
    requests_per_thread=1,
    data_cache__capacity_bits=1024,
    fetch_cache__capacity_bits=1024,
)


def whole(run: ThreadRun) -> dict[str, Any]:
    """All that a run leaves: values, counters, accounts, spans."""
    return {"result": asdict(run.result), "memory": run.memory.tobytes(), "spans": run.spans.tobytes()}


def traffic(seed: int, blocks: int, **how: Any) -> ThreadRun:
    spec = TIGHT.with_(blocks=blocks) if seed == 1 else TINY.with_(blocks=blocks)
    memory = Memory(spec)
    words = np.random.default_rng(seed).integers(0, 1 << 62, 4 * 64, dtype=np.int64)
    shared, out = memory.place(words), memory.reserve(8 * 64 * spec.threads * blocks)
    return run_threads(spec, traffic_image(), memory, (shared, out, seed, 12), limit_cycles=400_000, trace=True, **how)


@pytest.mark.parametrize("seed", SEEDS)
def test_neither_the_order_of_pipelines_nor_jumping_changes_anything(seed: int) -> None:
    plain = whole(traffic(seed, 2))
    assert whole(traffic(seed, 2, shuffle=1)) == plain
    assert whole(traffic(seed, 2, shuffle=2)) == plain
    assert whole(traffic(seed, 2, jump=False)) == plain


@pytest.mark.parametrize("seed", SEEDS)
def test_the_number_of_processes_changes_nothing(seed: int) -> None:
    plain = whole(traffic(seed, 5))
    for processes in (2, 3):
        assert whole(traffic(seed, 5, processes=processes)) == plain


def test_the_traffic_reaches_everything() -> None:
    """The tests above compare runs in which every engine, cache and link had work."""
    run = traffic(0, 5)
    idle = [name for name in run.result.blocks[0] if run.result.counter(name) == 0]
    waits = run.result.waits()
    unseen = [c for c in CAUSES if waits[c] == 0]
    assert not idle and not unseen and len(run.spans) > 1000, (idle, unseen)


@pytest.mark.parametrize("blocks", [1, 3])
def test_accounts_add_up(blocks: int) -> None:
    r = traffic(1, blocks).result
    assert all(sum(t) == r.cycles for t in r.threads)
    assert all(p.issued + sum(p.waits.values()) == r.cycles for p in r.pipelines)
    assert sum(t[0] for t in r.threads) == r.instructions > 1000
    assert all(min(t) >= 0 for t in r.threads)
    accesses = sum(r.counter(f"dram_{n}") for n in ("read_accesses", "write_accesses")) + 2 * r.counter("dram_atomics")
    assert r.counter("dram_busy_cycles") == TINY.dram.access_cycles * accesses <= r.cycles * blocks


def test_spans_are_the_account(seed: int = 2) -> None:
    """For each thread and cause the trace adds up to the account (but for the end, and the interval, which is no waiting)."""
    run = traffic(seed, 2)
    for cause in ("dram", "remote", "queue", "collective", "dma"):
        place = CAUSES.index(cause)
        for thread, row in enumerate(run.result.threads):
            mine = run.spans[(run.spans["thread"] == thread) & (run.spans["cause"] == place)]
            assert int((mine["end"] - mine["begin"]).sum()) == row[1 + place], (thread, cause)


NAMES = sorted(oracle.INTEGER)
STEP = st.tuples(st.sampled_from(NAMES), st.integers(5, 31), st.integers(0, 31), st.integers(0, 31))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.lists(STEP, min_size=1, max_size=30), min_size=5, max_size=12),
    st.lists(st.integers(0, (1 << 64) - 1), min_size=3, max_size=3),
)
def test_random_sequences_compute_what_python_computes(programs: list[list[tuple[str, int, int, int]]], seeds: list[int]) -> None:
    """Registers 5..31 but those that hold the harness's pointers (8, 9)."""
    cases, expected = [], []
    for steps in programs:
        x = [0] * 32
        x[11], x[12], x[13] = (oracle.s64(v) for v in seeds)
        words = [encode("addi", r, 0) for r in range(5, 32) if r not in (8, 9, 11, 12, 13)]
        for name, rd, a, b in steps:
            rd, a, b = (14 if r in (1, 2, 3, 4, 8, 9) else r for r in (rd, a, b))
            words.append(encode(name, rd, a, b))
            x[rd] = oracle.s64(oracle.INTEGER[name](x[a], x[b]))
        mix = [word for r in range(11, 32) for word in (encode("xor", 10, 10, r), encode("slli", 7, 10, imm=1), encode("add", 10, 10, 7))]
        for r in range(11, 32):
            x[10] = oracle.s64(x[10] ^ x[r])
            x[10] = oracle.s64(x[10] + (x[10] << 1))
        cases.append(([*words, *mix], seeds))
        expected.append(x[10])
    assert results(cases) == expected


def test_another_seed_is_another_run() -> None:
    """The comparisons above can fail."""
    assert whole(traffic(0, 2))["memory"] != whole(traffic(1, 2))["memory"]
