"""Programs that the gates cannot run are refused with the command and the field."""

import pytest

from hwsim.spec.commands import ACT, FN, Command
from hwsim.spec.errors import ProgramError
from rtl.limits import check_program
from tests.harness.programs import TINY4, program, tiled_program

MAP = {"from_vec": 1, "has_b": 1, "len": 4, "b": 64, "dst": 4096, "dst_lane": 4}
REFUSED = [
    ({"fn": FN.index("softmax")}, "vector.fn: softmax has no gates; use map, maxpool, avgpool"),
    ({"act": ACT.index("clip")}, "vector.act: clip has no gates; use none, relu, gelu, silu"),
    (MAP, "vector.dst_lane: 4 takes 4 writes after 2 reads, counted as 4 beats; give it another stride or split the command"),
    (
        {**MAP, "has_bias": 1, "len": 8, "dst_lane": 1},
        "vector.has_b: parameters that are read a row take the place of b; split the command",
    ),
]


@pytest.mark.parametrize("fields, text", REFUSED)
def test_what_has_no_gates(fields: dict[str, int], text: str) -> None:
    body = [Command.of("load", run=8), Command.of("vector", **{"len": 4, "dst_lane": 1, **fields}), Command.of("end")]
    with pytest.raises(ProgramError) as caught:
        check_program(program(body), TINY4)
    assert str(caught.value) == f"command 1: {text}"


def test_what_has() -> None:
    check_program(tiled_program(), TINY4)
    one_write = Command.of("vector", **{**MAP, "dst_lane": 1})
    no_b = Command.of("vector", **{**MAP, "has_b": 0})
    check_program(program([one_write, no_b, Command.of("end")]), TINY4)
