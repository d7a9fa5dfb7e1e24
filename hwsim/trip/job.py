"""The whole trip for one command line."""

from dataclasses import dataclass, replace
from pathlib import Path

from hwsim.engine import simulate as run_engine
from hwsim.report import Report, make_report
from hwsim.report.versions import versions
from hwsim.result import Result
from hwsim.spec.errors import ProgramError
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.patterns import DENSE, NMPattern
from hwsim.spec.prices import price_table
from hwsim.spec.program import MAGIC, Program, load_program
from hwsim.trip.sentences import host_work, sentence_cosine
from hwsim.trip.stages import (
    RANDOM_INPUTS,
    Network,
    Progress,
    check_pattern,
    compile,
    load,
    price_note,
    prune,
    report,
    seeded_inputs,
    silent,
    simulate,
)
from mapper.graph.ir import Array


@dataclass(frozen=True)
class Job:
    """What `hwsim run` is asked for, as words."""

    network: str
    machine: str
    pattern: str | None = None
    batch: int = 1
    seq: int | None = None
    layers: str | None = None
    values: bool = True
    trace: Path | None = None


def run_job(job: Job, progress: Progress = silent) -> Report:
    """The whole trip, dense beside pruned where a pattern is given; a Program file is run as it is."""
    if is_program(job.network):
        return _run_program(job, progress)
    machine, pattern = load_machine(job.machine), _asked(job)
    check_pattern(pattern, machine)
    progress("read", 0, 1)
    network = load(job.network, batch=job.batch, seq=job.seq, layers=job.layers)
    dense: Result | None = None
    if not pattern.is_dense:
        dense, _ = _one(network, machine, job, progress)
        progress(f"prune {pattern}", 0, 1)
        network = prune(network, pattern)
    result, outputs = _one(network, machine, job, progress)
    cosine = sentence_cosine(network, machine, outputs, progress) if network.text else None
    return report(
        network, result, machine, dense=dense, cosine=cosine, host=host_work(network, result)
    )


def _one(
    network: Network, machine: AcceleratorSpec, job: Job, progress: Progress
) -> tuple[Result, dict[str, Array]]:
    program = compile(network, machine, progress)
    progress(f"run {network.pattern}", 0, 1)
    trace = job.trace / str(network.pattern).replace(":", "_") if job.trace else None
    return simulate(network, program, machine, values=job.values, trace=trace)


def _asked(job: Job) -> NMPattern:
    return DENSE if job.pattern is None else NMPattern.parse(job.pattern)


def compile_job(job: Job, progress: Progress = silent) -> Program:
    machine, pattern = load_machine(job.machine), _asked(job)
    check_pattern(pattern, machine)
    progress("read", 0, 1)
    network = load(job.network, batch=job.batch, seq=job.seq, layers=job.layers)
    return compile(prune(network, pattern), machine, progress)


def is_program(name: str) -> bool:
    try:
        with Path(name).open("rb") as f:
            return f.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _run_program(job: Job, progress: Progress) -> Report:
    """Inputs are seeded normal numbers; batch, sequence and pattern are as it was compiled."""
    asked = {"--pattern": job.pattern, "--seq": job.seq, "--layers": job.layers}
    given = [name for name, value in asked.items() if value is not None]
    if given or job.batch != 1:
        odd = ", ".join(given or ["--batch"])
        raise ProgramError(f"{job.network}: {odd} of a Program is fixed; leave it out, or compile")
    machine, program = load_machine(job.machine), load_program(Path(job.network))
    program.check_machine(machine)
    prices = price_table(machine.technology)
    progress("run", 0, 1)
    result, _ = run_engine(
        machine,
        program,
        seeded_inputs(program) if job.values else None,
        values=job.values,
        network=Path(job.network).stem,
        batch=1,
        trace=job.trace,
    )
    notes = (_said(program), price_note(prices))
    result = replace(result, pattern=_pattern(result), notes=(*result.notes, *notes))
    return make_report(result, machine, prices, versions=versions())


def _said(program: Program) -> str:
    if not program.layers:
        return "a Program without layers: its commands in one row, padding counts as work"
    return f"a Program: batch, sequence and pattern as compiled; {RANDOM_INPUTS}"


def _pattern(result: Result) -> str:
    found = {layer.pattern for layer in result.layers} - {"dense"}
    return found.pop() if len(found) == 1 else "mixed" if found else "dense"
