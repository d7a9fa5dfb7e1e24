"""Timelines of a run: `timeline.json` (Perfetto, one track a queue; 1 us stands for 1 cycle) and
`commands.csv`.
"""

import csv
import io
import json
from pathlib import Path
from typing import Any

from hwsim.components.config import ENDED, LAYER, STARTED
from hwsim.engine.state import State
from hwsim.spec.commands import QUEUE_NAMES
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program, write_whole


def write_trace(folder: Path, spec: AcceleratorSpec, program: Program, state: State) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = list(_rows(program, state))
    write_whole(folder / "timeline.json", json.dumps(_perfetto(spec, rows)).encode())
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["command", "queue", "layer", "start_cycle", "end_cycle"])
    out.writerows(rows)
    write_whole(folder / "commands.csv", text.getvalue().encode())


def _rows(program: Program, state: State) -> Any:
    """(command, queue, layer, first cycle, last cycle), in Program order; the last command only
    stops the sequencer.
    """
    names = [x.name for x in program.layers] or ["program"]
    for n in range(len(state.log) - 1):
        queue = QUEUE_NAMES[int(state.table[n, 0]) - 1]
        yield (
            n,
            queue,
            names[int(state.log[n, LAYER])],
            int(state.log[n, STARTED]),
            int(state.log[n, ENDED]),
        )


def _perfetto(spec: AcceleratorSpec, rows: list[tuple[int, str, str, int, int]]) -> dict[str, Any]:
    events: list[dict[str, Any]] = [
        {"ph": "M", "pid": 1, "name": "process_name", "args": {"name": spec.name}}
    ]
    for i, name in enumerate(QUEUE_NAMES):
        events.append(
            {"ph": "M", "pid": 1, "tid": i, "name": "thread_name", "args": {"name": name}}
        )
    free: dict[int, list[int]] = {}
    for n, queue, layer, start, end in rows:
        lane = QUEUE_NAMES.index(queue)
        ends = free.setdefault(lane, [])
        slot = next(
            (k for k, e in enumerate(ends) if e <= start), len(ends)
        )  # commands of a queue may overlap: each gets a free row
        ends[slot : slot + 1] = [end]
        tid = lane + 4 * slot
        events.append(
            {
                "ph": "X",
                "pid": 1,
                "tid": tid,
                "ts": start,
                "dur": end - start,
                "name": f"{layer} {queue}",
                "args": {"command": n},
            }
        )
        if slot and len(ends) == slot + 1:
            events.append(
                {
                    "ph": "M",
                    "pid": 1,
                    "tid": tid,
                    "name": "thread_name",
                    "args": {"name": f"{queue} {slot + 1}"},
                }
            )
    return {"traceEvents": events, "displayTimeUnit": "ns"}
