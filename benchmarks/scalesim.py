"""How long does another cycle simulator take for the same dense layers on the same array, in the same run, and what does it count?

SCALE-Sim 3.0.0 from the package index (MIT licence; Raj et al. 2025, arXiv:2504.15377), in a virtual environment of its own, as it
needs numpy below 2. It has no padding: its pictures are given with the border on. Both sides: 32 x 32 array, weight stationary,
int8, ample bandwidth (there its mode CALC, which never stalls), no traces written. Its cycles are those of computing, without its
prefetch of the first operands; ours are all, from the first command word to the last result in memory.
"""

import csv
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.layers import alone
from benchmarks.measure import ROOT, Figure, median_cpu_s, run_python, show
from hwsim import trip
from hwsim.result import Result
from hwsim.spec.load import load_machine

VENV = ROOT / ".venv-peers"
PACKAGES = ("scalesim==3.0.0", "numpy>=1.26,<2")
LAYERS = ("layer1.0.conv1", "layer2.1.conv1", "layer3.1.conv2", "layer4.1.conv3")
INSTALL_S, RUN_S = 300, 120
CONFIG = """[general]
run_name = run
[run_presets]
InterfaceBandwidth = CALC
UseRamulatorTrace = False
[architecture_presets]
ArrayHeight = 32
ArrayWidth = 32
IfmapSramSzkB = 512
FilterSramSzkB = 512
OfmapSramSzkB = 256
IfmapOffset = 0
FilterOffset = 10000000
OfmapOffset = 20000000
Dataflow = ws
ReadRequestBuffer = 64
WriteRequestBuffer = 64
[layout]
IfmapCustomLayout = False
IfmapSRAMBankBandwidth = 10
IfmapSRAMBankNum = 10
IfmapSRAMBankPort = 2
FilterCustomLayout = False
FilterSRAMBankBandwidth = 10
FilterSRAMBankNum = 10
FilterSRAMBankPort = 2
[sparsity]
SparsitySupport = False
"""
RUN = """
import contextlib, io, os, sys, time
os.chdir(sys.argv[1])
from scalesim.scale_sim import scalesim
start = time.process_time()
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    s = scalesim(save_disk_space=True, verbose=False, config="c.cfg", topology="t.csv", layout="l.csv", input_type_gemm=False)
    s.run_scale(top_path="out")
print(time.process_time() - start)
"""


@dataclass(frozen=True)
class Measured:
    cycles: int
    cpu_s: float
    peak_mib: float = 0.0


def installed() -> str:
    """What is missing, in one line; empty where SCALE-Sim can be run."""
    python = VENV / "bin/python"
    if not python.exists():
        print("installing SCALE-Sim into .venv-peers (once)", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    check = [str(python), "-c", "import numpy, scalesim.scale_sim"]
    if not subprocess.run(check, capture_output=True, check=False).returncode:
        return ""
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary=numpy", *PACKAGES]
    try:
        done = subprocess.run(pip, capture_output=True, text=True, check=False, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        return f"pip did not end within {INSTALL_S} s"
    return (done.stderr.strip().splitlines() or ["pip failed"])[-1] if done.returncode else ""


def peer(network: trip.Network, name: str) -> Measured:
    conv = network.graph.layer(name)
    channels, depth, r, s = conv.params["weight"].shape
    _, height, width, _ = network.graph.shape(conv.inputs[0])
    border = 2 * conv.attrs["padding"]
    row = (name, height + border, width + border, r, s, depth, channels, conv.attrs["stride"])
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        (at / "c.cfg").write_text(CONFIG)
        (at / "t.csv").write_text("name,H,W,R,S,C,K,stride,\n" + ",".join(map(str, row)) + ",\n")
        (at / "l.csv").write_text("name,\n" + name + "," + "1," * 20 + "\n")
        done = run_python(RUN, folder, python=str(VENV / "bin/python"), timeout_s=RUN_S)
        with (at / "out/run/COMPUTE_REPORT.csv").open() as f:
            report = list(csv.reader(f, skipinitialspace=True))
    return Measured(int(float(report[1][report[0].index("Total Cycles")])), float(done.out), done.peak_mib)


def ours(network: trip.Network, name: str) -> Measured:
    """From the float layer to the Result: quantised, mapped, verified, run."""
    machine, layer = load_machine("dense32"), alone(network, name)

    def whole() -> Result:
        return trip.simulate(layer, trip.compile(layer, machine), machine, values=False)[0]

    cpu_s, result = median_cpu_s(whole, times=3)
    return Measured(result.cycles, cpu_s)


def main() -> None:
    missing = installed()
    if missing:
        print(f"SCALE-Sim beside: skipped, {' '.join(PACKAGES)} cannot be installed here: {missing}\n")
        return
    network, figures = trip.load("resnet50"), []
    for name in LAYERS:
        theirs, own = peer(network, name), ours(network, name)
        figures += [
            Figure(f"{name}: SCALE-Sim {theirs.cpu_s:.1f} CPU s, hwsim {own.cpu_s:.3f} CPU s", f"{theirs.cpu_s / own.cpu_s:,.0f} x faster"),
            Figure(f"{name}: SCALE-Sim {theirs.cycles:,} cycles, hwsim {own.cycles:,}", f"{theirs.cycles / own.cycles:.2f} x"),
        ]
    show("ResNet-50 layers, dense, 32 x 32, beside SCALE-Sim 3.0.0 in the same run", figures)


if __name__ == "__main__":
    main()
