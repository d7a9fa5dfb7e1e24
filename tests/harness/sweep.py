"""The machines on which engine and gates are held equal: presets, and small ones that differ in all that time depends on."""

from typing import Any

from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from tests.harness.programs import FP16, TINY4

CHANGES: dict[str, dict[str, Any]] = {
    "3x2_ws_link4_latency60": {
        "array__rows": 3, "array__cols": 2, "array__dataflows": ("ws",), "vector__lanes": 2, "link_depth": 4,
        "levels__vec__banks": 1, "memory__width_bits": 128, "memory__latency_cycles": 60,
    },
    "2x3_link1_latency1": {"array__rows": 2, "array__cols": 3, "vector__lanes": 3, "link_depth": 1, "memory__latency_cycles": 1},
    "4x2_os_1of16": {
        "array__rows": 4, "array__cols": 2, "array__dataflows": ("os",), "pe__kept_max": 1, "pe__block_max": 16, "vector__lanes": 2,
        "levels__act__width_bits": 128, "memory__latency_cycles": 7, "sequencer__queue_depth": 3,
    },
    "2x5_2of4_wide_memory": {
        "array__rows": 2, "array__cols": 5, "pe__kept_max": 2, "pe__block_max": 4, "vector__lanes": 2,
        "levels__weight__width_bits": 64, "levels__acc__width_bits": 160, "memory__width_bits": 512, "memory__latency_cycles": 25,
    },
    "2x2_ws_1of4_narrow": {
        "array__rows": 2, "array__cols": 2, "array__dataflows": ("ws",), "pe__kept_max": 1, "pe__block_max": 4, "link_depth": 1,
        "levels__act__width_bits": 32, "levels__vec__width_bits": 8, "levels__vec__banks": 1, "vector__lanes": 1,
        "vector__functions": ("map",), "sequencer__queue_depth": 1, "memory__width_bits": 8, "memory__latency_cycles": 1,
    },
    "3x3_dense_one_token": {
        "array__rows": 3, "array__cols": 3, "pe__kept_max": 1, "pe__block_max": 1, "vector__lanes": 4, "sequencer__token_depth": 2,
        "sequencer__queue_depth": 2, "memory__latency_cycles": 3,
    },
}  # fmt: skip
SMALL_FP16 = {"array__rows": 2, "array__cols": 2, "pe__kept_max": 2, "pe__block_max": 8, "vector__lanes": 2}
FEW: dict[str, Any] = {"vector__functions": ("map", "maxpool", "avgpool")}


def machines() -> dict[str, AcceleratorSpec]:
    out = {name: TINY4.with_(name=name, **changes) for name, changes in CHANGES.items()}
    out["2x2_fp16_2of8"] = FP16.with_(name="2x2_fp16_2of8", **SMALL_FP16, **FEW)
    out["2x2_fp16_every_function"] = FP16.with_(name="2x2_fp16_every_function", **SMALL_FP16)
    return {"tiny1": load_machine("tiny1"), "tiny4": TINY4, "tiny8": load_machine("tiny8")} | out


def wide_vectors() -> dict[str, AcceleratorSpec]:
    """32 lanes with every function; as many columns, so that rows of all lengths come."""
    out = {}
    for base, bits in ((TINY4, 8), (FP16, 16)):
        name = f"2x32_{base.pe.number}_32_lanes"
        out[name] = base.with_(
            name=name, array__rows=2, array__cols=32, vector__lanes=32, vector__reduce_cycles=max(42, base.vector.reduce_cycles),
            levels__weight__width_bits=32 * bits, levels__weight__capacity_bits=1 << 17,
            levels__meta__width_bits=128, levels__meta__capacity_bits=1 << 17,
            levels__acc__width_bits=1024, levels__acc__capacity_bits=1 << 16,
            levels__vec__width_bits=32 * bits, levels__vec__capacity_bits=1 << 18,
        )  # fmt: skip
    return out
