"""`hwsim run`: a network on a tile machine, or a workload of sparse matrices on a thread machine; the first word says which."""

from dataclasses import replace
from difflib import get_close_matches
from os.path import exists
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwsim.cli.bars import bars
from hwsim.cli.words import Batch, Json, Layers, MachineName, Pattern, Seq, written
from hwsim.spec.errors import GraphError, MatrixError
from hwsim.workloads import NAMES

if TYPE_CHECKING:
    from hwsim.trip import Job
    from hwsim.workloads.run import WorkloadJob

Given = Annotated[
    str,
    typer.Argument(
        metavar="NETWORK|WORKLOAD",
        help="a name of hwsim networks, an ONNX file, a BERT folder, a Program; or a name of hwsim workloads",
    ),
]
Of = "of a workload: "
MatrixFile = Annotated[Path | None, typer.Option("--matrix", help=Of + "a Matrix Market file")]
Rmat = Annotated[int | None, typer.Option(help=Of + "a seeded R-MAT matrix of 2^SCALE rows", metavar="SCALE")]
Graph = Annotated[str | None, typer.Option("--graph", help=Of + "a graph of NetworkX by name, as karate")]
Weights = Annotated[str | None, typer.Option(help=Of + "pruned weights", metavar="NETWORK/LAYER")]
Second = Annotated[Path | None, typer.Option("--second", help="spgemm: the matrix behind, not the same one")]
Nonzeros = Annotated[int | None, typer.Option(help="of an R-MAT: exactly so many")]
EdgeFactor = Annotated[int | None, typer.Option(max=1 << 20, help="of an R-MAT: places drawn a row, 16 where it is not given")]
Density = Annotated[float | None, typer.Option(help="of weights: the fraction that stays, unstructured")]
Version = Annotated[str | None, typer.Option("--version", help=Of + "one that hwsim workloads lists")]
Width = Annotated[int | None, typer.Option(max=1 << 16, help="spmm: columns of X, else 32; gcn: features, else 16; a multiple of 8")]
Root = Annotated[int | None, typer.Option(help="bfs: where it begins; else the vertex with the most edges")]
Walkers = Annotated[int | None, typer.Option(min=1, max=1 << 27, help="random-walk: as many as vertices where not given")]
Steps = Annotated[int | None, typer.Option(min=1, max=1 << 20, help="random-walk: of a walker, 16 where not given")]
Seed = Annotated[int, typer.Option(min=0, max=(1 << 63) - 1, help=Of + "of the R-MAT, of dense operands, of walkers")]
Blocks = Annotated[int | None, typer.Option(help=Of + "blocks of the machine, 1 to 256, else what its spec says")]
Processes = Annotated[int, typer.Option(min=1, help=Of + "host processes that share many blocks")]
Values = Annotated[bool, typer.Option(help="of a network: compute the numbers, not only the cycles")]
Trace = Annotated[Path | None, written(help="write a timeline of each run into this folder")]
Out = Annotated[Path | None, written("-o", "--out", help="write result.json and PNGs there")]
NETWORK_ONLY = {"batch", "seq", "layers", "values"}
COMMON = {"network", "machine", "pattern", "trace", "as_json", "out"}


def run(
    context: typer.Context,
    network: Given,
    machine: MachineName,
    pattern: Pattern = None,
    batch: Batch = 1,
    seq: Seq = None,
    layers: Layers = None,
    values: Values = True,
    matrix: MatrixFile = None,
    rmat: Rmat = None,
    graph: Graph = None,
    weights: Weights = None,
    second: Second = None,
    nonzeros: Nonzeros = None,
    edge_factor: EdgeFactor = None,
    density: Density = None,
    version: Version = None,
    width: Width = None,
    root: Root = None,
    walkers: Walkers = None,
    steps: Steps = None,
    seed: Seed = 0,
    blocks: Blocks = None,
    processes: Processes = 1,
    trace: Trace = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Runs a network, or a workload of sparse matrices; shows cycles, energy and what took them."""
    _check_family(context, network)
    if network not in NAMES:
        from hwsim.trip import Job

        run_network(Job(network, machine, pattern, batch, seq, layers, values), trace, as_json, out)
        return
    from hwsim.workloads.inputs import Source
    from hwsim.workloads.run import WorkloadJob
    from hwsim.workloads.table import Options

    source = Source(matrix, rmat, graph, weights, second, nonzeros, edge_factor, pattern, density, seed)
    options = Options(version, None, width, root, walkers, steps, seed)
    run_workload(WorkloadJob(network, machine, source, options, blocks, processes), trace, as_json, out)


def _check_family(context: typer.Context, name: str) -> None:
    """Options of the other family are refused by name."""
    given = {p for p in context.params if getattr(context.get_parameter_source(p), "name", "") == "COMMANDLINE"}
    if name in NAMES:
        odd, family = given & NETWORK_ONLY, "networks"
    else:
        odd, family = given - NETWORK_ONLY - COMMON, f"workloads ({', '.join(NAMES)})"
        _check_workload(name, context.params["machine"], bool(odd))
    for word in sorted(odd):
        shown = _shown(word, context)
        error = MatrixError if name in NAMES else GraphError
        raise error(f"{name}: {shown} is an option of {family}; leave it out")


def _check_workload(name: str, machine: str, asked: bool) -> None:
    """What is no network is a workload by a wrong name where one is asked for, or where it looks like one."""
    from hwsim.spec.load import thread_machine_names
    from models.zoo import network_names

    networks = network_names()
    if name in networks or name.endswith(".onnx") or exists(name):
        return
    near = get_close_matches(name.lower(), [*NAMES, *networks], 1)
    if near and near[0] in NAMES:
        raise MatrixError(f"workload: {name[:80]!r} is unknown; did you mean {near[0]}?")
    if asked or machine in thread_machine_names():
        raise MatrixError(f"workload: {name[:80]!r} is unknown; use {', '.join(NAMES)}")


def _shown(word: str, context: typer.Context) -> str:
    """The option as it is written on the command line."""
    return "--no-values" if word == "values" and not context.params[word] else "--" + word.replace("_", "-")


def run_network(job: "Job", trace: Path | None, as_json: bool, out: Path | None) -> None:
    from hwsim.cli.files import whole_folder, write_report
    from hwsim.cli.show import show_report
    from hwsim.trip import run_job

    with whole_folder(out) as drawn, whole_folder(trace) as traced, bars() as progress:
        report = run_job(replace(job, trace=traced), progress)
        if drawn:
            progress("draw", 0, 1)
            write_report(report, drawn)
    show_report(report, as_json)


def run_workload(job: "WorkloadJob", trace: Path | None, as_json: bool, out: Path | None) -> None:
    from hwsim.cli.files import whole_folder
    from hwsim.report.timeline import timeline_json
    from hwsim.workloads.report import text, to_json
    from hwsim.workloads.run import run_job

    with whole_folder(out) as written, whole_folder(trace) as traced, bars() as progress:
        outcome = run_job(replace(job, trace=traced is not None), progress)
        if traced:
            (traced / "timeline.json").write_bytes(timeline_json(outcome.machine, outcome.spans))
        if written:
            (written / "result.json").write_text(to_json(outcome) + "\n")
    print(to_json(outcome) if as_json else text(outcome), end="\n" if as_json else "")
