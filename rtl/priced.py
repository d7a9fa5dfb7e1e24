"""What the price table holds of each block of gates, by the names and units of rtl/synth.py."""

from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.prices import price_table

# block of gates: what of the table it is, where it is not the entry of the same name
PRICED = {"pe": ("pe", "nm_select")} | {f"buffer {n}": (n,) for n in ("act", "weight", "meta", "acc", "vec")}
UNITS = {"lut": "lut", "ff": "ff", "dsp": "dsp", "bram": "ram"}


def priced(spec: AcceleratorSpec) -> dict[str, dict[str, int]]:
    """Typical counts on UltraScale+ of all that the machine has of a block."""
    table = price_table("ultrascale_plus").resources(spec)
    out = {}
    for block in dict.fromkeys([*PRICED, *table]):
        parts = [table[name] for name in PRICED.get(block, (block,)) if name in table]
        out[block] = {ours: round(sum(part[theirs].typical for part in parts if theirs in part)) for ours, theirs in UNITS.items()}
    return out
