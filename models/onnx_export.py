"""Graph -> ONNX, opset 20, float32. Pictures become NCHW; every layer's tensor keeps its name."""

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save_model

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Array, Graph, Layer
from mapper.graph.windows import Window

OPSET, IR_VERSION = 20, 9
SIMPLE = {"add": "Add", "matmul": "MatMul", "relu": "Relu", "gelu": "Gelu"}
PICTURE_KINDS = ("conv2d", "maxpool", "avgpool")


def to_onnx(graph: Graph, all_tensors: bool = False) -> Any:
    """A ModelProto. `all_tensors`: every layer's tensor is an output, else the graph's outputs alone."""
    if graph.scales:
        raise GraphError(f"{graph.name}: is quantised; export the float network")
    out = _Export(graph)
    for layer in graph.layers:
        out.layer(layer)
    names = [x.name for x in graph.layers] if all_tensors else list(graph.outputs)
    ids = {x.inputs[0] for x in graph.layers if x.kind == "embedding"}
    inputs = [
        out.info(n, TensorProto.INT64 if n in ids else TensorProto.FLOAT) for n in graph.inputs
    ]
    outputs = [out.info(n, TensorProto.FLOAT) for n in dict.fromkeys(names)]
    body = helper.make_graph(out.nodes, graph.name, inputs, outputs, out.constants)
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(body, opset_imports=opset, ir_version=IR_VERSION)


def save_onnx(graph: Graph, path: Path | str, all_tensors: bool = False) -> None:
    try:
        save_model(to_onnx(graph, all_tensors), str(path))
    except (OSError, ValueError) as e:
        raise GraphError(
            f"{path}: cannot be written ({e}); give a file in a folder that exists"
        ) from e


def pictures(graph: Graph) -> frozenset[str]:
    """Tensors `[batch, p, q, channel]`, which are NCHW in ONNX."""
    found = set()
    for layer in graph.layers:
        if layer.kind in PICTURE_KINDS:
            found |= {layer.name, *layer.inputs}
    for layers in (graph.layers, graph.layers[::-1]):  # what stands between pictures is one too
        for layer in layers:
            if layer.kind not in ("reshape", "linear", "scores", "context", "matmul", "embedding"):
                same = {layer.name, *layer.inputs}
                found |= same if same & found else set()
    return frozenset(n for n in found if len(graph.shape(n)) == 4)


def to_nchw(graph: Graph, name: str, x: Array) -> Array:
    """A tensor of the Graph as the exported model takes or gives it."""
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if name in pictures(graph) else x


