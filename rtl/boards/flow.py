"""Gates to a bitstream: synthesis, floorplan, placement and routing, packing, with seeds pinned."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rtl.boards import floorplan, tools
from rtl.boards.placement import ROUNDS

Progress = Callable[[str, int, int], None]
SEED = 1
HURRY_MHZ = 80
# what has time is made small: abc9 takes wires for less than half of what they are once routed, so it is told of 0.4 of the period. Without
# wide LUTs no two LUTs must stand together. abc9 takes the path from a synchronous reset to Q for a wire, and sees loops where none are
MAPPED = f"""scratchpad -set abc9.D {400_000 // HURRY_MHZ}
synth_ecp5 -nowidelut -top {{top}} -run begin:map_luts
delete =TRELLIS_FF/t:$specify2
synth_ecp5 -nowidelut -top {{top}} -run map_luts:check
"""
# keep: registers that are copies of one another, for their many loads
ECP5 = f"""read_rtlil top.il
setattr -set keep 1 */w:reset_of_* */w:copy_of_* %u %ci1:+$dff[Q] */c:* %i
{MAPPED.format(top="top")}blackbox =A:whitebox
write_json top.json
"""
ICE40 = """read_rtlil top.il
synth_ice40 {options} -top top -run begin:check
blackbox =A:whitebox
write_json top.json
"""
STAGES = (("Packing",), ("Creating initial", "Static placer"), ("simulated annealing",), ("Routing",))  # of lines of the log


@dataclass(frozen=True)
class Family:
    """`effort`: how the tools place and route; `planned`: we choose the sites of block RAMs and multipliers; `counts`: their name of a
    resource: ours."""

    script: str
    place: str
    effort: str
    planned: bool
    constraints: str
    pack: str
    bitstream: str
    counts: dict[str, str]


FAMILIES = {
    "ecp5": Family(
        script=ECP5, place="nextpnr-ecp5", effort="--placer static --router router1", planned=True,
        constraints="--lpf top.lpf --textcfg top.config", pack="ecppack", bitstream="--compress --input top.config --bit top.bit",
        counts={"TRELLIS_COMB": "lut", "TRELLIS_FF": "ff", "MULT18X18D": "dsp", "DP16KD": "bram"},
    ),
    "ice40": Family(
        script=ICE40, place="nextpnr-ice40", effort="", planned=False,
        constraints="--pcf top.pcf --asc top.asc", pack="icepack", bitstream="top.asc top.bin",
        counts={"ICESTORM_LC": "lut", "ICESTORM_DSP": "dsp", "ICESTORM_RAM": "bram"},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Routed:
    """`used`, `available`: by resource (lut, ff, dsp, bram). An iCE40's cell holds a LUT and a flip-flop and counts as lut.
    `path`: blocks on the longest path between registers, from its start."""

    fmax_mhz: float
    used: dict[str, int]
    available: dict[str, int]
    path: tuple[str, ...]


def hurried(constraints: str) -> str:
    """The clock is to be as fast as can be: to a board's slow one, every path is as good as another."""
    return re.sub(r'^(FREQUENCY PORT "[^"]+") .*;$', rf"\1 {HURRY_MHZ} MHZ;", constraints, flags=re.MULTILINE)


def renamed(rtlil: str) -> str:
    """Elements of arrays get names without brackets: abc9 takes `x[3]` for a bit of `x`, and Yosys stops on an assertion."""
    return re.sub(r'\\[^\s"]+', lambda m: m[0].replace("[", ".").replace("]", ""), rtlil)


def synthesise(folder: Path, family: Family, options: str) -> None:
    """top.il becomes top.json, cells of the family."""
    (folder / "top.ys").write_text(family.script.format(options=options))
    (folder / "yosys.log").write_text(tools.run("yosys", folder, "top.ys"))


def route(folder: Path, family: Family, device: list[str], progress: Progress, options: str = "", seed: int = SEED) -> Routed:
    """`folder` holds top.il and the pins' constraints; the bitstream ends there."""
    progress("synthesise", 0, 1)
    synthesise(folder, family, options)
    if family.planned:
        floorplan.pin(folder, lambda n: progress("floorplan", n, ROUNDS), seed)
    progress("place and route", 0, len(STAGES))

    def heard(line: str) -> None:
        for n, words in enumerate(STAGES):
            if any(word in line for word in words):
                progress("place and route", n, len(STAGES))

    files = f"--json top.json --report report.json --log nextpnr.log {family.constraints}"
    fixed = f"--seed {seed} --timing-allow-fail {family.effort} {files}"
    tools.run(family.place, folder, *device, *fixed.split(), heard=heard)
    progress("pack", 0, 1)
    tools.run(family.pack, folder, *family.bitstream.split())
    progress("pack", 1, 1)
    return _routed(json.loads((folder / "report.json").read_text()), family)


def _routed(report: dict[str, Any], family: Family) -> Routed:
    found = {ours: report["utilization"].get(theirs, {"used": 0, "available": 0}) for theirs, ours in family.counts.items()}
    inner = [p["path"] for p in report["critical_paths"] if p["from"] == p["to"]]
    blocks = [_block(step) for step in inner[0]] if inner else []
    return Routed(
        fmax_mhz=round(min(clock["achieved"] for clock in report["fmax"].values()), 2),
        used={name: count["used"] for name, count in found.items()},
        available={name: count["available"] for name, count in found.items()},
        path=tuple(b for n, b in enumerate(blocks) if b and b not in blocks[:n]),
    )


def _block(step: dict[str, Any]) -> str:
    """The instance that a step's net belongs to; none if the tools made it."""
    net: str = step.get("net", "")
    return "" if net.startswith("$") else ".".join(net.split(".")[:-1])
