"""load and store, byte by byte against the walk of docs/isa.md."""

import numpy as np
import pytest

from hwsim.spec.commands import LEVELS
from hwsim.values import status
from hwsim.values.state import new_values
from tests.harness.values import DTYPE, FP16, INT8, run_one

SPECS = {"int8": INT8, "fp16": FP16}
WALK = {"run": 6, "count0": 3, "count1": 2, "mem_stride0": 11, "mem_stride1": -17, "buf_stride0": 20, "buf_stride1": 8}


def level_of(values, name):
    return {"act": values.act, "weight": values.weight, "meta": values.meta, "vec": values.vec}[name]


def filled(spec):
    values, rng = new_values(spec, 1000), np.random.default_rng(8)
    values.memory[:] = rng.integers(0, 256, 1000)
    values.meta[:], values.vec[:] = rng.integers(0, 256, values.meta.size), rng.integers(0, 256, values.vec.size)
    values.act[:], values.weight[:] = 77, 78
    return values


def moved(values, level, number, fields):
    """What the level should hold: for mirrors float32 elements, else bytes."""
    out, f = level_of(values, level).copy(), WALK | fields
    for i1 in range(f["count1"]):
        for i0 in range(f["count0"]):
            mem = f.get("mem", 0) + i0 * f["mem_stride0"] + i1 * f["mem_stride1"]
            buf = f.get("buf", 0) + i0 * f["buf_stride0"] + i1 * f["buf_stride1"]
            source = values.memory[mem : mem + f["run"]]
            lowest = {"int8": np.int8([-128] * 6), "fp16": np.float16([-np.inf] * 3)}[number].view(np.uint8)
            source = {0: source, 1: np.zeros(6, np.uint8), 2: lowest}[f.get("fill", 0)].copy()
            if level in ("act", "weight"):
                element = DTYPE[number].itemsize
                out[buf // element : (buf + 6) // element] = source.view(DTYPE[number]).astype(np.float32)
            else:
                out[buf : buf + 6] = source
    return out


@pytest.mark.parametrize("number", SPECS)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("fill", [0, 1, 2])
@pytest.mark.parametrize("mem", [200, 201])
def test_load(number, level, fill, mem):
    values = filled(SPECS[number])
    fields = WALK | {"level": LEVELS.index(level), "fill": fill, "mem": mem, "buf": 30}
    expected = moved(values, level, number, fields)
    others = [level_of(values, n).copy() for n in LEVELS if n != level]
    assert run_one(values, "load", **fields) == (status.OK, [0, 0])
    result = level_of(values, level)
    assert not np.array_equal(result, level_of(filled(SPECS[number]), level), equal_nan=True)
    if result.dtype == np.float32:  # NaN among the random fp16 numbers is canonical here
        assert (result.view(np.uint32)[np.isnan(result)] == 0x7FC00000).all()
    assert np.array_equal(result, expected, equal_nan=True)
    assert all(np.array_equal(a, level_of(values, n)) for a, n in zip(others, (n for n in LEVELS if n != level), strict=True))


@pytest.mark.parametrize("number", SPECS)
def test_store(number):
    values = filled(SPECS[number])
    expected = values.memory.copy()
    for i1 in range(2):
        for i0 in range(3):
            mem, buf = 201 + i0 * 11 - i1 * 17, 31 + i0 * 20 + i1 * 8
            expected[mem : mem + 6] = values.vec[buf : buf + 6]
    assert run_one(values, "store", mem=201, buf=31, **WALK) == (status.OK, [0, 0])
    assert np.array_equal(values.memory, expected)


CASES = [
    ("load", {"mem": 995}, status.MEMORY), ("load", {"mem": 994}, status.OK), ("load", {"mem": 995, "fill": 1}, status.OK),
    ("load", {"mem": 5, "count0": 2, "mem_stride0": -6}, status.MEMORY),
    ("load", {"level": 4}, status.FIELD), ("load", {"fill": 3}, status.FIELD),
    ("load", {"level": 2, "buf": 2043}, status.META), ("load", {"level": 2, "buf": 2042}, status.OK),
    ("load", {"level": 3, "buf": (1 << 18) - 5}, status.VEC), ("load", {"level": 1, "buf": 1 << 15}, status.WEIGHT),
    ("load", {"level": 0, "buf": 1 << 17}, status.ACT), ("load", {"level": 0, "buf": 4, "count1": 2, "buf_stride1": -6}, status.ACT),
    ("store", {"mem": 995}, status.MEMORY), ("store", {"buf": (1 << 18) - 5}, status.VEC), ("store", {"buf": (1 << 18) - 6}, status.OK),
]  # fmt: skip


@pytest.mark.parametrize(("op", "fields", "expected"), CASES)
def test_faults(op, fields, expected):
    assert run_one(filled(INT8), op, run=6, **fields)[0] == expected


@pytest.mark.parametrize("name", ["buf", "buf_stride0", "buf_stride1", "run"])
def test_half_an_element_is_a_fault(name):
    assert run_one(filled(FP16), "load", **WALK | {"buf": 30, name: 7, "mem": 100})[0] == status.ALIGN
    assert run_one(filled(FP16), "load", level=3, **WALK | {"buf": 30, name: 7, "mem": 100})[0] == status.OK
