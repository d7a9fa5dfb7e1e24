"""The trip, one call a stage: load, prune, compile, simulate, report. Floor 4: it sees all rooms."""

from hwsim.trip.job import Job, compile_job, run_job
from hwsim.trip.sentences import host_work, sentence_cosine
from hwsim.trip.stages import (
    Network,
    Progress,
    compile,
    every_sentence,
    load,
    lower,
    prune,
    report,
    simulate,
)

__all__ = [
    "Job", "Network", "Progress", "compile", "compile_job", "every_sentence",
    "host_work", "load", "lower", "prune", "report", "run_job", "sentence_cosine", "simulate",
]  # fmt: skip
