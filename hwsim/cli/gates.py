"""`hwsim rtl` and `hwsim verify`: the machine in gates."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from hwsim.cli.app import app
from hwsim.cli.bars import bars
from hwsim.cli.words import Json, MachineName, written

DIFFERENT = 1


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
    programs: Annotated[int, typer.Option(min=0, help="random Programs, beside the real layers")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="of the random Programs")] = 1,
    as_json: Json = False,
    out: Annotated[Path, written("-o", "--out", help="the folder for waveforms and Program of a difference")] = Path("out/verify"),
) -> None:
    """Runs Programs on engine and gates and compares every port at every clock edge; exit code 1 where they differ."""
    from hwsim.cli.files import whole_folder
    from hwsim.spec.load import load_machine
    from hwsim.twin.needs import need_compiler

    spec = load_machine(machine)
    need_compiler()
    from hwsim.twin.job import verify_machine, write_found

    files: list[str] = []
    with whole_folder(out) as folder, bars() as progress:
        assert folder is not None
        done = verify_machine(spec, programs, seed, progress)
        if done.found is not None:
            write_found(folder, spec, done.found)
            files = [str(out / f.name) for f in sorted(folder.iterdir())]
    print(json.dumps({**done.facts(), "files": files}, indent=1) if as_json else "\n".join(_lines(done, files)))
    if done.found is not None:
        raise typer.Exit(DIFFERENT)


def _lines(done: Any, files: list[str]) -> list[str]:
    if done.found is not None:
        said = f"{done.found.name}, shrunk to {len(done.found.program.words)} of {done.found.commands} commands: {', '.join(files)}"
        return [str(done.found.difference), said]
    what = f"{done.random} random Programs and {len(done.layers)} real layers on {done.machine}"
    return [f"equal: {what}, {done.cycles:,} cycles, {done.ports} ports at every clock edge ({done.simulator})"]


def module_name(machine: str) -> str:
    """A Verilog name."""
    plain = "".join(c if c.isalnum() and c.isascii() else "_" for c in machine)
    return plain if plain[:1].isalpha() else f"m_{plain}"
