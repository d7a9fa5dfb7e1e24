"""Programs that the gates cannot run are refused with the command and the field."""

import pytest

from hwsim.spec.commands import FN, Command
from hwsim.spec.errors import ProgramError
from hwsim.spec.program import Program
from rtl.limits import check_program
from tests.harness.programs import TINY4, program
from tests.harness.values import FP16


def softmax() -> Program:
    vector = Command.of("vector", fn=FN.index("softmax"), from_vec=1, len=4, dst_lane=1)
    return program([Command.of("load", run=8), vector, Command.of("end")])


def test_what_has_no_gates() -> None:
    with pytest.raises(ProgramError) as caught:
        check_program(softmax(), FP16)
    assert str(caught.value) == "command 1: vector.fn: softmax has no gates; use map, maxpool, avgpool"


def test_what_has() -> None:
    assert FN.index("softmax") in [c["fn"] for c in softmax().commands() if c.op == "vector"]
    check_program(softmax(), TINY4)
