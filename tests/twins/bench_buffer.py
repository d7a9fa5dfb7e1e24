"""Levels: gates against the bytes of the model, every byte read at every clock edge."""

from typing import Any

import numpy as np
import pytest

from hwsim.spec.commands import LEVELS
from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.values.state import new_values
from rtl import signatures
from rtl.components.buffer import Bank, Buffer, Sums
from tests.harness.blocks import DISAGREE, plant
from tests.harness.programs import TINY4
from tests.harness.twins import Disagreement, differ, simulate


class BufferBench:
    """Random beats, random scattered elements, random reads. `level`: the model's bytes."""

    def __init__(self, spec: AcceleratorSpec, level: str, seed: int) -> None:
        self.spec, self.name, self.rng = spec, level, np.random.default_rng(seed)
        self.part = getattr(spec.levels, level)
        size = self.part.capacity_bytes
        held = getattr(new_values(spec, 64), level)[:size]
        self.level = np.zeros(size, np.uint8) + held.astype(np.uint8)
        self.span = min(size, 200) if level != "vec" else self.part.bank_bytes  # few places, so that they meet
        self.reads: dict[str, tuple[int, int]] = {}
        self.written = self.compared = 0

    def place(self, bytes_: int) -> tuple[int, int]:
        """(bank, first of some bytes that lie in it)."""
        bank = int(self.rng.integers(self.part.banks))
        size = self.part.bank_bytes
        low, high = bank * size, min(bank * size + self.span, (bank + 1) * size) - bytes_
        near = min(high, low + 100)
        return bank, int(self.rng.integers(low, near + 1))

    def beat(self, ctx: Any, dut: Any) -> tuple[int, int]:
        """Fetch's write; returns its bank, or -1."""
        width = self.spec.memory.beat_bytes
        run = int(self.rng.integers(1, width + 1))
        skip = int(self.rng.integers(width - run + 1))
        bank, at = self.place(run)
        mine, valid = self.rng.random() < 0.8, self.rng.random() < 0.7
        data = self.rng.integers(0, 256, width)
        wrap = 1 << signatures.level_address(self.spec).width
        code = LEVELS.index(self.name)
        ctx.set(dut.i_write.valid, valid)
        ctx.set(dut.i_write.payload, {
            "level": code if mine else (code + 1) % len(LEVELS), "bank": bank, "address": (at - skip) % wrap,
            "mask": ((1 << run) - 1) << skip, "data": int.from_bytes(bytes(data.tolist()), "little"),
        })  # fmt: skip
        self.load = [(at + k, int(data[skip + k])) for k in range(run)] if mine and valid else []
        return bank, int(bool(self.load))

    def scatter(self, ctx: Any, dut: Any, busy: int) -> None:
        """The vector unit's write, into a bank that fetch does not write, one element a lane of bytes."""
        lanes = signatures.lanes_of(self.spec, self.name)
        count, stride = signatures.scattered(self.spec), int(self.rng.choice([1, 3, lanes + 1]))
        bank, at = self.place(count * stride)
        valid = bank != busy and self.rng.random() < 0.7
        items = [
            {"valid": int(self.rng.integers(2)), "address": at + n * stride, "data": int(self.rng.integers(256))}
            for n in range(count)
        ]  # fmt: skip
        ctx.set(dut.i_vector.valid, valid)
        ctx.set(dut.i_vector.payload, {"bank": bank, "elements": items})
        self.load += [(i["address"], i["data"]) for i in items if i["valid"] and valid]

    def cycle(self, ctx: Any, dut: Any, n: int) -> bool:
        lanes = signatures.lanes_of(self.spec, self.name)
        for reader, (bank, at) in self.reads.items():
            got = ctx.get(getattr(dut, f"o_{reader}")).to_bytes(lanes, "little")
            if self.name == "act":
                got = bytes(got[(at + j) % lanes] for j in range(lanes))
            end = min((bank + 1) * self.part.bank_bytes, at + lanes)
            differ(n, self.name, f"what {reader} reads", got[: end - at], self.level[at:end].tobytes())
            self.compared += 1
        bank, writes = self.beat(ctx, dut)
        if self.name == "vec":
            self.scatter(ctx, dut, bank if writes else -1)
        self.reads = {r: self.place(1) for r in dut.readers}
        if self.name == "vec":
            held = 1 << self.reads["vector"][0]
            if self.reads["store"][0] == self.reads["vector"][0]:
                del self.reads["store"]
            ctx.set(dut.i_held, held)
        for reader, (bank, at) in self.reads.items():
            port = getattr(dut, f"i_read_{reader}")
            ctx.set(port.address, at)
            ctx.set(port.bank, bank)
        for at, byte in self.load:
            self.level[at] = byte
        self.written += len(self.load)
        return n < 250


