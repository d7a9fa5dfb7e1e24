"""A pruned linear layer of a few hundred weights, as a Program with its inputs and the outputs of its functional run."""

from hwsim.spec.load import load_machine
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.program import Program
from mapper.graph.ir import Array
from tests.harness.graphs import Net
from tests.harness.mapped import both, fed, pruned

TWO = load_machine("tiny4").with_(
    name="two", array__rows=2, array__cols=2, vector__lanes=1, vector__functions=("map",), link_depth=1, sequencer__queue_depth=2
)


def small_linear(
    spec: AcceleratorSpec, rows: int, k: int, n: int, kept: int, block: int
) -> tuple[Program, dict[str, Array], dict[str, Array]]:
    net = Net(1, x=(rows, k))
    weight = pruned(net.normal(n, k), kept, block)
    net.add("fc", "linear", "x", params={"weight": weight, "bias": net.normal(n)}, pattern=(kept, block), act="relu")
    program, graph, outputs, tensors = both(net.graph("fc"), spec)
    return program, fed(program, graph, tensors, spec.pe.number), outputs
