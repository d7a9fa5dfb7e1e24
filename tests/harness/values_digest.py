"""Runs a fixed set of small commands and prints one line of digest for each; run as a script, with or without numba's compiler.

    python -m tests.harness.values_digest
"""

import hashlib

import numpy as np

from hwsim.functional import Functional
from hwsim.spec.commands import FN
from tests.harness.programs import TINY4, tiled_program
from tests.harness.values import FP16, INT8, draw_product
from tests.harness.vectors import Vector


def digest(values):
    text = b"".join(level.tobytes() for level in values)
    return hashlib.sha256(text).hexdigest()[:16]


def lines():
    for seed, spec in enumerate((INT8, FP16)):
        rng = np.random.default_rng(seed)
        for dataflow in (0, 1):
            for kept, bits in ((1, 0), (2, 3)):
                product = draw_product(rng, spec, (2, 3, 16), (1, 2), kept, bits, dataflow=dataflow, accumulate=1)
                product.values.act[5] = np.inf if spec is FP16 else -128
                counted = product.run()
                yield f"compute {spec.pe.number} {dataflow} {kept}:{1 << bits} {counted} {digest(product.values)}"
        for fn in FN:
            for act in ("none", "silu") if fn == "map" else ("none",):
                windowed = fn in ("maxpool", "avgpool", "depthwise")
                fields = {"len": 4, "count0": 3, "shift": 9 * (spec is INT8), "imm": 0x3E800000}
                fields |= {"has_bias": int(fn == "map"), "has_scale": int(fn == "layernorm"), "has_b": int(fn in ("map", "softmax"))}
                fields |= {"window_h": 2, "window_w": 2} if windowed else {}
                from_vec = windowed or fn == "softmax" or (fn == "layernorm" and spec is INT8)
                case = Vector(spec, fn, act, rng, fields, from_vec)
                state, out, _ = case.result()
                yield f"vector {spec.pe.number} {fn} {act} {state} {digest([out])}"
    program = tiled_program(3)
    run = Functional(TINY4, program)
    inputs = {r.name: np.random.default_rng(2).integers(-128, 128, r.shape).astype(np.int8) for r in program.inputs}
    result = run.run(inputs)
    yield f"program {result.macs.sum(axis=0).tolist()} {digest(run.values)}"


if __name__ == "__main__":
    for line in lines():
        print(line)
