"""`hwsim rtl` and `hwsim verify`: the machine in gates."""

import json
from pathlib import Path
from shlex import quote
from typing import Annotated, Any

import typer

from hwsim.cli.app import app
from hwsim.cli.bars import bars
from hwsim.cli.words import Json, MachineName, written
from hwsim.spec.errors import ProgramError

DIFFERENT, RANDOM = 1, 50
FOUND = Path("out/verify")


@app.command()
def rtl(
    machine: MachineName,
    out: Annotated[Path, written("-o", "--out", help="the folder for Verilog, RTLIL and JSON")],
    axi: Annotated[bool, typer.Option("--axi", help="AXI4 to memory and AXI4-Lite registers instead of plain ports")] = False,
    as_json: Json = False,
) -> None:
    """Writes the whole machine as Verilog and RTLIL, with its ports, commands and registers as JSON."""
    from hwsim.cli.files import whole_folder
    from hwsim.spec.load import load_machine
    from hwsim.twin.needs import need_rtl

    spec = load_machine(machine)
    need_rtl()
    from rtl.emit import emit

    with whole_folder(out) as folder, bars() as progress:
        assert folder is not None
        progress("write gates", 0, 1)
        files = emit(spec, module_name(spec.name), axi)
        for name, text in files.items():
            (folder / name).write_text(text)
    facts = {"machine": spec.name, "digest": spec.digest, "files": [str(out / name) for name in files]}
    print(json.dumps(facts, indent=1) if as_json else "\n".join(facts["files"]))


@app.command()
def verify(
    machine: MachineName,
    programs: Annotated[int | None, typer.Option(min=0, help="random ones, else 50; real layers, up to four, run always")] = None,
    seed: Annotated[int, typer.Option(min=0, help="of random Programs, real layers and inputs of a given Program")] = 1,
    program: Annotated[Path | None, typer.Option("--program", metavar="FILE", help="compare this Program alone")] = None,
    as_json: Json = False,
    out: Annotated[Path, written("-o", "--out", help="the folder for waveforms and Program of a difference")] = FOUND,
) -> None:
    """Runs Programs on engine and gates and compares every port at every clock edge; exit code 1 where they differ.

    What an earlier difference left in the folder is removed where all is equal.
    """
    from hwsim.cli.files import whole_folder
    from hwsim.spec.load import load_machine
    from hwsim.twin.needs import need_compiler

    if program is not None and programs is not None:
        raise ProgramError(f"{program}: compared alone, --programs is of random ones; leave one of the two out")
    spec = load_machine(machine)
    given = None if program is None else _given(program, spec, out)
    need_compiler()
    from hwsim.twin.job import verify_machine, verify_program, write_found
    from hwsim.twin.leftovers import drop

    files: list[str] = []
    with whole_folder(out) as folder, bars() as progress:
        assert folder is not None
        if given is None:
            done = verify_machine(spec, RANDOM if programs is None else programs, seed, progress)
        else:
            done = verify_program(spec, given, str(program), seed, progress)
        if done.found is not None:
            write_found(folder, spec, done.found)
            files = [str(out / f.name) for f in sorted(folder.iterdir())]
    if done.found is None:
        drop(out, keep=program)
    again = _again(machine, out) if files else None
    print(json.dumps({**done.facts(), "files": files, "again": again}, indent=1) if as_json else "\n".join(_lines(done, files, again)))
    if done.found is not None:
        raise typer.Exit(DIFFERENT)


def _given(path: Path, spec: Any, out: Path) -> Any:
    """Read and checked before anything is compiled. What verify leaves of it must not overwrite it."""
    from hwsim.spec.program import load_program
    from hwsim.spec.verify import verify

    program = load_program(path)
    verify(program, spec)
    kept = out / "program.bin"
    if program.layers and kept.exists() and kept.samefile(path):
        raise ProgramError(f"{path}: a difference would overwrite it; give another folder with -o")
    return program


def _again(machine: str, out: Path) -> str:
    """The command that compares what was found."""
    where = [] if out == FOUND else ["-o", str(out)]
    words = ["hwsim", "verify", "--machine", machine, "--program", str(out / "program.bin"), *where]
    return " ".join(map(quote, words))


def _lines(done: Any, files: list[str], again: str | None) -> list[str]:
    ports = f"{done.ports} ports at every clock edge ({done.simulator})"
    if done.found is not None:
        left, of = len(done.found.program.words), done.found.commands
        size = f"{left} commands" if left == of else f"shrunk to {left} of {of} commands"
        return [str(done.found.difference), f"{done.found.name}, {size}: {', '.join(files)}", f"again: {again}"]
    what = done.program or f"{done.random} random Programs and {len(done.layers)} real layers"
    return [f"equal: {what} on {done.machine}, {done.cycles:,} cycles, {ports}"]


def module_name(machine: str) -> str:
    """A Verilog name."""
    plain = "".join(c if c.isalnum() and c.isascii() else "_" for c in machine)
    return plain if plain[:1].isalpha() else f"m_{plain}"
