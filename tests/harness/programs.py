"""Hand-made Programs for tiny4: a stream of tiles, double buffered, tied with tokens."""

from typing import Any

import numpy as np

from hwsim.spec.commands import COMPUTE, LOAD, STORE, VECTOR, Command
from hwsim.spec.load import load_machine
from hwsim.spec.program import LayerInfo, Program, Region

TINY4 = load_machine("tiny4")
FP16 = load_machine("tiny4_fp16")
ACT_BYTES, WEIGHT_BYTES, META_BYTES, OUT_BYTES, PARAM_BYTES = 128, 16, 8, 32, 32
TILE_BYTES = ACT_BYTES + WEIGHT_BYTES + META_BYTES


def tile(n: int, tiles: int) -> list[Command]:
    """8 pixels x 16 inputs x 4 outputs at 2:8; tile n uses the buffers that tile n - 2 has left."""
    half, source = n % 2, PARAM_BYTES + n * TILE_BYTES
    free, more = n >= 2, n + 2 < tiles
    return [
        Command.of("load", waits=[COMPUTE] if free else [], level=0, mem=source, buf=half * ACT_BYTES, run=ACT_BYTES),
        Command.of("load", level=1, mem=source + ACT_BYTES, buf=half * WEIGHT_BYTES, run=WEIGHT_BYTES),
        Command.of(
            "load", signals=[COMPUTE], level=2, mem=source + ACT_BYTES + WEIGHT_BYTES, buf=half * META_BYTES, run=META_BYTES
        ),
        Command.of(
            "compute",
            waits=[LOAD, VECTOR] if free else [LOAD],
            signals=[LOAD, VECTOR] if more else [VECTOR],
            kept=2, block_log2=3, act=half * ACT_BYTES, count_q=8, stride_q=16, run=16,
            weight=half * WEIGHT_BYTES, meta=half * META_BYTES, acc=half * 8,
        ),
        Command.of(
            "vector",
            waits=[COMPUTE, STORE] if free else [COMPUTE],
            signals=[COMPUTE, STORE] if more else [STORE],
            has_bias=1, has_scale=1, act=1, shift=8, count0=8, len=4, a=half * 8, a_stride0=1,
            param=0, dst=64 + half * OUT_BYTES, dst_stride0=4, dst_lane=1,
        ),
        Command.of(
            "store", waits=[VECTOR], signals=[VECTOR] if more else [],
            mem=_outputs(tiles) + n * OUT_BYTES, buf=64 + half * OUT_BYTES, run=OUT_BYTES,
        ),
    ]  # fmt: skip


def _outputs(tiles: int) -> int:
    return PARAM_BYTES + tiles * TILE_BYTES


def tiled_commands(tiles: int) -> list[Command]:
    body = [Command.of("load", level=3, mem=0, buf=0, run=PARAM_BYTES)]
    for n in range(tiles):
        body += tile(n, tiles)
    return [*body, Command.of("end")]


def program(
    commands: list[Command], memory_bytes: int = 1 << 16, spec: Any = TINY4, **rest: Any
) -> Program:
    fields = {
        "image": np.zeros(0, np.uint8),
        "image_base": 0,
        "inputs": (),
        "outputs": (),
        "layers": (),
        **rest,
    }
    return Program.of(
        commands, machine=spec.name, digest=spec.digest, memory_bytes=memory_bytes, **fields
    )


def tiled_program(tiles: int = 4, seed: int = 1) -> Program:
    """Random image; one layer, one input, one output."""
    commands, out = tiled_commands(tiles), _outputs(tiles)
    image = np.random.default_rng(seed).integers(0, 256, out, np.uint8)
    macs = 8 * 16 * 4 * tiles
    layer = LayerInfo(
        "fc",
        "linear",
        "M8 N4 K16",
        0,
        len(commands) - 2,
        macs,
        macs // 4,
        macs // 4,
        8 * out,
        "2:8",
        "ws",
        1,
    )
    return program(
        commands,
        out + tiles * OUT_BYTES,
        image=image,
        inputs=(Region("x", PARAM_BYTES, (8, 16), "int8", 0.5),),
        outputs=(Region("y", out, (tiles, 8, 4), "int8", 0.25),),
        layers=(layer,),
    )
