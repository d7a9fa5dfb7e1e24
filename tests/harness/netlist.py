"""The netlist that Yosys makes of a component for an iCE40, packed into the cells of a device."""

import re

from amaranth.back import rtlil
from amaranth.lib import wiring

from rtl.boards import tools
from rtl.boards.flow import ICE40, renamed
from rtl.cache import folder_of


def packed(component: wiring.Component, options: str, device: str) -> dict[str, tuple[int, int]]:
    """Used and there, of each kind of cell of the device, before anything is placed."""
    text = renamed(rtlil.convert(component, name="top"))
    with folder_of("packed", text, ICE40, options, device) as folder:
        (folder / "top.il").write_text(text)
        (folder / "synthesis.ys").write_text(ICE40.format(options=options))
        tools.run("yosys", folder, "synthesis.ys")
        tools.run("nextpnr-ice40", folder, *device.split(), *"--json top.json --pack-only --log pack.log".split())
        found = re.findall(r"(ICESTORM_\w+): +(\d+)/ *(\d+)", (folder / "pack.log").read_text())
        return {name: (int(used), int(there)) for name, used, there in found}
