"""Tokens of random dependencies: what is needed is proven, nothing is left over, no counter overflows."""

import numpy as np
import pytest

from hwsim.spec.commands import QUEUES, Command, decode_table, encode
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.verify.tokens import check_tokens
from mapper.emit.tokens import Item, tie

OPS = ("load", "compute", "vector", "store")
TINY = load_machine("tiny4")


def random_items(seed: int, count: int, reach: int) -> list[Item]:
    """Every command needs up to `reach` commands back of some other queues."""
    rng = np.random.default_rng(seed)
    places, items = [0] * 4, []
    for _ in range(count):
        queue = int(rng.choice(4, p=[0.4, 0.2, 0.2, 0.2]))
        needs = [0] * 4
        for q in QUEUES:
            if q != queue and rng.random() < 0.5:
                needs[q] = max(0, places[q] - int(rng.integers(0, reach)))
        items.append(Item(OPS[queue], queue, places[queue], {}, needs))
        places[queue] += 1
    return items


def table_of(items: list[Item]) -> np.ndarray:
    words = b"".join(encode(Command.of(x.op, x.waits, x.signals)) for x in items)
    return decode_table(np.frombuffer(words, np.uint8).reshape(-1, 64))


@pytest.mark.parametrize("depths", [(8, 15), (2, 4), (8, 3), (4, 1)])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_needed_is_done(seed: int, depths: tuple[int, int]) -> None:
    spec: AcceleratorSpec = TINY.with_(sequencer__queue_depth=depths[0], sequencer__token_depth=depths[1])
    items = random_items(seed, 300, 40)
    needs = [list(x.needs) for x in items]
    tie(items, spec)
    clocks = check_tokens(table_of(items), spec)  # refuses deadlock, overflow and tokens left over
    for item, need, clock in zip(items, needs, clocks, strict=True):
        for q in QUEUES:
            assert q == item.queue or clock[q] >= need[q], (item.place, q)


def test_known_things_are_not_waited_for_again() -> None:
    items = random_items(1, 300, 40)
    tie(items, TINY)
    tokens = sum(len(x.waits) for x in items)
    wanted = sum(n > 0 for x in items for q, n in enumerate(x.needs) if q != x.queue)
    assert 0 < tokens < wanted
