"""The netlist that Yosys makes of a component for an iCE40, as gates to simulate: its cells, and how each of them behaves.

A fault can be planted: `i_fault` changes one entry in the table of one LUT.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib import wiring

from rtl.boards import tools
from rtl.boards.flow import ICE40, renamed
from rtl.cache import folder_of

SYNTHESIS = ICE40.replace("blackbox", "autoname\nwrite_rtlil netlist.il\nblackbox")
# cells become what their models say, not the boxes that synthesis left; a bit is a net, so that a simulator sees no loop in a vector
MODELS = """read_rtlil faulty.il
delete =A:whitebox =A:blackbox
read_verilog -overwrite -D ICE40_HX +/ice40/cells_sim.v
hierarchy -top top
proc
flatten
splitnets
opt_clean
opt_mem
opt_clean
write_rtlil models.il
"""
LUT = re.compile(r"  cell \\SB_LUT4 (\S+)\n(.*?)  end\n", re.DOTALL)


def netlist(component: wiring.Component, options: str, fault_at: str) -> str:
    """RTLIL with the top module `top`. `options`: of synthesis for the part; `fault_at`: what the name of the LUT has that can be wrong."""
    text = renamed(rtlil.convert(component, name="top"))
    with _made(text, options, fault_at) as folder:
        return (folder / "models.il").read_text()


def packed(component: wiring.Component, options: str, fault_at: str, device: str) -> dict[str, tuple[int, int]]:
    """Used and there, of each kind of cell of the device, before anything is placed."""
    with _made(renamed(rtlil.convert(component, name="top")), options, fault_at) as folder:
        tools.run("nextpnr-ice40", folder, *device.split(), *"--json top.json --pack-only --log pack.log".split())
        found = re.findall(r"(ICESTORM_\w+): +(\d+)/ *(\d+)", (folder / "pack.log").read_text())
        return {name: (int(used), int(there)) for name, used, there in found}


@contextlib.contextmanager
def _made(text: str, options: str, fault_at: str) -> Iterator[Path]:
    with folder_of("netlist", text, SYNTHESIS, MODELS, options, fault_at) as folder:
        if not (folder / "models.il").exists():
            _make(folder, text, options, fault_at)
        yield folder


def _make(folder: Path, text: str, options: str, fault_at: str) -> None:
    (folder / "top.il").write_text(text)
    for name, script in {"synthesis.ys": SYNTHESIS.format(options=options), "models.ys": MODELS}.items():
        (folder / name).write_text(script)
    tools.run("yosys", folder, "synthesis.ys")
    (folder / "faulty.il").write_text(with_fault((folder / "netlist.il").read_text(), fault_at))
    tools.run("yosys", folder, "models.ys")


def with_fault(text: str, fault_at: str) -> str:
    """The first LUT with that in its name gets a twin whose table differs where all its inputs are 0; `i_fault` chooses between them."""
    cell = next(c for c in LUT.finditer(text) if fault_at in c[1])
    body, out = cell[2], re.search(r"    connect \\O (.*)\n", cell[2])
    table = re.search(r"parameter \\LUT_INIT 16'([01]{16})\n", body)
    assert out is not None and table is not None
    wrong = table[1][:-1] + str(1 - int(table[1][-1]))
    port = 1 + max(int(n) for n in re.findall(r"^  wire .*?(?:input|output) (\d+) ", text, re.MULTILINE))
    wires = f"  wire input {port} \\i_fault\n  wire \\sound\n  wire \\faulty\n"
    sound = body.replace(out[0], "    connect \\O \\sound\n")
    faulty = body.replace(table[1], wrong).replace(out[0], "    connect \\O \\faulty\n")
    choice = "  cell $mux \\choice\n    parameter \\WIDTH 1\n    connect \\A \\sound\n    connect \\B \\faulty\n"
    choice += f"    connect \\S \\i_fault\n    connect \\Y {out[1]}\n  end\n"
    cells = f"  cell \\SB_LUT4 {cell[1]}\n{sound}  end\n  cell \\SB_LUT4 \\twin\n{faulty}  end\n"
    return text[: cell.start()] + wires + cells + choice + text[cell.end() :]
