"""What a command of the vector unit settles for all of its beats, out of its fields: see `signatures.vector_settled`."""

from amaranth.hdl import Cat, Const, Module, Mux, Value

from hwsim.spec.commands import ACT, FN, NORM_BEATS
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from rtl.signatures import Stage


def reduces(spec: AcceleratorSpec) -> bool:
    return bool({"softmax", "layernorm"} & set(spec.vector.functions))


def is_fn(spec: AcceleratorSpec, c, *names: str) -> Value:
    """Whether the command is one of these; nothing where the machine has none of them."""
    have = [n for n in names if n in spec.vector.functions]
    return Cat(c.fn == FN.index(n) for n in have).any() if have else Value.cast(0)


def has_table(spec: AcceleratorSpec, c) -> Value:
    """Whether gelu or silu looks its result up."""
    have = [n for n in ("gelu", "silu") if n in spec.vector.functions and spec.pe.number == "int8"]
    return Cat(c.act == ACT.index(n) for n in have).any() if have else Value.cast(0)


def settle(m: Module, spec: AcceleratorSpec, c, new) -> None:
    """`bias`, `scale`, `table` do not count the weights yet."""
    int8, size = spec.pe.number == "int8", spec.pe.element_bytes
    most, most_acc = spec.vector.lanes, min(spec.vector.lanes, spec.array.cols)
    lanes = Mux(c.from_vec, most, most_acc)
    by_row, params, both = c.len > lanes, c.len << 2, c.has_bias & c.has_scale
    depthwise, softmax, norm = (is_fn(spec, c, n) for n in ("depthwise", "softmax", "layernorm"))
    table, few = has_table(spec, c), (0, 1, 2)
    setup = {
        Stage.BIAS: c.has_bias & ~by_row, Stage.SCALE: c.has_scale & ~by_row, Stage.WEIGHT: depthwise,
        Stage.TABLE: table | (softmax & int8),
    }  # fmt: skip
    pauses = [max(0, NORM_BEATS - 1 - n * signatures.param_beats(spec)) if int8 else 0 for n in few]
    paused = norm & int8 & Cat((pauses[n] > 0) & (by_row * (c.has_bias + c.has_scale) == n) for n in few).any()
    wait = Mux(by_row & c.has_bias & c.has_scale, pauses[2], Mux(by_row & (c.has_bias | c.has_scale), pauses[1], pauses[0]))
    if spec.vector.chunk_beats > 1:
        read = c.from_vec + c.has_b + Mux(by_row, c.has_bias + c.has_scale, 0) * signatures.param_beats(spec)
        paused, wait = read < spec.vector.chunk_beats, spec.vector.chunk_beats - read
    reduce = {Stage.A: c.from_vec, Stage.B: c.has_b}
    final = {**reduce, Stage.BIAS: c.has_bias & by_row, Stage.SCALE: c.has_scale & by_row, Stage.PAUSE: paused}
    taps = (c.window_h * c.window_w)[:7]
    few_weights = sum((Mux(bit, taps << n, 0) for n, bit in enumerate(c.len[: most.bit_length()])), start=Const(0))
    weights = Mux(depthwise, few_weights * size, 0)
    step = _elements_log2(spec, c)
    bytes_read = spec.levels.vec.width_bits // 8
    few_params = Mux(by_row, lanes, c.len) << 2 <= bytes_read
    brief = {
        Stage.BIAS: few_params, Stage.SCALE: few_params, Stage.WEIGHT: weights <= bytes_read, Stage.TABLE: new.tables <= bytes_read,
        Stage.PAUSE: new.pauses <= 1,
    }  # fmt: skip
    m.d.comb += [
        new.brief.eq(Cat(brief.get(s, 1) for s in Stage)),
        new.setup.eq(Cat(setup.get(s, 0) for s in Stage)),
        new.reduce.eq(Cat(reduce.get(s, 0) for s in Stage)),
        new.final.eq(Cat(final.get(s, 0) for s in Stage)),
        new.passes.eq(Mux(softmax, 2, Mux(norm, 1 if int8 else 2, 0))),
        new.by_row.eq(by_row & (c.has_bias | c.has_scale)),
        new.pauses.eq(wait),
        new.lanes.eq(lanes),
        new.pitch.eq(Mux(c.from_vec, most * c.dst_lane, most_acc * c.dst_lane)),
        new.step.eq(step),
        new.hop.eq(c.dst_lane << step),
        new.params.eq(Mux(by_row, lanes, c.len)),
        new.bias.eq(c.param),
        new.scale.eq(c.param + Mux(c.has_bias, params, 0)),
        new.table.eq(c.param + Mux(both, params << 1, Mux(c.has_bias | c.has_scale, params, 0))),
        new.weights.eq(weights),
        new.padded.eq((weights + 3) & ~3),
        new.tables.eq(Mux(softmax, 1024, 256)),
    ]


def _elements_log2(spec: AcceleratorSpec, c) -> Value:
    """Of elements that a beat writes: neighbours share a lane of bytes after width / gcd(dst_lane, width) of them, in elements."""
    width, size = signatures.elements_of_read(spec), spec.pe.element_bytes.bit_length() - 1
    most = min(width, 1 << (spec.vector.lanes - 1).bit_length()).bit_length() - 1
    whole = width.bit_length() - 1
    out: Value = Value.cast(0)
    for zeros in reversed(range(whole)):
        out = Mux(c.dst_lane[zeros + size], min(most, whole - zeros), out)
    return out


def first_stage(there: Value, behind: int = -1) -> Value:
    """Of the stages that are there, the first behind one; WRITE if there is none."""
    out: Value = Value.cast(Stage.WRITE.value)
    for s in reversed(Stage):
        if behind < s.value < Stage.WRITE.value:
            out = Mux(there[s.value], s.value, out)
    return out
