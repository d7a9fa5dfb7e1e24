"""`simulate`: a Program on a machine, cycle by cycle, with or without values."""

from pathlib import Path
from typing import Any

import numpy as np

from hwsim.components.config import ENDED, PE_CYCLES
from hwsim.engine import tick
from hwsim.engine.actions import command_actions, layer_sums
from hwsim.engine.deadlock import deadlock_report
from hwsim.engine.state import State, new_state
from hwsim.engine.trace import write_trace
from hwsim.engine.whole import whole
from hwsim.result import ACTIONS, CAUSES, UNITS, LayerResult, Result
from hwsim.spec.commands import column
from hwsim.spec.errors import SimulationError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from hwsim.spec.verify import verify

Array = np.ndarray[Any, Any]
FOREVER = 1 << 60


def simulate(
    spec: AcceleratorSpec,
    program: Program,
    inputs: dict[str, Array] | None = None,
    *,
    values: bool,
    network: str = "program",
    pattern: str = "dense",
    batch: int = 1,
    trace: Path | None = None,
    eager: bool = False,
) -> tuple[Result, dict[str, Array]]:
    """Cycles and counts as a Result, and the output tensors by name (none without values).

    `trace`: a folder for the timeline (Perfetto JSON) and the CSV of commands. `eager` steps every
    component in every cycle, also those that wait; slower, with the same result.
    """
    verify(program, spec)
    state, units, layer_cycles = run_cycles(spec, program, eager=eager)
    outputs, macs = _values(spec, program, inputs or {}, state) if values else ({}, None)
    if trace is not None:
        write_trace(Path(trace), spec, program, state)
    layers = _layers(spec, program, state, units, layer_cycles, macs)
    notes = (f"assumed: {', '.join(spec.assumed)}",) if spec.assumed else ()
    result = Result(
        network=network,
        machine=spec.name,
        digest=spec.digest,
        clock_mhz=spec.clock_mhz,
        pattern=pattern,
        batch=batch,
        values=values,
        cycles=int(layer_cycles.sum()),
        layers=layers,
        notes=notes,
    )
    return result, outputs


def run_cycles(
    spec: AcceleratorSpec, program: Program, *, eager: bool = False
) -> tuple[State, Array, Array]:
    """The registers at the end, [layers, units, causes] cycles, and [layers] cycles."""
    state = new_state(spec, program)
    run = state.machine.run
    run.eager = eager
    layers = len(state.left_in_layer)
    units, cycles = (
        np.zeros((layers, len(UNITS), len(CAUSES)), np.int64),
        np.zeros(layers, np.int64),
    )
    deepest = spec.array.rows * (spec.pe.kept_max + 1) * spec.pe.adder_latency_cycles
    deepest += spec.array.cols + spec.pe.multiplier_latency_cycles
    patience = 4096 + 8 * (deepest + spec.memory.latency_cycles)
    tick.loop(
        state.machine, state.table, state.log, state.left_in_layer, units, cycles, FOREVER, patience
    )
    if run.status == tick.TOKEN_OVERFLOW:
        raise SimulationError(
            f"cycle {run.now}: a token counter is above {spec.sequencer.token_depth}; raise sequencer.token_depth or signal less"
        )
    if run.status == tick.DEADLOCK:
        raise SimulationError(deadlock_report(state, program))
    return state, units, cycles


def _values(
    spec: AcceleratorSpec, program: Program, inputs: dict[str, Array], state: State
) -> tuple[dict[str, Array], Array]:
    """Runs the commands in the order in which they were done. Outputs, and [commands] effectual
    MACs.
    """
    from hwsim.functional import Functional  # here: a run without values loads no value kernels

    order = np.argsort(state.log[:-1, ENDED], kind="stable")
    run = Functional(spec, program).run(inputs, order)
    return run.outputs, run.macs[:, 0]


def _layers(
    spec: AcceleratorSpec,
    program: Program,
    state: State,
    units: Array,
    cycles: Array,
    macs: Array | None,
) -> tuple[LayerResult, ...]:
    infos = program.layers or (whole(spec, program),)
    n = len(infos)
    counts = layer_sums(command_actions(spec, state.table, state.log), state.log, n)
    mapped = layer_sums(_mapped(spec, state)[:, None], state.log, n)[:, 0]
    effectual = None if macs is None else layer_sums(macs[:, None], state.log, n)[:, 0]
    out = []
    for i, info in enumerate(infos):
        actions: dict[str, int | None] = dict(zip(ACTIONS, counts[i].tolist(), strict=True))
        mac = None if effectual is None else int(effectual[i])
        actions["pe.mac"] = mac if info.kept_macs else 0
        actions["pe.gated_mac"] = (
            (None if mac is None else info.kept_macs - mac) if info.kept_macs else 0
        )
        actions["pe.skipped_mac"] = info.dense_macs - info.kept_macs
        actions["pe.padded_mac"] = int(mapped[i]) - info.dense_macs
        causes = {
            u: dict(zip(CAUSES, units[i, k].tolist(), strict=True)) for k, u in enumerate(UNITS)
        }
        fields = (
            "name",
            "kind",
            "shape",
            "pattern",
            "dataflow",
            "estimate_cycles",
            "dense_macs",
            "kept_macs",
            "needed_bits",
        )
        out.append(
            LayerResult(
                **{f: getattr(info, f) for f in fields},
                cycles=int(cycles[i]),
                mapped_macs=int(mapped[i]),
                units=causes,
                actions=actions,
            )
        )
    return tuple(out)


def _mapped(spec: AcceleratorSpec, state: State) -> Array:
    """[commands] dense MACs that the busy PEs stand for: R x C a cycle, times M/N."""
    slots = state.log[:, PE_CYCLES] * spec.array.rows * spec.array.cols
    kept = np.maximum(state.table[:, column("compute", "kept")], 1)
    block = 1 << state.table[:, column("compute", "block_log2")].clip(0, 5)
    return np.where(slots > 0, slots * block // kept, 0)
