"""The compute command, hand-assembled, against its definition a slot at a time (tests/harness/values.py)."""

import numpy as np
import pytest

from hwsim.spec.numerics import wrap32
from hwsim.values import status
from tests.harness.values import FP16, INT8, draw_numbers, draw_product, same_bits

PATTERNS = [(1, 0), (1, 1), (2, 1), (1, 2), (2, 2), (1, 3), (2, 3), (4, 3), (8, 4), (5, 5)]
SPECS = {"int8": INT8, "fp16": FP16}


def filled_acc(product, rng):
    """Something in every row of acc, so that a row that must not change is seen to stay."""
    acc = product.values.acc
    if product.spec.pe.number == "int8":
        acc[:] = rng.integers(-(2**31), 2**31, acc.size)
    else:
        product.values.sums[:] = rng.standard_normal(acc.size) * 100
    return product.rows(), acc.copy()


def holds(product, rng):
    before, whole = filled_acc(product, rng)
    expected, macs = product.expected(before)
    state, counted = product.run()
    assert state == status.OK
    assert same_bits(product.rows(), expected.astype(product.rows().dtype))
    products = before.size * product.weight.shape[0] * product.weight.shape[1]
    assert counted == [macs, products - macs]
    cols, first = product.spec.array.cols, product.get("acc")
    whole[first * cols : first * cols + before.size] = product.values.acc[first * cols : first * cols + before.size]
    assert np.array_equal(whole, product.values.acc)


@pytest.mark.parametrize("number", SPECS)
@pytest.mark.parametrize("dataflow", [0, 1])
@pytest.mark.parametrize(("kept", "bits"), PATTERNS)
def test_patterns(number, dataflow, kept, bits):
    rng = np.random.default_rng(kept * 10 + bits)
    for accumulate in (0, 1):
        fields = {"dataflow": dataflow, "accumulate": accumulate, "acc": 3, "act": 64, "weight": 16, "meta": 5}
        holds(draw_product(rng, SPECS[number], (4, 5, 32), (3, 2), kept, bits, **fields), rng)


@pytest.mark.parametrize("number", SPECS)
@pytest.mark.parametrize("cols", [1, 5, 16, 31, 32, 33, 64, 70])
def test_any_number_of_columns(number, cols):
    spec = SPECS[number].with_(
        array__cols=cols, levels__weight__width_bits=16 * cols, levels__weight__capacity_bits=1 << 20, levels__acc__width_bits=32 * cols,
        levels__acc__capacity_bits=32 * cols * 64, levels__meta__width_bits=8 * cols, levels__meta__capacity_bits=1 << 20,
    )  # fmt: skip
    rng = np.random.default_rng(cols)
    for kept, bits in ((1, 0), (2, 2)):
        holds(draw_product(rng, spec, (5, 4, 16), (2, 2), kept, bits, accumulate=1), rng)


@pytest.mark.parametrize("number", SPECS)
def test_strides_batches_and_walks_backwards(number):
    rng, element = np.random.default_rng(5), SPECS[number].pe.element_bytes
    line = 9 * 8 * element
    fields = {
        "act": 3 * line, "count_q": 3, "stride_q": 2 * 8 * element, "count_p": 2, "stride_p": -2 * line, "count_b": 2, "stride_b": 5 * line,
        "count_s": 2, "stride_s": 3 * 8 * element, "count_r": 2, "stride_r": 2 * line,
    }  # fmt: skip
    for dataflow in (0, 1):
        holds(draw_product(rng, SPECS[number], (11, 9, 8), (2, 2), 2, 2, dataflow=dataflow, **fields), rng)


def test_int8_sums_are_exact_beyond_the_precision_of_fp32():
    rng = np.random.default_rng(1)
    product = draw_product(rng, INT8, (1, 3, 3072), (1, 1), 1, 0)
    product.values.act[: 3 * 3072] = 127
    product.values.weight[: 3072 * 4] = np.repeat([[-128, 127, -127, 125]], 3072, 0).reshape(-1)
    assert product.run()[0] == status.OK
    exact = 3072 * 127 * np.array([-128, 127, -127, 125], np.int64)
    assert np.array_equal(product.rows(), np.tile(exact, (3, 1)).astype(np.int32))


def test_int8_accumulation_wraps_as_a_32_bit_adder():
    rng = np.random.default_rng(2)
    product = draw_product(rng, INT8, (1, 2, 8), (1, 1), 1, 0, accumulate=1)
    product.values.acc[:] = 2**31 - 1
    expected, _ = product.expected(product.rows())
    product.run()
    assert np.array_equal(product.rows(), wrap32(expected))
    assert (product.rows() < 0).any()


@pytest.mark.parametrize("dataflow", [0, 1])
@pytest.mark.parametrize(("kept", "bits"), [(1, 0), (2, 3), (4, 3)])
def test_infinities_and_nan_meet_only_the_weights_that_are_kept(dataflow, kept, bits):
    rng = np.random.default_rng(kept)
    product = draw_product(rng, FP16, (3, 4, 16), (1, 1), kept, bits, dataflow=dataflow)
    wild = rng.choice(48 * 4, 12, replace=False)
    product.values.act[wild] = np.resize([np.inf, -np.inf, np.nan], 12)
    with np.errstate(invalid="ignore"):
        holds(product, rng)
    rows = product.rows()
    assert np.isnan(rows).any() and np.isfinite(rows).any()
    assert (rows.view(np.uint32)[np.isnan(rows)] == 0x7FC00000).all()


