"""Formats: what is encoded comes back, and sizes agree with counts made another way."""

from math import ceil, log2

import numpy as np
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hwsim.spec.formats import FORMATS, Csr, NMFormat, RunLength
from hwsim.spec.patterns import BLOCKS, NMPattern

SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=40)


@st.composite
def tensors(draw, shapes=SHAPES):
    """Of any density, from empty to full, integers and floats (NaN and -0.0 among them)."""
    dtype = draw(st.sampled_from([np.int8, np.int32, np.float16, np.float32]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(shapes)
    bits = rng.integers(0, 2 ** (8 * np.dtype(dtype).itemsize), shape, dtype=np.uint64)
    present = rng.random(shape) < draw(st.sampled_from([0.0, 0.02, 0.2, 0.7, 1.0]))
    return (bits * present).astype(f"u{np.dtype(dtype).itemsize}").view(dtype)


patterns = st.sampled_from(BLOCKS).flatmap(
    lambda m: st.builds(NMPattern, st.integers(1, m), st.just(m))
)
formats = st.one_of(st.sampled_from(FORMATS), st.builds(RunLength, st.integers(1, 16)))


@settings(max_examples=300, deadline=None)
@given(tensors(), formats)
def test_round_trip(tensor, form):
    encoded = form.encode(tensor)
    back = encoded.decode()
    assert (
        back.dtype == tensor.dtype
        and back.shape == tensor.shape
        and back.tobytes() == tensor.tobytes()
    )
    assert encoded.size == form.size(tensor)
    assert encoded.metadata.size == ceil(encoded.metadata_bits / 8)


@settings(max_examples=200, deadline=None)
@given(tensors(), patterns)
def test_round_trip_nm(tensor, pattern):
    finite = np.nan_to_num(tensor, nan=1.0) if tensor.dtype.kind == "f" else tensor
    pruned = np.where(pattern.select(finite), finite, 0).astype(tensor.dtype)
    pattern.check(pruned)
    form = NMFormat(pattern)
    encoded = form.encode(pruned)
    assert encoded.decode().tobytes() == pruned.tobytes()
    slots = pruned.size // pruned.shape[-1] * ceil(pruned.shape[-1] / pattern.block) * pattern.kept
    assert encoded.size.payload_bits == slots * pruned.itemsize * 8
    assert (
        encoded.size.metadata_bits
        == slots * round(log2(pattern.block))
        == form.size(pruned).metadata_bits
    )


@settings(max_examples=200, deadline=None)
@given(tensors(hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=60)))
def test_csr_is_scipys(tensor):
    present = (tensor.view(f"u{tensor.itemsize}") != 0).astype(np.int8)
    oracle = scipy.sparse.csr_array(present)
    encoded = Csr().encode(tensor)
    rows, k = tensor.shape
    width, index = (rows * k).bit_length(), ceil(log2(k)) if k > 1 else 0
    bits = np.unpackbits(encoded.metadata, bitorder="little")
    read = lambda at, n: sum(int(b) << i for i, b in enumerate(bits[at : at + n]))  # noqa: E731
    assert [read(i * width, width) for i in range(rows + 1)] == oracle.indptr.tolist()
    start = (rows + 1) * width
    assert [read(start + i * index, index) for i in range(oracle.nnz)] == oracle.indices.tolist()
    assert encoded.metadata_bits == start + oracle.nnz * index
    assert encoded.size.payload_bits == oracle.nnz * tensor.itemsize * 8


@settings(max_examples=200, deadline=None)
@given(tensors(), st.integers(1, 8))
def test_sizes_against_a_walk_over_the_values(tensor, run_bits):
    """One value after another, as a decoder in hardware would meet them."""
    flat = [bool(v) for v in tensor.view(f"u{tensor.itemsize}").reshape(-1).tolist()]
    bits, nnz = tensor.itemsize * 8, sum(flat)
    sizes = {f.name: f.size(tensor) for f in FORMATS}
    assert sizes["dense"].bits == len(flat) * bits
    assert (sizes["bitmask"].payload_bits, sizes["bitmask"].metadata_bits) == (
        nnz * bits,
        len(flat),
    )
    assert (sizes["coordinate"].payload_bits, sizes["coordinate"].metadata_bits) == (
        nnz * bits,
        nnz * ceil(log2(len(flat))),
    )
    entries = gap = 0
    for value in flat:
        if value or gap == 2**run_bits - 1:
            entries, gap = entries + 1, 0
        else:
            gap += 1
    trailing = len(flat) - max((i for i, v in enumerate(flat) if v), default=-1) - 1
    entries -= trailing // 2**run_bits  # zeros at the end store nothing
    assert RunLength(run_bits).size(tensor).metadata_bits == entries * run_bits


@settings(max_examples=150, deadline=None)
@given(tensors(), patterns, st.integers(-1, 2))
def test_select_keeps_exactly_kept_of_each_whole_block(tensor, pattern, axis):
    axis = min(axis, tensor.ndim - 1)
    finite = np.nan_to_num(tensor, nan=0.0) if tensor.dtype.kind == "f" else tensor
    mask = pattern.select(finite, axis)
    count = pattern.occupancy(mask, axis)
    whole = tensor.shape[axis] // pattern.block
    assert mask.shape == tensor.shape and (count[..., :whole] == pattern.kept).all()
    rest = tensor.shape[axis] % pattern.block
    assert (count[..., whole:] == min(rest, pattern.kept)).all()
    assert pattern.balance(mask, axis) <= 1
