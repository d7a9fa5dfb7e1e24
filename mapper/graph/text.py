"""Text form of a Graph; prints and parses back to an equal Graph, the values of parameters apart.

    graph tiny
    input x : [1, 8, 8, 3] @ 0.02
    conv1 = conv2d(x) {bias i32[16], weight i8[16, 3, 3, 3]} act=relu padding=1 pattern=2:8 : [1, 8, 8, 16] @ 0.05
    output conv1

`@`: the real value of one int8 step. Names and words that are not plain stand in double quotes, as in JSON.
"""

import json
import re
from typing import Any

import numpy as np

from hwsim.spec.errors import GraphError
from mapper.graph.ir import KINDS, Array, Graph, Layer
from mapper.graph.legal import check
from mapper.graph.shapes import infer_shape

__all__ = ["check", "infer_shape", "parse_graph", "print_graph"]

PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
NUMBER = re.compile(r"[-+]?(?:inf|nan|[\d.]+(?:e[-+]?\d+)?)")
CONSTANTS = {"True": True, "False": False, "None": None, "inf": float("inf"), "nan": float("nan")}
DTYPES = {
    **{f"f{8 * n}": np.dtype(f"f{n}") for n in (2, 4, 8)},
    **{f"i{8 * n}": np.dtype(f"i{n}") for n in (1, 2, 4, 8)},
}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def _word(name: str) -> str:
    plain = PLAIN.fullmatch(name) and name not in CONSTANTS
    return name if plain else json.dumps(name)


