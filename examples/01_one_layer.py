"""What does 2:8 pruning gain on one linear layer of a trained network, from its weights to the report?

Needs the weights package that `make demo` installs, or a BERT folder as argument.
"""

import sys

from hwsim import trip
from hwsim.report import text
from hwsim.spec.load import load_machine

machine = load_machine("sat")
name = sys.argv[1] if len(sys.argv) > 1 else "minilm"
dense = trip.load(name, layers="layer0.ffn.in")
pruned = trip.prune(dense, "2:8")

results = []
for network in (dense, pruned):
    program = trip.compile(network, machine)
    result, outputs = trip.simulate(network, program, machine)
    results.append(result)

print(text(trip.report(pruned, results[1], machine, dense=results[0])))
