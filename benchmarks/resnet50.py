"""What does ResNet-50 at batch 1 cost: in the engine, as a whole command, and with values beside ONNX Runtime?"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import onnxruntime

from benchmarks.measure import Figure, median_cpu_s, run_command, show, take_turns
from hwsim import trip
from hwsim.engine import run_cycles, simulate
from hwsim.spec.load import load_machine
from hwsim.spec.verify import verify
from hwsim.trip.stages import lower, machine_inputs
from models.onnx_export import to_nchw, to_onnx

Array = np.ndarray[Any, Any]
NETWORK = "resnet50"
ENGINE_S, COMMAND_S, PEAK_MIB, ASKED = 0.5, 5.0, 1024, "<= 5 x"


@cache
def network() -> trip.Network:
    return trip.load(NETWORK)


def engine_alone() -> list[Figure]:
    machine = load_machine("dense32")
    program = trip.compile(network(), machine)
    cycles_s, (_, _, cycles) = median_cpu_s(lambda: run_cycles(machine, program))
    verify_s, _ = median_cpu_s(lambda: verify(program, machine))
    whole_s, _ = median_cpu_s(lambda: simulate(machine, program, values=False))
    return [
        Figure(f"engine: {int(cycles.sum()):,} cycles on dense32, no values", f"{cycles_s:.2f} CPU s"),
        Figure("engine with timing, actions and the check of the Program", f"{whole_s:.2f} CPU s", f"< {ENGINE_S} s"),
        Figure(f"  of which the check of {len(program.words):,} commands", f"{verify_s:.2f} CPU s"),
    ]


def stages(machine_name: str) -> list[Figure]:
    """CPU seconds of each stage of the command, kernels loaded before."""
    machine = load_machine(machine_name)
    raw_s, raw = median_cpu_s(lambda: trip.load(NETWORK), times=1)
    lower_s, graph = median_cpu_s(lambda: lower(raw, machine), times=1)
    lowered = replace(raw, graph=graph)
    map_s, program = median_cpu_s(lambda: trip.compile(lowered, machine), times=1)
    run_s, (result, _) = median_cpu_s(lambda: simulate(machine, program, values=False), times=1)
    report_s, _ = median_cpu_s(lambda: trip.report(raw, result, machine), times=1)
    second = "fuse and quantise" if graph.scales else "fuse"
    parts = {"seeded weights": raw_s, second: lower_s, "map": map_s, "engine": run_s, "report": report_s}
    said = ", ".join(f"{k} {v:.2f}" for k, v in parts.items())
    return [Figure(f"  {machine_name}: {said}", f"{sum(parts.values()):.2f} CPU s")]


def commands() -> list[Figure]:
    out = []
    for words, asked in (
        (("--machine", "dense32", "--no-values"), f"< {COMMAND_S} s, < {PEAK_MIB:,} MiB"),
        (("--machine", "sat", "--values"), f"< {PEAK_MIB:,} MiB"),
        (("--machine", "sat_int8", "--values"), f"< {PEAK_MIB:,} MiB"),
    ):
        run_command("run", NETWORK, *words, "--json")  # compiles kernels where none are on disk
        done = run_command("run", NETWORK, *words, "--json")
        out.append(Figure(f"hwsim run {NETWORK} {' '.join(words)}", f"{done.cpu_s:.2f} s, {done.peak_mib:.0f} MiB", asked))
    return out


def with_values(name: str, peer: Callable[[], Array]) -> list[Figure]:
    """Beside a run of the peer, in turns: everything that `simulate` does, and of it the check of the Program and the cycles."""
    machine = load_machine(name)
    program = trip.compile(network(), machine)
    inputs = machine_inputs(program, network().inputs)
    peer_s, whole_s, check_s, cycles_s = take_turns(
        peer,
        lambda: simulate(machine, program, inputs, values=True),
        lambda: verify(program, machine),
        lambda: run_cycles(machine, program),
    )
    (out,) = simulate(machine, program, inputs, values=True)[1].values()
    correlation = np.corrcoef(out.ravel().astype(np.float32), peer().ravel())[0, 1]
    parts = f"check {check_s:.3f}, cycles {cycles_s:.3f}, values and counts {whole_s - check_s - cycles_s:.3f}"
    return [
        Figure(f"ONNX Runtime {onnxruntime.__version__}, FP32, one thread", f"{peer_s:.3f} CPU s"),
        Figure(f"{name}: {whole_s:.3f} CPU s ({parts})", f"{whole_s / peer_s:.1f} x", ASKED),
        Figure(f"{name}: correlation of its output with FP32", f"{correlation:.4f}"),
    ]


def onnx_runtime() -> Callable[[], Array]:
    """One FP32 inference on one thread, all graph optimisations on."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    graph = network().graph
    session = onnxruntime.InferenceSession(to_onnx(graph).SerializeToString(), options, providers=["CPUExecutionProvider"])
    feeds = {name: to_nchw(graph, name, x) for name, x in network().inputs.items()}

    def infer() -> Array:
        (out,) = session.run(None, feeds)
        return np.asarray(out)

    return infer


def main() -> None:
    show("ResNet-50, batch 1", [*engine_alone(), *commands(), *stages("dense32"), *stages("sat")])
    peer = onnx_runtime()
    show("ResNet-50, batch 1, with values, in turns", [f for name in ("sat", "sat_int8") for f in with_values(name, peer)])


if __name__ == "__main__":
    main()
