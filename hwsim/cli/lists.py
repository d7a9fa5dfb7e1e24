"""Machines, networks and Programs as lines."""

import json
from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from hwsim.spec.load import load_machine, load_thread_machine, machine_names, thread_machine_names
from hwsim.spec.program import Program

Row = dict[str, Any]


def machine_rows() -> list[Row]:
    return [_machine_row(name) for name in machine_names()]


def _machine_row(name: str) -> Row:
    s = load_machine(name)
    return {
        "machine": name,
        "array": f"{s.array.rows}x{s.array.cols}",
        "number": s.pe.number,
        "pattern": f"up to {s.pe.kept_max}:{s.pe.block_max}" if s.pe.block_max > 1 else "dense",
        "flows": "+".join(s.array.dataflows),
        "clock_mhz": s.clock_mhz,
        "beat_bits": s.memory.width_bits,
        "technology": s.technology,
        "assumed": len(s.assumed),
    }


def thread_machine_rows() -> list[Row]:
    return [_thread_machine_row(name) for name in thread_machine_names()]


def _thread_machine_row(name: str) -> Row:
    s = load_thread_machine(name)
    return {
        "machine": name,
        "pipelines": f"{s.mtp.pipelines}x{s.mtp.threads}+{s.stp.pipelines}x{s.stp.threads}",
        "blocks": s.blocks,
        "clock_mhz": s.clock_mhz,
        "scratchpad_bits": s.scratchpad.capacity_bits,
        "technology": s.technology,
        "assumed": len(s.assumed),
    }


def network_rows() -> list[Row]:
    from models.zoo import BUILDERS, network_names

    return [
        {"network": name, "weights": "seeded" if name in BUILDERS else "trained"}
        for name in network_names()
    ]


def workload_rows() -> list[Row]:
    from hwsim.workloads.table import TABLE

    return [
        {
            "workload": w.name,
            "what": w.what,
            "versions": ", ".join(w.versions),
            "options": " ".join(f"--{x}" for x in w.takes),
        }
        for w in TABLE.values()
    ]


def show(rows: list[Row], as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for name in rows[0]:
        number = isinstance(rows[0][name], (int, float))
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(f"{v:g}" if isinstance(v, float) else str(v) for v in row.values()))
    Console(highlight=False, width=100).print(table)


def program_lines(program: Program) -> Iterator[str]:
    """The text form, with a comment ahead of each layer; the assembler reads it back."""
    yield f"# machine {program.machine} ({program.digest}), {len(program.words)} commands"
    ahead = {layer.first: layer for layer in program.layers}
    for i, line in enumerate(program.text().splitlines()):
        if i in ahead:
            x = ahead[i]
            yield f"# {i}: {x.name} = {x.kind} {x.shape}, {x.pattern}, {x.dataflow}"
        yield line
