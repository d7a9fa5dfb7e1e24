"""Which parts an action uses and of which parts a block is made: the bill of materials, the same for every technology.

Part -> how many. Area of control (state machines, address counters beyond those named) is not counted.
"""

from collections.abc import Callable

from hwsim.spec.commands import QUEUES, WORD_BYTES
from hwsim.spec.machine import AcceleratorSpec

PARTS = (
    "multiply_int8", "multiply_int32", "multiply_fp16", "multiply_fp32", "add_int32", "add_fp32", "register_bit", "mux_bit", "dram_bit",
)  # fmt: skip
LEVELS = ("act", "weight", "meta", "acc", "vec")
WORD_BITS = 8 * WORD_BYTES
Bill = dict[str, float]


def _mac(s: AcceleratorSpec) -> Bill:
    """Product, sum, and the registers: those that hand the activation and the sum to the next PE, and the multiplier's stages."""
    bits = _gated(s)["register_bit"] + _stages(s)
    return {f"multiply_{s.pe.number}": 1, _adder(s): 1, "register_bit": bits}


def _stages(s: AcceleratorSpec) -> int:
    """Bits of the multiplier's register stages: two operands or their product each."""
    return 2 * s.pe.element_bits * s.pe.multiplier_latency_cycles


def _adder(s: AcceleratorSpec) -> str:
    return "add_int32" if s.pe.number == "int8" else "add_fp32"


def _gated(s: AcceleratorSpec) -> Bill:
    """The operands are held, so neither multiplier nor adder switches; activation and sum still move on."""
    return {"register_bit": s.pe.element_bits + s.pe.sum_bits}


def _select(s: AcceleratorSpec) -> Bill:
    """One of `block_max` activations: a tree of two-way multiplexers."""
    return {"mux_bit": (s.pe.block_max - 1) * s.pe.element_bits}


def _vector_op(s: AcceleratorSpec) -> Bill:
    """Scale and add one element in 32 bits, one register stage."""
    return {f"multiply_{_wide(s)}": 1, f"add_{_wide(s)}": 1, "register_bit": s.pe.sum_bits}


def _wide(s: AcceleratorSpec) -> str:
    return "int32" if s.pe.number == "int8" else "fp32"


ACTION_PARTS: dict[str, Callable[[AcceleratorSpec], Bill]] = {
    "pe.mac": _mac,
    "pe.gated_mac": _gated,
    "pe.skipped_mac": lambda s: {},  # neither cycle nor energy
    "pe.padded_mac": _gated,
    "nm_select.select": _select,
    "memory.read_bits": lambda s: {"dram_bit": 1},
    "memory.write_bits": lambda s: {"dram_bit": 1},
    "vector.op": _vector_op,
    # into the fetch buffer, into its queue, into the unit that runs it
    "sequencer.command": lambda s: {"register_bit": 3 * WORD_BITS},
}


def _pe(s: AcceleratorSpec) -> Bill:
    """Two sets of weights and offsets (one works, one loads), the activation passing, the sum; the pipelines of multiplier and adder;
    a second sum for a dataflow that keeps it, and the choice between the two."""
    weights = 2 * s.pe.kept_max * (s.pe.element_bits + s.pe.offset_bits)
    sums = s.pe.adder_latency_cycles + len(s.array.dataflows) - 1
    bits = weights + s.pe.element_bits + _stages(s) + s.pe.sum_bits * sums
    return {
        f"multiply_{s.pe.number}": 1,
        _adder(s): 1,
        "register_bit": bits,
        "mux_bit": s.pe.sum_bits * (len(s.array.dataflows) - 1),
    }


def _nm_select(s: AcceleratorSpec) -> Bill:
    """The block of activations that a PE selects from (one of them is counted in the PE), and the multiplexers."""
    return {"register_bit": (s.pe.block_max - 1) * s.pe.element_bits, **_select(s)}


