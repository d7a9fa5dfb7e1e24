"""What must hold of every run; a breach is a fault of the simulator and ends the run with the
numbers.

- no count is negative; each unit's causes add up to the layer's cycles, and the layers' cycles to the total;
- mapped = mac + gated + skipped + padded;
- utilisation <= 1: up to the end of each layer the array has multiplied no more than its PEs times
  the cycles so far;
- operands needed <= read from memory <= read from the levels; a Program without layers may load what it never reads.
"""

from hwsim.report.measures import array_macs, command_bits, level_reads_bits
from hwsim.result import CAUSES, UNITS, WHOLE, LayerResult, Result
from hwsim.spec.errors import SimulationError
from hwsim.spec.machine import AcceleratorSpec

BUG = "this is a fault of the simulator, report it with the machine and the network"


def check(result: Result, spec: AcceleratorSpec) -> None:
    """Raises SimulationError."""
    total = sum(layer.cycles for layer in result.layers)
    if total != result.cycles:
        raise SimulationError(
            f"{result.network}: {result.cycles} cycles, its layers add up to {total}; {BUG}"
        )
    for layer in result.layers:
        _parts(layer)
    _utilisation(result, spec)
    _traffic(result)


def _parts(layer: LayerResult) -> None:
    for unit in UNITS:
        spent = layer.units.get(unit, {})
        whole = set(spent) == set(CAUSES) and min(spent.values()) >= 0
        if not whole or sum(spent.values()) != layer.cycles:
            shown = ", ".join(f"{k} {v}" for k, v in spent.items() if v)
            raise SimulationError(
                f"{layer.name} at {unit}: {shown or 'nothing'} do not add up to {layer.cycles} cycles; {BUG}"
            )
    for name, count in layer.actions.items():
        if count is not None and count < 0:
            raise SimulationError(f"{layer.name}: {count} of {name}; {BUG}")
    names = ("mac", "gated_mac", "skipped_mac", "padded_mac")
    parts = {name: layer.actions[f"pe.{name}"] for name in names}
    known = [count for count in parts.values() if count is not None]
    if len(known) == len(parts) and sum(known) != layer.mapped_macs:
        shown = " + ".join(f"{count} {name}" for name, count in parts.items())
        raise SimulationError(
            f"{layer.name}: {shown} is not mapped_macs {layer.mapped_macs}; {BUG}"
        )


def _utilisation(result: Result, spec: AcceleratorSpec) -> None:
    """A layer may start while the one before still writes back, so only sums from the start are
    bounded.
    """
    pes, done, cycles = spec.array.rows * spec.array.cols, 0, 0
    for layer in result.layers:
        done, cycles = done + array_macs(layer), cycles + layer.cycles
        if done > pes * cycles:
            raise SimulationError(
                f"{layer.name}: {done} MACs by its end, {pes} PEs x {cycles} cycles allow {pes * cycles}; {BUG}"
            )


def _traffic(result: Result) -> None:
    read, write = result.action("memory.read_bits"), result.action("memory.write_bits")
    if read is None or write is None:
        raise SimulationError(f"{result.network}: traffic to memory was not counted; {BUG}")
    needed = sum(layer.needed_bits for layer in result.layers)
    if needed > read + write:
        raise SimulationError(
            f"{result.network}: needs {needed} bits of memory once, {read} were read and {write} written; {BUG}"
        )
    operands, levels = read - command_bits(result), level_reads_bits(result)
    known = all(layer.kind != WHOLE for layer in result.layers)
    if known and levels is not None and operands > levels:
        raise SimulationError(
            f"{result.network}: {operands} operand bits read from memory, only {levels} read from the levels; {BUG}"
        )
