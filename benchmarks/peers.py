"""How long does another cycle simulator take for the same dense layers on the same array, in the same run?

SCALE-Sim 3.0.0 (Samajdar et al., MIT licence) in a virtual environment of its own, as it needs numpy below 2. It has no padding:
its picture is given with the border on. 32 x 32 array, weight stationary, int8, 512 kB + 512 kB + 256 kB of SRAM, 32 bytes of DRAM a cycle, on both sides.
"""

import csv
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Figure, best_cpu_s, run_python, show
from hwsim import trip
from hwsim.explore import changed
from hwsim.result import Result
from hwsim.spec.load import load_machine

ROOT = Path(__file__).parents[1]
VENV = ROOT / ".venv-peers"
LAYERS = ("layer2.1.conv3", "layer3.1.conv2", "layer4.1.conv2")
KIB = 8192  # bits

CONFIG = """[general]
run_name = run
[run_presets]
InterfaceBandwidth: USER
UseRamulatorTrace: False
[architecture_presets]
ArrayHeight: 32
ArrayWidth: 32
IfmapSramSzkB: 512
FilterSramSzkB: 512
OfmapSramSzkB: 256
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Dataflow: ws
Bandwidth: 32
ReadRequestBuffer: 64
WriteRequestBuffer: 64
[layout]
IfmapCustomLayout: False
FilterCustomLayout: False
IfmapSRAMBankBandwidth: 32
IfmapSRAMBankNum: 32
IfmapSRAMBankPort: 2
FilterSRAMBankBandwidth: 32
FilterSRAMBankNum: 32
FilterSRAMBankPort: 2
[sparsity]
SparsitySupport: false
"""
RUN = """
from scalesim.scale_sim import scalesim
scalesim(save_disk_space=True, verbose=False, config='c.cfg', topology='t.csv', layout='l.csv', input_type_gemm=False).run_scale(top_path='out')
"""


@dataclass(frozen=True)
class Peer:
    cycles: int
    cpu_s: float


def peer_python() -> str:
    python = VENV / "bin/python"
    if not python.exists():
        print("installing SCALE-Sim into .venv-peers (once)", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "scalesim==3.0.0", "numpy<2"], check=True)
    return str(python)


def scale_sim(network: trip.Network, layer: str) -> Peer:
    conv = network.graph.layer(layer)
    n, c, r, s = conv.params["weight"].shape
    _, height, width, _ = network.graph.shape(conv.inputs[0])
    border, stride = 2 * conv.attrs["padding"], conv.attrs["stride"]
    shape = (height + border, width + border, r, s, c, n, stride)
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        (at / "c.cfg").write_text(CONFIG)
        (at / "t.csv").write_text(f"layer,H,W,R,S,C,K,stride,\n{layer},{','.join(map(str, shape))},\n")
        (at / "l.csv").write_text(f"layer,\n{layer},{'1,' * 16}\n")
        done = run_python(RUN, python=peer_python(), cwd=folder)
        row = list(csv.reader((at / "out/run/COMPUTE_REPORT.csv").open()))[1]
    return Peer(int(float(row[2])), done.cpu_s)


def main() -> None:
    machine = changed(
        load_machine("dense32"),
        name="as SCALE-Sim",
        levels__act__capacity_bits=512 * KIB,
        levels__weight__capacity_bits=512 * KIB,
        memory__width_bits=256,
    )
    figures = []
    for layer in LAYERS:
        network = trip.load("resnet50", layers=layer)

        def whole(network: trip.Network = network) -> Result:
            return trip.simulate(network, trip.compile(network, machine), machine, values=False)[0]

        cpu_s, result = best_cpu_s(whole)
        peer = scale_sim(network, layer)
        figures += [
            Figure(f"{layer}: hwsim, from graph to result", f"{cpu_s:.3f} CPU s", f"{result.cycles:,} cycles"),
            Figure(f"{layer}: SCALE-Sim", f"{peer.cpu_s:.1f} CPU s", f"{peer.cycles:,} cycles"),
            Figure(f"{layer}: ratio of times", f"{peer.cpu_s / cpu_s:,.0f} x"),
        ]
    show("ResNet-50 layers, dense, 32 x 32, beside SCALE-Sim 3.0.0", figures)


if __name__ == "__main__":
    main()
