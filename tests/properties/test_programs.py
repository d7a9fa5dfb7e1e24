"""Programs: mutated ones are refused or accepted, never a traceback; token rules and hazards agree with brute force."""

import hashlib
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwsim.spec.commands import QUEUES, Command, decoded_table
from hwsim.spec.errors import ProgramError
from hwsim.spec.program import load_program, parse_program
from hwsim.spec.verify import columns, verify
from hwsim.spec.verify.tokens import check_tokens, run_tokens
from tests.harness.programs import TINY4, program, tiled_program

QUICK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
OPS = ("load", "compute", "vector", "store")


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path: Path = tmp_path_factory.mktemp("programs") / "p.bin"
    tiled_program(3).save(path)
    verify(load_program(path), TINY4)
    return path.read_bytes()


def read(data: bytes) -> str:
    """ "" when the bytes are a legal Program, else the message."""
    try:
        verify(parse_program(data, "p.bin"), TINY4)
    except ProgramError as e:
        return str(e)
    return ""


@QUICK
@given(
    at=st.integers(0, 1 << 20),
    value=st.integers(0, 255),
    cut=st.integers(0, 1 << 20),
    seal=st.booleans(),
)
def test_mutated_files(valid: bytes, at: int, value: int, cut: int, seal: bool) -> None:
    """One byte changed, the end cut off, the checksum right or wrong."""
    data = bytearray(valid)
    data[at % len(data)] = value
    data = data[: len(data) - cut % len(data)] if cut % 3 == 0 else data
    if seal:
        data[12:44] = hashlib.sha256(data[44:]).digest()
    message = read(bytes(data))
    assert "\n" not in message
    assert message or seal or bytes(data) == valid


