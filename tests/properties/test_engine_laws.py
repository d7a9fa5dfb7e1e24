"""The law of motion, held against the engine: order of steps, sleeping components, sums of parts."""

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.components import (
    accumulator,
    array,
    feed,
    fetch,
    memory,
    sequencer,
    vector,
    weight_loader,
    writeback,
)  # fmt: skip
from hwsim.components.config import SIGNALS, give_tokens
from hwsim.components.link import commit
from hwsim.engine import run_cycles, tick
from hwsim.engine.state import new_state
from hwsim.spec.commands import LOAD, STORE, Command
from hwsim.spec.errors import SimulationError
from tests.harness.programs import TINY4, program, tiled_commands

SPECS = st.builds(
    lambda link, queue, latency, width: TINY4.with_(
        link_depth=link,
        sequencer__queue_depth=queue,
        memory__latency_cycles=latency,
        memory__width_bits=width,
    ),
    st.integers(1, 4),
    st.integers(1, 8),
    st.integers(0, 60),
    st.sampled_from([64, 128, 512, 1024]),
)


@settings(max_examples=40, deadline=None)
@given(spec=SPECS, tiles=st.integers(1, 9))
def test_waiting_components_need_no_step(spec: Any, tiles: int) -> None:
    """Stepped in every cycle or only when something may move them: the same counts and events."""
    p = program(tiled_commands(tiles), spec=spec)
    lazy, eager = run_cycles(spec, p), run_cycles(spec, p, eager=True)
    assert np.array_equal(lazy[0].log, eager[0].log)
    assert np.array_equal(lazy[1], eager[1])
    assert lazy[2].sum() > 50


@settings(max_examples=20, deadline=None)
@given(spec=SPECS, tiles=st.integers(1, 6))
def test_causes_of_every_unit_add_up(spec: Any, tiles: int) -> None:
    _, units, cycles = run_cycles(spec, program(tiled_commands(tiles), spec=spec))
    assert (units.sum(axis=2) == cycles[:, None]).all()


def shuffled_tick(m: Any, table: Any, log: Any, order: list[str]) -> None:
    """One cycle with the components in any order that respects the three combinational signals."""
    now, answer = m.run.now, memory.answer_of(m.memory)
    signal = {"written": -1, "read_a": -1, "read_b": -1, "read_param": -1}

    def finish(queue: int, n: int) -> None:
        if n >= 0:
            give_tokens(m.tokens, queue, table[n, SIGNALS])
            log[n, 2] = now
            m.run.remaining -= 1

    def run_fetch() -> None:
        _, done, signal["written"] = fetch.step(
            m.c, m.fetch, m.to_fetch, m.ask_fetch, m.tokens, table, log, now, answer
        )
        finish(0, done)

    def run_vector() -> None:
        _, done, signal["read_a"], signal["read_b"], signal["read_param"] = vector.step(
            m.c, m.vector, m.to_vector, m.tokens, table, log, now, signal["written"]
        )
        finish(2, done)

    def run_writeback() -> None:
        _, done = writeback.step(
            m.c, m.writeback, m.to_writeback, m.ask_writeback, m.tokens, table, log, now,
            signal["read_a"], signal["read_b"], signal["read_param"],
        )  # fmt: skip
        finish(3, done)

    steps = {
        "sequencer": lambda: sequencer.step(
            m.c, m.sequencer, m.to_fetch, m.to_feed, m.to_vector, m.to_writeback,
            m.ask_sequencer, table, answer,
        ),
        "fetch": run_fetch,
        "vector": run_vector,
        "writeback": run_writeback,
        "array": lambda: array.step(m.c, m.array, m.batch, m.weight, log, now),
        "feed": lambda: feed.step(
            m.c, m.feed, m.to_feed, m.batch, m.context, m.tokens, table, log, now
        ),
        "loader": lambda: weight_loader.step(
            m.c, m.weight_loader, m.walk, m.context, m.weight, table, log
        ),
        "accumulator": lambda: finish(1, accumulator.step(m.c, m.accumulator, m.array, now)),
        "memory": lambda: memory.step(
            m.c, m.memory, m.ask_sequencer, m.ask_fetch, m.ask_writeback
        ),
    }  # fmt: skip
    for name in order:
        steps[name]()
    m.tokens.held += m.tokens.change
    m.tokens.change[:] = 0
    for name in tick.LINKS:
        commit(getattr(m, name))
    m.run.now += 1


@pytest.mark.parametrize("seed", range(4))
def test_steps_commute(seed: int) -> None:
    """Any order of the components gives the cycles of the engine, command by command."""
    draw, p = random.Random(seed), program(tiled_commands(3))
    state, (expected, _, _) = new_state(TINY4, p), run_cycles(TINY4, p)
    free = ["sequencer", "array", "feed", "loader", "accumulator", "memory"]
    for _ in range(int(expected.machine.run.now)):
        order = draw.sample(free, len(free))
        at = sorted(draw.choices(range(len(free) + 1), k=3))
        for shift, (place, name) in enumerate(zip(at, ("fetch", "vector", "writeback"), strict=True)):
            order.insert(place + shift, name)
        shuffled_tick(state.machine, state.table, state.log, order)
    assert state.machine.run.remaining == 0
    assert np.array_equal(state.log, expected.log)


def test_deadlock_names_the_command_and_the_token() -> None:
    body = [
        Command.of("load", waits=[STORE], level=0, run=8),
        Command.of("store", waits=[LOAD], run=8),
        Command.of("end"),
    ]
    with pytest.raises(SimulationError) as e:
        run_cycles(TINY4, program(body))
    assert "load command 0 waits for a token from store" in str(e.value)
    assert "store command 1 waits for a token from load" in str(e.value)
    assert "\n" not in str(e.value)
