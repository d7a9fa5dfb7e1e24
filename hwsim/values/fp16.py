"""FP16 to FP32 and back in integer steps that vectorise: exact one way, ties to even the other, NaN canonical."""

import numpy as np
from numba import types
from numba.core import config
from numba.extending import intrinsic

from hwsim.kernels import njit

NAN32 = np.uint32(0x7FC00000)
NAN16 = np.uint16(0x7E00)
_MAGIC = np.uint32(0x3F000000)  # 0.5: its last mantissa bit weighs one FP16 subnormal step

if config.DISABLE_JIT:

    def bits_of(x):
        return np.float32(x).view(np.uint32)

    def float_of(bits):
        return np.uint32(bits).view(np.float32)

else:

    @intrinsic
    def bits_of(typingctx, x):
        def codegen(context, builder, sig, args):
            return builder.bitcast(args[0], context.get_value_type(types.uint32))

        return types.uint32(types.float32), codegen

    @intrinsic
    def float_of(typingctx, bits):
        def codegen(context, builder, sig, args):
            return builder.bitcast(args[0], context.get_value_type(types.float32))

        return types.float32(types.uint32), codegen


@njit
def canonical(x):
    return x if x == x else float_of(NAN32)


@njit
def from_fp16(half):
    """uint16 bits to float32."""
    sign = np.uint32(half & np.uint16(0x8000)) << np.uint32(16)
    rest = np.uint32(half & np.uint16(0x7FFF))
    exponent = rest & np.uint32(0x7C00)
    normal = (rest << np.uint32(13)) + np.uint32(0x38000000)
    subnormal = bits_of(np.float32(np.int32(rest)) * np.float32(5.9604644775390625e-08))  # 2**-24
    bits = subnormal if exponent == np.uint32(0) else normal
    bits = np.uint32(0x7F800000) if rest == np.uint32(0x7C00) else bits
    bits |= sign
    return float_of(NAN32 if rest > np.uint32(0x7C00) else bits)


@njit
def to_fp16(x):
    """float32 to uint16 bits."""
    bits = bits_of(x)
    sign = (bits >> np.uint32(16)) & np.uint32(0x8000)
    rest = bits & np.uint32(0x7FFFFFFF)
    odd = (rest >> np.uint32(13)) & np.uint32(1)
    normal = (rest - np.uint32(0x38000000) + np.uint32(0xFFF) + odd) >> np.uint32(13)
    subnormal = bits_of(float_of(min(rest, np.uint32(0x38800000))) + float_of(_MAGIC)) - _MAGIC
    out = subnormal if rest < np.uint32(0x38800000) else normal
    out = np.uint32(0x7C00) if rest >= np.uint32(0x477FF000) else out
    out |= sign
    return np.uint16(NAN16 if rest > np.uint32(0x7F800000) else out)
