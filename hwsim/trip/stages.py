"""The stages of the trip, one function each."""

import fnmatch
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from hwsim.engine import simulate as run_engine
from hwsim.report import Cosine, HostWork, Report, make_report
from hwsim.report.versions import versions
from hwsim.result import Result
from hwsim.spec import numerics
from hwsim.spec.errors import GraphError, SpecError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.patterns import DENSE, NMPattern
from hwsim.spec.prices import PriceTable, price_table
from hwsim.spec.program import Program
from mapper.compile import compile_network
from mapper.graph.ir import Array, Graph
from mapper.graph.reference import run as run_reference
from mapper.passes.pipeline import fuse_network
from models.bert import load_bert, load_minilm, minilm_folder, with_mask
from models.prune import prune as prune_graph
from models.quantise import calibrate, quantise
from models.sentences import SENTENCES
from models.text_host import TextHost, load_host
from models.zoo import BUILDERS
from models.zoo import network as load_network

Progress = Callable[[str, int, int], None]  # stage, done, total
SEQ = 128
TEXT = ("bert_base",)  # of the zoo
SAMPLE = 4  # inputs that an int8 network is calibrated on, and that a larger batch repeats
MOST_INPUTS = 1 << 27  # numbers, 512 MiB of them
RANDOM_INPUTS = "inputs are seeded random numbers"


def silent(stage: str, done: int, total: int) -> None:
    """Progress that nobody sees."""


@dataclass(frozen=True)
class Network:
    """A graph and what it runs on. `inputs`: real numbers, by the graph's input names. `text`: the
    folder of a sentence encoder, None for other networks and for a part of one; `mask` [batch, seq]
    of its sentences. `sample`: the same with fewer inputs, where there are more than SAMPLE.
    """

    graph: Graph
    inputs: dict[str, Array]
    batch: int
    seq: int | None = None
    pattern: NMPattern = DENSE
    text: Path | None = None
    mask: Array | None = None
    notes: tuple[str, ...] = ()
    sample: "Network | None" = None


def load(
    name: str,
    *,
    batch: int = 1,
    seq: int | None = None,
    layers: str | None = None,
    seed: int = 0,
) -> Network:
    """A network by name, ONNX file or BERT folder. Sentence encoders get the fixed sentences, others
    seeded normal numbers. `layers`: only those whose names match the glob.
    """
    folder = _text_folder(name)
    if folder is not None:
        net = with_sentences(name, folder, batch, seq or SEQ)
    else:
        net = _with_numbers(name, batch, _length(name, seq), seed)
    return net if layers is None else _only(net, layers)


def prune(network: Network, pattern: str | NMPattern) -> Network:
    """Magnitude pruning along the reduced rank, really: the weights are set to zero."""
    p = NMPattern.parse(pattern) if isinstance(pattern, str) else pattern
    if p.is_dense:
        return network
    sample = prune(network.sample, p) if network.sample else None
    return replace(network, graph=prune_graph(network.graph, p), pattern=p, sample=sample)


def compile(network: Network, machine: AcceleratorSpec, progress: Progress = silent) -> Program:
    """Lowered and mapped."""
    check_pattern(network.pattern, machine)
    stage = f"map {network.pattern}"

    def step(layer: str, done: int, total: int) -> None:
        progress(stage, done, total)

    return compile_network(lower(network, machine), machine, progress=step)


def lower(network: Network, machine: AcceleratorSpec) -> Graph:
    """The graph as the machine runs it: fused, and quantised where the machine is int8, by the ranges
    of all fixed sentences for an encoder, else of the network's own inputs or its sample.
    """
    graph = fuse_network(network.graph)
    if machine.pe.number != "int8" or graph.scales:
        return graph
    known = network.sample
    if network.text is not None:
        known = prune(every_sentence(network), network.pattern)
    if known is None:
        return quantise(graph, calibrate(graph, network.inputs))
    return quantise(graph, calibrate(fuse_network(known.graph), known.inputs))


def every_sentence(network: Network) -> Network:
    """The same encoder as trained, all fixed sentences at once, no longer than the longest."""
    assert network.text is not None
    present = _host(network.text).tokenise(SENTENCES, SEQ)[1]
    seq = int(present.sum(1).max())
    return with_sentences(network.graph.name, network.text, len(SENTENCES), seq)


@cache
def _host(folder: Path) -> TextHost:
    return load_host(folder)


def check_pattern(pattern: NMPattern, machine: AcceleratorSpec) -> None:
    pe = machine.pe
    if pattern.block > pe.block_max or pattern.kept > pe.kept_max:
        raise SpecError(
            f"pattern: {pattern} is beyond the PEs of {machine.name}, which hold up to "
            f"{pe.kept_max}:{pe.block_max}; use another pattern or another machine"
        )


def simulate(
    network: Network,
    program: Program,
    machine: AcceleratorSpec,
    *,
    values: bool = True,
    trace: Path | None = None,
) -> tuple[Result, dict[str, Array]]:
    """The Result, and the outputs in the machine's numbers (none without values)."""
    return run_engine(
        machine,
        program,
        machine_inputs(program, network.inputs) if values else None,
        values=values,
        network=network.graph.name,
        pattern=str(network.pattern),
        batch=network.batch,
        trace=trace,
    )


