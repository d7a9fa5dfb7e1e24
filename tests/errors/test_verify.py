"""Every message of the verifier, whole."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hwsim.spec.commands import COMPUTE, LOAD, STORE, VECTOR, Command
from hwsim.spec.errors import ProgramError
from hwsim.spec.program import LayerInfo, Region
from hwsim.spec.verify import verify
from tests.harness.programs import TINY4, program, tiled_program

END = Command.of("end")
FP16 = TINY4.with_(
    pe__number="fp16",
    levels__weight__width_bits=64,
    levels__act__width_bits=128,
    vector__functions=("map", "maxpool"),
)
LAYER = LayerInfo("fc", "linear", "M1", 0, 5, 0, 0, 0, 0, "1:1", "ws", 0)


def refused(message: str, *commands: Command, spec: Any = TINY4, **rest: Any) -> None:
    with pytest.raises(ProgramError, match=f"^{re.escape(message)}$"):
        verify(program([*commands, END], spec=spec, **rest), spec)


def load(**args: Any) -> Command:
    return Command.of("load", **{"run": 8, **args})


def compute(**args: Any) -> Command:
    return Command.of("compute", **{"kept": 1, "run": 8, **args})


def vector(**args: Any) -> Command:
    return Command.of("vector", **{"len": 4, "dst_lane": 1, **args})


def test_another_machine() -> None:
    other = TINY4.with_(name="other", vector__lanes=8)
    message = f"program: made for machine tiny4 ({TINY4.digest}), not for other ({other.digest}); compile it again for this machine"
    with pytest.raises(ProgramError, match=f"^{re.escape(message)}$"):
        verify(tiled_program(1), other)


def test_memory() -> None:
    small = TINY4.with_(memory__address_bits=16)
    wide = "shrink the network or widen memory.address_bits"
    refused(
        f"program: memory_bytes is 65537, tiny4 addresses 65536; {wide}",
        spec=small,
        memory_bytes=65537,
    )
    image = np.zeros(200, np.uint8)
    refused(
        "program: image lies at bytes 100..299, memory_bytes is 256; compile it again",
        memory_bytes=256,
        image=image,
        image_base=100,
    )
    out = Region("y", 250, (2, 2), "fp32")
    refused(
        "program: region y lies at bytes 250..265, memory_bytes is 256; compile it again",
        memory_bytes=256,
        outputs=(out,),
    )
    refused(
        "program: layer fc has commands 0..5, the Program has 0..0; compile it again",
        layers=(LAYER,),
    )


def test_end() -> None:
    for commands, message in (
        ([], "command 0: end is missing after 0 commands; add it"),
        ([load()], "command 1: end is missing after 1 commands; add it"),
        ([END, load(), END], "command 0: end stands before 2 more commands; it must be the last"),
        (
            [Command.of("end", [LOAD])],
            "command 0: end waits or signals, it has no queue; leave both out",
        ),
    ):
        with pytest.raises(ProgramError, match=f"^{re.escape(message)}$"):
            verify(program(commands), TINY4)


def test_an_unknown_opcode() -> None:
    made = tiled_program(1)
    words = made.words.copy()
    words[2, 0] |= 15
    message = "command 2: opcode 15 is unknown; the Program is corrupted, compile it again"
    with pytest.raises(ProgramError, match=f"^{message}$"):
        verify(replace(made, words=words), TINY4)


COPIES = [
    (load(count1=0), "load.count1 is 0, an extent is 1 or more; leave the command out if it does nothing"),
    (load(run=0), "load.run is 0, an extent is 1 or more; leave the command out if it does nothing"),
    (load(level=5), "load.level is 5, levels are 0..3; use act, weight, meta, vec"),
    (load(fill=3), "load.fill is 3, fills are 0..2; use 0 memory, 1 zeros, 2 the lowest number"),
    (load(mem=65530), "load.mem is 65530: the walk touches bytes 65530..65537 of memory, which has 0..65535; move or shrink it"),
    (load(level=1, buf=8, buf_stride1=-4, count1=4),
     "load.buf is 8: the walk touches bytes -4..15 of weight, which has 0..4095; move or shrink it"),
    (load(level=2, buf=2000, buf_stride0=8, count0=7),
     "load.buf is 2000: the walk touches bytes 2000..2055 of meta, which has 0..2047; move or shrink it"),
    (load(level=3, buf=4092), "load.buf is 4092: a run straddles two banks of 4096 bytes of vec; keep each in one bank"),
    (Command.of("store", run=8, buf=8190),
     "store.buf is 8190: the walk touches bytes 8190..8197 of vec, which has 0..8191; move or shrink it"),
    (Command.of("store", run=8, mem=4, mem_stride0=-8, count0=2),
     "store.mem is 4: the walk touches bytes -4..11 of memory, which has 0..65535; move or shrink it"),
    (load(level=2, count0=257), "load: 2056 bytes go through meta, which holds 2048; split the command"),
    (Command.of("store", run=8, count0=513, count1=2), "store: 8208 bytes go through vec, which holds 8192; split the command"),
]  # fmt: skip
COMPUTES = [
    (compute(count_q=0), "compute.count_q is 0, an extent is 1 or more; leave the command out if it does nothing"),
    (compute(kept=0), "compute.kept is 0, an extent is 1 or more; leave the command out if it does nothing"),
    (compute(block_log2=4, run=16), "compute.block_log2 is 4, the PE holds blocks of 8 at most; use a smaller block or raise pe.block_max"),
    (compute(kept=5, block_log2=3), "compute.kept is 5, the PE holds 4 at most; keep fewer or raise pe.kept_max"),
    (compute(kept=3, block_log2=1), "compute.kept is 3, the block has 2; keep at most the whole block"),
    (compute(run=12, block_log2=3), "compute.run is 12, not a multiple of the block 8; pad the reduced rank"),
    (compute(act=4096),
     "compute.act is 4096: the walk touches bytes 4096..4103 of act, which has 0..4095; move or shrink it"),
    (compute(act=8, count_p=3, stride_p=-8),
     "compute.act is 8: the walk touches bytes -8..15 of act, which has 0..4095; move or shrink it"),
    (compute(run=1024, weight=4), "compute.weight is 4: the walk touches bytes 4..4099 of weight, which has 0..4095; move or shrink it"),
    (compute(run=8, block_log2=3, kept=2, meta=2046),
     "compute.meta is 2046: the walk touches bytes 2046..2049 of meta, which has 0..2047; move or shrink it"),
    (compute(count_p=5, count_q=5, count_b=2, acc=80),
     "compute.acc is 80: the walk touches rows 80..129 of acc, which has 0..127; move or shrink it"),
    (compute(run=4096, count_r=64),
     "compute.weight is 0: the walk touches bytes 0..1048575 of weight, which has 0..4095; move or shrink it"),
]  # fmt: skip
VECTORS = [
    (vector(fn=9), "vector.fn is 9, functions are 0..5; use map, softmax, layernorm, maxpool, avgpool, depthwise"),
    (vector(act=6), "vector.act is 6, activations are 0..4; use none, relu, clip, gelu, silu"),
    (vector(len=0), "vector.len is 0, an extent is 1 or more; leave the command out if it does nothing"),
    (vector(len=5), "vector.len is 5, a row of acc has 4; split the command"),
    (vector(fn=5, from_vec=1, len=5), "vector.len is 5, depthwise takes 4 lanes at most; split the command"),
    (vector(act=2), "vector.act is 2, clip is for fp16; use relu and the scale"),
    (vector(fn=1, from_vec=1, act=1), "vector.act is 1, softmax does not take relu; apply it in a map"),
    (vector(fn=2, from_vec=1, has_b=1), "vector.has_b is 1, layernorm does not take it; leave it out"),
    (vector(fn=4, from_vec=1, has_scale=1), "vector.has_scale is 1, avgpool does not take it; leave it out"),
    (vector(window_h=2), "vector.window_h is 2, map has no window; leave it out"),
    (vector(fn=3), "vector.from_vec is 0, maxpool reads level vec; bring the sums to vec by a map first"),
    (vector(fn=1), "vector.from_vec is 0, softmax of int8 reads level vec; bring the sums to vec by a map first"),
    (vector(fn=5, from_vec=1, window_h=13, window_w=5, param=1024, dst=4096),
     "vector.window_h is 13, window_w 5, of a window of 64 elements at most; split the window"),
    (vector(dst_lane=0), "vector.dst_lane is 0, an element has 1 bytes; elements must not fall on each other"),
    (vector(param=2, has_bias=1), "vector.param is 2, not a multiple of 4 bytes; align it"),
    (vector(param=4088, has_bias=1),
     "vector.param is 4088: a parameter block straddles two banks of 4096 bytes of vec; keep each in one bank"),
    (vector(a=126, count0=3, a_stride0=1), "vector.a is 126: the walk touches rows 126..128 of acc, which has 0..127; move or shrink it"),
    (vector(from_vec=1, a=4094), "vector.a is 4094: a row straddles two banks of 4096 bytes of vec; keep each in one bank"),
    (vector(fn=3, from_vec=1, a=4000, window_h=3, window_stride_h=60),
     "vector.a is 4000: a row straddles two banks of 4096 bytes of vec; keep each in one bank"),
    (vector(from_vec=1, has_b=1, b=8190),
     "vector.b is 8190: the walk touches bytes 8190..8193 of vec, which has 0..8191; move or shrink it"),
    (vector(from_vec=1, a=8, dst=6, len=3),
     "vector.dst is 6: the result overlaps a, where it is not the operand of the same element; keep them apart"),
    (vector(from_vec=1, a=8, dst=8, count0=3, a_stride0=2, dst_stride0=2),
     "vector.dst is 8: the result overlaps a, where it is not the operand of the same element; keep them apart"),
    (vector(has_bias=1, param=16, dst=30),
     "vector.dst is 30: the result overlaps param, where it is not the operand of the same element; keep them apart"),
    (vector(dst=4090, dst_lane=3), "vector.dst is 4090: a row straddles two banks of 4096 bytes of vec; keep each in one bank"),
    (vector(count0=2049), "vector: 8196 bytes go through vec, which holds 8192; split the command"),
]  # fmt: skip


@pytest.mark.parametrize(
    "command, message",
    COPIES + COMPUTES + VECTORS,
    ids=lambda x: x[:40] if isinstance(x, str) else "",
)
def test_operands(command: Command, message: str) -> None:
    refused(f"command 1: {message}", load(level=3, buf=6000), command)


FP16S = [
    (Command.of("load", level=1, buf=1, run=8), "load.buf is 1, not a multiple of 2 bytes; align it"),
    (Command.of("load", level=0, run=7), "load.run is 7, not a multiple of 2 bytes; align it"),
    (compute(act=1), "compute.act is 1, not a multiple of 2 bytes; align it"),
    (compute(stride_s=3), "compute.stride_s is 3, not a multiple of 2 bytes; align it"),
    (compute(weight=5), "compute.weight is 5, not a multiple of 2 bytes; align it"),
    (vector(dst=1, dst_lane=2), "vector.dst is 1, not a multiple of 2 bytes; align it"),
    (vector(dst_lane=1), "vector.dst_lane is 1, not a multiple of 2 bytes; align it"),
    (vector(from_vec=1, a_stride1=-1, dst_lane=2), "vector.a_stride1 is -1, not a multiple of 2 bytes; align it"),
    (vector(dst_lane=2, act=3),
     "vector.act is 3, the vector unit of tiny4 has no gelu; add it to vector.functions or take another machine"),
    (vector(dst_lane=2, fn=1),
     "vector.fn is 1, the vector unit of tiny4 has no softmax; add it to vector.functions or take another machine"),
]  # fmt: skip


@pytest.mark.parametrize(
    "command, message", FP16S, ids=lambda x: x[:30] if isinstance(x, str) else ""
)
def test_fp16(command: Command, message: str) -> None:
    refused(f"command 0: {message}", command, spec=FP16)


def test_a_dataflow_that_the_array_lacks() -> None:
    spec = TINY4.with_(array__dataflows=("ws",))
    refused(
        "command 0: compute.dataflow is 1, the array of tiny4 has ws alone; use ws",
        compute(dataflow=1),
        spec=spec,
    )


def test_the_first_faulty_command_is_named() -> None:
    refused(
        "command 1: compute.kept is 5, the PE holds 4 at most; keep fewer or raise pe.kept_max",
        load(), compute(kept=5, block_log2=3), load(level=7),
    )  # fmt: skip


def test_deadlock() -> None:
    refused(
        "command 1: deadlock, compute waits for a token from load that never comes; let an earlier load command signal compute",
        load(), compute(waits=[LOAD]),
    )  # fmt: skip
    refused(
        "command 0: deadlock, load waits for a token from compute that never comes "
        "(command 8 and all behind it are held by the full queue load); let an earlier compute command signal load",
        load(waits=[COMPUTE]), *[load()] * 8, compute(act=100, signals=[LOAD]),
    )  # fmt: skip


def test_tokens_left_over() -> None:
    refused(
        "command 1: 2 tokens from load to store are left at the end, 0 must be; signal only what is waited for",
        load(signals=[STORE]), load(signals=[STORE]), compute(act=100),
    )  # fmt: skip


def test_overflow() -> None:
    loads = [load(signals=[COMPUTE])] * 16
    takers = [compute(act=100, acc=i, waits=[LOAD]) for i in range(16)]
    refused(
        "command 15: 16 tokens from load may await compute, a counter holds 15; let load wait for compute more often",
        *loads, *takers,
    )  # fmt: skip


def test_hazard() -> None:
    refused(
        "command 1: compute.act reads bytes 0..7 of act, command 0: load.buf writes bytes 4..11 of act, "
        "and no chain of tokens orders them; let load signal compute",
        load(buf=4), compute(),
    )  # fmt: skip
    refused(
        "command 2: vector.a reads rows 2..4 of acc, command 1: compute.acc writes rows 0..2 of acc, "
        "and no chain of tokens orders them; let compute signal vector",
        load(buf=64, signals=[VECTOR]), compute(count_q=3), vector(a=2, a_stride0=1, count0=3, waits=[LOAD]),
    )  # fmt: skip
