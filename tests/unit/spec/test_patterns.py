"""N:M patterns: what is kept, what is refused, what the machine stores."""

import numpy as np
import pytest

from hwsim.spec.errors import SpecError
from hwsim.spec.patterns import DENSE, NMPattern

P24 = NMPattern(2, 4)


@pytest.mark.parametrize(
    ("text", "kept", "block"),
    [("2:8", 2, 8), (" 1:16 ", 1, 16), ("dense", 1, 1), ("1:1", 1, 1), ("32:32", 32, 32)],
)
def test_parse(text: str, kept: int, block: int) -> None:
    assert NMPattern.parse(text) == NMPattern(kept, block)
    assert NMPattern.parse(str(NMPattern(kept, block))) == NMPattern(kept, block)


@pytest.mark.parametrize(
    "text", ["2:6", "0:4", "5:4", "1:64", "2/8", "", "2:8:1", "-1:4", "2.0:4", "²:4", "9999999:8"]
)
def test_parse_refuses(text: str) -> None:
    with pytest.raises(SpecError, match=r"^pattern"):
        NMPattern.parse(text)


def test_select_keeps_the_largest_magnitudes() -> None:
    weights = np.array([[1, -9, 3, 0, 5, 5, 5, 5]], np.int8)
    assert P24.select(weights).tolist() == [[False, True, True, False, True, True, False, False]]


def test_equal_magnitudes_keep_the_lower_index_whatever_the_sign() -> None:
    assert P24.select(np.array([-2.0, 2.0, -2.0, 2.0])).tolist() == [True, True, False, False]


def test_the_lowest_integer_has_the_largest_magnitude() -> None:
    assert NMPattern(1, 2).select(np.array([127, -128], np.int8)).tolist() == [False, True]


def test_select_equals_a_sort_block_by_block() -> None:
    rng = np.random.default_rng(1)
    for kept, block in ((1, 8), (3, 4), (2, 16), (5, 32)):
        w = rng.integers(-4, 5, (6, 3 * block)).astype(np.float32)  # few values: many ties
        mask = NMPattern(kept, block).select(w)
        for row, got in zip(w.reshape(-1, block), mask.reshape(-1, block), strict=True):
            best = sorted(range(block), key=lambda i: (-abs(row[i]), i))[:kept]
            assert sorted(np.flatnonzero(got)) == sorted(best)


def test_select_along_another_axis_is_select_of_the_transposed() -> None:
    w = np.random.default_rng(2).standard_normal((8, 3, 5))
    assert (P24.select(w, axis=0) == np.moveaxis(P24.select(np.moveaxis(w, 0, -1)), -1, 0)).all()


def test_a_short_last_block_keeps_up_to_kept() -> None:
    assert P24.select(np.array([1.0, 2.0, 3.0, 4.0, 5.0])).tolist() == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_nan_is_refused_and_infinity_is_not() -> None:
    with pytest.raises(SpecError, match=r"^weights\[1, 2\]: not a number; repair"):
        P24.select(np.array([[0, 0, 0, 0], [0, 0, np.nan, 0]]))
    assert P24.select(np.array([1, np.inf, 2, 0])).tolist() == [False, True, True, False]


def test_check_names_the_block_and_takes_fewer_nonzeros() -> None:
    P24.check(np.array([[1, 0, 0, 2, 0, 0, 0, 0]]))
    with pytest.raises(
        SpecError, match=r"^fc1\[1\]: block 1 has 3 non-zeros, 2:4 keeps 2; prune it to 2:4 first$"
    ):
        P24.check(np.array([[1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 0]]), where="fc1")


def test_balance() -> None:
    assert P24.balance(np.array([1, 1, 0, 0, 0, 1, 1, 0])) == 1.0
    assert P24.balance(np.array([1, 1, 0, 0, 0, 0, 0, 0])) == 0.5
    assert P24.balance(np.zeros(8)) == 1.0


def test_density() -> None:
    assert (P24.density, NMPattern(1, 16).density, DENSE.density) == (0.5, 1 / 16, 1.0)
    assert DENSE.is_dense and NMPattern(4, 4).is_dense and not P24.is_dense


def test_pack_is_the_slots_of_the_command_set() -> None:
    payload, offset = P24.pack(np.array([0, 5, 0, -7, 0, 0, 3, 0, 0, 0, 0, 0], np.int8))
    assert payload.tolist() == [[5, -7], [3, 0], [0, 0]]
    assert offset.tolist() == [
        [1, 3],
        [2, 2],
        [0, 0],
    ]  # unused slots: 0 at an offset not below the last one


def test_unpack_gives_back_what_pack_took() -> None:
    rng = np.random.default_rng(3)
    w = rng.integers(-128, 128, (5, 7, 19)).astype(np.int8)
    w = np.where(P24.select(w, axis=1), w, 0).astype(np.int8)
    assert (P24.unpack(*P24.pack(w, axis=1), length=7, axis=1) == w).all()


def test_pack_refuses_what_does_not_fit() -> None:
    with pytest.raises(SpecError, match="block 0 has 3 non-zeros"):
        P24.pack(np.array([1, 1, 1, 0]))


def test_an_axis_that_is_not_there() -> None:
    with pytest.raises(SpecError, match=r"^axis: 2 of an array of 2 ranks"):
        P24.select(np.zeros((4, 4)), axis=2)
