"""Arithmetic of the `vector` command (docs/isa.md), defined once: reference, functional run, engine and gates read it. NumPy only.

Whole arrays `[rows, len]`; each function is a fixed chain of scalar operations, so that it can be written again one element at a time.
Prose, bounds and errors: docs/numerics.md.
"""

from hwsim.spec.numerics.fit import (
    act_table,
    exp_table,
    fit_layernorm,
    fit_multipliers,
    fit_shift,
    layernorm_eps,
    quantised,
    to_int8,
)
from hwsim.spec.numerics.float32 import (
    act_fp32,
    avgpool_fp16,
    depthwise_sum_fp16,
    lane_sum,
    layernorm_fp16,
    map_fp16,
    maxpool_fp16,
    softmax_fp16,
    to_fp16,
)
from hwsim.spec.numerics.integer import (
    ACT_CLIP,
    ACT_GELU,
    ACT_NONE,
    ACT_RELU,
    ACT_SILU,
    act_int8,
    avgpool_int8,
    depthwise_sum_int8,
    isqrt,
    layernorm_int8,
    map_int8,
    maxpool_int8,
    requantise,
    rshift_even,
    sat8,
    softmax_int8,
    wrap32,
)
from hwsim.spec.numerics.tables import exp, gelu, reciprocal, rsqrt, silu
from hwsim.spec.numerics.words import fp32_bits, fp32_of, signed32

__all__ = [
    "ACT_CLIP", "ACT_GELU", "ACT_NONE", "ACT_RELU", "ACT_SILU", "act_fp32", "act_int8",
    "act_table", "avgpool_fp16", "avgpool_int8", "depthwise_sum_fp16", "depthwise_sum_int8",
    "exp", "exp_table", "fit_layernorm", "fit_multipliers", "fit_shift", "fp32_bits", "fp32_of",
    "gelu", "isqrt", "lane_sum", "layernorm_eps", "layernorm_fp16", "layernorm_int8", "map_fp16",
    "map_int8", "maxpool_fp16", "maxpool_int8", "quantised", "reciprocal", "requantise",
    "rshift_even", "rsqrt", "sat8", "signed32", "silu", "softmax_fp16", "softmax_int8",
    "to_fp16", "to_int8", "wrap32",
]  # fmt: skip
