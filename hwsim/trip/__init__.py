"""The trip, one call a stage: load, prune, compile, simulate, report. Floor 4: it sees all rooms."""

from hwsim.trip.job import Job, compile_job, run_job
from hwsim.trip.sentences import host_work, sentence_cosine
from hwsim.trip.stages import (
    Network,
    Progress,
    compile,
    load,
    prune,
    report,
    simulate,
)

__all__ = [
    "Job", "Network", "Progress", "compile", "compile_job", "host_work", "load", "prune", "report",
    "run_job", "sentence_cosine", "simulate",
]  # fmt: skip
