import time

import numpy as np
import pytest

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Graph
from mapper.graph.legal import check
from mapper.graph.quant_params import is_depthwise
from mapper.graph.reference import run
from models.zoo import network, network_names
from models.zoo.build import macs, parameters
from models.zoo.transformer import BERT_BASE, TOKENS, WIDTH, vit_inputs

# trained parameters as published by torchvision (resnet18, resnet50, vgg19, mobilenet_v2), timm (vit_small_patch16_224)
# and Devlin et al. 2018 (bert-base-uncased, pooler included); MACs of a 224 x 224 picture, of 128 tokens for BERT
PUBLISHED = {
    "mlp": (669_706, 668_672),
    "resnet18": (11_689_512, 1_814_073_344),
    "resnet50": (25_557_032, 4_089_184_256),
    "vgg19": (143_667_240, 19_632_062_464),
    "mobilenet_v2": (3_504_872, 300_774_272),
    "vit_small": (22_050_664, 4_599_177_216),
    "bert_base": (109_482_240, 11_173_625_856),
}


def _macs(graph: Graph, kind: str = "") -> int:
    return sum(macs(x, graph) for x in graph.layers if kind in x.kind)


@pytest.mark.parametrize("name", [n for n in network_names() if n != "minilm"])
def test_published_counts(name: str) -> None:
    graph = network(name)
    check(graph)
    host = {
        "vit_small": WIDTH + TOKENS * WIDTH,  # class token, position embeddings
        "bert_base": (BERT_BASE.vocabulary + BERT_BASE.positions + BERT_BASE.types)
        * BERT_BASE.hidden
        + BERT_BASE.hidden * (BERT_BASE.hidden + 1),  # tables, pooler
    }
    assert parameters(graph) + host.get(name, 0) == PUBLISHED[name][0]
    assert _macs(graph) == PUBLISHED[name][1]


def test_resnet50_has_53_convolutions() -> None:
    graph = network("resnet50")
    assert sum(x.kind == "conv2d" for x in graph.layers) == 53
    assert _macs(graph, "conv2d") == 4_087_136_256
    layer = graph.layer("layer3.1.conv2")
    assert layer.params["weight"].shape == (256, 256, 3, 3) and layer.shape == (1, 14, 14, 256)
    assert graph.layer("layer2.0.conv2").attrs["stride"] == 2  # v1.5
    assert graph.layer("layer2.0.conv1").attrs["stride"] == 1


def test_mobilenet_v2_has_17_depthwise_convolutions() -> None:
    graph = network("mobilenet_v2")
    assert sum(is_depthwise(x) for x in graph.layers) == 17
    assert sum(x.kind == "add" for x in graph.layers) == 10


def test_resnet50_is_made_in_a_second() -> None:
    start = time.process_time()
    network("resnet50")
    assert time.process_time() - start < 1.5


def test_weights_depend_on_the_seed_and_on_nothing_else() -> None:
    one, again, other = network("mlp"), network("mlp", batch=4), network("mlp", seed=1)
    for layer in one.layers:
        for n, p in layer.params.items():
            np.testing.assert_array_equal(p, again.layer(layer.name).params[n])
            assert not np.array_equal(p, other.layer(layer.name).params[n])


@pytest.mark.parametrize("name", ["mlp", "resnet18", "mobilenet_v2"])
def test_values_neither_vanish_nor_explode(name: str) -> None:
    graph = network(name, batch=2)
    random = np.random.default_rng(0)
    inputs = {n: random.standard_normal(s, np.float32) for n, s in graph.inputs.items()}
    tensors = run(graph, inputs)
    spreads = [float(tensors[x.name].std()) for x in graph.layers if x.kind in ("conv2d", "linear")]
    assert 0.05 < min(spreads) and max(spreads) < 20
    first, second = tensors[graph.outputs[0]]
    assert np.abs(first - second).max() > 0.05  # the output depends on the picture


@pytest.mark.parametrize("name", ["mlp", "mobilenet_v2", "vit_small"])
def test_batches(name: str) -> None:
    graph = network(name, batch=3)
    check(graph)
    rows = 3 * TOKENS if name == "vit_small" else 3
    assert all(shape[0] == rows for shape in graph.inputs.values())
    assert _macs(graph) % 3 == 0


def test_patches_are_the_convolution_of_the_paper() -> None:
    """The rows that the host cuts give what a 16 x 16 convolution of stride 16 gives; row 0 is the class token."""
    graph = network("vit_small", batch=2)
    graph = graph.with_(layers=graph.layers[:2], outputs=("embed",))
    random = np.random.default_rng(0)
    images = random.standard_normal((2, 224, 224, 3), np.float32)
    token, places = random.standard_normal(WIDTH), random.standard_normal((TOKENS, WIDTH))
    patch = graph.layer("patch").params
    inputs = vit_inputs(images, token, places, patch["bias"])
    got = run(graph, inputs)["embed"].reshape(2, TOKENS, WIDTH)
    np.testing.assert_allclose(got[:, 0], np.tile(token + places[0], (2, 1)), rtol=1e-5, atol=1e-5)
    weight = patch["weight"].reshape(WIDTH, 16, 16, 3)
    for b, row, col in ((0, 0, 0), (1, 3, 13)):
        cut = images[b, 16 * row : 16 * row + 16, 16 * col : 16 * col + 16]
        at = 1 + 14 * row + col
        wanted = np.einsum("nrsc,rsc->n", weight, cut) + patch["bias"] + places[at]
        np.testing.assert_allclose(got[b, at], wanted, rtol=1e-4, atol=1e-4)
    with pytest.raises(GraphError, match="images have shape"):
        vit_inputs(images[:, :200], token, places, patch["bias"])


def test_the_head_reads_the_class_token() -> None:
    graph = network("vit_small", batch=2)
    random = np.random.default_rng(0)
    tensors = run(
        graph, {n: random.standard_normal(s, np.float32) for n, s in graph.inputs.items()}
    )
    np.testing.assert_array_equal(
        tensors["flatten"], tensors["norm"].reshape(2, TOKENS, WIDTH)[:, 0]
    )
