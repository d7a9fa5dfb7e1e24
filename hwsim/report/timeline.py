"""The timeline of a run of the thread machine for Perfetto: a process a block, a track a thread, a slice for each wait, named after
what was waited for. 1 us of the timeline stands for 1 cycle. Between the slices the thread issues, or waits for its turn."""

import json
from typing import Any

from hwsim.spec.thread import ThreadMachineSpec
from hwsim.thread_result import CAUSES

SCOPES = ("all blocks", "the block", "its mtp", "its stp")
INTERVAL, TURN = CAUSES.index("interval"), CAUSES.index("turn")


def timeline_json(spec: ThreadMachineSpec, spans: Any) -> bytes:
    """`spans`: records of a traced run (thread, cause, begin, end, detail)."""
    events = _tracks(spec)
    for s in spans:
        cause, detail = int(s["cause"]), int(s["detail"])
        if cause in (INTERVAL, TURN):
            continue
        block, local = divmod(int(s["thread"]), spec.threads)
        begin, end = int(s["begin"]), int(s["end"])
        events.append({"ph": "X", "pid": block, "tid": local, "ts": begin, "dur": end - begin, "name": _name(cause, detail)})
    return json.dumps({"traceEvents": events, "displayTimeUnit": "ns"}).encode()


def _name(cause: int, detail: int) -> str:
    word = CAUSES[cause]
    if word == "remote":
        return f"memory of block {detail}"
    if word == "queue":
        return f"queue {detail & 0xFF} of block {detail >> 8}"
    return f"collective of {SCOPES[detail]}" if word == "collective" else word


def _tracks(spec: ThreadMachineSpec) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for block in range(spec.blocks):
        out.append({"ph": "M", "pid": block, "name": "process_name", "args": {"name": f"{spec.name} block {block}"}})
        for local in range(spec.threads):
            out.append({"ph": "M", "pid": block, "tid": local, "name": "thread_name", "args": {"name": _thread(spec, local)}})
    return out


def _thread(spec: ThreadMachineSpec, local: int) -> str:
    kind, at, threads, first = "mtp", local, spec.mtp.threads, 0
    if local >= spec.mtp_threads:
        kind, at, threads, first = "stp", local - spec.mtp_threads, spec.stp.threads, spec.mtp.pipelines
    return f"{kind} {first + at // threads} thread {at % threads}"
