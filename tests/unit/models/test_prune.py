import numpy as np
import pytest

from hwsim.spec.errors import GraphError
from hwsim.spec.patterns import NMPattern
from mapper.graph.ir import Graph, Layer
from mapper.graph.legal import check
from mapper.passes.pipeline import fuse_network
from models.prune import Blocks, Unstructured, prune, prune_with_table
from models.quantise import quantise
from models.zoo import network


def _linear(weight: object) -> Graph:
    w = np.asarray(weight, np.float32)
    layer = Layer("fc", "linear", ("x",), (2, len(w)), {"weight": w})
    return Graph("one", {"x": (2, w.shape[1])}, (layer,), ("fc",))


def test_the_two_largest_of_four_stay() -> None:
    graph = prune(_linear([[1, -5, 3, -2, 0, 0.5, -0.25, 0.75]]), NMPattern(2, 4))
    np.testing.assert_array_equal(
        graph.layer("fc").params["weight"], [[0, -5, 3, 0, 0, 0.5, 0, 0.75]]
    )
    assert graph.layer("fc").pattern == (2, 4)


def test_a_short_last_block_keeps_as_many() -> None:
    graph = prune(_linear([[1, 2, 3, 4, 5, 6, 7]]), NMPattern(2, 4))
    np.testing.assert_array_equal(graph.layer("fc").params["weight"], [[0, 0, 3, 4, 0, 6, 7]])


@pytest.mark.parametrize("text", ["1:8", "2:8", "4:8", "2:4", "1:16", "2:16"])
def test_resnet18_in_blocks_of_channels(text: str) -> None:
    dense, how = network("resnet18"), NMPattern.parse(text)
    pruned = prune_with_table(dense, how)
    check(pruned.graph)
    left = [x.name for x in pruned.layers if x.dense_because]
    assert left == ["conv1"]
    for row in pruned.layers[1:]:
        assert row.kept == row.weights * how.kept // how.block, row.name
        assert how.density < row.energy < 1
        before, after = (g.layer(row.name).params["weight"] for g in (dense, pruned.graph))
        kept = after != 0
        np.testing.assert_array_equal(after[kept], before[kept])
        blocks = [abs(x).reshape(len(x), -1, how.block, *x.shape[2:]) for x in (before, after)]
        smallest = np.where(blocks[1] > 0, blocks[1], np.inf).min(2)
        dropped = np.where(blocks[1] > 0, 0, blocks[0]).max(2)
        assert (smallest >= dropped).all(), row.name


def test_mobilenet_leaves_depthwise_and_the_first_dense() -> None:
    pruned = prune_with_table(network("mobilenet_v2"), NMPattern(2, 8))
    why = {x.name: x.dense_because for x in pruned.layers if x.dense_because}
    assert why.pop("stem.conv") == "first convolution"
    assert len(why) == 17 and set(why.values()) == {"depthwise"}
    assert 0.25 < pruned.density < 0.3


def test_a_rank_below_a_block_stays_dense() -> None:
    pruned = prune_with_table(_linear(np.ones((3, 6))), NMPattern(2, 8))
    assert pruned.layers[0].dense_because == "K is 6, below a block of 8"
    assert pruned.graph.layer("fc").pattern == (1, 1) and pruned.layers[0].kept == 18


def test_leave_dense() -> None:
    pruned = prune_with_table(network("mlp"), NMPattern(2, 8), ["fc[13]"])
    assert [x.dense_because for x in pruned.layers] == [
        "named in leave_dense",
        "",
        "named in leave_dense",
    ]
    wanted = r"^leave_dense: no layer with weights matches 'nix\*'; mlp has fc1, fc2, fc3, ...$"
    with pytest.raises(GraphError, match=wanted):
        prune(network("mlp"), NMPattern(2, 8), ["nix*"])


def test_dense_changes_nothing() -> None:
    graph = network("mlp")
    for how in (NMPattern(1, 1), NMPattern(4, 4), Unstructured(1.0), Blocks(4, 4, 1.0)):
        after = prune(graph, how)
        assert after == graph
        for layer in graph.layers:
            for n, p in layer.params.items():
                np.testing.assert_array_equal(p, after.layer(layer.name).params[n])


def test_unstructured_of_each_layer_and_of_the_network() -> None:
    graph = network("mlp")
    graph = graph.with_(
        layers=tuple(
            x.with_(params={**x.params, "weight": x.params["weight"] * 100})
            if x.name == "fc3"
            else x
            for x in graph.layers
        )
    )
    each = prune_with_table(graph, Unstructured(0.1))
    assert [round(x.kept / x.weights, 3) for x in each.layers] == [0.1, 0.1, 0.1]
    whole = prune_with_table(graph, Unstructured(0.1, over_network=True))
    assert whole.density == pytest.approx(0.1, abs=1e-5)
    assert whole.layers[2].kept > 0.95 * whole.layers[2].weights  # the largest of all lie there


def test_blocks_go_as_a_whole() -> None:
    pruned = prune_with_table(network("resnet18"), Blocks(16, 8, 0.25))
    for row in pruned.layers[1:]:
        weight = pruned.graph.layer(row.name).params["weight"]
        flat = weight.transpose(0, 2, 3, 1).reshape(len(weight), -1) if weight.ndim == 4 else weight
        tiles = [
            flat[r : r + 16, c : c + 8]
            for r in range(0, len(flat), 16)
            for c in range(0, flat.shape[1], 8)
        ]
        full = [bool((t != 0).all()) for t in tiles]
        assert all(f or not t.any() for f, t in zip(full, tiles, strict=True)), row.name
        assert sum(full) == round(0.25 * len(tiles)), row.name


def test_blocks_at_the_border_are_judged_by_their_mean() -> None:
    graph = prune(_linear([[1, 1, 1, 1, 3]]), Blocks(1, 4, 0.5))
    np.testing.assert_array_equal(graph.layer("fc").params["weight"], [[0, 0, 0, 0, 3]])


def test_int8_weights_of_minus_128_are_the_largest() -> None:
    graph = _linear([[1, 2, 3, 4]])
    layer = graph.layers[0].with_(params={"weight": np.array([[-128, 127, 5, 126]], np.int8)})
    for how in (NMPattern(1, 4), Unstructured(0.25), Blocks(1, 1, 0.25)):
        after = prune(graph.with_(layers=(layer,)), how)
        np.testing.assert_array_equal(after.layer("fc").params["weight"], [[-128, 0, 0, 0]])


def test_quantisation_keeps_the_pattern() -> None:
    pruned = prune(fuse_network(network("mlp")), NMPattern(2, 8))
    check(quantise(pruned))


def test_the_table() -> None:
    text = prune_with_table(_linear([[1, -5, 3, -2]]), NMPattern(2, 4)).text()
    assert text == (
        "layer                                          weight       kept  density  energy  2:4\n"
        "fc                                                1x4          2    0.500   0.872\n"
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Unstructured(0.0),
            "unstructured: density is 0.0; give a fraction above 0, up to 1",
        ),
        (lambda: Blocks(4, 4, 1.5), "blocks: density is 1.5; give a fraction above 0, up to 1"),
        (lambda: Blocks(0, 4, 0.5), "blocks: 0 x 4; give 1 or more rows and columns"),
    ],
)
def test_wrong_ways_to_prune(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises(GraphError) as e:
        make()
    assert str(e.value) == message
