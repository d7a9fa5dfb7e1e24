"""The whole machine as files: Verilog, RTLIL, and a JSON sidecar that says what they are."""

import json
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Value

from hwsim.spec import commands
from hwsim.spec.machine import AcceleratorSpec
from rtl.alike import merged
from rtl.top import Top
from rtl.verilog import from_rtlil

REGISTERS = (
    ("i_base", "address of the first command word, a multiple of a beat of memory"),
    ("i_words", "commands of the Program, the end included; 0 until it is to start, then held"),
    ("o_ended", "1 when every command is done"),
)


def emit(spec: AcceleratorSpec, name: str) -> dict[str, str]:
    """Text by file name. `name`: of the top module and of the files."""
    top = Top(spec)
    text = merged(rtlil.convert(top, name=name))
    sidecar = {
        "machine": spec.name,
        "digest": spec.digest,
        "top": name,
        "ports": _ports(top),
        "registers": [{"port": port, "meaning": meaning} for port, meaning in REGISTERS],
        "memory_request": {"order": "lowest bit first", "fields": _fields(top.o_request.payload.shape())},
        "word_bits": 8 * commands.WORD_BYTES,
        "commands": {op: _command(op) for op in commands.OPS},
    }
    return {f"{name}.v": from_rtlil(text, name), f"{name}.il": text, f"{name}.json": json.dumps(sidecar, indent=1) + "\n"}


def _ports(top: Top) -> list[dict[str, Any]]:
    out = [{"name": n, "direction": "input", "bits": 1} for n in ("clk", "rst")]
    for path, member, value in top.signature.flatten(top):
        direction = "input" if member.flow.name == "In" else "output"
        out.append({"name": "__".join(map(str, path)), "direction": direction, "bits": len(Value.cast(value))})
    return out


def _fields(layout: Any) -> list[dict[str, Any]]:
    return [{"name": name, "from_bit": field.offset, "bits": field.width} for name, field in layout]


def _command(op: str) -> dict[str, Any]:
    """Fields from bit 0 on."""
    at, out = 0, []
    for f in commands.layout(op):
        out.append({"name": f.name, "from_bit": at, "bits": f.bits, "signed": f.signed})
        at += f.bits
    return {"opcode": commands.OPS.index(op), "fields": out}
