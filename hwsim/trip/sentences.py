"""What pruning did to a sentence encoder, and what the encoder leaves to the host."""

import numpy as np

from hwsim.functional import run_functional
from hwsim.report import Cosine, HostWork
from hwsim.result import Result
from hwsim.spec.machine import AcceleratorSpec
from hwsim.trip.stages import (
    SEQ,
    Network,
    Progress,
    compile,
    machine_inputs,
    prune,
    silent,
    with_sentences,
)
from mapper.graph.reference import run as run_reference
from models.sentences import SENTENCES
from models.text_host import compare_embeddings, load_host, pool


def sentence_cosine(
    network: Network, machine: AcceleratorSpec, progress: Progress = silent
) -> Cosine:
    """All fixed sentences at once, in a Program of their length: the machine's values against FP32
    values of the network as trained.
    """
    assert network.text is not None
    host = load_host(network.text)
    present = host.tokenise(SENTENCES, SEQ)[1]
    seq = 8 * -(-int(present.sum(1).max()) // 8)
    trained = with_sentences(network.graph.name, network.text, len(SENTENCES), seq)
    out, mask = trained.graph.outputs[0], host.embed(SENTENCES, seq)[1]
    progress("embed as trained", 0, 1)
    before = pool(run_reference(trained.graph, trained.inputs)[out], mask)
    pruned = prune(trained, network.pattern)
    program = compile(pruned, machine)
    progress(f"embed {network.pattern}", 0, 1)
    values = run_functional(machine, program, machine_inputs(program, pruned.inputs))
    region = next(x for x in program.outputs if x.name == out)
    change = compare_embeddings(before, pool(values[out] * np.float64(region.scale), mask))
    by = f"the Program's values in {machine.pe.number}"
    return Cosine(change.cosine, change.cosine_min, change.neighbours_changed, change.sentences, by)


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
