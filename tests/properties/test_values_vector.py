"""Vector commands drawn at random, every function, act and source: bit by bit what hwsim/spec/numerics says."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.spec.commands import FN
from hwsim.values import status
from tests.harness.values import FP16, INT8, same_bits
from tests.harness.vectors import Vector

WINDOWED = ("maxpool", "avgpool", "depthwise")
REDUCING = ("softmax", "layernorm")
MAPPED = ("map", "depthwise")
SPECS = {
    (number, lanes): spec.with_(vector__lanes=lanes, levels__vec__capacity_bits=1 << 21)
    for number, spec in (("int8", INT8), ("fp16", FP16))
    for lanes in (1, 4, 16)
}


def bits_of(x: float) -> int:
    return int(np.float32(x).view(np.uint32))


@st.composite
def vectors(draw: st.DrawFn, fn: str) -> Vector:
    number, lanes = draw(st.sampled_from(sorted(SPECS)))
    spec, int8 = SPECS[number, lanes], number == "int8"
    from_vec = fn in WINDOWED or (int8 and fn in REDUCING) or draw(st.booleans())
    length = draw(st.integers(1, (lanes if fn == "depthwise" else 40) if from_vec else spec.array.cols))
    fields = {"count0": draw(st.integers(1, 4)), "count1": draw(st.integers(1, 3)), "len": length}
    fields["shift"] = draw(st.sampled_from([0, 1, 7, 24, 40, 63])) if int8 else 0
    if fn in WINDOWED:
        fields |= {"window_h": draw(st.integers(1, 3)), "window_w": draw(st.integers(1, 3))}
    acts = ("none", "relu", "gelu", "silu") if int8 else ("none", "relu", "clip", "gelu", "silu")
    acts = acts if fn in MAPPED else ("none", "relu") if fn == "maxpool" else ("none",)
    act = draw(st.sampled_from(acts))
    for name, able in (("has_b", (*MAPPED, "softmax")), ("has_bias", (*MAPPED, "layernorm")), ("has_scale", (*MAPPED, "layernorm"))):
        fields[name] = draw(st.integers(0, 1)) if fn in able else 0
    signed = draw(st.integers(-(2**15), 2**15)) & 0xFFFFFFFF
    fields["imm"] = signed if int8 else bits_of(draw(st.sampled_from([6.0, 0.25, 1e-12, 0.0])))
    lane = draw(st.sampled_from([1, 1, 3]))
    return Vector(spec, fn, act, np.random.default_rng(draw(st.integers(0, 2**32))), fields, from_vec, lane)


def check(case: Vector) -> None:
    state, out, others_stay = case.result()
    assert state == status.OK
    expected = case.expected()
    assert same_bits(np.ascontiguousarray(out), np.ascontiguousarray(expected.astype(case.dtype))), case.fields
    assert others_stay


def _make(fn: str):
    @settings(max_examples=120, deadline=None, derandomize=True)
    @given(vectors(fn))
    def test(case: Vector) -> None:
        check(case)

    return test


test_map, test_softmax, test_layernorm, test_maxpool, test_avgpool, test_depthwise = (_make(fn) for fn in FN)
