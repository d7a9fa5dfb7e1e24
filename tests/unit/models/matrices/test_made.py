"""Graphs by name, R-MAT, pruned weights."""

import networkx as nx
import numpy as np
import pytest

from hwsim.spec.patterns import NMPattern
from models.matrices import Matrix, graph, graph_names, rmat, weights
from models.matrices.graphs import MADE
from models.prune import Unstructured
from models.zoo import network


def well_formed(m: Matrix) -> None:
    assert len(m.starts) == m.shape[0] + 1 and m.starts[0] == 0 and m.starts[-1] == m.nonzeros == len(m.values)
    assert (np.diff(m.starts) >= 0).all() and m.columns.min() >= 0 and m.columns.max() < m.shape[1]
    for r in range(m.shape[0]):
        assert (np.diff(m.columns[m.starts[r] : m.starts[r + 1]]) >= 0).all()


@pytest.mark.parametrize("name", graph_names())
def test_graphs_are_networkx_own(name: str) -> None:
    m, g = graph(name), MADE[name]()
    well_formed(m)
    assert m.nonzeros == (g.number_of_edges() if g.is_directed() else 2 * g.number_of_edges())
    np.testing.assert_array_equal(m.scipy().toarray(), nx.to_numpy_array(g))


def test_rmat_is_seeded_and_exact() -> None:
    a = rmat(8, nonzeros=4000, seed=5)
    well_formed(a)
    keys = np.repeat(np.arange(256), np.diff(a.starts)) * 256 + a.columns
    assert a.nonzeros == 4000 == len(np.unique(keys))
    assert ((a.values >= 0.5) & (a.values < 1.5)).all()
    again, other = rmat(8, nonzeros=4000, seed=5), rmat(8, nonzeros=4000, seed=6)
    np.testing.assert_array_equal(a.columns, again.columns)
    np.testing.assert_array_equal(a.values, again.values)
    assert a.columns.tolist() != other.columns.tolist()


def test_rmat_by_edge_factor_keeps_each_place_once() -> None:
    a = rmat(10)
    well_formed(a)
    assert 0.5 * 16 * 1024 < a.nonzeros < 16 * 1024


def test_rmat_falls_into_the_quarters() -> None:
    """Entries of the top bit: a sparse matrix, so that few are drawn twice."""
    a = rmat(16, edge_factor=2, seed=1)
    half = 1 << 15
    rows = np.repeat(np.arange(1 << 16), np.diff(a.starts))
    found = [((rows >= half) == r) & ((a.columns >= half) == c) for r in (0, 1) for c in (0, 1)]
    for share, want in zip(found, (0.57, 0.19, 0.19, 0.05), strict=True):
        assert abs(share.mean() - want) < 0.02


def test_two_of_16384_rows() -> None:
    a = rmat(14, nonzeros=254_211)
    assert a.shape == (16_384, 16_384) and a.nonzeros == 254_211
    assert np.diff(a.starts).max() > 100 * 254_211 / 16_384


def test_transposed() -> None:
    a = rmat(6)
    t = a.transposed()
    well_formed(t)
    np.testing.assert_array_equal(t.scipy().toarray(), a.scipy().toarray().T)


def test_pruned_weights() -> None:
    m = weights("mlp", "fc1", NMPattern(2, 8))
    well_formed(m)
    assert m.shape == (512, 784) and m.nonzeros == 512 * 784 // 4 and m.name == "mlp.fc1"
    blocks = np.repeat(np.arange(512), np.diff(m.starts)) * 98 + m.columns // 8
    assert (np.bincount(blocks) == 2).all()
    dense = network("mlp").layer("fc1").params["weight"]
    kept = m.scipy().toarray()
    np.testing.assert_array_equal(kept[kept != 0], dense[kept != 0])
    assert weights("mlp", "fc1", Unstructured(0.1)).nonzeros == round(0.1 * 512 * 784)


def test_pruned_convolution_is_a_matrix() -> None:
    m = weights("resnet18", "layer1.0.conv1", NMPattern(1, 8))
    assert m.shape == (64, 9 * 64) and m.nonzeros == 64 * 9 * 8
