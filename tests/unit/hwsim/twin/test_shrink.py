"""Shrinking: what is dropped takes its tokens along, and what is left is legal and still differs."""

import numpy as np

from hwsim.spec.commands import COMPUTE, OPS, decoded_table
from hwsim.spec.program import Program
from hwsim.spec.verify import verify
from hwsim.twin.programs import random_program
from hwsim.twin.shrink import bare, shrink, without
from tests.harness.programs import TINY4, tiled_commands, tiled_program

STORE = OPS.index("store")


def test_tokens_go_with_their_command() -> None:
    table = decoded_table(tiled_commands(3))
    loads = [n for n, row in enumerate(table) if row[2] >> COMPUTE & 1 and row[0] == OPS.index("load")]
    computes = [n for n, row in enumerate(table) if row[0] == OPS.index("compute")]
    left = without(table, range(loads[1], loads[1] + 1))
    assert len(left) == len(table) - 1
    waits = [row[1] & 1 for row in left if row[0] == OPS.index("compute")]
    assert waits == [1, 0, 1] and [table[n, 1] & 1 for n in computes] == [1, 1, 1]


def test_inputs_become_image() -> None:
    program = tiled_program(2)
    x = np.arange(128, dtype=np.int8).reshape(8, 16)
    plain = bare(TINY4, program, {"x": x})
    at = program.inputs[0].address
    assert plain.image[at : at + 128].tolist() == list(range(128)) and not plain.inputs and not plain.layers


def test_the_smallest_program_that_still_stores_is_left() -> None:
    program = random_program(TINY4, 3)
    tried: list[Program] = []

    def differs(candidate: Program) -> bool:
        tried.append(candidate)
        return bool((candidate.table[:, 0] == STORE).any())

    small = shrink(TINY4, program, differs)
    verify(small, TINY4)
    assert [c.op for c in small.commands()] == ["store", "end"] and len(tried) < 200
    store = small.commands()[0]
    assert (store["run"], store["count0"], store["count1"]) == (1, 1, 1)
    assert len(program.words) > 20
