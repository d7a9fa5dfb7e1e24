"""The ports of a machine that its model knows, by name: the gates' side of hwsim/engine/watch.py.

`array.i_batch.taken`: links are watched on both ends, what is given and taken in this cycle, whether there is room and an item. What a port
carries is shown as it is, an item or not: the model says when it counts.
"""

from amaranth.hdl import Value

from hwsim.spec.commands import QUEUE_NAMES
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures, turns
from rtl.top import REQUESTERS, Top

UNITS = ("fetch", "feed", "vector", "writeback")  # of the queues
# link of top.py: who gives, through which port, who takes
ENDS = {
    **{f"to_{op}": ("sequencer", f"o_{op}", unit, "i") for op, unit in zip(QUEUE_NAMES, UNITS, strict=True)},
    **{f"ask_{name}": (name, "o_request", "memory", f"i_{name}") for name in REQUESTERS},
    "context": ("feed", "o_weights", "weight_loader", "i"),
    "batch": ("feed", "o_batch", "array", "i_batch"),
    "weight": ("weight_loader", "o", "array", "i_weight"),
}


def watched(spec: AcceleratorSpec, top: Top) -> dict[str, Value]:
    """What a cycle begins with stands ahead of what happens in it: of several that differ the first is the cause."""
    names = [(p, q) for p in range(4) for q in range(4)]
    tokens = {f"tokens.{QUEUE_NAMES[p]}_{QUEUE_NAMES[q]}": top.tokens.held[p][q] for p, q in names}
    units = ("fetch", "accumulator", "vector", "writeback")
    return {
        **tokens,
        **_array(top),
        **_carried(spec, top),
        **_rows(spec, top),
        **_vector(spec, top),
        **_links(top),
        "sequencer.o_ended": top.sequencer.o_ended,
        **{f"{unit}.o_done": getattr(top, unit).o_done for unit in units},
        "top.o_ended": top.o_ended,
    }


def _links(top: Top) -> dict[str, Value]:
    out = dict[str, Value]()
    for link, (giver, port_out, taker, port_in) in ENDS.items():
        i, o = top.links[link].i, top.links[link].o
        out[f"{taker}.{port_in}.taken"] = o.valid & o.ready
        out[f"{giver}.{port_out}.given"] = i.valid & i.ready
        out[f"{taker}.{port_in}.valid"] = o.valid
        out[f"{giver}.{port_out}.ready"] = i.ready
    return out


def _fields(port: str, payload, *names: str) -> dict[str, Value]:
    """Fields of a payload; where none is named all of them, but the `op` that a command of a queue has anyway."""
    return {f"{port}.{name}": Value.cast(payload[name]) for name in names or payload.shape().members if name != "op"}


def _array(top: Top) -> dict[str, Value]:
    """The PEs: what they do, their operands (of a cycle in which they take a step), and their sums."""
    pes = [(f"array.pe[{r},{c}]", pe) for r, line in enumerate(top.array.pes) for c, pe in enumerate(line)]
    return {
        "array.o.valid": top.array.o.valid,
        "array.o.end": top.array.o.valid & top.array.o.payload.end,
        **{f"{name}.i_step": pe.i_step.valid for name, pe in pes},
        **{f"{name}.i_swap": pe.i_swap for name, pe in pes},
        **{f"{name}.weight": Value.cast(pe.weight) for name, pe in pes},
        **{f"{name}.act": Value.cast(pe.act) for name, pe in pes},
        **{f"{name}.o_sum": Value.cast(pe.o_sum) for name, pe in pes},
    }


