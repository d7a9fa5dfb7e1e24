"""Emitter: walks the plan, gives tensors their memory and takes it back, and describes each layer."""

from collections.abc import Callable
from math import prod

from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import LayerInfo, Region
from mapper.allocate import Memory, Ring
from mapper.emit.areas import Areas, param_need, split
from mapper.emit.describe import describe
from mapper.emit.flat import emit_rows
from mapper.emit.image import Image
from mapper.emit.lower import places
from mapper.emit.plan import Plan, Step
from mapper.emit.plan_vector import FlatPlan
from mapper.emit.port import Port
from mapper.emit.product import Ports, ProductEmitter
from mapper.emit.stream import Stream
from mapper.emit.transpose import Transpose, emit_transpose
from mapper.emit.window import WindowEmitter, WindowLayer
from mapper.graph.ir import Graph, Layer
from mapper.nest import Place


class Emitter:
    def __init__(
        self, graph: Graph, spec: AcceleratorSpec, plan: Plan, image: Image, stream: Stream, port: Port
    ) -> None:
        self.graph, self.spec, self.plan, self.stream, self.port = graph, spec, plan, stream, port
        self.memory = Memory(image.size, spec.memory.address_bits, graph.name)
        self.rows: dict[str, int] = {}
        self.cols: dict[str, int] = {}
        levels = spec.levels
        self.rings = {
            "act": Ring(0, levels.act.capacity_bytes), "weight": Ring(0, levels.weight.capacity_bytes),
            "meta": Ring(0, levels.meta.capacity_bytes), "acc": Ring(0, spec.acc_rows),
        }  # fmt: skip
        self.last = self._last_reads()
        self.inputs = self._inputs()

    def _size(self, tensor: str) -> int:
        return prod(self.graph.shape(tensor)) * self.spec.pe.element_bytes

    def _last_reads(self) -> dict[str, int]:
        """Root -> the last step that touches it; outputs stay."""
        last: dict[str, int] = {}
        for i, step in enumerate(self.plan.steps):
            for layer in (step.layer, *step.tail):
                for name in (layer.name, *layer.inputs):
                    last[self.plan.root[name]] = i
        for name in self.graph.outputs:
            last[self.plan.root[name]] = len(self.plan.steps)
        return last

    def _region(self, name: str, address: int) -> Region:
        number = self.spec.pe.number
        return Region(name, address, self.graph.shape(name), number, self.graph.scales.get(name, 1.0))

    def _inputs(self) -> tuple[Region, ...]:
        """Inputs of the network but ids, and what the host gathers from embeddings. They are never
        overwritten.
        """
        names = [n for n in self.graph.inputs if n not in self.plan.host]
        names += [x.name for x in self.graph.layers if x.kind == "embedding"]
        for name in names:
            self.rows[name] = self.memory.take(self._size(name))
            self.last[name] = len(self.plan.steps)
        return tuple(self._region(n, self.rows[n]) for n in names)

    def outputs(self) -> tuple[Region, ...]:
        return tuple(self._region(n, self.rows[self.plan.root[n]]) for n in self.graph.outputs)

    def run(self, progress: Callable[[str, int, int], None] | None) -> tuple[LayerInfo, ...]:
        infos = []
        for i, step in enumerate(self.plan.steps):
            if progress:
                progress(step.layer.name, i, len(self.plan.steps))
            self._emit(step)
            first, last = self.stream.close_layer()
            infos.append(describe(self.graph, self.spec, step, first, last))
            self._free(i)
        return tuple(infos)

    def _free(self, i: int) -> None:
        for table in (self.rows, self.cols):
            for name in [n for n in table if self.last.get(n) == i]:
                self.memory.give_back(table.pop(name), self._size(name))

    def _emit(self, step: Step) -> None:
        if step.product is not None:
            self._product(step)
            return
        areas = Areas(self.spec, split(self.spec, step.param_bytes, step.layer.name))
        sources = [self.rows[self.plan.root[i]] for i in step.layer.inputs]
        dst = self._new(self.rows, step.layer.name)
        if isinstance(step.vector, WindowLayer):
            WindowEmitter(self.port, areas, step.vector, sources[0], dst).emit()
            return
        assert isinstance(step.vector, FlatPlan)
        skip = 0
        for rows, row_step in step.vector.parts:
            emit_rows(self.port, areas, rows, row_step, [s + skip for s in sources], dst + skip)
            skip += rows.count * rows.length * self.spec.pe.element_bytes

    def _new(self, table: dict[str, int], name: str) -> int:
        table[name] = self.memory.take(self._size(name))
        return table[name]

    def _product(self, step: Step) -> None:
        x, layer, m = step.product, step.layer, step.mapping
        assert x is not None and m is not None
        act = self.rows[self.plan.root[layer.inputs[0]]]
        weight = step.weight_at
        if x.dynamic:
            second = self.plan.root[layer.inputs[1]]
            if layer.kind == "scores" and second not in self.cols:
                self._transpose(layer, second)
            weight = (self.cols if layer.kind == "scores" else self.rows)[second]
        act_place, weight_place, out = places(layer, x, act, weight)
        dense = self._shift(out, self._new(self.rows, layer.name)) if x.rows_out else None
        cols = Place((self._new(self.cols, layer.name),), 0) if x.cols_out else None
        tail = self._shift(out, self._new(self.rows, step.out.name)) if step.tail else None
        residual = Place((self.rows[self.plan.root[layer.inputs[-1]]],), x.n * x.element_bytes) if x.residual else None
        ports = Ports(
            act=act_place,
            weight=weight_place,
            meta=step.meta_at,
            residual=residual,
            out=dense,
            out_t=cols,
            tail_out=tail,
        )
        areas = Areas(self.spec, split(self.spec, param_need(self.spec, x), layer.name), x.fixed_bytes)
        ProductEmitter(self.port, self.rings, areas, x, m, ports, step.epilogue, step.rows).emit()

    def _transpose(self, layer: Layer, tensor: str) -> None:
        batch, _, _, seq = layer.shape
        n = self._size(tensor) // (batch * seq * self.spec.pe.element_bytes)
        x = Transpose(layer.name, self.rows[tensor], self._new(self.cols, tensor), batch, seq, n)
        emit_transpose(self.port, Areas(self.spec, split(self.spec, 0, layer.name)), x)

    @staticmethod
    def _shift(place: Place, by: int) -> Place:
        return Place(tuple(b + by for b in place.base), place.pitch)