class _Export:
    def __init__(self, graph: Graph) -> None:
        self.graph, self.pictures = graph, pictures(graph)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.titles: dict[str, str] = {}  # of nodes that are not called as their tensor

    def info(self, name: str, kind: int) -> Any:
        shape = self.graph.shape(name)
        if name in self.pictures:
            shape = (shape[0], shape[3], shape[1], shape[2])
        return helper.make_tensor_value_info(name, kind, shape)

    def node(self, op: str, inputs: list[str], out: str, name: str = "", **attrs: Any) -> str:
        """`name`: of the node, by which `load_onnx` calls the layer; else that of its tensor."""
        name = name or self.titles.get(out, out)
        self.nodes.append(helper.make_node(op, inputs, [out], name=name, **attrs))
        return out

    def constant(self, name: str, value: Any, dtype: Any = np.float32) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def param(self, layer: Layer, name: str) -> str:
        return self.constant(f"{layer.name}.{name}", layer.params[name])

    def layer(self, layer: Layer) -> None:
        """The layer itself, then the residual and the activation that it carries."""
        steps = ["residual"] * bool(layer.attrs.get("residual")) + ["act"] * bool(
            layer.attrs.get("act")
        )
        if steps:
            self.titles |= {
                f"{layer.name}/sum": layer.name,
                layer.name: f"{layer.name}/{steps[-1]}",
            }
        x = self.plain(layer, f"{layer.name}/sum" if steps else layer.name)
        for step in steps:
            out = layer.name if step == steps[-1] else f"{layer.name}/{step}"
            if step == "residual":
                x = self.node("Add", [x, layer.inputs[-1]], out)
            else:
                x = self.act(str(layer.attrs["act"]), x, out)

    def act(self, act: str, x: str, out: str) -> str:
        if act == "relu6":
            low, high = self.constant(f"{out}/0", 0.0), self.constant(f"{out}/6", 6.0)
            return self.node("Clip", [x, low, high], out)
        if act == "silu":
            return self.node("Mul", [x, self.node("Sigmoid", [x], f"{out}/sigmoid")], out)
        return self.node(SIMPLE[act], [x], out)

    def plain(self, layer: Layer, out: str) -> str:
        x = layer.inputs[0]
        if layer.kind in ("relu", "relu6", "gelu", "silu"):
            return self.act(layer.kind, x, out)
        if layer.kind in SIMPLE:
            return self.node(SIMPLE[layer.kind], list(layer.inputs), out)
        if layer.kind in ("conv2d", "linear", "maxpool", "avgpool"):
            return self.product_or_pool(layer, x, out)
        if layer.kind in ("layernorm", "batchnorm"):
            return self.norm(layer, x, out)
        if layer.kind == "embedding":
            return self.node("Gather", [self.param(layer, "table"), x], out, axis=0)
        if layer.kind == "reshape":
            return self.reshape(layer, x, out)
        if layer.kind == "softmax":
            return self.softmax(layer, x, out)
        return self.attention(layer, out)

    def product_or_pool(self, layer: Layer, x: str, out: str) -> str:
        if layer.kind == "linear":
            inputs = [x, *(self.param(layer, n) for n in ("weight", "bias") if n in layer.params)]
            return self.node("Gemm", inputs, out, transB=1)
        window = Window.of(layer)
        attrs: dict[str, Any] = {
            "strides": window.stride,
            "pads": window.pads,
            "kernel_shape": window.kernel,
        }
        if layer.kind == "conv2d":
            inputs = [x, *(self.param(layer, n) for n in ("weight", "bias") if n in layer.params)]
            groups = layer.attrs.get("groups", 1)
            return self.node("Conv", inputs, out, group=groups, dilations=window.dilation, **attrs)
        op = "MaxPool" if layer.kind == "maxpool" else "AveragePool"
        return self.node(op, [x], out, **attrs)

    def norm(self, layer: Layer, x: str, out: str) -> str:
        epsilon = float(layer.attrs["epsilon"])
        names = (
            ("gamma", "beta")
            if layer.kind == "layernorm"
            else ("gamma", "beta", "mean", "variance")
        )
        inputs = [x, *(self.param(layer, n) for n in names)]
        if layer.kind == "layernorm":
            return self.node("LayerNormalization", inputs, out, axis=-1, epsilon=epsilon)
        if len(layer.shape) != 2 and layer.name not in self.pictures:
            raise GraphError(
                f"{self.graph.name}.{layer.name}: a batch norm of {list(layer.shape)} has no ONNX form here; fold it first"
            )
        return self.node("BatchNormalization", inputs, out, epsilon=epsilon)

    def reshape(self, layer: Layer, x: str, out: str) -> str:
        shape = self.constant(f"{out}/shape", layer.shape, np.int64)
        if x in self.pictures and min(self.graph.shape(x)[1:3]) * max(self.graph.shape(x)[1:3]) > 1:
            x = self.node("Transpose", [x], f"{out}/moved", perm=[0, 2, 3, 1])
        if out not in self.pictures:
            return self.node("Reshape", [x, shape], out)
        nhwc = self.constant(f"{out}/nhwc_shape", layer.shape, np.int64)
        x = self.node("Reshape", [x, nhwc], f"{out}/nhwc", out)
        return self.node("Transpose", [x], out, f"{out}/nchw", perm=[0, 3, 1, 2])

    def softmax(self, layer: Layer, x: str, out: str) -> str:
        if "mask" in layer.params:
            mask = layer.params["mask"]
            spread = mask.reshape(len(mask), *(1,) * (len(layer.shape) - 2), -1)
            x = self.node("Add", [x, self.constant(f"{layer.name}.mask", spread)], f"{out}/masked")
        return self.node("Softmax", [x], out, axis=-1)

    def heads(self, layer: Layer, x: str, out: str, perm: list[int]) -> str:
        """[batch*seq, heads*width] as [batch, seq, heads, width], then permuted."""
        rows, width = self.graph.shape(x)
        batch, heads = int(layer.attrs["batch"]), int(layer.attrs["heads"])
        shape = [batch, rows // batch, heads, width // heads]
        cut = self.node(
            "Reshape", [x, self.constant(f"{out}/shape", shape, np.int64)], f"{out}/cut"
        )
        return self.node("Transpose", [cut], out, perm=perm)

    def attention(self, layer: Layer, out: str) -> str:
        a, b = layer.inputs[:2]
        if layer.kind == "scores":
            q = self.heads(layer, a, f"{out}/q", [0, 2, 1, 3])
            k = self.heads(layer, b, f"{out}/k", [0, 2, 3, 1])
            product = self.node("MatMul", [q, k], f"{out}/product", layer.name)
            scale = self.constant(f"{out}/scale", layer.attrs["scale"])
            return self.node("Mul", [product, scale], out, f"{out}/scaled")
        v = self.heads(layer, b, f"{out}/v", [0, 2, 1, 3])
        product = self.node("MatMul", [a, v], f"{out}/product", layer.name)
        rows = self.node("Transpose", [product], f"{out}/rows", perm=[0, 2, 1, 3])
        shape = self.constant(f"{out}/shape", layer.shape, np.int64)
        return self.node("Reshape", [rows, shape], out, f"{out}/joined")
