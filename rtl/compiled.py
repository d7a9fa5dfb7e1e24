"""Gates as a shared library: a simulator writes C++, g++ compiles it with a driver, ctypes calls it.

A library lies under the user's cache folder (`HWSIM_GATES_CACHE` names another) in a folder that bears the hash of everything that makes
it: RTLIL, driver, simulator, flags, compiler. Processes that want the same one wait for the first. A driver includes "gates.h" and is the
same for both simulators:

    gates g;                                the component after power-up
    set(g.i_words(), value)                 a port of up to 64 bits; `put(g.port(), words)` from 32-bit words
    get(g.o_done())                         the low 64 bits; `take(g.port(), words)` into 32-bit words
    g.settle(); g.edge();                   what follows from the inputs; a rising edge of the clock

Python hands over NumPy arrays and whole numbers; one call runs a stretch of cycles.
"""

import ctypes
import os
import tempfile
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib import wiring

from rtl import simulators
from rtl.cache import folder_of


def compiled(component: wiring.Component, name: str, driver: str, simulator: str = "", flags: str = "-O1") -> ctypes.CDLL:
    """`component` with the C++ text `driver`, whose `extern "C"` functions the caller knows.

    `simulator`: one of SIMULATORS, else the first of them that is there; `flags` are for g++.
    """
    return ctypes.CDLL(str(library(rtlil.convert(component, name=name), name, driver, simulator, flags)))


def library(text: str, name: str, driver: str, simulator: str = "", flags: str = "-O1") -> Path:
    """The shared library of a RTLIL text whose top module is `name`; built when it is not there."""
    maker = simulators.choose(simulator)
    header = simulators.header(text, name, maker)
    with folder_of(text, name, driver, header, flags, *maker.identity()) as folder:
        out = folder / f"{name}.so"
        if not out.exists():
            with tempfile.TemporaryDirectory(dir=folder) as beside:
                there = Path(beside)
                for file, content in {f"{name}.il": text, "gates.h": header, "driver.cc": driver}.items():
                    (there / file).write_text(content)
                maker.build(there, name, flags)
                os.replace(there / out.name, out)
    return out
