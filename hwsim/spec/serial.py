"""The frames of the serial line between a host and a machine on a board, as docs/fpga.md has them.

A question is START_BYTE, operation, address (4 bytes), length (2), checksum (2) and, for WRITE, `length` bytes and their checksum. An
answer is ANSWER_BYTE, operation, status, length (2), payload, checksum. Numbers have their low byte first, checksums their high one.
"""

from binascii import crc_hqx
from enum import IntEnum

START_BYTE, ANSWER_BYTE = 0xA5, 0x5A
VERSION = 1
BAUD = 115_200  # bits a second, unless both ends are told otherwise
HEADER_BYTES, CHECKSUM_BYTES = 7, 2  # operation, address, length
CHECKSUM_START, CHECKSUM_POLYNOMIAL = 0xFFFF, 0x1021
CYCLES_BYTES = 5


class Operation(IntEnum):
    HELLO = 1  # who is there: version, digest (8 bytes), log2 of the bytes of memory
    WRITE = 2
    READ = 3
    START = 4  # `length` commands at `address`
    STATUS = 5  # state, cycles since the start
    STOP = 6


class Status(IntEnum):
    """Why a question was refused; the line had to be silent before such an answer."""

    OK = 0
    FIRST = 1
    LINE = 2
    HEADER = 3
    DATA = 4
    OPERATION = 5
    RANGE = 6
    BUSY = 7
    SHORT = 8


class State(IntEnum):
    IDLE = 0
    RUNNING = 1
    ENDED = 2


MEANING = {
    Status.FIRST: f"its first byte is not {START_BYTE:#04x}",
    Status.LINE: "a byte came without its stop bit, or too early",
    Status.HEADER: "the checksum of its header differs",
    Status.DATA: "the checksum of its data differs",
    Status.OPERATION: "its operation is unknown",
    Status.RANGE: "it leaves the board's memory, is empty, or starts at no command",
    Status.BUSY: "a Program is running",
    Status.SHORT: "it broke off",
}


def checksum(data: bytes) -> bytes:
    return crc_hqx(data, CHECKSUM_START).to_bytes(CHECKSUM_BYTES, "big")


def question(operation: int, address: int = 0, length: int = 0, data: bytes = b"") -> bytes:
    """`length` is that of `data`, where there is any."""
    header = bytes([operation]) + address.to_bytes(4, "little") + (len(data) or length).to_bytes(2, "little")
    whole = bytes([START_BYTE]) + header + checksum(header)
    return whole + data + checksum(data) if data else whole


def answer(operation: int, status: int, payload: bytes = b"") -> bytes:
    body = bytes([operation, status]) + len(payload).to_bytes(2, "little") + payload
    return bytes([ANSWER_BYTE]) + body + checksum(body)
