"""Results made by hand: four layers on a 4 x 4 machine, every total checked by eye; prices of one pJ an action."""

from dataclasses import dataclass

from hwsim.result import ACTIONS, CAUSES, UNITS, LayerResult, Result
from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec

SPEC = load_machine("tiny4").with_(
    name="four", technology="45nm", clock_mhz=200.0, memory__width_bits=128, assumed=("clock_mhz", "memory.latency_cycles")
)



@dataclass(frozen=True)
class Price:
    low: float
    typical: float
    high: float


class Prices:
    """Half, one and two pJ an action; a gated MAC a tenth of that. 0.1 to 0.3 mm2, three LUTs."""

    def energy_pj(self, spec: AcceleratorSpec, actions: dict[str, int | None], kept_macs: int) -> dict[str, Price]:
        out = {k: self.price(k, v) for k, v in actions.items() if v is not None}
        if actions["pe.mac"] is None:
            mac, gated = self.price("pe.mac", kept_macs), self.price("pe.gated_mac", kept_macs)
            out |= {"pe.mac": Price(gated.low, mac.typical, mac.high), "pe.gated_mac": Price(0, 0, 0)}
        return out

    def price(self, action: str, count: int) -> Price:
        pj = count * (0.1 if action == "pe.gated_mac" else 1.0)
        return Price(0.5 * pj, pj, 2 * pj)

    def area_um2(self, spec: AcceleratorSpec) -> Price:
        return Price(1e5, 2e5, 3e5)

    def resources(self, spec: AcceleratorSpec) -> dict[str, dict[str, Price]]:
        if spec.technology == "45nm":
            return {}
        return {"pe": {"lut": Price(1, 2, 3), "dsp": Price(16, 16, 16)}, "vector": {"lut": Price(1, 1, 1)}}


Units = dict[str, dict[str, int]]


def units(cycles: int, **busy: dict[str, int]) -> Units:
    """What is not given is idle."""
    out = {}
    for unit in UNITS:
        given = busy.get(unit, {})
        out[unit] = {c: given.get(c, 0) for c in CAUSES}
        out[unit]["idle"] = cycles - sum(given.values())
    return out


def layer(name: str, kind: str, cycles: int, pattern: str = "dense", mapped: int = 0, kept: int = 0, **more: object) -> LayerResult:
    """`skipped` and `padded` split what is not kept of `mapped`; `gated` what is gated of `kept`, None unknown."""
    get = more.get
    skipped, gated = int(get("skipped", 0)), get("gated", 0)  # type: ignore[call-overload]
    read, write, needed = (int(get(k, d)) for k, d in (("read", 4096), ("write", 1024), ("needed", 4000)))  # type: ignore[call-overload]
    actions: dict[str, int | None] = dict.fromkeys(ACTIONS, 0)
    actions |= {"pe.skipped_mac": skipped, "pe.padded_mac": mapped - kept - skipped}
    if gated is None and mapped:
        actions |= {"pe.mac": None, "pe.gated_mac": None}
    else:
        actions |= {"pe.mac": kept - int(gated or 0), "pe.gated_mac": int(gated or 0)}
    actions |= {"memory.read_bits": read, "memory.write_bits": write, "act.read_bits": read, "weight.read_bits": 512, "vec.read_bits": 512}
    actions |= {"sequencer.command": 1, "vector.op": 64}
    return LayerResult(
        name=name,
        kind=kind,
        shape="16x64",
        pattern=pattern,
        dataflow="ws" if mapped else "-",
        cycles=cycles,
        estimate_cycles=cycles - cycles // 10,
        dense_macs=kept + skipped,
        kept_macs=kept,
        mapped_macs=mapped,
        needed_bits=needed,
        units=more.get("units") or units(cycles, array={"busy": cycles // 2}),  # type: ignore[arg-type]
        actions=actions,
    )


def result(pattern: str, layers: tuple[LayerResult, ...], values: bool = True, **more: object) -> Result:
    kw = {"network": "toy", "machine": SPEC.name, "digest": SPEC.digest, "clock_mhz": SPEC.clock_mhz, "batch": 1, "notes": ()} | more
    return Result(pattern=pattern, values=values, cycles=sum(x.cycles for x in layers), layers=layers, **kw)  # type: ignore[arg-type]


def dense(**more: object) -> Result:
    u = units(4800, array={"busy": 4200, "fill": 200, "drain": 400}, memory={"busy": 1200}, vector={"busy": 900})
    v = units(1200, array={"busy": 800, "wait_input": 400}, memory={"busy": 600}, feed={"busy": 900})
    return result(
        "dense",
        (
            layer("encoder.0.ffn.up", "linear", 4800, mapped=65536, kept=65536, gated=1000, units=u, read=90000),
            layer("encoder.0.scores", "scores", 1200, mapped=12000, kept=10000, units=v),
            layer("encoder.0.softmax", "softmax", 600, units=units(600, vector={"busy": 500}), read=5000),
            layer("encoder.0.ffn.norm", "layernorm", 400, units=units(400, vector={"busy": 390})),
        ),
        **more,
    )


def pruned(**more: object) -> Result:
    gated = more.pop("gated", 250)
    u = units(1500, array={"busy": 1100, "fill": 100, "drain": 150, "wait_token": 150}, memory={"busy": 1000}, vector={"busy": 900})
    v = units(1200, array={"busy": 800, "wait_input": 400}, memory={"busy": 600}, feed={"busy": 900})
    return result(
        "2:8",
        (
            layer("encoder.0.ffn.up", "linear", 1500, "2:8", mapped=65536, kept=16384, skipped=49152, gated=gated, units=u, read=40000),
            layer("encoder.0.scores", "scores", 1200, mapped=12000, kept=10000, units=v),
            layer("encoder.0.softmax", "softmax", 600, units=units(600, vector={"busy": 500}), read=5000),
            layer("encoder.0.ffn.norm", "layernorm", 390, units=units(390, vector={"busy": 390})),
        ),
        **more,
    )
