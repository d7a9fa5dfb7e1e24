"""A trained sentence encoder keeps a quarter of its weights: what do three ways of choosing them cost in cycles and cosine?

The array steps over zeros in N:M blocks only; elsewhere it multiplies by them.
"""

from dataclasses import replace

from hwsim import trip
from hwsim.spec.load import load_machine
from hwsim.spec.patterns import DENSE, NMPattern
from hwsim.trip.stages import every_sentence
from mapper.graph.reference import run
from models.prune import Blocks, How, Unstructured, prune
from models.text_host import compare_embeddings, pool

machine, trained = load_machine("sat"), trip.load("minilm")
sentences = every_sentence(trained)
ways: tuple[How, ...] = (DENSE, NMPattern(4, 16), NMPattern(2, 8), Blocks(8, 8, 0.25), Unstructured(0.25))


def vectors(how: How):
    graph = prune(sentences.graph, how)
    return pool(run(graph, sentences.inputs)[graph.outputs[0]], sentences.mask)


before = vectors(DENSE)
print(f"{'weights':22} {'cycles':>10} {'cosine':>7} {'lowest':>7} {'nearest changed':>16}")
for how in ways:
    pattern = how if isinstance(how, NMPattern) else DENSE
    network = replace(trained, graph=prune(trained.graph, how), pattern=pattern)
    result, _ = trip.simulate(network, trip.compile(network, machine), machine, values=False)
    c = compare_embeddings(before, vectors(how))
    print(f"{how!s:22} {result.cycles:10,} {c.cosine:7.3f} {c.cosine_min:7.3f} {c.neighbours_changed:9} of {c.sentences}")