def _vector(s: AcceleratorSpec) -> Bill:
    """The lanes' arithmetic, `latency_cycles` stages of each, a multiplexer a lane for each function beyond map. A row in flight holds
    two sums."""
    extra, lanes = len(s.vector.functions) - 1, s.vector.lanes
    bits = s.pe.sum_bits * (lanes * s.vector.latency_cycles + 2 * s.vector.rows_in_flight)
    return {
        **(_int8_lanes(s) if s.pe.number == "int8" else _fp16_lanes(s)),
        "register_bit": bits,
        "mux_bit": lanes * s.pe.sum_bits * extra,
    }


def _int8_lanes(s: AcceleratorSpec) -> Bill:
    """Scale and factor of the second operand, a multiplier each; a square or a weight; a sum across the row, a window. One root and one
    divider, a bit a cycle, for all lanes of functions that reduce."""
    f, lanes = _functions(s), s.vector.lanes
    squares = f("layernorm", "depthwise")
    adders = lanes * (2 + f("softmax", "layernorm") + f("maxpool", "avgpool", "depthwise")) + f("softmax", "layernorm") + f("layernorm")
    return {"multiply_int32": 2 * lanes, "multiply_int8": lanes * squares, "add_int32": adders}


def _fp16_lanes(s: AcceleratorSpec) -> Bill:
    """As rtl/vector/floats.py has them: (a + bias)*scale + b; a line between two points of gelu's table, or gamma and beta; exp; 1/(1 + e).
    What follows from the sum of a row, once for all lanes."""
    f, lanes = _functions(s), s.vector.lanes
    line, exp, sigmoid, reduces = f("gelu", "layernorm"), f("gelu", "silu", "softmax"), f("gelu", "silu"), f("softmax", "layernorm")
    products = 1 + line + f("gelu") + 3 * exp + sigmoid
    additions = 2 + line + exp + 2 * sigmoid + 2 * reduces + f("avgpool", "depthwise")
    return {
        "multiply_fp16": lanes * f("depthwise"),
        "multiply_fp32": lanes * products + f("softmax") + 3 * f("layernorm"),
        "add_fp32": lanes * additions + 2 * f("layernorm") + f("softmax") * f("layernorm"),
    }


def _functions(s: AcceleratorSpec) -> Callable[..., int]:
    """1 where the vector unit has one of these."""
    return lambda *names: int(bool(set(names) & set(s.vector.functions)))


def _sequencer(s: AcceleratorSpec) -> Bill:
    """The queues, the word being fetched, and a token counter for each ordered pair of queues."""
    tokens = len(QUEUES) ** 2 * s.sequencer.token_depth.bit_length()
    return {"register_bit": WORD_BITS * (len(QUEUES) * s.sequencer.queue_depth + 1) + tokens}


def _port(s: AcceleratorSpec) -> Bill:
    """A beat under way and its address, at each end of the links to memory."""
    return {"register_bit": (1 + s.link_depth) * (s.memory.width_bits + s.memory.address_bits)}


BLOCK_PARTS: dict[str, Callable[[AcceleratorSpec], Bill]] = {
    "pe": lambda s: {k: v * s.array.rows * s.array.cols for k, v in _pe(s).items()},
    "nm_select": lambda s: {k: v * s.array.rows * s.array.cols for k, v in _nm_select(s).items()},
    "feed": lambda s: {"register_bit": s.link_depth * s.levels.act.width_bits},
    "weight_loader": lambda s: {
        "register_bit": s.link_depth * (s.levels.weight.width_bits + s.levels.meta.width_bits)
    },
    "accumulator": lambda s: {
        _adder(s): s.array.cols,
        "register_bit": s.array.cols * s.pe.sum_bits * (s.link_depth + s.pe.adder_latency_cycles),
    },
    "vector": _vector,
    "sequencer": _sequencer,
    "fetch": _port,
    "writeback": _port,
}
