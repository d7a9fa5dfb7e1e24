"""The model's array between its two links, one clock edge a call; and the values that NumPy puts on its rows."""

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsim.components import array, feed, link, weight_loader
from hwsim.components.config import CONFIG, LOG_COLUMNS, fill_config
from hwsim.spec.machine import AcceleratorSpec
from tests.harness.stimulus import Batch, Row, WeightRow, Work


@dataclass
class Edge:
    """What the model did in a cycle."""

    took_batch: bool
    took_weight: bool
    row: Row | None


def leaving(s: Any, rows: deque[Row], now: int) -> Row | None:
    """The row on `o` in cycle `now`; `end` as the model has it, the sums from NumPy."""
    if not s.exits:
        return None
    at, last = s.head, s.first[s.head] + s.rows[s.head] - 1
    if not s.first[at] <= now <= last:
        return None
    row = rows.popleft()
    end = now == last and s.ends[at] >= 0
    assert end == row.end, (
        f"cycle {now}: the model ends its command at another row than the stimulus"
    )
    return row


class ModelArray:
    def __init__(self, spec: AcceleratorSpec, work: Work) -> None:
        self.config = link.records(1, CONFIG)[0]
        fill_config(self.config, spec)
        self.state = link.records(1, array.STATE)[0]
        self.state.busy_until = -1
        self.links = [link.records(1, link.LINK)[0] for _ in range(2)]
        for x in self.links:
            x.depth = spec.link_depth
        self.log = np.zeros((1 + max(b.cmd for b in work.batches), LOG_COLUMNS), np.int64)
        self.heads: list[deque[Any]] = [deque(), deque()]
        self.rows, self.now = deque(work.rows), 0

    @property
    def batch(self) -> Batch | None:
        return self.heads[0][0] if self.links[0].held else None

    @property
    def weight(self) -> WeightRow | None:
        return self.heads[1][0] if self.links[1].held else None

    def room(self, which: int) -> bool:
        return bool(link.can_push(self.links[which]))

    def push(self, which: int, item: Any) -> None:
        slot = self.links[which].slots[link.push(self.links[which])]
        if which == 0:
            slot[feed.B_CMD], slot[feed.B_OS], slot[feed.B_KEPT], slot[feed.B_BLOCK] = (
                item.cmd,
                item.os,
                item.kept,
                item.block,
            )
            slot[feed.B_STEPS], slot[feed.B_PIXELS] = item.steps, item.pixels
            slot[feed.B_FIRST], slot[feed.B_LAST] = item.first, item.last
        else:
            slot[weight_loader.W_CMD], slot[weight_loader.W_OS] = item.cmd, item.os
            slot[weight_loader.W_KEPT], slot[weight_loader.W_LAST] = item.kept, item.last
        self.heads[which].append(item)

    def step(self) -> Edge:
        row = leaving(self.state, self.rows, self.now)
        if (
            row is not None
            and self.now == self.state.first[self.state.head] + self.state.rows[self.state.head] - 1
        ):
            self.state.head = (self.state.head + 1) % array.RING  # the accumulator's part
            self.state.exits -= 1
        array.step(self.config, self.state, *self.links, self.log, self.now)
        edge = Edge(bool(self.links[0].popped), bool(self.links[1].popped), row)
        for took, head in zip((edge.took_batch, edge.took_weight), self.heads, strict=True):
            if took:
                head.popleft()
        for x in self.links:
            link.commit(x)
        self.now += 1
        return edge
