"""Formats on one hand-counted tensor each, and streams that are not theirs."""

import dataclasses

import numpy as np
import pytest

from hwsim.spec.errors import SpecError
from hwsim.spec.formats import FORMATS, Csr, Format, NMFormat, RunLength, Size, parse_format
from hwsim.spec.patterns import NMPattern

# 2 rows of 8, three values present, int8
TENSOR = np.array([[0, 5, 0, 0, 0, 0, 0, -7], [0, 0, 0, 3, 0, 0, 0, 0]], np.int8)
EVERY = (*FORMATS, NMFormat(NMPattern(2, 8)), NMFormat(NMPattern(3, 4)), RunLength(1))


@pytest.mark.parametrize(
    ("text", "payload", "metadata"),
    [
        ("dense", 16 * 8, 0),
        ("bitmask", 3 * 8, 16),
        ("coordinate", 3 * 8, 3 * 4),  # 16 places: 4 bits each
        ("rle", 3 * 8, 3 * 4),  # runs 1, 5, 3
        ("rle:2", 4 * 8, 4 * 2),  # runs 1, 3 and a zero, 1, 3
        ("csr", 3 * 8, 3 * 5 + 3 * 3),  # 3 offsets up to 16, 3 columns of 8
        ("2:8", 4 * 8, 4 * 3),
        ("1:4", 4 * 8, 4 * 2),
    ],
)
def test_size_counted_by_hand(text: str, payload: int, metadata: int) -> None:
    form = parse_format(text)
    assert form.size(TENSOR) == form.encode(TENSOR).size == Size(payload, metadata)
    assert form.size(TENSOR).bits == payload + metadata


def test_streams_bit_by_bit() -> None:
    def bits(text: str) -> str:
        e = parse_format(text).encode(TENSOR)
        return "".join(map(str, np.unpackbits(e.metadata, bitorder="little")[: e.metadata_bits]))

    assert bits("bitmask") == "01000001" + "00010000"
    assert (
        bits("2:8") == "100" + "111" + "110" + "110"
    )  # 1, 7; 3 and the unused slot at 3; bit 0 first
    assert bits("rle:2") == "10" + "11" + "10" + "11"
    assert parse_format("rle:2").encode(TENSOR).payload.view(np.int8).tolist() == [5, 0, -7, 3]
    assert bits("csr") == "00000" + "01000" + "11000" + "100" + "111" + "110"


def test_negative_zero_and_nan_survive() -> None:
    tensor = np.array([[0.0, -0.0, np.nan, 1.0, 0.0, 0.0, 0.0, 0.0]], np.float16)
    for form in (*FORMATS, NMFormat(NMPattern(3, 8))):
        assert form.encode(tensor).decode().tobytes() == tensor.tobytes(), form


@pytest.mark.parametrize("form", EVERY, ids=str)
def test_shape_and_type_come_back(form: Format) -> None:
    tensor = np.zeros((2, 3, 5), np.float32)
    tensor[1, 2, 4] = 2.5
    back = form.encode(tensor).decode()
    assert back.shape == tensor.shape and back.dtype == tensor.dtype and (back == tensor).all()


@pytest.mark.parametrize("form", EVERY, ids=str)
def test_a_cut_stream_is_refused(form: Format) -> None:
    whole = form.encode(TENSOR)
    with pytest.raises(SpecError, match=r"^format.*encode it again$"):
        dataclasses.replace(whole, payload=whole.payload[:-1]).decode()
    if whole.metadata_bits:
        with pytest.raises(SpecError, match=r"^format.*encode it again$"):
            dataclasses.replace(
                whole, metadata_bits=whole.metadata_bits - 8, metadata=whole.metadata[:-1]
            ).decode()


def test_a_place_outside_is_refused() -> None:
    narrow = np.ones((1, 5), np.int8)
    for text in ("coordinate", "csr", "5:8", "rle"):
        whole = parse_format(text).encode(narrow)
        with pytest.raises(SpecError, match=r"^format"):
            dataclasses.replace(whole, metadata=np.full_like(whole.metadata, 0xFF)).decode()


def test_names_read_back() -> None:
    for form in EVERY:
        assert parse_format(str(form)) == form
    assert parse_format("rle") == RunLength(4)
    for text in ("coo", "rle:0", "rle:17", "2:6", ""):
        with pytest.raises(SpecError):
            parse_format(text)


def test_what_cannot_be_encoded() -> None:
    with pytest.raises(SpecError, match="float64"):
        Csr().encode(np.zeros((2, 2)))
    with pytest.raises(SpecError, match="block 0 has 2 non-zeros"):
        parse_format("1:8").encode(TENSOR)


@pytest.mark.parametrize("text", ["csr", "1:8"])
def test_a_column_outside_its_row_is_refused_even_inside_the_tensor(text: str) -> None:
    tensor = np.zeros((2, 5), np.int8)
    tensor[0, 4] = tensor[1, 4] = 1
    whole = parse_format(text).encode(tensor)
    bits = np.unpackbits(whole.metadata, bitorder="little")
    start = whole.metadata_bits - 6  # two columns or offsets of 3 bits; the first becomes 7
    bits[start : start + 3] = 1
    with pytest.raises(SpecError, match=f"^format {text}: column 7 of 5; .* encode it again$"):
        dataclasses.replace(whole, metadata=np.packbits(bits, bitorder="little")).decode()
