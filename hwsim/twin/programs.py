"""Random legal Programs that keep every queue busy: tiles, double buffered and tied with tokens, as a mapper would have them, but with
walks, patterns, functions and strides drawn at will.

A tile: activations, a fill, weights and metadata are loaded, sometimes a second operand of the vector unit and sometimes what an earlier
tile has stored; one or two products go into level acc; a map brings the sums to level vec, sometimes another function follows; a store.
Nothing is read on chip that the Program has not written, so that a machine may run one after the other.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.spec.commands import ACT, COMPUTE, FN, LEVELS, LOAD, STORE, VECTOR, Command
from hwsim.spec.errors import ProgramError, SpecError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.patterns import BLOCKS
from hwsim.spec.program import Program
from hwsim.spec.verify import verify

ATTEMPTS = 50
TABLED = ("gelu", "silu")
WILD = (0x7C00, 0xFC00, 0x7E00, 0x0001, 0x8000, 0x7BFF)  # fp16: infinities, NaN, subnormal, -0, largest


@dataclass(frozen=True)
class Places:
    """Of one machine: bytes of a tile in each level, rows of acc, bytes of an operand in vec, and where memory has its parts."""

    spec: AcceleratorSpec
    act: int
    weight: int
    meta: int
    rows: int
    params: int
    operand: int
    source: int  # bytes of the image
    out: int  # bytes of a tile's result in memory

    @classmethod
    def of(cls, spec: AcceleratorSpec) -> "Places":
        levels, element = spec.levels, spec.pe.element_bytes
        vec = levels.vec.bank_bytes if levels.vec.banks > 1 else levels.vec.capacity_bytes // 2
        tables = {"gelu", "silu", "softmax"} & set(spec.vector.functions) or spec.pe.number == "fp16"
        params = 8 * max(spec.array.cols, spec.vector.lanes) + ((1024 if vec > 3072 else 256) if tables else 0)
        params = -(-params // 64) * 64
        operand = min(512 * element, (vec - params) // 4) // 8 * 8
        if operand < 8 * element:
            raise SpecError(f"levels.vec.capacity_bits: {levels.vec.capacity_bits} leaves no room for random tiles; enlarge it")
        most = {"act": 4096, "weight": 4096, "meta": 2048}
        act, weight, meta = (min(getattr(levels, name).capacity_bytes // 2, bytes_) // 4 * 4 for name, bytes_ in most.items())
        source, rows = min(1 << 13, 1 << spec.memory.address_bits - 2), min(spec.acc_rows // 2, 4 * spec.array.rows)
        return cls(spec, act, weight, meta, rows, params, operand, source, 2 * operand)

    def vec(self, half: int, n: int) -> int:
        """Operand n (0 the second one, 1 and 2 results) of a tile; halves in different banks where there are any."""
        vec = self.spec.levels.vec
        apart = vec.bank_bytes if vec.banks > 1 else vec.capacity_bytes // 2
        return half * apart + self.params + n * self.operand


@dataclass(frozen=True)
class Draw:
    """What a tile has, known before its neighbours are tied to it."""

    second: bool  # operand b of its map is loaded
    reuse: bool  # it loads what the tile before has stored
    products: int
    follows: bool  # a function after the map


def random_program(spec: AcceleratorSpec, seed: int, tiles: int = 3) -> Program:
    """A Program that the verifier accepts and that the gates can run; the same for the same seed."""
    for attempt in range(ATTEMPTS):
        made = _program(np.random.default_rng([seed, attempt]), spec, tiles)
        try:
            verify(made, spec)
        except ProgramError:
            continue
        return made
    raise ProgramError(f"seed {seed}: {ATTEMPTS} draws for {spec.name} are not legal; report the machine's YAML")


def _program(rng: np.random.Generator, spec: AcceleratorSpec, tiles: int) -> Program:
    p = Places.of(spec)
    draws = [Draw(rng.random() < 0.4, n > 0 and rng.random() < 0.25, int(rng.integers(1, 3)), rng.random() < 0.5) for n in range(tiles)]
    ready = [] if draws[0].second else [VECTOR]  # else the load of the second operand tells it
    commands = [Command.of("load", signals=ready, level=LEVELS.index("vec"), mem=p.source - p.params, buf=0, run=p.params)]
    for n in range(tiles):
        commands += _Tile(rng, p, draws, n).commands()
    return Program.of(
        [*commands, Command.of("end")], machine=spec.name, digest=spec.digest, memory_bytes=p.source + (tiles + 1) * p.out,
        image=_image(rng, p), image_base=0, inputs=(), outputs=(), layers=(),
    )  # fmt: skip


def _image(rng: np.random.Generator, p: Places) -> Any:
    """int8: any bytes, a third of them 0. fp16: small numbers, some 0, few extreme. Parameters stand last."""
    if p.spec.pe.number == "int8":
        body = rng.integers(0, 256, p.source, np.uint8)
        body[rng.random(p.source) < 0.3] = 0
        return body
    numbers = rng.standard_normal(p.source // 2).astype(np.float16).view(np.uint16)
    numbers[rng.random(len(numbers)) < 0.2] = 0
    wild = rng.random(len(numbers)) < 0.002
    numbers[wild] = rng.choice(np.array(WILD, np.uint16), int(wild.sum()))
    image = numbers.view(np.uint8).copy()
    image[p.source - p.params :] = rng.standard_normal(p.params // 4).astype(np.float32).view(np.uint8)
    return image


class _Tile:
    """The commands of tile n. Those of tile n + 2 use its buffers, and wait for it."""

    def __init__(self, rng: np.random.Generator, p: Places, draws: list[Draw], n: int) -> None:
        self.rng, self.p, self.spec, self.n, self.draw = rng, p, p.spec, n, draws[n]
        self.half, self.free, self.more = n % 2, n >= 2, n + 2 < len(draws)
        self.next_second = self.more and draws[n + 2].second
        self.next_reuse = n + 1 < len(draws) and draws[n + 1].reuse
        self.element = p.spec.pe.element_bytes

    def commands(self) -> list[Command]:
        pixels, walks = self._pixels()
        products = [self._product(pixels, walks, k) for k in range(self.draw.products)]
        length = int(self.rng.integers(1, min(self.spec.array.cols, self.p.operand // (pixels * self.element)) + 1))
        vectors = self._vectors(pixels, length)
        return [*self._loads(products), *products, *vectors, self._store(vectors[-1]["count0"] * length * self.element)]

    def _int(self, low: int, high: int) -> int:
        """low..high, both included."""
        return int(self.rng.integers(low, max(low, high) + 1))

    def _chance(self, often: float) -> bool:
        return bool(self.rng.random() < often)

    def _pixels(self) -> tuple[int, dict[str, int]]:
        """How many, and their counts; no more than a buffer of level vec holds."""
        most = max(1, min(self.p.rows, self.p.operand // (self.element * 2)))
        q = self._int(1, most)
        p = self._int(1, min(3, most // q))
        b = self._int(1, min(2, most // (q * p)))
        return q * p * b, {"count_q": q, "count_p": p, "count_b": b}

    def _mem(self, run: int) -> int:
        """Somewhere in the image, mostly at a whole element."""
        at = self._int(0, self.p.source - self.p.params - run)
        return at if self.element == 1 or self._chance(0.1) else at // 2 * 2

    def _load(self, level: str, buf: int, run: int, waits: Any = (), signals: Any = (), mem: int | None = None) -> Command:
        """In one run, or in two or more rows from places of their own."""
        rows = self._int(2, 4)
        if run % (8 * rows) or not self._chance(0.5):
            rows = 1
        part = run // rows
        given = self._mem(2 * run) if mem is None else mem
        stride = part + self._int(0, 8) // self.element * self.element if mem is None else part
        return Command.of(
            "load", waits, signals, level=LEVELS.index(level), mem=given, buf=buf, run=part, count0=rows, mem_stride0=stride,
            buf_stride0=part,
        )  # fmt: skip

    def _loads(self, products: list[Command]) -> list[Command]:
        """As much as the products read, and a fill somewhere in it."""
        p, half = self.p, self.half
        acts = max(self._acts(c) for c in products)
        slots = max(c["count_r"] * c["count_s"] * (c["run"] >> c["block_log2"]) * c["kept"] for c in products)
        log2 = max(c["block_log2"] for c in products)
        mem = p.source + (self.n - 1) * p.out if self.draw.reuse else None
        out = [self._load("act", half * p.act, acts, [COMPUTE] if self.free else [])]
        if mem:  # over the beginning
            out.append(self._load("act", half * p.act, min(acts, p.out), [STORE], mem=mem))
        pad = self._int(1, min(32, acts // self.element)) * self.element
        at = self._int(0, (acts - pad) // self.element) * self.element
        out.append(Command.of("load", level=0, fill=self._int(1, 2), buf=half * p.act + at, run=pad))
        out.append(self._load("weight", half * p.weight, slots * self.spec.array.cols * self.element))
        meta = max(1, slots * -(-self.spec.array.cols * log2 // 8))
        out.append(self._load("meta", half * p.meta, min(p.meta, meta), signals=[COMPUTE]))
        if self.draw.second:
            out.append(self._load("vec", p.vec(half, 0), p.operand, [VECTOR] if self.free else [], [VECTOR]))
        return out

    def _acts(self, c: Command) -> int:
        """Bytes of its half that a product reads of level act; strides are not negative."""
        reach = sum((c[f"count_{x}"] - 1) * c[f"stride_{x}"] for x in "qpbsr")
        return c["act"] - self.half * self.p.act + reach + c["run"] * self.element

    def _product(self, pixels: int, counts: dict[str, int], k: int) -> Command:
        """The k-th: the first writes the rows of acc, the second adds to them."""
        p, pe, cols, element = self.p, self.spec.pe, self.spec.array.cols, self.element
        block = int(self.rng.choice([m for m in BLOCKS if m <= pe.block_max]))
        kept, log2 = self._int(1, min(pe.kept_max, block)), block.bit_length() - 1
        slots = min(p.weight // (cols * element), p.meta // max(1, -(-cols * log2 // 8)) if log2 else p.weight)
        blocks = self._int(1, min(slots // kept, 3 * self.spec.array.rows + 2, p.act // (block * element)))
        r = self._int(1, min(3, blocks))
        s = self._int(1, min(3, blocks // r))
        run = blocks // (r * s) * block
        room = p.act // element - run
        strides, left = {}, room
        for name, count in (("s", s), ("r", r), *((x, counts[f"count_{x}"]) for x in "qpb")):
            step = self._int(0, min(run if name in "sr" else 24, left // (count - 1))) if count > 1 else 0
            strides[f"stride_{name}"], left = step * element, left - step * (count - 1)
        first, last = k == 0, k == self.draw.products - 1
        waits = ([LOAD, VECTOR] if self.free else [LOAD]) if first else []
        signals = ([LOAD, VECTOR] if self.more else [VECTOR]) if last else []
        flows = [n for n, name in enumerate(("ws", "os")) if name in self.spec.array.dataflows]
        return Command.of(
            "compute", waits, signals, dataflow=int(self.rng.choice(flows)), accumulate=int(not first), kept=kept, block_log2=log2,
            act=self.half * p.act + self._int(0, left) * element, run=run, count_s=s, count_r=r, **counts, **strides,
            weight=self.half * p.weight, meta=self.half * p.meta, acc=self.half * p.rows,
        )  # fmt: skip

    def _vectors(self, pixels: int, length: int) -> list[Command]:
        """A map from acc, and what follows it in vec. `b` is what was loaded, row by row."""
        p, half, element = self.p, self.half, self.element
        waits = [COMPUTE, *([STORE] if self.free else []), *([LOAD] if self.draw.second or self.n == 0 else [])]
        signals = [STORE, *([COMPUTE] if self.more else []), *([LOAD] if self.next_second else [])]
        turned, follows = self._chance(0.3), self.draw.follows
        first = self._map(length) | {
            "a": half * p.rows, "a_stride0": 1, "count0": pixels, "has_b": int(self.draw.second), "b": p.vec(half, 0),
            "b_stride0": length * element, "dst": p.vec(half, 1),
            "dst_lane": pixels * element if turned else element, "dst_stride0": element if turned else length * element,
        }  # fmt: skip
        out = [Command.of("vector", waits, [] if follows else signals, **first)]
        if follows:
            rows = {"from_vec": 1, "a": p.vec(half, 1), "a_stride0": length * element}
            rows |= {"dst": p.vec(half, 2), "dst_stride0": length * element, "dst_lane": element}
            out.append(Command.of("vector", signals=signals, **rows, **self._function(pixels, length)))
        return out

    def _map(self, length: int) -> dict[str, int]:
        clip = ["clip"] if self.element == 2 else []
        act = str(self.rng.choice(["none", "relu", *clip, *(a for a in TABLED if a in self.spec.vector.functions)]))
        scale = self._int(0, 1)
        shift = 0 if self.element == 2 else self._int(24, 46) if scale else self._int(0, 14)
        return {
            "fn": FN.index("map"), "act": ACT.index(act), "len": length, "has_bias": int(self._chance(0.3 + 0.4 * scale)),
            "has_scale": scale, "shift": shift, "imm": self._imm(), "param": 0,
        }  # fmt: skip

    def _imm(self) -> int:
        """int8: a whole number, often a small one; fp16: the bits of a small FP32 number."""
        if self.element == 1:
            return int(self.rng.integers(1 << 32 if self._chance(0.3) else 1 << 6))
        return int(np.float32(abs(self.rng.standard_normal())).view(np.uint32))

    def _function(self, pixels: int, length: int) -> dict[str, int]:
        """Over rows that stand in vec; fewer of them where a window needs several."""
        able = [f for f in FN if f in self.spec.vector.functions]
        known = [f for f in able if f != "depthwise" or length <= self.spec.vector.lanes]
        fn = str(self.rng.choice(known))
        if fn == "map":
            return {**self._map(length), "count0": pixels}
        out = {"fn": FN.index(fn), "len": length, "shift": self._int(0, 20) if self.element == 1 else 0, "imm": self._imm(), "param": 0}
        if fn in ("softmax", "layernorm"):
            flags = {"has_bias": 1, "has_scale": 1} if fn == "layernorm" else {}
            return {**out, **flags, "count0": pixels}
        window = self._int(1, min(3, pixels))
        out |= {"window_w": window, "window_stride_w": length * self.element, "count0": pixels - window + 1}
        return out | ({"has_bias": 1, "has_scale": 1} if fn == "depthwise" else {})

    def _store(self, size: int) -> Command:
        p = self.p
        signals = ([VECTOR] if self.more else []) + ([LOAD] if self.next_reuse else [])
        rows = self._int(1, 3)
        run = self._int(1, max(1, size // rows))
        stride = self._int(0, (size - run) // max(1, rows - 1))  # of what was written
        return Command.of(
            "store", [VECTOR], signals, mem=p.source + self.n * p.out + self._int(0, 7), run=run, count0=rows,
            buf=p.vec(self.half, 2 if self.draw.follows else 1), buf_stride0=stride, mem_stride0=run + self._int(0, 5),
        )  # fmt: skip
