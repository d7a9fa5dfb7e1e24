"""Machine and price files: a mutated one is read or refused in clear lines, never anything else; a legal machine survives YAML."""

import re
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.spec.errors import SpecError
from hwsim.spec.load import dump_machine, load_machine, machine_names, read_text
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.prices.table import TableFile, _faults

SPEC = Path(__file__).parents[2] / "hwsim/spec"
MACHINES = [f.read_text() for f in sorted((SPEC / "presets").glob("*.yaml"))]
PRICES = [(SPEC / f"price_tables/{n}.yaml").read_text() for n in ("45nm", "ultrascale_plus")]
LINE = re.compile(r"x\.yaml(:\d+)?: .+; .+")
PIECES = st.sampled_from(
    [
        "",
        " ",
        "\n",
        ":",
        "-",
        "[",
        "]",
        "{",
        "}",
        "#",
        "&a",
        "*a",
        "!!int",
        "?",
        "|",
        ">",
        '"',
        "'",
        "\t",
        "\0",
        "\x85",
        "\ud7ff",
    ]
    + [
        "0",
        "-1",
        "true",
        "null",
        "1e999",
        "99999999999999999999",
        "<<: *a",
        "pe",
        "levels",
        "low",
        "é",
        "%YAML 9\n",
        "---\n",
    ]
)


@st.composite
def mutated(draw, texts):
    text = draw(st.sampled_from(texts))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        cut = draw(st.integers(0, 12))
        text = text[:at] + draw(PIECES) + text[at + cut :]
    return text


def refused_clearly(read) -> bool:
    try:
        read()
    except SpecError as e:
        assert all(LINE.fullmatch(line) for line in str(e).splitlines()), str(e)
        return True
    return False


@settings(max_examples=250, deadline=None)
@given(mutated(MACHINES))
def test_a_mutated_machine(text):
    refused_clearly(lambda: read_text(AcceleratorSpec, text, "x.yaml"))


@settings(max_examples=100, deadline=None)
@given(mutated(PRICES))
def test_a_mutated_price_table(text):
    refused_clearly(lambda: read_text(TableFile, text, "x.yaml", _faults))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_text(text):
    assert refused_clearly(lambda: read_text(AcceleratorSpec, text, "x.yaml"))


def test_mutations_do_break_files():
    """The property above would hold for a reader that takes everything."""
    broken = [
        text.replace(old, "zz:", 1)
        for text in MACHINES
        for old in ("pe:", "rows:", "link_depth:", "kind: ideal")
    ]
    assert all(b not in MACHINES for b in broken)
    assert all(refused_clearly(partial(read_text, AcceleratorSpec, b, "x.yaml")) for b in broken)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(machine_names()),
    st.floats(0.001, 1e6),
    st.text(
        min_size=1,
        max_size=12,
        alphabet=st.characters(exclude_categories=["Cs", "Cc"], max_codepoint=0x2FFF),
    ),
    st.integers(1, 10**17),
)
def test_a_legal_machine_survives(name, clock, other, depth):
    spec = load_machine(name).with_(clock_mhz=clock, name=other, link_depth=depth)
    back = read_text(AcceleratorSpec, dump_machine(spec), "x.yaml")
    assert back == spec and back.digest == spec.digest


@pytest.mark.parametrize("name", machine_names())
def test_dump_has_every_field(name):
    text = dump_machine(load_machine(name))
    for field in ("banks", "address_bits", "token_depth", "functions", "assumed"):
        assert f"{field}:" in text
