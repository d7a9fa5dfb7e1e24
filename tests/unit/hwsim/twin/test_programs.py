"""Random Programs: legal, repeatable, and varied enough that each queue, token and pattern comes up."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from hwsim.functional import Functional, fill_memory
from hwsim.spec.commands import QUEUES, Command
from hwsim.spec.verify import verify
from hwsim.twin.programs import random_program
from hwsim.values.execute import execute
from tests.harness.programs import FP16, TINY4

SPECS: list[dict[str, Any]] = [
    {},
    {"array__rows": 2, "array__cols": 3, "vector__lanes": 3, "link_depth": 1},
    {"array__dataflows": ("os",), "levels__vec__banks": 1, "memory__width_bits": 512},
    {"pe__kept_max": 1, "pe__block_max": 16, "levels__act__width_bits": 128},
]


@pytest.mark.parametrize("changes", SPECS)
def test_every_one_is_legal(changes: dict[str, Any]) -> None:
    spec = TINY4.with_(**changes)
    made = [random_program(spec, seed) for seed in range(15)]
    for program in made:
        verify(program, spec)
    assert len({program.words.tobytes() for program in made}) == 15


def test_a_seed_always_gives_the_same() -> None:
    first, again, other = (random_program(TINY4, seed) for seed in (7, 7, 8))
    assert first.text() == again.text() != other.text() and (first.image == again.image).all()


@pytest.mark.parametrize("spec", [TINY4, FP16], ids=["int8", "fp16"])
def test_nothing_is_read_that_was_not_written(spec: Any) -> None:
    """What stood on chip before does not matter."""
    for seed in range(20):
        program, left = random_program(spec, seed), []
        for before in (0, 3):
            run = Functional(spec, program)
            for level in ("act", "weight", "meta", "acc", "vec"):
                getattr(run.values, level)[:] = before
            fill_memory(run.values.memory, program, {})
            execute(run.table, 0, len(run.table) - 1, run.values, np.zeros((len(run.table), 2), np.int64))
            left.append(run.values.memory.copy())
        assert (left[0] == left[1]).all(), f"seed {seed}"


def commands(programs: int) -> list[Command]:
    return [c for seed in range(programs) for c in random_program(TINY4, seed).commands()]


def test_all_that_matters_comes_up() -> None:
    drawn = commands(40)
    computes = [c for c in drawn if c.op == "compute"]
    seen = Counter((name, c[name]) for c in computes for name in ("dataflow", "accumulate", "kept", "block_log2"))
    assert all(seen["dataflow", x] > 5 and seen["accumulate", x] > 5 for x in (0, 1))
    assert {k for name, k in seen if name == "kept"} == {1, 2, 3, 4} and {k for name, k in seen if name == "block_log2"} == {0, 1, 2, 3}
    assert any(c["count_r"] > 1 for c in computes) and any(c["count_b"] > 1 for c in computes)
    vectors = [c for c in drawn if c.op == "vector"]
    assert {c["fn"] for c in vectors} >= {0, 3, 4} and {c["act"] for c in vectors} >= {0, 1, 3, 4}
    assert any(c["has_b"] for c in vectors) and any(c["dst_lane"] > 1 for c in vectors) and any(c["from_vec"] for c in vectors)
    assert {c["fill"] for c in drawn if c.op == "load"} == {0, 1, 2}
    ways = {(p, q) for c in drawn if c.op != "end" for p in [c.queue] for q in c.signals}
    assert ways == {(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 3), (3, 0), (3, 2)} and len(QUEUES) == 4