@pytest.mark.parametrize("number", SPECS)
def test_a_place_named_twice_is_summed_twice(number):
    rng = np.random.default_rng(9)
    product = draw_product(rng, SPECS[number], (2, 3, 16), (1, 1), 2, 3)
    product.offset[:, 1, 0] = product.offset[:, 0, 0]
    product.__post_init__()
    holds(product, rng)


def test_offsets_that_descend_are_summed_in_the_order_of_the_slots():
    rng, rows = np.random.default_rng(9), []
    product = draw_product(rng, FP16, (3, 4, 64), (1, 1), 6, 3, dataflow=1)
    for _ in range(2):
        holds(product, rng)
        rows.append(product.rows())
        product.offset, product.weight = product.offset[:, ::-1], product.weight[:, ::-1]
        product.__post_init__()
    assert not same_bits(*rows)  # the order matters here


@pytest.mark.parametrize(("kept", "bits"), [(2, 3), (1, 2), (4, 3)])
@pytest.mark.parametrize("number", SPECS)
def test_pruned_equals_dense_with_the_same_zeros(number, kept, bits):
    """Bit by bit, os (one chain). ws too where the fold of the dense command covers the same elements: int8."""
    rng = np.random.default_rng(bits)
    for dataflow in (0, 1) if number == "int8" else (1,):
        pruned = draw_product(rng, SPECS[number], (3, 4, 32), (2, 1), kept, bits, dataflow=dataflow)
        dense = draw_product(rng, SPECS[number], (3, 4, 32), (2, 1), 1, 0, dataflow=dataflow)
        full = np.zeros((64 >> bits, 1 << bits, 4), pruned.weight.dtype)
        for n in range(kept):
            at, weight = pruned.offset[:, n : n + 1], pruned.weight[:, n : n + 1]
            np.put_along_axis(full, at, np.where(weight != 0, weight, np.take_along_axis(full, at, axis=1)), axis=1)
        dense.image, dense.weight = pruned.image, full.reshape(64, 1, 4)
        dense.__post_init__()
        assert pruned.run()[0] == dense.run()[0] == status.OK
        assert same_bits(pruned.rows(), dense.rows())
        assert pruned.run()[1][0] == dense.run()[1][0]


def test_the_order_of_a_fold_is_seen_in_the_bits():
    """ws and os round differently: were one computed as the other, the tests above could not tell."""
    rng = np.random.default_rng(4)
    image, weight = draw_numbers(rng, (4, 4, 64), "fp16"), draw_numbers(rng, (64, 1, 4), "fp16")
    rows = []
    for dataflow in (0, 1):
        product = draw_product(rng, FP16, (4, 4, 64), (1, 1), 1, 0, dataflow=dataflow)
        product.image, product.weight = image, weight
        product.__post_init__()
        product.run()
        rows.append(product.rows())
    assert not same_bits(*rows)


@pytest.mark.parametrize(
    ("name", "last", "expected"),
    [
        ("act", (1 << 17) - 192, status.ACT), ("weight", (1 << 15) - 16, status.WEIGHT),
        ("meta", 2048 - 8, status.META), ("acc", 128 - 12, status.ACC),
    ],
)  # fmt: skip
def test_the_last_place_that_fits_and_the_next_one(name, last, expected):
    for place, state in ((last, status.OK), (last + 1, expected)):
        product = draw_product(np.random.default_rng(0), INT8, (3, 4, 16), (1, 1), 2, 3)
        product.fields |= {name: place}
        before = product.values.acc.copy()
        assert product.run()[0] == state
        assert np.array_equal(product.values.acc, before) or state == status.OK


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"stride_p": -64}, status.ACT), ({"stride_q": 1 << 20}, status.ACT), ({"run": 12}, status.FIELD), ({"kept": 9}, status.FIELD),
        ({"kept": 0}, status.FIELD), ({"block_log2": 6, "kept": 2}, status.FIELD),
        ({"count_q": 0}, status.FIELD), ({"count_r": 0}, status.FIELD),
    ],
)  # fmt: skip
def test_faults_are_told_and_nothing_is_written(fields, expected):
    product = draw_product(np.random.default_rng(0), INT8, (3, 4, 16), (1, 1), 2, 3)
    product.fields |= fields
    before = product.values.acc.copy()
    assert product.run() == (expected, [0, 0])
    assert np.array_equal(product.values.acc, before)


@pytest.mark.parametrize("name", ["act", "weight", "stride_q", "stride_r"])
def test_half_an_element_is_a_fault(name):
    product = draw_product(np.random.default_rng(0), FP16, (3, 4, 16), (1, 1), 2, 3)
    product.fields |= {name: 3}
    assert product.run()[0] == status.ALIGN