@QUICK
@given(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 511)), min_size=1, max_size=4))
def test_mutated_words(flips: list[tuple[int, int]]) -> None:
    """Bits of command words flipped."""
    made = tiled_program(3)
    words = made.words.copy()
    for command, bit in flips:
        words[command % len(words), bit // 8] ^= 1 << bit % 8
    try:
        verify(replace(made, words=words), TINY4)
    except ProgramError as e:
        assert "\n" not in str(e)
        assert str(e).startswith(("command ", "program: "))


@QUICK
@given(
    st.binary(min_size=64 * 3, max_size=64 * 3),
    st.lists(st.sampled_from([1, 2, 3, 4]), min_size=3, max_size=3),
)
def test_random_words(noise: bytes, codes: list[int]) -> None:
    """Any fields at all, under a legal opcode and with no bit above the fields."""
    made = tiled_program(1)
    words = np.frombuffer(noise, np.uint8).reshape(3, 64).copy()
    words[:, 0] = words[:, 0] & 0xF0 | np.array(codes, np.uint8)
    words[:, 31:] = 0
    try:
        verify(
            replace(made, words=np.concatenate([words, made.words[-1:]])),
            TINY4,
        )
    except ProgramError as e:
        assert "\n" not in str(e)


def outcomes(commands: list[Command], queue_depth: int, token_depth: int) -> set[str]:
    """What can happen, found by running every interleaving."""
    lists = [[i for i, c in enumerate(commands) if c.queue == q] for q in QUEUES]
    found, seen, todo = set(), set(), [((0,) * 4, ((0,) * 4,) * 4)]
    while todo:
        state = todo.pop()
        if state in seen:
            continue
        seen.add(state)
        started, count = state
        inside, dispatched = [0] * 4, 0
        while (
            dispatched < len(commands)
            and inside[commands[dispatched].queue] - started[commands[dispatched].queue]
            < queue_depth
        ):
            inside[commands[dispatched].queue] += 1
            dispatched += 1
        moved = False
        for q in QUEUES:
            if started[q] >= inside[q]:
                continue
            c = commands[lists[q][started[q]]]
            if any(not count[a][q] for a in c.waits):
                continue
            moved = True
            new = [list(r) for r in count]
            for a in c.waits:
                new[a][q] -= 1
            for b in c.signals:
                new[q][b] += 1
            if max(map(max, new)) > token_depth:
                found.add("overflow")
                continue
            todo.append(
                (tuple(n + (q == k) for k, n in enumerate(started)), tuple(map(tuple, new)))
            )
        if not moved:
            done = sum(started) == len(commands)
            found.add("deadlock" if not done else "left" if any(map(any, count)) else "fine")
    return found


@st.composite
def tied(draw: st.DrawFn, most: int) -> list[Command]:
    """Commands whose tokens fit in one order; now and then one token is lost."""
    queues = draw(st.lists(st.sampled_from(QUEUES), min_size=2, max_size=most))
    waits: list[set[int]] = [set() for _ in queues]
    signals: list[set[int]] = [set() for _ in queues]
    pairs = list(itertools.combinations(range(len(queues)), 2))
    for i, j in draw(st.lists(st.sampled_from(pairs), max_size=most + 2)):
        if queues[j] not in signals[i] and queues[i] not in waits[j]:
            signals[i].add(queues[j])
            waits[j].add(queues[i])
    if draw(st.integers(0, 3)) == 0:
        draw(st.sampled_from(waits + signals)).clear()
    order = list(range(len(queues)))
    if draw(st.integers(0, 3)) == 0:
        order = draw(st.permutations(order))
    return [Command.of(OPS[queues[i]], waits[i], signals[i]) for i in order]


@settings(max_examples=300, deadline=None)
@given(tied(most=9), st.integers(1, 3), st.integers(1, 3))
def test_token_rules_agree_with_every_interleaving(
    commands: list[Command], queue_depth: int, token_depth: int
) -> None:
    spec = TINY4.with_(sequencer__queue_depth=queue_depth, sequencer__token_depth=token_depth)
    possible = outcomes(commands, queue_depth, token_depth)
    try:
        check_tokens(decoded_table(commands), spec)
    except ProgramError as e:
        said = (
            "deadlock"
            if "deadlock" in str(e)
            else "left"
            if "left at the end" in str(e)
            else "overflow"
        )
        assert said in possible, str(e)
    else:
        assert possible == {"fine"}


@settings(max_examples=300, deadline=None)
@given(tied(most=12), st.integers(1, 3), st.integers(1, 3))
def test_what_columns_show_is_what_running_the_tokens_finds(
    commands: list[Command], queue_depth: int, token_depth: int
) -> None:
    spec = TINY4.with_(sequencer__queue_depth=queue_depth, sequencer__token_depth=token_depth)
    table = decoded_table(commands)
    shown = columns.clocks(table, spec)
    if shown is not None:
        np.testing.assert_array_equal(shown, run_tokens(table, spec))


def certain(commands: list[Command]) -> list[list[bool]]:
    """[i][j]: command i is done before command j starts, in every run: reachability over starts and ends."""
    n = len(commands)
    reach = np.zeros((2 * n, 2 * n), bool)  # start of i at 2i, its end at 2i + 1
    for i in range(n):
        reach[2 * i, 2 * i + 1] = True
        after = next((j for j in range(i + 1, n) if commands[j].queue == commands[i].queue), None)
        if after is not None:
            reach[2 * i, 2 * after] = reach[2 * i + 1, 2 * after + 1] = True
    for a, b in itertools.product(QUEUES, QUEUES):
        gives = [i for i, c in enumerate(commands) if c.queue == a and b in c.signals]
        takes = [j for j, c in enumerate(commands) if c.queue == b and a in c.waits]
        for i, j in zip(gives, takes, strict=True):
            reach[2 * i + 1, 2 * j] = True
    for k in range(2 * n):
        reach |= np.outer(reach[:, k], reach[k])
    return [[bool(reach[2 * i + 1, 2 * j]) for j in range(n)] for i in range(n)]


def touched(c: Command) -> dict[str, set[int]]:
    """Bytes of vec, in memory's place nothing: all loads fill, all stores go to bytes of their own."""
    first, stride, count, run = (
        (c[k] for k in ("a", "a_stride0", "count0", "len"))
        if c.op == "vector"
        else (c[k] for k in ("buf", "buf_stride0", "count0", "run"))
    )
    walk = {first + i * stride + k for i in range(count) for k in range(run)}
    if c.op == "load":
        return {"write": walk, "read": set()}
    if c.op == "store":
        return {"write": set(), "read": walk}
    step, lane = c["dst_stride0"], c["dst_lane"]
    return {
        "write": {c["dst"] + i * step + j * lane for i in range(count) for j in range(run)},
        "read": walk,
    }


@st.composite
def touching(draw: st.DrawFn) -> list[Command]:
    out = []
    for i, c in enumerate(draw(tied(most=7).filter(lambda cs: all(c.op != "compute" for c in cs)))):
        at, stride = draw(st.integers(0, 40)), draw(st.integers(-8, 12))
        walk = {"count0": draw(st.integers(1, 3))}
        base = at - min(0, (walk["count0"] - 1) * stride)
        if c.op == "vector":
            walk |= {
                "from_vec": 1,
                "a": base,
                "a_stride0": stride,
                "len": draw(st.integers(1, 4)),
                "dst": draw(st.integers(0, 60)),
            }
            walk |= {"dst_stride0": draw(st.integers(0, 8)), "dst_lane": draw(st.integers(1, 3))}
        else:
            walk |= {"buf": base, "buf_stride0": stride, "run": draw(st.integers(1, 6))}
            walk |= (
                {"level": 3, "fill": 1} if c.op == "load" else {"mem": 1000 * i, "mem_stride0": 10}
            )
        out.append(Command.of(c.op, c.waits, c.signals, **walk))
    return out


def spoils_itself(c: Command) -> bool:
    """Whether a row of results touches what the command reads, except in place in rows that share nothing."""
    if c.op != "vector":
        return False
    walk, result = ((c[side], c[f"{side}_stride0"] if c["count0"] > 1 else 0) for side in ("a", "dst"))
    apart = c["count0"] == 1 or abs(c["a_stride0"]) >= c["len"]
    sets = touched(c)
    return bool(sets["read"] & sets["write"]) and not (walk == result and c["dst_lane"] == 1 and apart)


@settings(max_examples=300, deadline=None)
@given(touching())
def test_hazards_agree_with_sets_of_bytes(commands: list[Command]) -> None:
    try:
        check_tokens(decoded_table(commands), TINY4)
    except ProgramError:
        return
    order, sets = certain(commands), [touched(c) for c in commands]
    races = [
        (i, j)
        for i, j in itertools.combinations(range(len(commands)), 2)
        if commands[i].queue != commands[j].queue
        and (
            sets[i]["write"] & (sets[j]["write"] | sets[j]["read"])
            or sets[i]["read"] & sets[j]["write"]
        )
        and not (order[i][j] or order[j][i])
    ]
    try:
        verify(program([*commands, Command.of("end")]), TINY4)
    except ProgramError as e:
        spoilt = [n for n, c in enumerate(commands) if spoils_itself(c)]
        if spoilt:
            assert str(e).startswith(f"command {spoilt[0]}: vector.dst is ") and "the result overlaps a" in str(e)
            return
        assert "no chain of tokens" in str(e)
        named = min(races, key=lambda pair: (pair[1], pair[0]))
        assert str(e).startswith(f"command {named[1]}: ") and f"command {named[0]}: " in str(e)
    else:
        assert not races and not any(map(spoils_itself, commands))
