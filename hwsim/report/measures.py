"""What is derived from a Result's counts.

Utilisation: MACs of kept weights of the real layers, done in the array / (PEs x cycles). A PE does
one a cycle, a sparse PE N cycles for a block of M, so it is at most 1 for every pattern. MACs of
padding, of pruned weights and of layers on the vector unit do not count; a kept weight whose
activation is zero counts (its cycle is spent, its energy is not). The roofline uses the same MACs.
"""

from hwsim.result import LayerResult, Result
from hwsim.spec.commands import WORD_BYTES
from hwsim.spec.machine import AcceleratorSpec


def array_macs(layer: LayerResult) -> int:
    """Known with and without values: mapped - skipped - padded = mac + gated."""
    skipped, padded = (
        layer.actions.get("pe.skipped_mac") or 0,
        layer.actions.get("pe.padded_mac") or 0,
    )
    return layer.mapped_macs - skipped - padded


def utilisation(layer: LayerResult, spec: AcceleratorSpec) -> float:
    """0..1. A layer whose work began before the layer ahead of it ended may have done more MACs
    than its own cycles hold: then the share of its cycles in which the array was busy, which bounds
    it.
    """
    if not layer.cycles:
        return 0.0
    share = array_macs(layer) / (spec.array.rows * spec.array.cols * layer.cycles)
    busy = layer.units["array"]["busy"] / layer.cycles
    return min(share, busy)


def total_utilisation(result: Result, spec: AcceleratorSpec) -> float:
    macs = sum(array_macs(layer) for layer in result.layers)
    return macs / (spec.array.rows * spec.array.cols * result.cycles) if result.cycles else 0.0


def command_bits(result: Result) -> int:
    """Bits of command words among `memory.read_bits`."""
    return (result.action("sequencer.command") or 0) * WORD_BYTES * 8


def level_reads_bits(result: Result) -> int | None:
    reads = [result.action(f"{level}.read_bits") for level in ("act", "weight", "meta", "vec")]
    return None if any(r is None for r in reads) else sum(r for r in reads if r is not None)