def compare(spec: AcceleratorSpec, level: str, seed: int) -> BufferBench:
    dut, bench = Buffer(spec, level), BufferBench(spec, level, seed)
    simulate(dut, lambda ctx, n: bench.cycle(ctx, dut, n))
    return bench


SPECS = [
    ("act", {}), ("weight", {}), ("meta", {"memory__width_bits": 128}),
    ("vec", {}), ("vec", {"levels__vec__banks": 4, "levels__vec__width_bits": 128, "vector__lanes": 8}),
]  # fmt: skip


@pytest.mark.parametrize("level, changes", SPECS)
def test_random_bytes(level: str, changes: dict[str, int]) -> None:
    done = compare(TINY4.with_(**changes), level, seed=len(changes))
    assert done.written > 300 and done.compared > 200


def compare_sums(seed: int, cycles: int = 300) -> int:
    dut, rng = Sums(TINY4), np.random.default_rng(seed)
    rows = np.zeros((TINY4.acc_rows, TINY4.array.cols), np.int64)
    asked, compared = {"accumulator": 0, "vector": 0}, 0

    def cycle(ctx: Any, n: int) -> bool:
        nonlocal compared
        for reader, at in asked.items():
            differ(n, "acc", f"what {reader} reads", list(ctx.get(getattr(dut, f"o_{reader}"))), rows[at].tolist())
            asked[reader] = int(rng.choice([3, 4, 5, TINY4.acc_rows - 1]))
            ctx.set(getattr(dut, f"i_read_{reader}"), asked[reader])
            compared += n > 0
        at, sums = int(rng.choice([3, 4, 5, TINY4.acc_rows - 1])), rng.integers(-(1 << 31), 1 << 31, TINY4.array.cols)
        valid = int(rng.integers(2))
        ctx.set(dut.i_write.valid, valid)
        ctx.set(dut.i_write.payload, {"row": at, "sums": sums.tolist()})
        if valid:
            rows[at] = sums
        return n < cycles

    simulate(dut, cycle)
    assert rows.any()
    return compared


def test_random_sums() -> None:
    assert compare_sums(seed=1) == 600


def short_carry(self: Any, m: Any) -> None:
    """The last lane does not see that a read begins in the next row."""
    m.d.comb += self.o_data[-8:].eq(self.o_data[:8])


def lost_scatter(self: Any, m: Any) -> None:
    m.d.comb += self.i_write_1.en.eq(0)


@pytest.mark.parametrize("fault", [short_carry, lost_scatter])
def test_a_planted_fault_is_reported(monkeypatch: pytest.MonkeyPatch, fault: Any) -> None:
    plant(monkeypatch, Bank, fault)
    with pytest.raises(Disagreement, match=DISAGREE.format("vec", "what (vector|store) reads")):
        compare(TINY4, "vec", seed=1)


def test_banks_of_odd_size_have_no_gates() -> None:
    spec = TINY4.with_(levels__meta__capacity_bits=8 * 36)
    text = "^levels.meta.capacity_bits: 36 bytes a bank have no gates; use a multiple of 8$"
    with pytest.raises(SpecError, match=text):
        Buffer(spec, "meta")
