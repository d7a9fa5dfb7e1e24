"""What pruning did to a sentence encoder, and what the encoder leaves to the host."""

import numpy as np

from hwsim.report import Cosine, HostWork
from hwsim.result import Result
from hwsim.spec.machine import AcceleratorSpec
from hwsim.trip.stages import Network, Progress, every_sentence, lower, prune, silent
from mapper.graph.ir import Array, Graph
from mapper.graph.reference import real
from mapper.graph.reference import run as run_reference
from models.text_host import compare_embeddings, pool


def sentence_cosine(
    network: Network,
    machine: AcceleratorSpec,
    outputs: dict[str, Array] | None = None,
    progress: Progress = silent,
) -> Cosine:
    """All fixed sentences: values of the graph as the machine runs it, in its numbers, against FP32
    values of the network as trained. `outputs` of a run with values are held against the former.
    """
    progress("embed sentences", 0, 2)
    trained = every_sentence(network)
    before = _vectors(trained, trained.graph, "fp32")
    progress("embed sentences", 1, 2)
    pruned = prune(trained, network.pattern)
    graph, number = lower(pruned, machine), machine.pe.number
    after = _vectors(pruned, graph, number, machine.vector.lanes)
    change = compare_embeddings(before, after)
    whole = (network.seq or 0) >= (trained.seq or 0)  # otherwise the run cut sentences short
    return Cosine(
        mean=change.cosine,
        min=change.cosine_min,
        nearest_changes=change.neighbours_changed,
        sentences=change.sentences,
        by=f"reference values in {number}",
        machine=_agreement(network, graph, outputs, after) if outputs and whole else None,
    )


def _agreement(network: Network, graph: Graph, outputs: dict[str, Array], vectors: Array) -> float:
    """Lowest cosine between a sentence's vector out of the machine and its reference."""
    assert network.mask is not None
    out = graph.outputs[0]
    own = pool(real(graph, out, outputs[out]), network.mask)
    due = vectors[np.arange(network.batch) % len(vectors)]
    return float((own * due).sum(1).min())


def _vectors(network: Network, graph: Graph, number: str, lanes: int = 32) -> Array:
    assert network.mask is not None
    out = graph.outputs[0]
    values = run_reference(graph, network.inputs, number, lanes)[out]
    return pool(real(graph, out, values), network.mask)


def host_work(network: Network, result: Result) -> tuple[HostWork, ...]:
    """What a sentence encoder leaves to the host. Shares: of all operations, a MAC counting two."""
    if network.text is None:
        return ()
    rows, hidden = network.graph.inputs["embeddings"]
    work = {
        "embedding gather": 2 * rows * hidden,
        "pooling": rows * hidden + 3 * hidden * network.batch,
    }
    whole = sum(work.values()) + 2 * sum(x.dense_macs for x in result.layers)
    shares = [HostWork(name, count, count / whole) for name, count in work.items()]
    return (HostWork("tokeniser", None, None), *shares)
