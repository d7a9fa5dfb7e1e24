"""`hwsim synth`: what each block of a machine takes in gates, beside what the price table holds of it."""

import json
from typing import Annotated, Any

import typer

from hwsim.cli.bars import bars
from hwsim.cli.words import Json, MachineName
from hwsim.spec.machine import AcceleratorSpec

commands = typer.Typer()
PRICED = {"pe": ("pe", "nm_select")} | {f"buffer {n}": (n,) for n in ("act", "weight", "meta", "acc", "vec")}
UNITS = {"lut": "lut", "ff": "ff", "dsp": "dsp", "bram": "ram"}


@commands.command()
def synth(
    machine: MachineName,
    target: Annotated[str, typer.Option("--target", "-t", help="xcup, ecp5, ice40 or gates")],
    block: Annotated[list[str] | None, typer.Option("--block", "-b", help="only this block; may be given again")] = None,
    as_json: Json = False,
) -> None:
    """Synthesises each block of a machine, or those named; counts LUT, FF, DSP, BRAM or gates."""
    from hwsim.cli.lists import show
    from hwsim.spec.load import load_machine
    from rtl.synth import count

    spec = load_machine(machine)
    with bars() as progress:
        counts = count(spec, target, progress, block or ())
    priced = _priced(spec) if target == "xcup" else {}
    rows: list[dict[str, Any]] = []
    for c in counts:
        row: dict[str, Any] = {"block": c.block, "instances": c.instances, **c.total}
        rows.append(row | {f"priced {name}": n for name, n in priced.get(c.block, {}).items()})
    total = {name: sum(row[name] for row in rows) for name in counts[0].each}
    rows.append({"block": "sum", "instances": sum(c.instances for c in counts), **total})
    if as_json:
        facts = {"machine": spec.name, "digest": spec.digest, "target": target, "blocks": rows}
        print(json.dumps(facts, indent=1))
        return
    names = dict.fromkeys(name for row in rows for name in row)
    show([{name: row.get(name, "") for name in names} for row in rows], False)


def _priced(spec: AcceleratorSpec) -> dict[str, dict[str, int]]:
    """Block -> typical counts of the price table, by our names."""
    from hwsim.spec.prices import price_table

    table = price_table("ultrascale_plus").resources(spec)
    out = {}
    for block in dict.fromkeys([*PRICED, *table]):
        parts = [table[name] for name in PRICED.get(block, (block,)) if name in table]
        out[block] = {
            ours: round(sum(part[theirs].typical for part in parts if theirs in part))
            for ours, theirs in UNITS.items()
        }
    return out
