"""Channels of AXI4 and AXI4-Lite as flat ports under the names that tools infer a bus from (`m_axi_awaddr`).

Source: AMBA AXI and ACE protocol specification, Arm IHI 0022 (AXI4, AXI4-Lite).
"""

from amaranth.hdl import Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec

WIDEST_BITS = 1024  # AXI4 allows no wider data
LITE_BITS = 32
LITE_ADDRESS_BITS = 6
OKAY, SLVERR = 0, 2
# burst of one beat, incrementing, modifiable and bufferable, unprivileged secure data
FIXED = {"len": (8, 0), "burst": (2, 1), "lock": (1, 0), "cache": (4, 3), "prot": (3, 0), "qos": (4, 0)}


def check_width(spec: AcceleratorSpec) -> None:
    if spec.memory.width_bits > WIDEST_BITS:
        raise SpecError(f"memory.width_bits: {spec.memory.width_bits} is wider than AXI4's {WIDEST_BITS}; use {WIDEST_BITS} or less")


def memory_ports(spec: AcceleratorSpec) -> dict[str, wiring.Member]:
    """The master's side of AXI4, one ID."""
    bits, beat = spec.memory.width_bits, spec.memory.beat_bytes
    ports: dict[str, wiring.Member] = {}
    for c in ("aw", "ar"):
        ports |= {f"{c}addr": Out(spec.memory.address_bits), f"{c}id": Out(1), f"{c}size": Out(3)}
        ports |= {f"{c}{name}": Out(width) for name, (width, _) in FIXED.items()}
        ports |= {f"{c}valid": Out(1), f"{c}ready": In(1)}
    ports |= {"wdata": Out(bits), "wstrb": Out(beat), "wlast": Out(1), "wvalid": Out(1), "wready": In(1)}
    ports |= {"bid": In(1), "bresp": In(2), "bvalid": In(1), "bready": Out(1)}
    ports |= {"rid": In(1), "rdata": In(bits), "rresp": In(2), "rlast": In(1), "rvalid": In(1), "rready": Out(1)}
    return {f"m_axi_{name}": member for name, member in ports.items()}


def control_ports() -> dict[str, wiring.Member]:
    """The slave's side of AXI4-Lite."""
    ports: dict[str, wiring.Member] = {}
    for c in ("aw", "ar"):
        ports |= {f"{c}addr": In(LITE_ADDRESS_BITS), f"{c}prot": In(3), f"{c}valid": In(1), f"{c}ready": Out(1)}
    ports |= {"wdata": In(LITE_BITS), "wstrb": In(LITE_BITS // 8), "wvalid": In(1), "wready": Out(1)}
    ports |= {"bresp": Out(2), "bvalid": Out(1), "bready": In(1)}
    ports |= {"rdata": Out(LITE_BITS), "rresp": Out(2), "rvalid": Out(1), "rready": In(1)}
    return {f"s_axi_{name}": member for name, member in ports.items()}


def failed(response: Value) -> Value:
    """SLVERR and DECERR."""
    return response[1]


def held(m, payload, take: Value, ready: Value, name: str):
    """A channel's register: `valid` from the cycle behind `take` until it is taken; returns (valid, payload, room)."""
    channel = stream.Signature(payload).create(path=(name,))
    with m.If(take):
        m.d.sync += channel.valid.eq(1)
    with m.Elif(ready):
        m.d.sync += channel.valid.eq(0)
    return channel.valid, channel.payload, ~channel.valid | ready
