"""The functional run of a whole Program against NumPy; inputs and faults, with their whole messages."""

import re
from dataclasses import replace

import numpy as np
import pytest

from hwsim.functional import Functional, run_functional
from hwsim.spec import numerics as nx
from hwsim.spec.commands import Command
from hwsim.spec.errors import ProgramError
from hwsim.spec.program import Region
from tests.harness.programs import (
    ACT_BYTES,
    OUT_BYTES,
    PARAM_BYTES,
    TILE_BYTES,
    TINY4,
    WEIGHT_BYTES,
    program,
    tiled_program,
)
from tests.harness.values import FP16, draw_numbers, pack_offsets

TILES = 4


def pruned_program():
    """tests/harness/programs.tiled_program with offsets that ascend, and an input for every tile."""
    made, rng = tiled_program(TILES), np.random.default_rng(3)
    image = made.image.copy()
    image[:16] = np.array([-500, 0, 500, 9], "<i4").view(np.uint8)
    image[16:32] = np.array([3, 1, 2, 4], "<i4").view(np.uint8)
    offsets = []
    for n in range(TILES):
        offset = np.sort(np.argsort(rng.random((2, 8, 4)), axis=1)[:, :2], axis=1)
        at = PARAM_BYTES + n * TILE_BYTES + ACT_BYTES + WEIGHT_BYTES
        image[at : at + 8] = pack_offsets(offset.reshape(4, 4), 3)
        offsets.append(offset)
    inputs = tuple(Region(f"x{n}", PARAM_BYTES + n * TILE_BYTES, (8, 16), "int8") for n in range(TILES))
    return replace(made, image=image, inputs=inputs), offsets


def expected(made, offsets, inputs):
    out = []
    for n in range(TILES):
        at = PARAM_BYTES + n * TILE_BYTES + ACT_BYTES
        weight = made.image[at : at + WEIGHT_BYTES].view(np.int8).reshape(2, 2, 4)
        dense = np.zeros((2, 8, 4), np.int64)
        np.put_along_axis(dense, offsets[n], weight.astype(np.int64), axis=1)
        sums = inputs[f"x{n}"].astype(np.int64) @ dense.reshape(16, 4)
        bias, scale = made.image[:16].view("<i4"), made.image[16:32].view("<i4")
        out.append(nx.map_int8(sums, bias, scale, None, 0, 8, nx.ACT_RELU))
    return np.stack(out)


def test_a_program_of_pruned_tiles_run_twice_on_different_inputs():
    made, offsets = pruned_program()
    run = Functional(TINY4, made)
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        inputs = {f"x{n}": rng.integers(-128, 128, (8, 16)).astype(np.int8) for n in range(TILES)}
        result = run.run(inputs)
        assert np.array_equal(result.outputs["y"], expected(made, offsets, inputs))
        assert result.outputs["y"].dtype == np.int8 and (result.outputs["y"] > 0).any()
        computes = [i for i, c in enumerate(made.commands()) if c.op == "compute"]
        assert result.macs[computes].sum(axis=1).tolist() == [8 * 2 * 2 * 4] * TILES
        assert result.macs.sum() == result.macs[computes].sum()


def test_a_run_leaves_nothing_behind_for_the_next():
    made, _ = pruned_program()
    run, rng = Functional(TINY4, made), np.random.default_rng(5)
    inputs = {f"x{n}": rng.integers(-128, 128, (8, 16)).astype(np.int8) for n in range(TILES)}
    first = run.run(inputs).outputs["y"]
    run.run({name: np.zeros_like(x) for name, x in inputs.items()})
    assert np.array_equal(run.run(inputs).outputs["y"], first)


def test_fp16_in_and_out_with_residual_and_relu():
    """x [4, 16] @ w [16, 4] + r, relu, on an fp16 machine; the sum in ascending order in FP32, one rounding."""
    commands = [
        Command.of("load", level=0, mem=0, buf=0, run=128), Command.of("load", level=1, mem=128, buf=0, run=128),
        Command.of("load", level=3, mem=256, buf=0, run=32),
        Command.of("compute", dataflow=1, kept=1, act=0, count_q=4, stride_q=32, run=16, weight=0, acc=0),
        Command.of("vector", has_b=1, act=1, count0=4, len=4, a=0, a_stride0=1, b=0, b_stride0=8, dst=64, dst_stride0=8, dst_lane=2),
        Command.of("store", mem=288, buf=64, run=32), Command.of("end"),
    ]  # fmt: skip
    rng = np.random.default_rng(6)
    x, w, r = (draw_numbers(rng, shape, "fp16") for shape in ((4, 16), (16, 4), (4, 4)))
    made = program(
        commands, 512, FP16, image=w.reshape(-1).view(np.uint8), image_base=128,
        inputs=(Region("x", 0, (4, 16), "fp16"), Region("r", 256, (4, 4), "fp16")), outputs=(Region("y", 288, (4, 4), "fp16"),),
    )  # fmt: skip
    total = np.zeros((4, 4), np.float32)
    for k in range(16):
        total = total + x[:, k, None].astype(np.float32) * w[k].astype(np.float32)
    want = np.maximum(total + r.astype(np.float32), 0).astype(np.float16)
    got = run_functional(FP16, made, {"x": x, "r": r})
    assert list(got) == ["y"]
    assert np.array_equal(got["y"], want) and got["y"].dtype == np.float16 and (want > 0).any()


def fails(text, spec, made, inputs):
    with pytest.raises(ProgramError, match=f"^{re.escape(text)}$"):
        run_functional(spec, made, inputs)


def test_inputs_that_do_not_fit():
    made = tiled_program(1)
    good = np.zeros((8, 16), np.int8)
    fails("x: the input is missing; give int8 [8, 16]", TINY4, made, {})
    fails("z: the Program has no such input; it has x", TINY4, made, {"x": good, "z": good})
    fails("x: shape [16, 8] is given; the Program takes [8, 16]", TINY4, made, {"x": good.T})
    fails("x: float32 is given; the Program takes int8, quantise or cast it", TINY4, made, {"x": good.astype(np.float32)})


def test_another_machine_and_memory_that_is_too_small():
    made = tiled_program(1)
    other = TINY4.with_(link_depth=3)
    both = f"made for machine tiny4 ({TINY4.digest}), not for tiny4 ({other.digest})"
    fails(f"program: {both}; compile it again for this machine", other, made, {})
    size = made.memory_bytes
    short = replace(made, memory_bytes=size - 1)
    fails(f"y: ends at {size}, above the Program's {size - 1} bytes of memory; compile it again", TINY4, short, {})
    assert size - OUT_BYTES == len(made.image)
    short = replace(made, memory_bytes=100)
    fails(f"program: its image ends at {len(made.image)}, above its 100 bytes of memory; compile it again", TINY4, short, {})


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (Command.of("load", level=3, mem=90, run=20), "load: an address lies outside memory (level=3 mem=90 run=20)"),
        (Command.of("store", buf=1 << 20, run=1), "store: an address lies outside level vec (buf=1048576 run=1)"),
        (Command.of("compute", run=8), "compute: a field holds a value that the command set does not know (run=8)"),
        (Command.of("vector", len=4, a=4096), "vector: a row lies outside level acc (len=4 a=4096)"),
    ],
)
def test_a_command_that_cannot_run_is_named(command, text):
    fails(f"command 1: {text}; compile the Program again", TINY4, program([Command.of("load", run=4), command], 100), {})
