"""The bridge: every operation, and every way in which a frame can be wrong."""

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest

from hwsim.spec.load import load_machine
from hwsim.spec.serial import (
    CHECKSUM_BYTES,
    HEADER_BYTES,
    VERSION,
    Operation,
    State,
    Status,
    question,
)
from tests.harness.serial_line import SILENCE, Board, parsed

SPEC = load_machine("tiny4").with_(memory__latency_cycles=2)
HELLO = question(Operation.HELLO)


def on_board(bench: Callable[[Board, Any], Any], **given: Any) -> None:
    board = Board(SPEC, **given)

    async def run(ctx: Any) -> None:
        await bench(board, ctx)

    board.simulate(run)


def test_hello_says_who_is_there() -> None:
    async def bench(board: Board, ctx: Any) -> None:
        answer = parsed(await board.ask(ctx, HELLO))
        assert answer == (Operation.HELLO, Status.OK, bytes([VERSION, *bytes.fromhex(SPEC.digest), 8]))

    on_board(bench)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_written_is_read_whoever_waits_for_whom(seed: int) -> None:
    rng = random.Random(seed)
    memory = bytearray(256)

    async def bench(board: Board, ctx: Any) -> None:
        for _ in range(12):
            at = rng.randrange(256)
            data = rng.randbytes(rng.randrange(1, 257 - at))
            memory[at : at + len(data)] = data
            answer = await board.ask(ctx, question(Operation.WRITE, at, data=data), gap=rng.randrange(SILENCE - 5))
            assert parsed(answer) == (Operation.WRITE, Status.OK, b"")
            at = rng.randrange(256)
            length = rng.randrange(1, 257 - at)
            answer = await board.ask(ctx, question(Operation.READ, at, length), gap=0)
            assert parsed(answer) == (Operation.READ, Status.OK, bytes(memory[at : at + length]))

    on_board(bench, refuses=(rng.random() < 0.6 for _ in itertools.count()))


def test_a_program_runs_from_start_to_its_end_and_may_be_stopped() -> None:
    async def bench(board: Board, ctx: Any) -> None:
        async def status() -> tuple[int, int]:
            _, code, payload = parsed(await board.ask(ctx, question(Operation.STATUS)))
            assert code == Status.OK
            return payload[0], int.from_bytes(payload[1:], "little")

        assert await status() == (State.IDLE, 0)
        assert parsed(await board.ask(ctx, question(Operation.START, 64, 3)))[1] == Status.OK
        ctx.set(board.bridge.i_started, 1)
        assert (ctx.get(board.bridge.o_run), ctx.get(board.bridge.o_base), ctx.get(board.bridge.o_words)) == (1, 64, 3)
        state, early = await status()
        assert (state, early > 0) == (State.RUNNING, True)
        for busy in (question(Operation.READ, 0, 4), question(Operation.WRITE, 0, data=b"1"), question(Operation.START, 0, 1)):
            assert parsed(await board.ask(ctx, busy))[1] == Status.BUSY
        ctx.set(board.bridge.i_ended, 1)
        await ctx.tick()
        ctx.set(board.bridge.i_ended, 0)
        state, cycles = await status()
        assert (state, cycles > early, ctx.get(board.bridge.o_run)) == (State.ENDED, True, 0)
        assert await status() == (State.ENDED, cycles), "time stands still after the end"
        await board.ask(ctx, question(Operation.START, 0, 4))
        assert parsed(await board.ask(ctx, question(Operation.STOP)))[1] == Status.OK
        assert (await status())[0] == State.IDLE

    on_board(bench)


def broken(frame: bytes, at: int) -> bytes:
    return frame[:at] + bytes([frame[at] ^ 0x10]) + frame[at + 1 :]


WRITE = question(Operation.WRITE, 8, data=bytes(range(1, 9)))
BAD = {
    "no start": (b"\x00" + HELLO, Status.FIRST),
    "header": (broken(HELLO, 3), Status.HEADER),
    "header checksum": (broken(WRITE, HEADER_BYTES + CHECKSUM_BYTES), Status.HEADER),
    "data": (broken(WRITE, 12), Status.DATA),
    "data checksum": (broken(WRITE, len(WRITE) - 1), Status.DATA),
    "no operation": (question(0), Status.OPERATION),
    "unknown operation": (question(7), Status.OPERATION),
    "read of nothing": (question(Operation.READ, 0, 0), Status.RANGE),
    "read over the end": (question(Operation.READ, 250, 7), Status.RANGE),
    "read far away": (question(Operation.READ, 1 << 31, 1), Status.RANGE),
    "write over the end": (question(Operation.WRITE, 255, data=b"ab"), Status.RANGE),
    "start between commands": (question(Operation.START, 8, 1), Status.RANGE),
    "start over the end": (question(Operation.START, 192, 2), Status.RANGE),
    "start far away": (question(Operation.START, 1 << 16, 1), Status.RANGE),
    "start of nothing": (question(Operation.START, 0, 0), Status.RANGE),
    "cut in the header": (HELLO[:6], Status.SHORT),
    "only a start": (HELLO[:1], Status.SHORT),
    "cut in the data": (WRITE[:15], Status.SHORT),
    "cut in the checksum": (WRITE[:-1], Status.SHORT),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_frame_is_answered_once_the_line_is_silent_and_the_next_one_is_served(name: str) -> None:
    frame, status = BAD[name]

    async def bench(board: Board, ctx: Any) -> None:
        assert parsed(await board.ask(ctx, frame)) == (0, status, b"")
        assert parsed(await board.ask(ctx, HELLO))[:2] == (Operation.HELLO, Status.OK)
        unwritten = parsed(await board.ask(ctx, question(Operation.READ, 200, 8)))
        assert unwritten[2] == bytes(8), "no refused frame writes outside of its range"

    on_board(bench)


@pytest.mark.parametrize("bad", [0, 4, 9, 12, len(WRITE) - 1])
def test_a_byte_without_stop_bit_spoils_its_frame(bad: int) -> None:
    async def bench(board: Board, ctx: Any) -> None:
        assert parsed(await board.ask(ctx, WRITE, bad=bad)) == (0, Status.LINE, b"")
        assert parsed(await board.ask(ctx, WRITE))[1] == Status.OK

    on_board(bench)


def test_silence_is_counted_from_the_last_byte() -> None:
    async def bench(board: Board, ctx: Any) -> None:
        assert parsed(await board.ask(ctx, WRITE, gap=SILENCE - 3))[1] == Status.OK
        assert parsed(await board.ask(ctx, b"\x00" + WRITE, gap=SILENCE - 3))[1] == Status.FIRST

    on_board(bench)
