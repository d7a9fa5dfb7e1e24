"""The whole machine without a simulator: what to drive in each cycle, and what must come back. Ports are those of rtl/probes.py."""

from collections import Counter, deque
from typing import Any

import numpy as np

from hwsim.engine.watch import Watch
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from hwsim.twin.compare import differing_storage, events_of, first_difference, laid_out
from hwsim.twin.traces import pack
from rtl.probes import Probed
from tests.harness.twins import Disagreement, simulate

OUTPUTS = ("o_valid", "o_write", "o_address", "o_mask", "o_data", "o_trace")
STRETCH = 1024


class MachineBench:
    """Memory of kind `ideal`; every port at every clock edge, memory at the end. `count`: cycles, and how often each port was not 0."""

    def __init__(self, spec: AcceleratorSpec, program: Program, gates: Probed, inputs: dict[str, Any] | None = None) -> None:
        self.spec, self.program, self.inputs = spec, program, inputs or {}
        self.probes, self.signed = gates.probes, gates.signed
        self.memory, self.base = laid_out(spec, program, self.inputs)
        self.watch = Watch(spec, program, self.base, self.inputs)
        self.answers: deque[bytes | None] = deque([None] * (spec.memory.latency_cycles + 1))
        self.model, self.now = deque[Any](), 0
        self.count = Counter[str]()

    def drive(self) -> dict[str, int]:
        """Inputs that change before this edge."""
        answer = self.answers.popleft()
        out = {"i_valid": int(answer is not None)}
        if answer is not None:
            out["i_data"] = int.from_bytes(answer, "little")
        return out | ({"i_base": self.base, "i_words": len(self.program.words)} if self.now == 0 else {})

    def check(self, out: dict[str, int]) -> bool:
        """Compares the settled outputs and serves the request; False when all is over."""
        if not self.model:
            values = self.watch.stretch(STRETCH)
            self.count.update({name: events_of(v) for name, v in values.items()})
            self.model.extend(zip(*pack(values, self.probes), strict=True))
        wanted, known = self.model.popleft()
        trace = np.frombuffer(out["o_trace"].to_bytes(4 * len(wanted), "little"), np.uint32) & known
        if (trace != wanted).any():
            raise Disagreement(str(first_difference(self.now, wanted[None], trace[None], self.probes, self.signed)))
        self.answers.append(self._serve(out) if out["o_valid"] else None)
        self.now += 1
        more = bool(self.model) or not self.watch.over
        if not more:
            self._check_memory()
        return more

    def _serve(self, out: dict[str, int]) -> bytes | None:
        at, size = out["o_address"], self.spec.memory.beat_bytes
        if not out["o_write"]:
            return self.memory[at : at + size].tobytes()
        data = np.frombuffer(out["o_data"].to_bytes(size, "little"), np.uint8)
        where = [k for k in range(size) if out["o_mask"] >> k & 1]
        self.memory[[at + k for k in where]] = data[where]
        return None

    def _check_memory(self) -> None:
        self.count["cycle"] = self.now
        wanted = self.watch.carried.values.memory
        wrong = differing_storage(self.now - 1, {"memory": (self.memory[: self.program.memory_bytes], wanted)})
        if wrong:
            raise Disagreement(str(wrong))


def compare(spec: AcceleratorSpec, program: Program, inputs: dict[str, Any] | None = None, dut: Any = None) -> Counter[str]:
    """In Amaranth's simulator. What was compared. `dut`: Probed, made of the spec where it is not given."""
    gates = dut or Probed(spec)
    bench = MachineBench(spec, program, gates, inputs)

    def cycle(ctx: Any, n: int) -> bool:
        for name, value in bench.drive().items():
            ctx.set(getattr(gates, name), value)
        return bench.check({name: ctx.get(getattr(gates, name)) for name in OUTPUTS})

    simulate(gates, cycle)
    return bench.count
