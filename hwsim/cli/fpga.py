"""`hwsim bitstream` and `hwsim host`: the machine on a board, and the way to speak with it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from hwsim.cli.bars import bars
from hwsim.cli.words import Json, MachineName, written
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.serial import BAUD

commands = typer.Typer()
FASTEST = 12_000_000  # bits a second that USB's serial chips reach


def _seconds(text: str) -> float:
    """float() takes nan and inf, and a range lets nan pass."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise typer.BadParameter(f"{str(text)[:40]!r} is no number of seconds above 0")
    return value


@commands.command()
def bitstream(
    board: Annotated[str, typer.Option("--board", "-b", help="the board, as ulx3s-85f")],
    machine: MachineName,
    out: Annotated[Path, written("-o", "--out", help="the folder to write into")],
    memory: Annotated[
        int | None, typer.Option(help="bits of block RAM for the Program; a power of two")
    ] = None,
    baud: Annotated[int | None, typer.Option(help=f"bits a second on the serial line, else {BAUD}")] = None,
    seed: Annotated[int | None, typer.Option(min=1, help="of placement; 1 by default")] = None,
    as_json: Json = False,
) -> None:
    """Builds a machine for an FPGA board; shows its fmax and what it takes. Writes a Vivado project for vcu1525 and u280."""
    from hwsim.cli.files import whole_folder
    from hwsim.spec.load import load_machine
    from rtl.boards.build import build
    from rtl.boards.flow import SEED
    from rtl.boards.vivado import VIVADO_BOARDS, refuse_options

    spec = load_machine(machine)
    if board in VIVADO_BOARDS:
        refuse_options(board, baud=baud, seed=seed)
        _vivado(spec, board, out, memory, as_json)
        return
    with whole_folder(out) as folder, bars() as progress:
        assert folder is not None
        made = build(spec, board, folder, progress, memory, BAUD if baud is None else baud, SEED if seed is None else seed)
        facts = made.facts()
        (folder / "bitstream.json").write_text(json.dumps(facts, indent=1) + "\n")
    if as_json:
        print(json.dumps(facts, indent=1))
    else:
        show_bitstream(facts, out)


def _vivado(spec: AcceleratorSpec, board: str, out: Path, memory: int | None, as_json: bool) -> None:
    from hwsim.cli.files import whole_folder
    from rtl.boards.vivado import project

    with whole_folder(out) as folder, bars() as progress:
        assert folder is not None
        progress("write the project", 0, 1)
        files = project(spec, board, memory)
        for name, text in files.items():
            (folder / name).write_text(text)
    facts = {"board": board, "machine": spec.name, "digest": spec.digest, "files": [str(out / name) for name in files]}
    if as_json:
        print(json.dumps(facts, indent=1))
    else:
        print("\n".join(facts["files"]))
        print(f"a Vivado project of {spec.name} for {board}; in {out}: vivado -mode batch -source build.tcl")


def show_bitstream(facts: dict[str, Any], out: Path) -> None:
    print(f"{out / facts['file']}: {facts['machine']} ({facts['digest']}) on {facts['board']}")
    print(
        f"fmax {facts['fmax_mhz']:g} MHz, clock {facts['clock_mhz']:g} MHz, "
        f"memory {facts['memory_bits']:,} bits, {facts['baud']} baud, seed {facts['seed']}"
    )
    for name, used in facts["used"].items():
        there = facts["available"][name]
        print(f"  {name:<5}{used:>7,} of {there:>7,}  {used / there if there else 0:>5.0%}")
    print(f"longest path: {' > '.join(facts['path'])}")


@commands.command()
def host(
    program: Annotated[
        Path, typer.Argument(metavar="PROGRAM", help="a Program that hwsim compile wrote")
    ],
    port: Annotated[str, typer.Option("--port", "-p", help="the serial device, as /dev/ttyUSB0")],
    out: Annotated[
        Path | None, written("-o", "--out", help="write the outputs there, as .npz")
    ] = None,
    inputs: Annotated[
        Path | None, typer.Option(help="an .npz with one array for each input of the Program")
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, max=(1 << 63) - 1, help="of random inputs, where none are given")
    ] = 0,
    machine: Annotated[
        str | None,
        typer.Option("--machine", "-m", help="simulate too, and say whether the board differs"),
    ] = None,
    baud: Annotated[
        int, typer.Option(min=1, max=FASTEST, help="bits a second on the serial line")
    ] = BAUD,
    patience: Annotated[
        float,
        typer.Option(
            parser=_seconds,
            metavar="SECONDS",
            help="for the Program to end, before it is stopped",
        ),
    ] = 60.0,
    as_json: Json = False,
) -> None:
    """Loads a Program into a board over its serial line, runs it, reads the results back."""
    from hwsim.cli.board import check_outputs, read_inputs, simulated, write_outputs
    from hwsim.functional import check_inputs, check_memory
    from hwsim.host import connected
    from hwsim.spec.program import load_program

    read = load_program(program)
    if out is not None:
        check_outputs(out)
    check_memory(read)
    given = read_inputs(read, inputs, seed)
    check_inputs(read, given)
    beside = simulated(read, machine, given) if machine else None
    with bars() as progress, connected(port, baud) as board:
        outcome = board.run(read, given, progress, patience)
    facts: dict[str, Any] = {"board": port, "machine": read.machine, "cycles": outcome.cycles}
    if beside is not None:
        facts |= {"simulated_cycles": beside.cycles, "equal_outputs": beside.equals(outcome.outputs)}
    if out is not None:
        write_outputs(out, outcome.outputs)
        facts["file"] = str(out)
    if as_json:
        print(json.dumps(facts, indent=1))
    else:
        print(", ".join(f"{k.replace('_', ' ')} {v:,}" if type(v) is int else f"{k.replace('_', ' ')} {v}" for k, v in facts.items()))
    if beside is not None and not (facts["equal_outputs"] and beside.cycles == outcome.cycles):
        raise typer.Exit(1)
