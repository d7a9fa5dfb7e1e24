"""The passes from Graph to Graph, in order."""

from typing import Protocol

from hwsim.spec.machine import AcceleratorSpec
from mapper.graph.ir import Graph
from mapper.passes.drop_reshape import DropReshape
from mapper.passes.fold_batchnorm import FoldBatchnorm
from mapper.passes.fuse import Fuse
from mapper.passes.lower_batchnorm import LowerBatchnorm


class Pass(Protocol):
    @property
    def name(self) -> str: ...

    def run(self, graph: Graph) -> Graph: ...


FUSION: tuple[Pass, ...] = (
    FoldBatchnorm(),  # before Fuse: an activation behind a batch norm meets the convolution only then
    LowerBatchnorm(),  # behind FoldBatchnorm: takes what it leaves
    Fuse(),
    DropReshape(),
)


def standard(spec: AcceleratorSpec) -> tuple[Pass, ...]:
    """Padding of the reduced rank to whole blocks is no pass: a Graph with padded weights is not
    legal, so `Product.c_pad` does it.
    """
    return FUSION


def fuse_network(graph: Graph) -> Graph:
    """What quantisation wants to see: the layers that the machine will run. Idempotent."""
    for step in FUSION:
        graph = step.run(graph)
    return graph
