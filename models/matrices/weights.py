"""Weights of a network's layer, pruned, as a sparse matrix: rows are outputs, columns the reduced rank."""

import numpy as np
from scipy.sparse import csr_array

from hwsim.spec.errors import MatrixError
from models.matrices.matrix import Matrix, from_scipy
from models.prune import WEIGHTED, How, prune
from models.zoo import network


def weights(name_or_path: str, layer: str, how: How) -> Matrix:
    """A convolution's weight [N, C, R, S] becomes [N, R * S * C], c innermost, as a product sees it."""
    graph = network(name_or_path, seq=1)
    known = [x.name for x in graph.layers if x.kind in WEIGHTED]
    if layer not in known:
        raise MatrixError(f"{graph.name}: no layer with weights is named {layer!r}; it has {', '.join(known[:5])}, ...")
    weight = prune(graph, how).layer(layer).params["weight"]
    if weight.ndim == 4:
        weight = weight.transpose(0, 2, 3, 1).reshape(len(weight), -1)
    name = f"{graph.name}.{layer}"
    return from_scipy(name, name, csr_array(weight.astype(np.float64)))
