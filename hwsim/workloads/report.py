"""What a run of a workload says to people: text, or JSON with the same figures."""

import json
from dataclasses import asdict

from hwsim.report.thread import cost_rows, heading, lines, measures, memory_rows, time_rows
from hwsim.workloads.run import Outcome


def to_json(o: Outcome) -> str:
    facts = {
        "workload": o.workload,
        "version": o.version,
        "matrix": {"name": o.matrix.name, "rows": o.matrix.shape[0], "columns": o.matrix.shape[1], "nonzeros": o.matrix.nonzeros},
        "machine": o.machine.name,
        "digest": o.machine.digest,
        "blocks": o.machine.blocks,
        "work": o.work,
        "rates_per_s": rates(o),
        "checked": asdict(o.checked),
        "measures": asdict(measures(o.result, o.machine)),
        "result": json.loads(o.result.to_json()),
    }
    return json.dumps(facts, indent=1)


def rates(o: Outcome) -> dict[str, float]:
    seconds = o.result.cycles / (o.result.clock_mhz * 1e6)
    return {name: amount / seconds for name, amount in o.work.items()}


def text(o: Outcome) -> str:
    m, s = measures(o.result, o.machine), o.machine
    head = [f"{o.workload}{' ' + o.version if o.version else ''}: {o.matrix}", *heading(s, o.result), ""]
    rows = [
        *time_rows(m, s),
        *memory_rows(m),
        *((f"{name} a second", _short(rate)) for name, rate in rates(o).items()),
        *cost_rows(m),
        (f"equal to {o.checked.against}", f"yes, within {o.checked.allowed}" if o.checked.worst else "yes, in every bit"),
    ]
    return "\n".join([*head, *lines(rows)]) + "\n"


def _short(x: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if x >= size:
            return f"{x / size:.2f} {unit}"
    return f"{x:.2f}"
