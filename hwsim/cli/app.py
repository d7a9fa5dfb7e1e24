"""The commands. Everything heavy is imported inside them, so that `hwsim machines` starts at once."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hwsim.cli import fpga, synth
from hwsim.cli.bars import bars
from hwsim.cli.kernel import kernel
from hwsim.cli.run import run
from hwsim.cli.words import Batch, Json, Layers, MachineName, Network, Pattern, Seq, written

app = typer.Typer(
    name="hwsim",
    help="Runs networks and sparse workloads on accelerators, cycle by cycle.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(synth.commands)
app.add_typer(fpga.commands)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="print the version")] = False,
) -> None:
    if version:
        from hwsim.report.versions import versions

        print(f"hwsim {versions()['hwsim']}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


app.command()(run)
app.command()(kernel)


@app.command()
def report(
    result: Annotated[
        Path, typer.Argument(metavar="RESULT", help="a result.json that hwsim run -o wrote")
    ],
    as_json: Json = False,
    out: Annotated[Path | None, written("-o", "--out", help="draw the PNGs there")] = None,
) -> None:
    """Shows a saved result again."""
    from hwsim.cli.files import read_report, whole_folder, write_report
    from hwsim.cli.show import show_report

    read = read_report(result)
    with whole_folder(out) as drawn:
        if drawn:
            write_report(read, drawn)
    show_report(read, as_json)


@app.command()
def machines(as_json: Json = False) -> None:
    """Lists the machines that have a name."""
    from hwsim.cli.lists import machine_rows, show, thread_machine_rows

    if as_json:
        print(json.dumps(machine_rows() + thread_machine_rows(), indent=1))
        return
    show(machine_rows(), as_json)
    print()
    show(thread_machine_rows(), as_json)


@app.command()
def networks(as_json: Json = False) -> None:
    """Lists the networks that have a name."""
    from hwsim.cli.lists import network_rows, show

    show(network_rows(), as_json)


@app.command()
def workloads(as_json: Json = False) -> None:
    """Lists the workloads of thread machines, their versions and options."""
    from hwsim.cli.lists import show, workload_rows

    show(workload_rows(), as_json)


@app.command(name="compile")
def compile_command(
    network: Network,
    machine: MachineName,
    out: Annotated[Path, written("-o", "--out", help="the Program to write")],
    pattern: Pattern = None,
    batch: Batch = 1,
    seq: Seq = None,
    layers: Layers = None,
    as_json: Json = False,
) -> None:
    """Maps a network to a machine and writes the Program."""
    from hwsim.cli.files import check_file
    from hwsim.trip import Job, compile_job

    check_file(out)
    with bars() as progress:
        job = Job(network, machine, pattern, batch, seq, layers, values=False, trace=None)
        program = compile_job(job, progress)
        program.save(out)
    facts = {
        "file": str(out),
        "machine": program.machine,
        "digest": program.digest,
        "layers": len(program.layers),
        "commands": len(program.words),
        "image_bits": 8 * program.image.size,
        "memory_bits": 8 * program.memory_bytes,
        "board_bits": 8 * program.board_bytes,
    }
    if as_json:
        print(json.dumps(facts, indent=1))
    else:
        print(
            ", ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in facts.items())
        )


@app.command()
def disasm(
    program: Annotated[
        Path, typer.Argument(metavar="PROGRAM", help="a Program that hwsim compile wrote")
    ],
    machine: Annotated[
        str | None, typer.Option("--machine", "-m", help="refuse a Program of another machine")
    ] = None,
    as_json: Json = False,
) -> None:
    """Prints a Program, one command a line."""
    from hwsim.cli.lists import program_lines
    from hwsim.spec.load import load_machine
    from hwsim.spec.program import load_program

    read = load_program(program)
    if machine:
        read.check_machine(load_machine(machine))
    if as_json:
        lines = read.text().splitlines()
        facts = {"machine": read.machine, "digest": read.digest, "commands": lines}
        print(json.dumps(facts, indent=1))
    else:
        for line in program_lines(read):
            print(line)