def report(
    network: Network,
    result: Result,
    machine: AcceleratorSpec,
    *,
    dense: Result | None = None,
    cosine: Cosine | None = None,
    host: tuple[HostWork, ...] = (),
) -> Report:
    """`result` and `dense` priced; what was seeded, derived or left out is said in the notes."""
    prices = price_table(machine.technology)
    notes = (*result.notes, *network.notes, price_note(prices))
    return make_report(
        replace(result, notes=notes),
        machine,
        prices,
        dense=dense,
        seq=network.seq,
        cosine=cosine,
        host=host,
        versions=versions(),
    )


def price_note(prices: PriceTable) -> str:
    shaky = f"{len(prices.notes)} of {len(prices.parts)} prices of {prices.name}"
    return f"energy: counted actions, no leakage; {shaky} are derived or assumed"


def _text_folder(name: str) -> Path | None:
    if name == "minilm":
        return minilm_folder()
    folder = Path(name)
    return folder if os.path.isfile(folder / "tokenizer.json") else None  # also of a name too long for one


def with_sentences(name: str, folder: Path, batch: int, seq: int) -> Network:
    """The fixed sentences, over and over."""
    graph = load_minilm(folder, batch, seq) if name == "minilm" else load_bert(folder, batch, seq)
    some = [SENTENCES[i % len(SENTENCES)] for i in range(batch)]
    rows, mask = _host(folder).embed(some, seq)
    return Network(with_mask(graph, mask), {"embeddings": rows}, batch, seq, text=folder, mask=mask)


def _length(name: str, seq: int | None) -> int | None:
    """Tokens, of networks that have any."""
    if name in BUILDERS and name not in TEXT:
        if seq is not None:
            raise GraphError(f"{name}: seq is {seq}, it reads no text; leave --seq out")
        return None
    return seq or (SEQ if name in TEXT else None)


def _with_numbers(name: str, batch: int, seq: int | None, seed: int) -> Network:
    graph = load_network(name, batch=batch, seq=seq or SEQ, seed=seed)
    count = sum(math.prod(shape) for shape in graph.inputs.values())
    if count > MOST_INPUTS:
        raise GraphError(
            f"{name}: batch {batch} has {count} input numbers, more than {MOST_INPUTS}; lower --batch"
        )
    notes = ("weights and inputs are seeded random numbers",) if name in BUILDERS else ()
    notes = notes or (RANDOM_INPUTS,)
    if batch <= SAMPLE:
        return Network(graph, _normal(graph, seed), batch, seq, notes=notes)
    sample = _with_numbers(name, SAMPLE, seq, seed)
    return Network(graph, _repeated(sample.inputs, graph), batch, seq, notes=notes, sample=sample)


def _repeated(inputs: dict[str, Array], graph: Graph) -> dict[str, Array]:
    """The batch is outermost, so repeating the numbers repeats whole inputs."""
    return {name: np.resize(x, graph.inputs[name]) for name, x in inputs.items()}


def _normal(graph: Graph, seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    out: dict[str, Array] = {}
    for name, shape in graph.inputs.items():
        users = graph.users(name)
        if users and all(x.kind == "embedding" for x in users):
            words = min(len(x.params["table"]) for x in users)
            out[name] = rng.integers(0, words, shape)
        else:
            out[name] = rng.standard_normal(shape, np.float32)
    return out


def _only(network: Network, glob: str) -> Network:
    """The matching layers as a graph of their own, fed with the values that the whole one has there."""
    graph = network.graph
    layers = tuple(x for x in graph.layers if fnmatch.fnmatchcase(x.name, glob))
    if not layers:
        known = ", ".join(x.name for x in graph.layers[:5])
        raise GraphError(f"{graph.name}: no layer matches {glob!r}; it has {known}, ...")
    made = {x.name for x in layers}
    needed = {i for x in layers for i in x.inputs} - made
    used = {i for x in layers for i in x.inputs}
    outputs = tuple(x.name for x in layers if x.name not in used or x.name in graph.outputs)
    names = [n for n in (*graph.inputs, *(x.name for x in graph.layers)) if n in needed]
    part = Graph(graph.name, {n: graph.shape(n) for n in names}, layers, outputs, graph.scales)
    if network.sample:
        sample = _only(network.sample, glob)
        inputs = _repeated(sample.inputs, part)
    else:
        sample, tensors = None, run_reference(graph, network.inputs)
        inputs = {n: tensors[n] for n in names}
    return replace(network, graph=part, inputs=inputs, text=None, mask=None, sample=sample)


def seeded_inputs(program: Program, seed: int = 0) -> dict[str, Array]:
    """Normal numbers for a Program's input regions, in the machine's numbers."""
    rng = np.random.default_rng(seed)
    return machine_inputs(program, {x.name: rng.standard_normal(x.shape, np.float32) for x in program.inputs})


def machine_inputs(program: Program, inputs: dict[str, Array]) -> dict[str, Array]:
    """In the numbers and shapes of the Program's input regions."""
    out = {}
    for region in program.inputs:
        x = inputs[region.name]
        x = numerics.to_int8(x, region.scale) if region.number == "int8" else numerics.to_fp16(x)
        out[region.name] = x.reshape(region.shape)
    return out
