"""The smallest machine behind its serial line, in the cells that Yosys makes of it: values and cycles of the simulator."""

import ctypes
import json
from collections.abc import Iterator

import numpy as np
import pytest

from hwsim.engine import simulate
from hwsim.host import Outcome, connected
from hwsim.spec.serial import State
from tests.harness.board_gates import DRIVER, CompiledBoard, terminal
from tests.harness.ice40_cells import MAJORITY, Netlist, compiled, netlist
from tests.harness.netlist import synthesised
from tests.harness.tiny1 import BAUD, BOARD, CLOCKS_PER_BIT, IMAGE_BITS, SPEC, layer

PINS = {"uart_0__rx__io": "i_serial", "uart_0__tx__io": "o_serial", "led_0__io": "o_running"}
PLANT = 'extern "C" void plant(board *b, long table, long init) { b->g.tables[table].init = init; }\n'
PRODUCT, BIT = "system.machine.array.pe_0_0.product", 7


@pytest.fixture(scope="module")
def cells() -> Netlist:
    with synthesised(SPEC, BOARD, IMAGE_BITS, BAUD) as folder:
        return netlist(json.loads((folder / "top.json").read_text())["modules"]["top"], PINS)


@pytest.fixture(scope="module")
def board(cells: Netlist) -> CompiledBoard:
    made = CompiledBoard(compiled(cells, DRIVER + PLANT), CLOCKS_PER_BIT, stretch=5_000)
    made.step(b"")  # the reset at power-up
    return made


@pytest.fixture(scope="module")
def device(board: CompiledBoard) -> Iterator[str]:
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("hwsim.host.WAIT_SECONDS", 60.0)  # a simulated board is slow on a busy computer
    with terminal(board) as name:
        yield name
    monkeypatch.undo()


def run(device: str) -> tuple[Outcome, tuple[State, int]]:
    program, inputs, _ = layer()
    with connected(device, 115200) as host:
        return host.run(program, inputs, lambda stage, done, total: None), host.status()


def faults(cells: Netlist) -> dict[str, tuple[int, int, int]]:
    """Number of a table, what it holds and what it holds wrongly: behind them is a bit of the PE's product."""
    maker = {table.output: n for n, table in enumerate(cells.tables)}
    behind = {q: d for d, _, _, q, _ in cells.flops}
    lut = maker[behind[cells.nets[PRODUCT][BIT]]]
    carry = next(maker[n] for n in cells.tables[lut].inputs if n in maker and cells.tables[maker[n]].init == MAJORITY)
    init = cells.tables[lut].init
    return {"one entry of a LUT flipped": (lut, init, init ^ 1), "a carry dropped": (carry, MAJORITY, 0)}


def test_a_fault_in_one_cell_is_seen_in_the_values(cells: Netlist, board: CompiledBoard, device: str) -> None:
    (name, right), = layer()[2].items()
    for fault, (table, sound, faulty) in faults(cells).items():
        board.calls.plant(board.board, ctypes.c_long(table), ctypes.c_long(faulty))
        outcome, _ = run(device)
        board.calls.plant(board.board, ctypes.c_long(table), ctypes.c_long(sound))
        assert not np.array_equal(outcome.outputs[name], right), f"{fault}: not seen"


def test_the_netlist_gives_values_and_cycles_of_the_simulator(device: str) -> None:
    program, inputs, outputs = layer()
    result, _ = simulate(SPEC, program, inputs, values=True)
    outcome, status = run(device)
    assert status == (State.ENDED, outcome.cycles) == (State.ENDED, result.cycles)
    assert outcome.outputs.keys() == outputs.keys()
    for name, values in outputs.items():
        np.testing.assert_array_equal(outcome.outputs[name], values)
        assert np.any(values), "the layer gives zeros alone"