def _value(value: Any, where: str) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    if isinstance(value, str):
        return _word(value)
    if isinstance(value, (tuple, list)):
        inner = ", ".join(_value(v, where) for v in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    raise GraphError(f"{where} is {type(value).__name__}; attributes are numbers, words or tuples")


def _shape(shape: tuple[int, ...]) -> str:
    return "[" + ", ".join(str(int(n)) for n in shape) + "]"


def _step(graph: Graph, name: str) -> str:
    return f" @ {float(graph.scales[name])!r}" if name in graph.scales else ""


def _param(layer: Layer, name: str) -> str:
    value = layer.params[name]
    if value.dtype not in DTYPE_NAMES:
        raise GraphError(f"{layer.name}.{name}: has type {value.dtype}; use {', '.join(DTYPES)}")
    return f"{_word(name)} {DTYPE_NAMES[value.dtype]}{_shape(value.shape)}"


def print_layer(layer: Layer) -> str:
    line = f"{_word(layer.name)} = {layer.kind}({', '.join(_word(x) for x in layer.inputs)})"
    if layer.params:
        line += " {" + ", ".join(_param(layer, name) for name in sorted(layer.params)) + "}"
    for name in sorted(layer.attrs):
        line += f" {_word(name)}={_value(layer.attrs[name], f'{layer.name}.{name}')}"
    if layer.pattern != (1, 1):
        line += f" pattern={layer.pattern[0]}:{layer.pattern[1]}"
    return f"{line} : {_shape(layer.shape)}"


def print_graph(graph: Graph) -> str:
    lines = [f"graph {_word(graph.name)}"]
    lines += [f"input {_word(n)} : {_shape(s)}{_step(graph, n)}" for n, s in graph.inputs.items()]
    lines += [print_layer(layer) + _step(graph, layer.name) for layer in graph.layers]
    lines += [f"output {_word(name)}" for name in graph.outputs]
    return "\n".join(lines) + "\n"


class _Line:
    """One line, eaten from the left; every fault names the line and the column."""

    def __init__(self, number: int, text: str) -> None:
        self.number, self.text, self.at = number, text, 0

    def fault(self, wanted: str) -> GraphError:
        rest = self.text[self.at : self.at + 20] or "the end of the line"
        return GraphError(
            f"line {self.number}, column {self.at + 1}: found {rest!r}; wanted {wanted}"
        )

    def peek(self, text: str) -> bool:
        self.at += len(self.text[self.at :]) - len(self.text[self.at :].lstrip())
        return self.text.startswith(text, self.at)

    def eat(self, text: str) -> bool:
        found = self.peek(text)
        self.at += len(text) * found
        return found

    def need(self, text: str) -> None:
        if not self.eat(text):
            raise self.fault(repr(text))

    def match(self, pattern: re.Pattern[str]) -> str | None:
        self.peek("")
        got = pattern.match(self.text, self.at)
        self.at = got.end() if got else self.at
        return got.group() if got else None

    def word(self, what: str) -> str:
        quoted = self.match(QUOTED)
        if quoted is not None:
            try:
                return str(json.loads(quoted))
            except ValueError:
                raise self.fault(f"{what}; the quoted text before is broken") from None
        plain = self.match(PLAIN)
        if plain is None:
            raise self.fault(what)
        return plain

    def whole(self) -> int:
        self.peek("")
        start, text = self.at, self.match(NUMBER)
        if text is None or not text.lstrip("+-").isdecimal() or len(text) > 20:
            self.at = start
            raise self.fault("a whole number")
        return int(text)

    def real(self) -> float:
        self.peek("")
        start, text = self.at, self.match(NUMBER)
        try:
            return float(text or "")
        except ValueError:
            self.at = start
            raise self.fault("a number") from None

    def items(self, close: str) -> list[Any]:
        out: list[Any] = []
        while not self.eat(close):
            out.append(self.value())
            if not self.eat(","):
                self.need(close)
                break
        return out

    def value(self) -> Any:
        if self.eat("("):
            return tuple(self.items(")"))
        if self.eat("["):
            return self.items("]")
        self.peek("")
        number = NUMBER.match(self.text, self.at)
        if number and not PLAIN.match(self.text, self.at):
            return self.whole() if number.group().lstrip("+-").isdecimal() else self.real()
        quoted, word = self.peek('"'), self.word("a value")
        return CONSTANTS.get(word, word) if not quoted else word

    def shape(self) -> tuple[int, ...]:
        self.need("[")
        out = [self.whole()]
        while self.eat(","):
            out.append(self.whole())
        self.need("]")
        return tuple(out)

    def step(self, scales: dict[str, float], name: str) -> None:
        if self.eat("@"):
            scales[name] = self.real()

    def end(self) -> None:
        self.peek("")
        if self.at < len(self.text):
            raise self.fault("the end of the line")


def _params(line: _Line) -> dict[str, Array]:
    params: dict[str, Array] = {}
    while not line.eat("}"):
        name, dtype = line.word("a parameter"), line.word("a type")
        if dtype not in DTYPES:
            raise line.fault(f"a shape behind one of {', '.join(DTYPES)}")
        shape = line.shape()
        try:
            params[name] = np.broadcast_to(np.zeros((), DTYPES[dtype]), shape)
        except (ValueError, OverflowError):
            raise line.fault(
                f"a shape that an array can have before it, not {list(shape)}"
            ) from None
        if not line.eat(","):
            line.need("}")
            break
    return params


def _layer(line: _Line, name: str, scales: dict[str, float]) -> Layer:
    kind = line.word("a kind of layer")
    line.need("(")
    inputs = [line.word("an input")]
    while line.eat(","):
        inputs.append(line.word("an input"))
    line.need(")")
    params = _params(line) if line.eat("{") else {}
    attrs: dict[str, Any] = {}
    pattern = (1, 1)
    while not line.eat(":"):
        key = line.word("name=value or ':'")
        line.need("=")
        if key == "pattern":
            kept = line.whole()
            line.need(":")
            pattern = (kept, line.whole())
        else:
            attrs[key] = line.value()
    shape = line.shape()
    line.step(scales, name)
    return Layer(name, kind, tuple(inputs), shape, params, attrs, pattern)


def parse_graph(text: str) -> Graph:
    """Parameters come back as zeros of their type and shape. GraphError with line and column."""
    title, outputs = "", list[str]()
    inputs, layers, scales = dict[str, tuple[int, ...]](), list[Layer](), dict[str, float]()
    for number, row in enumerate(text.splitlines(), 1):
        line = _Line(number, row)
        if not row.strip():
            continue
        first = line.word("graph, input, output or a layer")
        if line.eat("="):
            layers.append(_layer(line, first, scales))
        elif first == "graph":
            title = line.word("a name")
        elif first == "input":
            name = line.word("a name")
            line.need(":")
            inputs[name] = line.shape()
            line.step(scales, name)
        elif first == "output":
            outputs.append(line.word("a name"))
        else:
            raise line.fault("'=' behind the name of a layer")
        line.end()
    if not title:
        raise GraphError("line 1: there is no line 'graph NAME'; begin with it")
    return Graph(title, inputs, tuple(layers), tuple(outputs), scales)


assert not {"graph", "input", "output"} & set(KINDS)
