"""Port: one method a command; works out which bytes it touches and how long it keeps its unit, then
hands it to the Stream.
"""

from dataclasses import dataclass

from hwsim.spec.commands import ACT, FN, LEVELS
from hwsim.spec.machine import AcceleratorSpec
from mapper.cost import beats, compute_cost, vector_cost
from mapper.emit.stream import Stream

STRIDE_MAX = (1 << 23) - 1
RUN_MAX = (1 << 24) - 1
COUNT_MAX = (1 << 16) - 1


@dataclass(frozen=True)
class Walk:
    """Two loops over runs, all in bytes; loop 1 outside."""

    run: int
    count0: int = 1
    stride0: int = 0
    count1: int = 1
    stride1: int = 0

    @property
    def reach(self) -> int:
        """Bytes from the first to behind the last."""
        return self.run + (self.count0 - 1) * self.stride0 + (self.count1 - 1) * self.stride1


class Port:
    def __init__(self, spec: AcceleratorSpec, stream: Stream) -> None:
        self.spec, self.stream = spec, stream

    def load(self, level: str, buf: int, mem: int, run: int, *walk: tuple[int, int, int]) -> None:
        """`walk`: up to two of (count, stride in memory, stride in the level), innermost first."""
        self._copy("load", level, buf, mem, run, *walk)

    def load_vec(self, buf: int, mem: int, run: int, *walk: tuple[int, int, int]) -> None:
        self._copy("load", "vec", buf, mem, run, *walk)

    def store(self, buf: int, mem: int, run: int, *walk: tuple[int, int, int]) -> None:
        self._copy("store", "vec", buf, mem, run, *walk)

    def _copy(self, op: str, level: str, buf: int, mem: int, run: int, *walk: tuple[int, int, int]) -> None:
        walk = tuple(w for w in walk if w[0] > 1)
        while walk and level != "vec" and walk[0][1] == walk[0][2] == run:
            run, walk = run * walk[0][0], walk[1:]
        if not walk and run > RUN_MAX:
            half = run // 2
            self._copy(op, level, buf, mem, half)
            self._copy(op, level, buf + half, mem + half, run - half)
            return
        wide = [w for w in walk if max(abs(w[1]), abs(w[2])) > STRIDE_MAX or w[0] > COUNT_MAX]
        if wide or len(walk) > 2:
            count, mem_stride, buf_stride = walk[-1] if not wide else wide[-1]
            rest = [w for w in walk if w is not (walk[-1] if not wide else wide[-1])]
            for i in range(count):
                self._copy(op, level, buf + i * buf_stride, mem + i * mem_stride, run, *rest)
            return
        (c0, m0, b0), (c1, m1, b1) = (*walk, (1, 0, 0), (1, 0, 0))[:2]
        outside = [("memory", mem, mem + Walk(run, c0, m0, c1, m1).reach)]
        inside = [(level, buf, buf + Walk(run, c0, b0, c1, b1).reach)]
        args = {"mem": mem, "buf": buf, "run": run, "count0": c0, "count1": c1}
        args |= {"mem_stride0": m0, "mem_stride1": m1, "buf_stride0": b0, "buf_stride1": b1}
        cycles = beats(self.spec, mem, run, (c0, m0), (c1, m1))
        if op == "load":
            args["level"] = LEVELS.index(level)
            self.stream.add("load", outside, inside, cycles, self.spec.memory.latency_cycles + 2, **args)
        else:
            self.stream.add("store", inside, outside, cycles, 2, **args)

    def fill(self, level: str, buf: int, run: int, *walk: tuple[int, int], lowest: bool = False) -> None:
        """Zeros, or the lowest number. `walk`: (count, stride) innermost first."""
        walk = tuple(w for w in walk if w[0] > 1)
        if run <= 0:
            return
        (c0, b0), (c1, b1) = (*walk, (1, 0), (1, 0))[:2]
        inside = [(level, buf, buf + Walk(run, c0, b0, c1, b1).reach)]
        cycles = c0 * c1 * -(-run // self.spec.memory.beat_bytes)
        self.stream.add(
            "load", [], inside, cycles, 2, level=LEVELS.index(level), fill=2 if lowest else 1, buf=buf, run=run,
            count0=c0, count1=c1, buf_stride0=b0, buf_stride1=b1,
        )  # fmt: skip

    def compute(
        self, act_span: tuple[int, int], weight_span: tuple[int, int], meta_span: tuple[int, int], **args: int
    ) -> None:
        """Spans: first byte and byte behind the last of what is read."""
        pixels = args["count_q"] * args["count_p"] * args["count_b"]
        acc = ("acc", args["acc"], args["acc"] + pixels)
        reads = [("act", *act_span), ("weight", *weight_span)]
        if meta_span[1] > meta_span[0]:
            reads.append(("meta", *meta_span))
        cost = compute_cost(
            self.spec, ("ws", "os")[args["dataflow"]], pixels, args["run"], args["count_s"] * args["count_r"],
            args["kept"], 1 << args["block_log2"],
        )  # fmt: skip
        self.stream.add("compute", reads, [acc], cost.bound, cost.latency, **args)

    def vector(
        self, fn: str, *, rows: tuple[int, int], length: int, dst: int, dst_row: int, act: str = "none", **args: int
    ) -> None:
        """`rows`: count0, count1 in `args["..._stride1"]`; strides in bytes (source acc: rows).
        `dst_lane` defaults to the element.
        """
        eb = self.spec.pe.element_bytes
        args = {"dst_lane": eb, "a_stride0": 0, "a_stride1": 0, "dst_stride1": 0, "b_stride0": 0, "b_stride1": 0} | args
        c0, c1 = rows
        window = (args.get("window_h", 1) - 1) * args.get("window_stride_h", 0) + (
            args.get("window_w", 1) - 1
        ) * args.get("window_stride_w", 0)
        reads = [self._source(args, rows, length, window)]
        if args.get("has_b"):
            low = args["b"]
            reads.append(("vec", low, low + Walk(length * eb, c0, args["b_stride0"], c1, args["b_stride1"]).reach))
        size = args.pop("param_bytes", 0)
        if size:
            reads.append(("vec", args["param"], args["param"] + size))
        run = (length - 1) * args["dst_lane"] + eb
        writes = [("vec", dst, dst + Walk(run, c0, dst_row, c1, args["dst_stride1"]).reach)]
        args |= {
            "fn": FN.index(fn),
            "act": ACT.index(act),
            "count0": c0,
            "count1": c1,
            "len": length,
            "dst": dst,
            "dst_stride0": dst_row,
        }
        cycles = vector_cost(self.spec, args)
        self.stream.add("vector", reads, writes, cycles, self.spec.vector.latency_cycles, **args)

    def _source(self, args: dict[str, int], rows: tuple[int, int], length: int, window: int) -> tuple[str, int, int]:
        low = args["a"]
        if args.get("from_vec"):
            run = length * self.spec.pe.element_bytes + window
            return "vec", low, low + Walk(run, rows[0], args["a_stride0"], rows[1], args["a_stride1"]).reach
        return "acc", low, low + Walk(1, rows[0], args["a_stride0"], rows[1], args["a_stride1"]).reach
