"""What the benches of single blocks share: a model's link with the payload that the gates see, tokens, random commands, the planting of
faults."""

from collections import Counter, deque
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Const, Module

from hwsim.components import link
from hwsim.components.config import CONFIG, LOG_COLUMNS, TOKENS, fill_config
from hwsim.spec.commands import WORD_BYTES, Command, decoded_table, encode
from hwsim.spec.machine import AcceleratorSpec
from rtl import signatures
from tests.harness.twins import differ


class Queue:
    """A link record and, item by item, what stands for it on the gates' port."""

    def __init__(self, depth: int) -> None:
        self.link = link.records(1, link.LINK)[0]
        self.link.depth = depth
        self.items: deque[Any] = deque()

    @property
    def room(self) -> int:
        return int(self.link.held < self.link.depth)

    @property
    def head(self) -> Any:
        return self.items[0] if self.link.held else None

    def push(self, item: Any, *fields: int) -> None:
        """The bench pushes into what the model pops."""
        slot = self.link.slots[link.push(self.link)]
        for k, value in enumerate(fields):
            slot[k] = value
        self.items.append(item)

    def pop(self) -> None:
        """The bench pops what the model pushes."""
        link.pop(self.link)

    def pushed_fields(self) -> Any:
        """What the model has just pushed."""
        at = (self.link.head + self.link.held) % self.link.depth
        return self.link.slots[at]

    def edge(self) -> None:
        if self.link.popped and self.items:
            self.items.popleft()
        link.commit(self.link)


class Bench:
    """Model side of a bench: config, command table, log, tokens. `count`: what was compared."""

    def __init__(self, block: str, spec: AcceleratorSpec, commands: list[Command], seed: int) -> None:
        self.block, self.spec, self.commands = block, spec, commands
        self.rng = np.random.default_rng(seed)
        self.config = link.records(1, CONFIG)[0]
        fill_config(self.config, spec)
        self.table = decoded_table(commands)
        self.words = [int.from_bytes(encode(c), "little") for c in commands]
        self.log = np.zeros((len(commands), LOG_COLUMNS), np.int64)
        self.tokens = link.records(1, TOKENS)[0]
        self.count: Counter[str] = Counter()
        self.now = 0

    def chance(self, often: float) -> bool:
        return bool(self.rng.random() < often)

    def differ(self, what: str, gates: Any, model: Any) -> None:
        differ(self.now, self.block, what, gates, model)

    def there(self, queue: int) -> int:
        return sum(1 << q for q in range(4) if self.tokens.held[q, queue] > 0)

    def give_some(self, queue: int) -> None:
        """Tokens come to a queue now and then, as far as the counters hold."""
        for q in range(4):
            if self.chance(0.3) and self.tokens.held[q, queue] < 3:
                self.tokens.change[q, queue] += 1

    def token_edge(self) -> None:
        self.tokens.held[:] += self.tokens.change
        self.tokens.change[:] = 0
        self.now += 1
        assert self.now < 50_000, f"{self.block} stands still"


def mask(queues: Any) -> int:
    return sum(1 << q for q in queues)


def kept(spec: AcceleratorSpec, op: str, word: int) -> int:
    """What of a command word its queue carries."""
    value = signatures.kept(spec, op, Const(word, 8 * WORD_BYTES))
    return int(Const.cast(value).value)


def plant(patch: pytest.MonkeyPatch, component: type, change: Any) -> None:
    """Gates whose `elaborate` is followed by `change(component, module)`: the last assignment wins."""
    whole = component.elaborate  # type: ignore[attr-defined]

    def elaborate(self: Any, platform: Any) -> Module:
        m = whole(self, platform)
        change(self, m)
        return m

    patch.setattr(component, "elaborate", elaborate)


DISAGREE = r"^cycle \d+: {}: gates and model disagree on {}: gates .*, model .*$"
