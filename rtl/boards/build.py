"""The boards, and a bitstream for one of them: `System` between the pins of its serial line."""

import importlib
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from amaranth.hdl import Elaboratable, Module

from hwsim.spec.errors import BuildError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.serial import BAUD
from rtl.boards import tools
from rtl.boards.fits import Parts, check_baud, check_board
from rtl.boards.flow import FAMILIES, SEED, Progress, Routed, hurried, renamed, route
from rtl.boards.system import System
from rtl.boards.vivado import VIVADO_BOARDS

KEPT = ("nextpnr.log", "yosys.log")


@dataclass(frozen=True)
class Board:
    """`platform`: module and class of amaranth_boards. `memory_bits`: block RAM for the Program, unless the user wants another size."""

    family: str
    platform: tuple[str, str]
    device: str
    parts: Parts
    memory_bits: int
    options: str = ""  # for Yosys


# as nextpnr counts them
LFE5U_85, UP5K, HX8K = Parts(83_640, 156, 208 * 18_432), Parts(5_280, 8, 30 * 4_096), Parts(7_680, 0, 32 * 4_096)
BOARDS = {
    "ulx3s-85f": Board("ecp5", ("ulx3s", "ULX3S_85F_Platform"), "--85k --package CABGA381 --speed 6", LFE5U_85, 1 << 18),
    "icebreaker": Board("ice40", ("icebreaker", "ICEBreakerPlatform"), "--up5k --package sg48", UP5K, 1 << 14, "-dsp"),
    "hx8k-evn": Board("ice40", ("ice40_hx8k_b_evn", "ICE40HX8KBEVNPlatform"), "--hx8k --package ct256", HX8K, 1 << 14),
}


@dataclass(frozen=True)
class Bitstream:
    """`clock_mhz`: of the board; the machine runs at that, `routed.fmax_mhz` is what it could."""

    board: str
    machine: str
    digest: str
    file: str
    memory_bits: int
    clock_mhz: float
    baud: int
    seed: int
    routed: Routed

    def facts(self) -> dict[str, Any]:
        facts = asdict(self)
        routed = facts.pop("routed")
        return {**facts, **routed}


class OnBoard(Elaboratable):
    def __init__(self, system: System):
        self.system = system

    def elaborate(self, platform):
        m = Module()
        m.submodules.system = system = self.system
        pins, led = platform.request("uart"), platform.request("led")
        m.d.comb += [system.i_serial.eq(pins.rx.i), pins.tx.o.eq(system.o_serial), led.o.eq(system.o_running)]
        return m


def board_of(name: str) -> Board:
    if name not in BOARDS:
        raise BuildError(f"board: {name!r} is unknown; use {', '.join([*BOARDS, *VIVADO_BOARDS])}")
    return BOARDS[name]


def elaborate(spec: AcceleratorSpec, kind: Board, work: Path, memory_bits: int, baud: int) -> float:
    """top.il and the pins' constraints into `work`; gives the board's clock in Hz."""
    os.environ["OPENFPGALOADER"] = "true"  # a platform names its programmer as a tool of every build
    module, name = kind.platform
    platform = getattr(importlib.import_module(f"amaranth_boards.{module}"), name)()
    clock_hz: float = platform.default_clk_frequency
    check_baud(baud, clock_hz)
    system = System(spec, memory_bits // 8, round(clock_hz / baud))
    plan = platform.build(OnBoard(system), name="top", do_build=False)
    for file, text in plan.files.items():
        if file in ("top.il", "top.lpf", "top.pcf"):
            (work / file).write_text(renamed(text) if file == "top.il" else hurried(text))
    return clock_hz


def build(
    spec: AcceleratorSpec, board: str, folder: Path, progress: Progress, memory_bits: int | None = None, baud: int = BAUD, seed: int = SEED
) -> Bitstream:
    """Bitstream, `bitstream.json`'s facts and the tools' logs; they end in `folder`, or nothing does."""
    kind = board_of(board)
    family = FAMILIES[kind.family]
    tools.check_installed("yosys", family.place, family.pack)
    memory_bits = kind.memory_bits if memory_bits is None else memory_bits
    check_board(spec, board, kind.parts, memory_bits)
    progress("elaborate", 0, 1)
    work = folder / "work"
    work.mkdir()
    clock_hz = elaborate(spec, kind, work, memory_bits, baud)
    routed = route(work, family, kind.device.split(), progress, kind.options, seed)
    made = work / family.bitstream.split()[-1]
    file = f"{spec.name}_{board}{made.suffix}"
    shutil.move(made, folder / file)
    for log in KEPT:
        shutil.move(work / log, folder / log)
    shutil.rmtree(work)
    return Bitstream(board, spec.name, spec.digest, file, memory_bits, clock_hz / 1e6, baud, seed, routed)
