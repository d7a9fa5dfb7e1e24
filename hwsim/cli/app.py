"""The commands. Everything heavy is imported inside them, so that `hwsim machines` starts at once."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hwsim.cli.bars import bars
from hwsim.report.report import Report

app = typer.Typer(
    name="hwsim",
    help="Runs networks on accelerators for N:M and dense weights, cycle by cycle.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Network = Annotated[
    str,
    typer.Argument(
        metavar="NETWORK", help="a name of hwsim networks, an ONNX file, or a BERT folder"
    ),
]
MachineName = Annotated[
    str, typer.Option("--machine", "-m", help="a name of hwsim machines, or a .yaml file")
]
Pattern = Annotated[
    str | None, typer.Option(help="keep N of each M weights, as 2:8; dense where it is not given")
]
Batch = Annotated[int, typer.Option(min=1, help="inputs at once")]
Seq = Annotated[int | None, typer.Option(min=1, help="tokens of a sentence (networks of text)")]
Layers = Annotated[str | None, typer.Option(help="only the layers whose names match, as '*.ffn.*'")]
Json = Annotated[bool, typer.Option("--json", help="print JSON alone")]


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


@app.command()
def run(
    network: Network,
    machine: MachineName,
    pattern: Pattern = None,
    batch: Batch = 1,
    seq: Seq = None,
    layers: Layers = None,
    values: Annotated[bool, typer.Option(help="compute the numbers, not only the cycles")] = True,
    trace: Annotated[
        Path | None, typer.Option(help="write a timeline of each run into this folder")
    ] = None,
    as_json: Json = False,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="write result.json and two PNGs there")
    ] = None,
) -> None:
    """Prunes, maps and runs a network; shows cycles, energy and what took them."""
    from hwsim.cli.files import whole_folder, write_report
    from hwsim.trip import Job, run_job

    with whole_folder(out) as drawn, whole_folder(trace) as traced, bars() as progress:
        job = Job(network, machine, pattern, batch, seq, layers, values, traced)
        report = run_job(job, progress)
        if drawn:
            progress("draw", 0, 1)
            write_report(report, drawn)
    _show(report, as_json)


@app.command()
def report(
    result: Annotated[
        Path, typer.Argument(metavar="RESULT", help="a result.json that hwsim run -o wrote")
    ],
    as_json: Json = False,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="draw the PNGs there")] = None,
) -> None:
    """Shows a saved result again."""
    from hwsim.cli.files import read_report, whole_folder, write_report

    read = read_report(result)
    with whole_folder(out) as drawn:
        if drawn:
            write_report(read, drawn)
    _show(read, as_json)


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


@app.command(name="compile")
def compile_command(
    network: Network,
    machine: MachineName,
    out: Annotated[Path, typer.Option("-o", "--out", help="the Program to write")],
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


def _show(report: Report, as_json: bool) -> None:
    if as_json:
        print(report.to_json())
        return
    from rich.console import Console

    from hwsim.report.table import COLUMNS, screen, text

    console = Console(highlight=False)
    if console.is_terminal:
        console.width = min(console.width, COLUMNS)
        console.print(screen(report))
    else:
        print(text(report), end="")
