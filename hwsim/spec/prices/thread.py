"""What a run of the thread machine costs: counters of a run times the prices of the machine's technology.

Integer and floating-point units have 64 bits here and 32 in the tables: an adder counts twice, a multiplier four times (partial products
grow with the square of the width), and so does a double's. Links between blocks have no part in the tables: LINK_PJ.
"""

from collections.abc import Callable, Mapping

from hwsim.spec.prices.ranges import ZERO, Priced
from hwsim.spec.prices.table import PriceTable, price_table
from hwsim.spec.thread import ThreadMachineSpec

WORD = 64
# pJ a bit: 60 % of a die's 75 W for 1,024 GB/s a direction (press on Hot Chips 2023), both directions counted (low, typical) or one (high)
LINK_PJ = Priced(low=2.7, typical=2.7, high=5.5)
DECODED_BITS = 64  # of an instruction on its way through a pipeline: an assumption
REGISTERS = 32
Counters = Mapping[str, int]
ACTIONS = ("issue", "integer", "multiply", "float", "data_cache", "scratchpad", "dram", "network", "dma", "queue", "collective")


def thread_energy_pj(spec: ThreadMachineSpec, counters: Counters, instructions: int) -> dict[str, Priced]:
    """Action -> pJ. `counters`: those of a result, added up over the blocks."""
    table = price_table(spec.technology)
    return {name: _PRICED[name](spec, table, counters, instructions) for name in ACTIONS}


def _sram(table: PriceTable, capacity_bits: int, width_bits: int, reads: int, writes: int) -> Priced:
    point = table.sram.at(capacity_bits, width_bits)
    return point.read_pj * reads * width_bits + point.write_pj * writes * width_bits


def _part(table: PriceTable, name: str, count: float) -> Priced:
    return table.parts[name].pj * count


def _issue(s: ThreadMachineSpec, t: PriceTable, c: Counters, instructions: int) -> Priced:
    """A word from the fetch cache, its way through the pipeline, three registers read and one written; lines that miss."""
    files = _sram(t, s.mtp.threads * REGISTERS * WORD, WORD, 3 * instructions, instructions)
    words = _sram(t, s.fetch_cache.capacity_bits, WORD, instructions // 2, c["fetch_misses"] * s.fetch_cache.line_bits // WORD)
    return files + words + _part(t, "register_bit", instructions * DECODED_BITS)


def _data_cache(s: ThreadMachineSpec, t: PriceTable, c: Counters, instructions: int) -> Priced:
    line = s.data_cache.line_bits // WORD
    return _sram(
        t, s.data_cache.capacity_bits, WORD, c["data_hits"] + line * c["data_written_back"], c["data_hits"] + line * c["data_misses"]
    )


def _scratchpad(s: ThreadMachineSpec, t: PriceTable, c: Counters, instructions: int) -> Priced:
    reads, writes, both = (c[f"scratchpad_{k}"] for k in ("read_accesses", "write_accesses", "atomics"))
    return _sram(t, s.scratchpad.capacity_bits // s.scratchpad.banks, WORD, reads + both, writes + both)


def _dram(s: ThreadMachineSpec, t: PriceTable, c: Counters, instructions: int) -> Priced:
    accesses = c["dram_read_accesses"] + c["dram_write_accesses"] + 2 * c["dram_atomics"]
    return _part(t, "dram_bit", accesses * WORD)


def _queue(s: ThreadMachineSpec, t: PriceTable, c: Counters, instructions: int) -> Priced:
    half = c["queue_operations"] // 2
    return _sram(t, s.queue.queues * s.queue.depth * WORD, WORD, c["queue_operations"] - half, half)


def _dma(s: ThreadMachineSpec, t: PriceTable, c: Counters, instructions: int) -> Priced:
    """Elements in and out of the engine's own storage, an address made for each end."""
    held = _sram(t, s.dma.elements_in_flight * 2 * WORD, 2 * WORD, c["dma_elements"], c["dma_elements"])
    return held + _part(t, "add_int32", 4 * c["dma_elements"])


_PRICED: dict[str, Callable[[ThreadMachineSpec, PriceTable, Counters, int], Priced]] = {
    "issue": _issue,
    "integer": lambda s, t, c, n: _part(t, "add_int32", 2 * c["integer_ops"]),
    "multiply": lambda s, t, c, n: _part(t, "multiply_int32", 4 * c["multiply_ops"]),
    "float": lambda s, t, c, n: _part(t, "multiply_fp32", 4 * c["float_ops"]) + _part(t, "add_fp32", 2 * c["float_ops"]),
    "data_cache": _data_cache,
    "scratchpad": _scratchpad,
    "dram": _dram,
    "network": lambda s, t, c, n: LINK_PJ * c["message_bits"] if c["message_bits"] else ZERO,
    "dma": _dma,
    "queue": _queue,
    "collective": lambda s, t, c, n: _part(t, "add_int32", 2 * c["collective_operations"]),
}
NOTES = (
    "energy: 64-bit units are priced by 32-bit ones (adders twice, multipliers four times), every float operation as a fused one; assumed",
    "energy: links at 2.7 to 5.5 pJ a bit by press figures of PIUMA's optics, on the die too; leakage, clock and control are not counted",
)
