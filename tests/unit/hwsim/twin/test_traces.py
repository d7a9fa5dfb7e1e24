"""Traces: packed as gates give them, told in words, drawn as VCD."""

import numpy as np
import pytest

from hwsim.twin.traces import pack, unpack, words_of
from hwsim.twin.vcd import vcd

PROBES = {"array.pe[0,1].i_step": 1, "memory.o_request.address": 40, "fetch.i.taken": 1, "tokens.load_compute": 4}
VALUES = {
    "array.pe[0,1].i_step": np.array([0, 1, 1]),
    "memory.o_request.address": np.array([0, 2**39 + 1, 5]),
    "fetch.i.taken": np.array([True, False, True]),
    "tokens.load_compute": np.array([0, 15, 3]),
}


def test_packed_and_unpacked() -> None:
    trace = pack(VALUES, PROBES)
    assert trace.shape == (3, 2) and trace.dtype == np.uint32
    assert {name: [int(x) for x in v] for name, v in VALUES.items()} == unpack(trace, PROBES)


def test_bits_are_taken_as_they_are() -> None:
    bits = np.array([[True, False, True]])
    assert unpack(pack({"a.mask": bits}, {"a.mask": 3}), {"a.mask": 3}) == {"a.mask": [5]}


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
        ("top.o_ended", ("top", "the end")),
    ],
)
def test_a_probe_in_words(probe: str, said: tuple[str, str]) -> None:
    assert words_of(probe) == said


def test_vcd_has_scopes_and_changes_only() -> None:
    text = vcd(pack(VALUES, PROBES), PROBES, clock_mhz=100)
    assert text.count("$scope module") == text.count("$upscope") == 8
    assert "$scope module pe[0,1] $end\n$var wire 1 ! i_step $end" in text
    assert "#10000\n1%\n1!\nb1000000000000000000000000000000000000001 \"\n0#\nb1111 $\n" in text
    assert text.count("\n0!\n") == text.count("\n1!\n") == 1
