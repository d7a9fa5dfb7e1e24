"""Traces: packed as gates give them, told in words, drawn as VCD."""

import numpy as np
import pytest

from hwsim.engine.carried.items import Column
from hwsim.twin.compare import first_difference
from hwsim.twin.traces import pack, unpack, words_of
from hwsim.twin.vcd import vcd

PROBES = {"array.pe[0,1].i_step": 1, "memory.o_request.address": 40, "fetch.i.taken": 1, "tokens.load_compute": 4}
VALUES = {
    "array.pe[0,1].i_step": Column(np.array([0, 1, 1])),
    "memory.o_request.address": Column(np.array([0, 2**39 + 1, 5])),
    "fetch.i.taken": Column(np.array([True, False, True])),
    "tokens.load_compute": Column(np.array([0, 15, 3])),
}


def test_packed_and_unpacked() -> None:
    trace, known = pack(VALUES, PROBES)
    assert trace.shape == known.shape == (3, 2) and trace.dtype == np.uint32
    assert {name: [int(x) for x in v.data] for name, v in VALUES.items()} == unpack(trace, PROBES)
    assert (known.view(np.uint8) == 0xFF).all()


def test_what_is_not_known_is_0_and_does_not_count() -> None:
    number = Column(np.array([5, -1]), np.array([False, True]))
    octets = Column(np.array([[1, 2], [3, 0xFF]], np.uint8), np.array([[True, False], [True, True]]))
    probes = {"a.n": 6, "a.data": 12}
    trace, known = pack({"a.n": number, "a.data": octets}, probes)
    assert unpack(trace, probes) == {"a.n": [0, 63], "a.data": [1, 0xF03]}
    assert unpack(known, probes) == {"a.n": [0, 0xFF], "a.data": [0xFF, 0xFFFF]}


def test_both_sides_must_watch_the_same() -> None:
    with pytest.raises(AssertionError, match=r"only one side watches \['fetch.i.taken'\]"):
        pack({k: v for k, v in VALUES.items() if k != "fetch.i.taken"}, PROBES)


@pytest.mark.parametrize(
    "probe, said",
    [
        ("array.pe[1,0].i_step", ("array.pe[1,0]", "taking a step")),
        ("array.i_batch.taken", ("array", "taking i_batch")),
        ("feed.o_batch.ready", ("feed", "room on o_batch")),
        ("array.i_batch.steps", ("array", "steps of i_batch")),
        ("tokens.load_compute", ("tokens", "tokens from load for compute")),
        ("vector.o_done", ("vector", "the end of a command")),
        ("accumulator.o_read", ("accumulator", "o_read")),
        ("array.pe[1,0].o_sum", ("array.pe[1,0]", "o_sum")),
        ("array.i_batch.acts_0_1", ("array", "acts_0_1 of i_batch")),
        ("top.o_ended", ("top", "the end")),
    ],
)
def test_a_probe_in_words(probe: str, said: tuple[str, str]) -> None:
    assert words_of(probe) == said


def test_what_is_signed_is_said_with_its_sign() -> None:
    probes = {"accumulator.o_write.sums_0": 32, "fetch.i.mem": 40}
    gates, model = (pack({n: Column(np.array([x])) for n in probes}, probes)[0] for x in (-1188, 7))
    words = {signed: str(first_difference(9, model, gates, probes, frozenset(signed))) for signed in ((), tuple(probes)[:1])}
    said = "cycle 9: accumulator: gates and model disagree on sums_0 of o_write: gates {}, model 7"
    assert list(words.values()) == [said.format(4294966108), said.format(-1188)]


def test_vcd_has_scopes_and_changes_only() -> None:
    text = vcd(pack(VALUES, PROBES)[0], PROBES, clock_mhz=100)
    assert text.count("$scope module") == text.count("$upscope") == 8
    assert "$scope module pe[0,1] $end\n$var wire 1 ! i_step $end" in text
    assert "#10000\n1%\n1!\nb1000000000000000000000000000000000000001 \"\n0#\nb1111 $\n" in text
    assert text.count("\n0!\n") == text.count("\n1!\n") == 1
