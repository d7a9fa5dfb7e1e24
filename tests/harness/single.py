"""One compute command with everything already on chip: what its cycles are made of."""

from typing import Any

from hwsim.components.config import ENDED, STARTED
from hwsim.engine import run_cycles
from hwsim.spec.commands import Command
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from tests.harness.programs import program


def machine(name: str, **changes: Any) -> AcceleratorSpec:
    """A preset with levels wide and large enough that only the array's own rules show."""
    spec = load_machine(name)
    roomy = {
        f"levels__{level}__{field}": bits
        for level in ("act", "weight", "meta", "acc", "vec")
        for field, bits in (("capacity_bits", 1 << 23), ("width_bits", 1 << 13))
    }
    return spec.with_(**{**roomy, "levels__vec__banks": 2, **changes})


def compute_cycles(spec: AcceleratorSpec, **fields: int) -> int:
    """Cycles from the one in which the feed takes the command to the one in which it is done."""
    body = [Command.of("compute", **fields), Command.of("end")]
    state, _, _ = run_cycles(spec, program(body, spec=spec))
    return int(state.log[0, ENDED] - state.log[0, STARTED])
