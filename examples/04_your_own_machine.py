"""How would a trained network run on a machine of your own, written down in YAML, and would a wider memory help it?"""

from pathlib import Path

from hwsim import trip
from hwsim.report import text
from hwsim.spec.load import load_machine

machine = load_machine(Path(__file__).with_name("04_machine.yaml"))
wider = machine.with_(name="edge16-wide", memory__width_bits=256)
sentence = trip.load("minilm", seq=32)

for m in (machine, wider):
    results = []
    for pattern in ("dense", "4:16"):
        network = trip.prune(sentence, pattern)
        result, _ = trip.simulate(network, trip.compile(network, m), m, values=False)
        results.append(result)
    report = trip.report(network, results[1], m, dense=results[0])
    print(text(report) if m is machine else f"{m.name}: {report.run.time_us:.0f} us, {report.speedup:.2f}x the dense run")
