"""Shape inference: what each kind makes, and the message for what does not meet."""

import numpy as np
import pytest

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Layer
from mapper.graph.shapes import infer_shape


def w(*shape: int) -> dict[str, np.ndarray]:
    return {"weight": np.zeros(shape, np.float32)}


MADE = [
    ("conv2d", [(2, 224, 224, 3)], w(64, 3, 7, 7), {"stride": 2, "padding": 3}, (2, 112, 112, 64)),
    ("conv2d", [(1, 9, 7, 4)], w(8, 4, 3, 1), {"padding": (1, 0)}, (1, 9, 7, 8)),
    ("conv2d", [(1, 9, 9, 4)], w(8, 2, 3, 3), {"groups": 2, "dilation": 2}, (1, 5, 5, 8)),
    ("conv2d", [(1, 9, 9, 4), (1, 4, 4, 6)], w(6, 4, 3, 3), {"stride": (2, 2), "residual": True}, (1, 4, 4, 6)),
    ("linear", [(5, 12)], w(7, 12), {}, (5, 7)),
    ("scores", [(10, 12), (6, 12)], {}, {"heads": 3, "batch": 2, "scale": 0.5}, (2, 3, 5, 3)),
    ("context", [(2, 3, 5, 4), (8, 12)], {}, {"heads": 3, "batch": 2}, (10, 12)),
    ("matmul", [(2, 3, 4), (2, 4, 5)], {}, {}, (2, 3, 5)),
    ("add", [(2, 3), (2, 3)], {}, {}, (2, 3)),
    ("softmax", [(2, 3, 5, 4)], {"mask": np.zeros((2, 4))}, {}, (2, 3, 5, 4)),
    ("layernorm", [(2, 3)], {"gamma": np.ones(3), "beta": np.ones(3)}, {"epsilon": 1e-5}, (2, 3)),
    ("maxpool", [(1, 112, 112, 64)], {}, {"kernel": 3, "stride": 2, "padding": 1}, (1, 56, 56, 64)),
    ("avgpool", [(1, 7, 7, 8)], {}, {"kernel": 7}, (1, 1, 1, 8)),
    ("maxpool", [(1, 6, 6, 8)], {}, {"kernel": 3, "stride": 2, "padding": (0, 0, 1, 1)}, (1, 3, 3, 8)),
    ("reshape", [(2, 3, 4)], {}, {"shape": (6, 4)}, (6, 4)),
    ("embedding", [(9,)], {"table": np.zeros((30, 4))}, {}, (9, 4)),
]


@pytest.mark.parametrize("kind, inputs, params, attrs, want", MADE)
def test_made(kind, inputs, params, attrs, want) -> None:
    names = tuple(f"x{i}" for i in range(len(inputs)))
    assert infer_shape(Layer("a", kind, names, (), params, attrs), inputs) == want


REFUSED = [
    ("linear", [(5, 12)], w(7, 11), {},
     "a: linear of [5, 12], weight [7, 11]: the weight reduces 11 elements, a row has 12; "
     "transpose the weight or reshape"),
    ("linear", [(5, 3, 4)], w(7, 4), {},
     "a: linear of [5, 3, 4], weight [7, 4]: an input has 3 ranks, not 2; reshape it before"),
    ("linear", [(5, 3)], {}, {}, "a: linear of [5, 3]: there is no weight of 2 ranks; give one"),
    ("linear", [(5, 3)], {**w(2, 3), "bias": np.zeros(3)}, {},
     "a: linear of [5, 3], weight [2, 3], bias [3]: bias has shape [3], not [2]; "
     "transpose or cut it"),
    ("conv2d", [(1, 8, 8, 4)], w(8, 3, 3, 3), {},
     "a: conv2d of [1, 8, 8, 4], weight [8, 3, 3, 3]: 1 groups of 3 channels do not meet "
     "4 inputs, 8 outputs; change groups"),
    ("conv2d", [(1, 2, 8, 4)], w(8, 4, 3, 3), {},
     "a: conv2d of [1, 2, 8, 4], weight [8, 4, 3, 3]: a window of [3, 3] does not fit into 2 x 8; "
     "pad the input"),
    ("conv2d", [(1, 8, 8, 4)], w(8, 4, 3, 3), {"stride": 0}, "a: stride is 0; give whole numbers of 1 or more"),
    ("conv2d", [(1, 8, 8, 4)], w(8, 4, 3, 3), {"padding": (1, 2, 3)},
     "a: padding has 3 numbers, [1, 2, 3]; give 1 or 2 or 4"),
    ("conv2d", [(1, 8, 8, 4), (1, 8, 8, 8)], w(8, 4, 3, 3), {"residual": True},
     "a: conv2d of [1, 8, 8, 4], [1, 8, 8, 8], "
     "weight [8, 4, 3, 3]: the residual is [1, 8, 8, 8], the result [1, 6, 6, 8]; add equal shapes"),
    ("scores", [(10, 12), (10, 12)], {}, {"heads": 5, "batch": 2},
     "a: scores of [10, 12], [10, 12]: [10, 12] does not split into 2 batches "
     "and 5 heads; change heads or batch"),
    ("context", [(2, 3, 5, 6), (8, 12)], {}, {"heads": 3, "batch": 2},
     "a: context of [2, 3, 5, 6], [8, 12]: v is 2 x 4 rows of 3 heads; "
     "make p [batch, heads, rows, seq]"),
    ("matmul", [(2, 3, 4), (2, 5, 4)], {}, {},
     "a: matmul of [2, 3, 4], [2, 5, 4]: batch or reduced rank differ; give [B, M, K] and [B, K, N]"),
    ("add", [(2, 3), (3,)], {}, {},
     "a: add of [2, 3], [3]: the shapes differ; only equal shapes are added; fold a constant into a bias"),
    ("softmax", [(2, 3)], {"mask": np.zeros((2, 2))}, {},
     "a: softmax of [2, 3], mask [2, 2]: mask has shape [2, 2], not [2, 3]; transpose or cut it"),
    ("layernorm", [(2, 3)], {"gamma": np.ones(3)}, {"epsilon": 0.1},
     "a: layernorm of [2, 3], gamma [3]: beta is missing; give it with shape [3]"),
    ("layernorm", [(2, 3)], {"gamma": np.ones(3), "beta": np.ones(3)}, {},
     "a: layernorm of [2, 3], gamma [3], beta [3]: epsilon is None; "
     "give a number from 0 to 1"),
    ("maxpool", [(1, 4, 4, 1)], {}, {}, "a: maxpool has no kernel; give it"),
    ("maxpool", [(1, 4, 4, 1)], {}, {"kernel": 1, "padding": 1},
     "a: maxpool of [1, 4, 4, 1]: a window lies in the padding alone; "
     "pad less than the kernel"),
    ("reshape", [(2, 3)], {}, {"shape": (7,)}, "a: reshape of [2, 3]: [7] has 7 elements, not 6; change the shape"),
    ("embedding", [(2,)], {}, {}, "a: embedding of [2]: there is no table of 2 ranks; give one"),
    ("relu", [(2, 0)], {}, {}, "a: relu of [2, 0]: [2, 0] holds nothing; give every rank an extent of 1 or more"),
]  # fmt: skip


@pytest.mark.parametrize("kind, inputs, params, attrs, message", REFUSED)
def test_refused(kind, inputs, params, attrs, message) -> None:
    with pytest.raises(GraphError) as fault:
        infer_shape(Layer("a", kind, tuple("xy"[: len(inputs)]), (), params, attrs), inputs)
    assert str(fault.value) == message
