"""Programs that the gates cannot run are refused with the command and the field."""

import pytest

from hwsim.spec.commands import FN, Command
from hwsim.spec.errors import ProgramError
from rtl.limits import check_program
from tests.harness.programs import program, tiled_program

REFUSED = [
    ({"fn": FN.index("softmax")}, "vector.fn: softmax has no gates; use map, maxpool, avgpool"),
]


@pytest.mark.parametrize("fields, text", REFUSED)
def test_what_has_no_gates(fields: dict[str, int], text: str) -> None:
    body = [Command.of("load", run=8), Command.of("vector", **{"len": 4, "dst_lane": 1, **fields}), Command.of("end")]
    with pytest.raises(ProgramError) as caught:
        check_program(program(body))
    assert str(caught.value) == f"command 1: {text}"


def test_what_has() -> None:
    check_program(tiled_program())
