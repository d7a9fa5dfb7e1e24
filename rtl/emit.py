"""The whole machine as files: Verilog, RTLIL, and a JSON sidecar that says what they are."""

import json
from typing import Any

from amaranth.hdl import Value
from amaranth.lib import wiring

from hwsim.spec import commands
from hwsim.spec.machine import AcceleratorSpec
from rtl.axi.channels import LITE_BITS
from rtl.axi.control import IDENTITY, REGISTERS
from rtl.axi.top import AxiTop
from rtl.kinds import converted
from rtl.top import Top
from rtl.verilog import from_rtlil

PORTS = (
    ("i_base", "address of the first command word, a multiple of a beat of memory"),
    ("i_words", "commands of the Program, the end included; 0 until it is to start, then held"),
    ("o_ended", "1 when every command is done"),
)


def emit(spec: AcceleratorSpec, name: str, axi: bool = False) -> dict[str, str]:
    """Text by file name. `name`: of the top module and of the files. `axi`: behind AXI4 and AXI4-Lite, else with plain ports."""
    top = AxiTop(spec) if axi else Top(spec)
    text = converted(top, name)
    sidecar = {
        "machine": spec.name,
        "digest": spec.digest,
        "top": name,
        "ports": _ports(top),
        **(_axi(spec) if axi else _plain(spec, top)),
        "word_bits": 8 * commands.WORD_BYTES,
        "commands": {op: _command(op) for op in commands.OPS},
    }
    return {f"{name}.v": from_rtlil(text, name), f"{name}.il": text, f"{name}.json": json.dumps(sidecar, indent=1) + "\n"}


def _plain(spec: AcceleratorSpec, top: Any) -> dict[str, Any]:
    """The spec's memory answers reads in order, `latency_cycles` behind the request, and a write never."""
    return {
        "registers": [{"port": port, "meaning": meaning} for port, meaning in PORTS],
        "memory_request": {"order": "lowest bit first", "fields": _fields(top.o_request.payload.shape())},
        "memory_response": {"bits": spec.memory.width_bits, "latency_cycles": spec.memory.latency_cycles},
    }


def _axi(spec: AcceleratorSpec) -> dict[str, Any]:
    """`address`: in bytes, on s_axi."""
    digest = int(spec.digest, 16)
    reads = {"identity": f"{IDENTITY:#010x}", "digest_low": f"{digest & 0xFFFFFFFF:#010x}", "digest_high": f"{digest >> 32:#010x}"}
    registers = [
        {"address": r.address, "name": r.name, "bits": LITE_BITS, "access": "rw" if r.written else "r", "meaning": r.what}
        | ({"reads": reads[r.name]} if r.name in reads else {})
        for r in REGISTERS
    ]
    return {"registers": registers, "memory": {"port": "m_axi", "bits": spec.memory.width_bits, "addresses": spec.memory.address_bits}}


def _ports(top: wiring.Component) -> list[dict[str, Any]]:
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
