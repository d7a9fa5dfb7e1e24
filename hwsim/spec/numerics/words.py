"""What the 32 bits of a command's `imm` mean."""

import struct


def signed32(word: int) -> int:
    word &= 0xFFFFFFFF
    return word - (1 << 32) if word >> 31 else word


def fp32_bits(value: float) -> int:
    """`value` rounded to FP32, as its bits."""
    return int(struct.unpack("<I", struct.pack("<f", value))[0])


def fp32_of(bits: int) -> float:
    return float(struct.unpack("<f", struct.pack("<I", bits & 0xFFFFFFFF))[0])
