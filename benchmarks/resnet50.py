"""What does ResNet-50 at batch 1 cost: in the engine, as a whole command, and with values beside ONNX Runtime?"""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import onnxruntime

from benchmarks.measure import Figure, median_cpu_s, run_command, show
from hwsim import trip
from hwsim.engine import run_cycles, simulate
from hwsim.spec.load import load_machine
from hwsim.spec.verify import verify
from hwsim.trip.stages import lower, machine_inputs
from models.onnx_export import to_nchw, to_onnx

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


@dataclass(frozen=True)
class Values:
    """CPU seconds of one run with values: the check of the Program, the cycles, all of it; and how close its output is to FP32."""

    check_s: float
    cycles_s: float
    whole_s: float
    correlation: float


def with_values(machine_name: str, fp32: np.ndarray) -> Values:
    machine = load_machine(machine_name)
    program = trip.compile(network(), machine)
    inputs = machine_inputs(program, network().inputs)
    check_s, _ = median_cpu_s(lambda: verify(program, machine))
    cycles_s, _ = median_cpu_s(lambda: run_cycles(machine, program))
    whole_s, (_, outputs) = median_cpu_s(lambda: simulate(machine, program, inputs, values=True))
    (out,) = outputs.values()
    return Values(check_s, cycles_s, whole_s, float(np.corrcoef(out.ravel().astype(np.float32), fp32.ravel())[0, 1]))


def onnx_runtime() -> tuple[float, np.ndarray]:
    """CPU seconds of one FP32 inference on one thread, all graph optimisations on; its output."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    graph = network().graph
    session = onnxruntime.InferenceSession(to_onnx(graph).SerializeToString(), options, providers=["CPUExecutionProvider"])
    feeds = {name: to_nchw(graph, name, x) for name, x in network().inputs.items()}
    cpu_s, (out,) = median_cpu_s(lambda: session.run(None, feeds))
    return cpu_s, out


def beside_onnx_runtime() -> list[Figure]:
    peer_s, fp32 = onnx_runtime()
    figures = [Figure(f"ONNX Runtime {onnxruntime.__version__}, FP32, one thread", f"{peer_s:.3f} CPU s")]
    for name in ("sat", "sat_int8"):
        v = with_values(name, fp32)
        engine_s = v.whole_s - v.check_s
        figures += [
            Figure(
                f"{name}: cycles {v.cycles_s:.2f} s, values and counts {engine_s - v.cycles_s:.2f} s",
                f"{engine_s / peer_s:.1f} x",
                ASKED,
            ),
            Figure(f"{name}: with the check of the Program, {v.check_s:.2f} s", f"{v.whole_s / peer_s:.1f} x", ASKED),
            Figure(f"{name}: correlation of its output with FP32", f"{v.correlation:.4f}"),
        ]
    return figures


def main() -> None:
    show("ResNet-50, batch 1", [*engine_alone(), *commands(), *stages("dense32"), *stages("sat")])
    show("ResNet-50, batch 1, with values, in the same run", beside_onnx_runtime())


if __name__ == "__main__":
    main()