def _carried(spec: AcceleratorSpec, top: Top) -> dict[str, Value]:
    """Items of links, requests and answers, writes of fetch."""
    batch, weight, request = top.links["batch"].o.payload, top.links["weight"].o.payload, top.o_request
    out, write = dict[str, Value](), top.fetch.o_write
    for link, (giver, port_out, taker, port_in) in ENDS.items():
        if link not in ("batch", "weight"):
            i, o = top.links[link].i, top.links[link].o
            out |= _fields(f"{giver}.{port_out}", i.payload) | _fields(f"{taker}.{port_in}", o.payload)
    for op, unit in zip(QUEUE_NAMES, UNITS, strict=True):
        out[f"{unit}.tokens.take"] = getattr(top, unit).tokens.take
        given = top.accumulator.o_give if op == "compute" else getattr(top, unit).tokens.give
        out["accumulator.o_give" if op == "compute" else f"{unit}.tokens.give"] = given
    out |= _fields("array.i_batch", batch.config) | _fields("array.i_batch", batch, "steps", "pixels", "first", "last", "end")
    out |= _fields("array.i_weight", weight, "os", "kept", "last")
    out |= _acts(spec, "feed.o_batch", top.links["batch"].i.payload, top.feed.o_acts)
    out |= _acts(spec, "array.i_batch", batch, top.array.i_acts)
    for port, end in (("weight_loader.o", top.links["weight"].i), ("array.i_weight", top.links["weight"].o)):
        out |= _weights(spec, port, end.payload)
    out |= _fields("memory.o_request", request.payload) | {"memory.o_request.write": request.valid & request.payload.write}
    out |= {"sequencer.i_answer.valid": top.sequencer.i_answer.valid, "sequencer.i_answer.data": top.sequencer.i_answer.payload}
    out |= {"fetch.i_answer.valid": top.fetch.i_answer.valid, "fetch.i_answer.data": top.fetch.i_answer.payload}
    out |= {"weight_loader.i_weight": top.loader.i_weight, "weight_loader.i_meta": top.loader.i_meta, "feed.i_data": _act_read(spec, top)}
    out |= {"fetch.o_write.valid": write.valid} | _fields("fetch.o_write", write.payload)
    return out


def _act_read(spec: AcceleratorSpec, top: Top) -> Value:
    """The bytes of feed's read in order."""
    lanes = top.feed.i_data
    return turns.right(lanes, top.feed.walk.o_at[: (len(lanes) // 8 - 1).bit_length()], 8)[: spec.levels.act.width_bits]


def _acts(spec: AcceleratorSpec, port: str, batch, acts) -> dict[str, Value]:
    """acts_l_r: what lane l of row r gets."""
    lanes, rows = range(spec.pe.adder_latency_cycles), range(spec.array.rows)
    return {f"{port}.blocks": batch.blocks, **{f"{port}.acts_{k}_{r}": acts[r][k].as_value() for k in lanes for r in rows}}


def _weights(spec: AcceleratorSpec, port: str, row) -> dict[str, Value]:
    """payload_c and offset_c of column c."""
    names = ("payload", "offset") if spec.pe.offset_bits else ("payload",)
    return {f"{port}.{x}_{c}": Value.cast(row.weights[c][x]) for c in range(spec.array.cols) for x in names}


def _rows(spec: AcceleratorSpec, top: Top) -> dict[str, Value]:
    """From the array to level acc."""
    unit, cols = top.accumulator, range(spec.array.cols)
    write = unit.o_write
    return {
        "accumulator.i_walk.valid": unit.i_walk.valid,
        **_fields("accumulator.i_walk", unit.i_walk.payload),
        **{f"array.o.sums_{c}": Value.cast(top.array.o.payload.sums[c]) for c in cols},
        "accumulator.o_read": unit.o_read,
        **{f"accumulator.i_data_{c}": Value.cast(unit.i_data[c]) for c in cols},
        "accumulator.o_write.valid": write.valid,
        "accumulator.o_write.row": write.payload.row,
        **{f"accumulator.o_write.sums_{c}": Value.cast(write.payload.sums[c]) for c in cols},
    }


def _vector(spec: AcceleratorSpec, top: Top) -> dict[str, Value]:
    unit, write = top.vector, top.vector.o_write
    out: dict[str, Value] = {"vector.o_reads": unit.o_reads, "vector.o_read_acc": unit.o_read_acc}
    out |= {"vector.o_read.address": unit.o_read.address, "vector.o_read.bank": unit.o_read.bank}
    out |= {"vector.i_data": unit.i_data, "vector.i_acc": unit.i_acc.as_value()}
    out |= {"vector.o_write.valid": write.valid, "vector.o_write.bank": write.payload.bank}
    for n in range(signatures.scattered(spec)):
        item = write.payload.elements[n]
        out |= {f"vector.o_write.{x}_{n}": Value.cast(item[x]) for x in ("valid", "address", "data")}
    return out
