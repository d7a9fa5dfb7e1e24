"""Compute commands of any geometry, pattern and dataflow: the bits and the MACs of the definition, slot by slot."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hwsim.values import status
from tests.harness.values import FP16, INT8, Product, draw_product, same_bits


@st.composite
def products(draw: st.DrawFn) -> tuple[Product, np.random.Generator]:
    spec = draw(st.sampled_from([INT8, FP16]))
    spec = spec.with_(array__rows=draw(st.integers(1, 6)), levels__act__width_bits=512)
    bits = draw(st.integers(0, 5))
    kept = draw(st.integers(1, 1 << bits))
    channels = draw(st.integers(1, max(1, 48 >> bits))) << bits
    kernel = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    size = kernel[0] + draw(st.integers(0, 3)), kernel[1] + draw(st.integers(0, 6)), channels
    rng, element = np.random.default_rng(draw(st.integers(0, 2**32))), spec.pe.element_bytes
    fields = {"dataflow": draw(st.integers(0, 1)), "accumulate": draw(st.integers(0, 1)), "acc": draw(st.integers(0, 9))}
    fields |= {n: element * draw(st.integers(0, 40)) for n in ("act", "weight")} | {"meta": draw(st.integers(0, 40))}
    assume(kernel[0] * kernel[1] * channels * kept >> bits <= 400)
    return draw_product(rng, spec, size, kernel, kept, bits, **fields), rng


@settings(max_examples=150, deadline=None, derandomize=True)
@given(products())
def test_bits_and_macs(case: tuple[Product, np.random.Generator]) -> None:
    product, rng = case
    if product.spec.pe.number == "int8":
        product.values.acc[:] = rng.integers(-(2**31), 2**31, product.values.acc.size)
    else:
        product.values.sums[:] = rng.standard_normal(product.values.acc.size)
        if rng.random() < 0.3:
            product.values.act[rng.integers(0, product.values.act.size, 20000)] = np.nan
    before = product.rows()
    with np.errstate(invalid="ignore"):
        expected, macs = product.expected(before)
    state, counted = product.run()
    assert state == status.OK
    assert same_bits(product.rows(), expected.astype(product.rows().dtype))
    assert counted == [macs, before.size * product.weight.shape[0] * product.weight.shape[1] - macs]
