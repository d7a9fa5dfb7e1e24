"""`hwsim synth`: what each block of a machine takes in gates, beside what the price table holds of it."""

import json
from typing import Annotated, Any

import typer

from hwsim.cli.bars import bars
from hwsim.cli.words import Json, MachineName

commands = typer.Typer()


@commands.command()
def synth(
    machine: MachineName,
    target: Annotated[str, typer.Option("--target", "-t", help="xcup, ecp5, ice40 or gates")],
    block: Annotated[
        list[str] | None, typer.Option("--block", "-b", help="only this block, named as in the whole table; may be given again")
    ] = None,
    as_json: Json = False,
) -> None:
    """Synthesises each block of a machine, or those named; counts LUT, FF, DSP, BRAM or gates."""
    from hwsim.cli.lists import show
    from hwsim.spec.load import load_machine
    from rtl.priced import priced
    from rtl.synth import count

    spec = load_machine(machine)
    with bars() as progress:
        counts = count(spec, target, progress, block or ())
    beside = priced(spec) if target == "xcup" else {}
    rows: list[dict[str, Any]] = []
    for c in counts:
        row: dict[str, Any] = {"block": c.block, "instances": c.instances, **c.total}
        rows.append(row | {f"priced {name}": n for name, n in beside.get(c.block, {}).items()})
    total = {name: sum(row[name] for row in rows) for name in counts[0].each}
    rows.append({"block": "sum", "instances": sum(c.instances for c in counts), **total})
    if as_json:
        facts = {"machine": spec.name, "digest": spec.digest, "target": target, "blocks": rows}
        print(json.dumps(facts, indent=1))
        return
    names = dict.fromkeys(name for row in rows for name in row)
    show([{name: row.get(name, "") for name in names} for row in rows], False)
