"""The smallest machine on its board, with a memory and a serial line that are quick to simulate."""

from hwsim.spec.load import load_machine
from hwsim.spec.program import Program
from mapper.graph.ir import Array
from tests.harness.small_linear import small_linear

SPEC, BOARD = load_machine("tiny1"), "hx8k-evn"
IMAGE_BITS = 8 * 2048
CLOCKS_PER_BIT = 8
BAUD = 12_000_000 // CLOCKS_PER_BIT


def layer() -> tuple[Program, dict[str, Array], dict[str, Array]]:
    """A linear layer, 1:4, that fits: Program, inputs, outputs of its functional run."""
    return small_linear(SPEC, rows=4, k=16, n=4, kept=1, block=4)
