"""The whole machine in gates as a compiled library: rtl/probes.py beside an ideal memory, a stretch of cycles a call."""

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.spec.machine import AcceleratorSpec
from rtl.compiled import compiled
from rtl.counted import COUNT_BITS
from rtl.probes import Probed
from rtl.trace import trace_words

DRIVER = (Path(__file__).parent / "machine_driver.cpp").read_text()
WORD = 32
Array = np.ndarray[Any, Any]


def _words(bits: int) -> int:
    return -(-bits // WORD)


class CompiledMachine:
    """Gates of one spec, ready for any number of Programs. `probes`: bits of each, in the order of the trace; `signed`: names of some."""

    def __init__(self, spec: AcceleratorSpec, simulator: str = "", flags: str = "-O1", probed: Any = None) -> None:
        dut = Probed(spec) if probed is None else probed
        self.spec, self.probes, self.counts, self.storages = spec, dut.probes, dut.counts, dut.storages
        self.signed: frozenset[str] = dut.signed
        self.trace_words = trace_words(self.probes)
        self._peek_words = _words(sum(s.bits for s in self.storages))
        sizes = {"TRACE": self.trace_words, "COUNTS": _words(COUNT_BITS * len(self.counts)), "PEEK": self._peek_words}
        defined = {**sizes, "BEAT": spec.memory.beat_bytes}
        text = "".join(f"#define {name} {value}\n" for name, value in defined.items()) + DRIVER
        self._lib = compiled(dut, "machine", text, simulator, flags)
        self._lib.machine_new.restype = ctypes.c_void_p
        self._lib.machine_run.restype = ctypes.c_int64

    def run(self, memory: Array, base: int, words: int) -> "Run":
        """`memory`: [bytes] uint8, with the commands at `base`."""
        return Run(self, memory, base, words)


@cache
def machine_of(spec: AcceleratorSpec, simulator: str = "") -> CompiledMachine:
    return CompiledMachine(spec, simulator)


class Run:
    """One Program from power-up on."""

    def __init__(self, machine: CompiledMachine, memory: Array, base: int, words: int) -> None:
        self._m, self._lib, self._bytes = machine, machine._lib, len(memory)
        numbers = (len(memory), machine.spec.memory.latency_cycles, base, words)
        made = self._lib.machine_new(_at(memory), *map(ctypes.c_uint64, numbers))
        self._handle = ctypes.c_void_p(made)

    def __del__(self) -> None:
        self._lib.machine_free(self._handle)

    def compare(self, model: Array, known: Array) -> tuple[int, Array]:
        """[cycles, trace_words] uint32, and what of it counts. Cycles in which the gates did the same, and the trace, the first other cycle
        its last."""
        trace = np.zeros_like(model)
        same = self._lib.machine_run(self._handle, _at(model), _at(known), _at(trace), ctypes.c_int64(len(model)))
        return int(same), trace[: same + 1]

    def record(self, cycles: int) -> Array:
        """[cycles, trace_words] uint32 of the next cycles; fewer when the machine ends, whose last cycle is there."""
        trace = np.zeros((cycles, self._m.trace_words), np.uint32)
        done = self._lib.machine_run(self._handle, None, None, _at(trace), ctypes.c_int64(cycles))
        return trace[: min(int(done) + 1, cycles)]

    def finish(self, most: int) -> int:
        """Runs until the machine has ended, without a trace; cycles run."""
        return int(self._lib.machine_run(self._handle, None, None, None, ctypes.c_int64(most)))

    def memory(self) -> Array:
        out = np.zeros(self._bytes, np.uint8)
        self._lib.machine_memory(self._handle, _at(out))
        return out

    def counts(self) -> dict[str, int]:
        out = np.zeros(len(self._m.counts), np.uint64)
        self._lib.machine_counts(self._handle, _at(out))
        return dict(zip(self._m.counts, out.tolist(), strict=True))

    def levels(self) -> dict[str, Array]:
        """[bytes] uint8 of each storage on chip."""
        rows = max(s.rows for s in self._m.storages)
        words = np.zeros((rows, self._m._peek_words), np.uint32)
        self._lib.machine_peek(self._handle, _at(words), ctypes.c_int64(rows))
        octets, parts = words.view(np.uint8), dict[str, dict[int, list[Array]]]()
        for s in self._m.storages:
            place = octets[: s.rows, s.start // 8 : (s.start + s.bits) // 8]
            parts.setdefault(s.level, {}).setdefault(s.bank, []).append(place)
        return {
            level: np.concatenate([np.stack(lanes, 1).reshape(-1) for _, lanes in sorted(banks.items())]) for level, banks in parts.items()
        }


def _at(x: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(x.ctypes.data)
