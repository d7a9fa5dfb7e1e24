"""Where the mask of an attention is added: by the map behind the scores, or by the softmax."""

from typing import Any

import numpy as np
import pytest

from hwsim.spec.load import load_machine
from mapper.graph.ir import Array, Graph
from tests.harness.graphs import Net
from tests.harness.mapped import assert_equal_values, both

BATCH, SEQ, HEADS, WIDTH = 2, 40, 2, 8
LIVE = (np.arange(SEQ) >= np.array([[0], [3]])) & (np.arange(SEQ) < np.array([[40], [37]]))  # two column tiles of 32


def attention(mask: Array, *outputs: str) -> Graph:
    net = Net(x=(BATCH * SEQ, WIDTH))
    for name in "qk":
        net.add(name, "linear", "x", params={"weight": net.normal(WIDTH, WIDTH)})
    net.add("s", "scores", "q", "k", heads=HEADS, batch=BATCH, scale=0.05)
    net.add("p", "softmax", "s", params={"mask": mask.astype(np.float32)})
    return net.graph("p", *outputs)


def readers(machine: str, graph: Graph) -> tuple[set[str], Any]:
    """Functions of the commands that have a second operand, and the values of the Program."""
    program, ready, outputs, tensors = both(graph, load_machine(machine))
    assert_equal_values(ready, outputs, tensors)
    fn = {0: "map", 1: "softmax"}
    return {fn[c["fn"]] for c in program.commands() if c.op == "vector" and c["has_b"]}, outputs


def hiding(value: float) -> Array:
    return np.where(LIVE, 0.0, value)


@pytest.mark.parametrize("value", [-1e4, -65504.0, -np.inf, np.finfo(np.float32).min])
def test_the_map_adds_it(value: float) -> None:
    found, outputs = readers("sat", attention(hiding(value)))
    assert found == {"map"}
    weights = outputs["p"]
    hidden = ~np.broadcast_to(LIVE[:, None, None], weights.shape)
    assert not weights[hidden].any() and (weights[~hidden] > 0).all()


def slope() -> Array:
    return np.where(LIVE, -0.25 * np.arange(SEQ), -1e4)


def nothing_left() -> Array:
    return np.where(np.array([[True], [False]]), 0.0, -1e4) + np.zeros((BATCH, SEQ))


@pytest.mark.parametrize(
    ("machine", "mask", "outputs"),
    [("sat", slope(), ()), ("sat", nothing_left(), ()), ("sat", hiding(-1e4), ("s",)), ("sat", hiding(-9e3), ()),
     ("sat_int8", hiding(-1e4), ())],
    ids=["slope", "all-masked", "scores-read", "light", "int8"],
)  # fmt: skip
def test_the_softmax_adds_what_rounding_would_change(machine: str, mask: Array, outputs: tuple[str, ...]) -> None:
    assert readers(machine, attention(mask, *outputs))[0] == {"softmax"}
