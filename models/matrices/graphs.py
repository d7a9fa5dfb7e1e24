"""The graphs that NetworkX brings along, by name, as weighted adjacency matrices."""

import networkx as nx
import numpy as np

from hwsim.spec.errors import MatrixError
from models.matrices.matrix import Matrix, from_entries

MADE = {
    "karate": nx.karate_club_graph,
    "les_miserables": nx.les_miserables_graph,
    "florentine": nx.florentine_families_graph,
    "davis": nx.davis_southern_women_graph,
    "bull": nx.bull_graph,
    "chvatal": nx.chvatal_graph,
    "cubical": nx.cubical_graph,
    "desargues": nx.desargues_graph,
    "diamond": nx.diamond_graph,
    "dodecahedral": nx.dodecahedral_graph,
    "frucht": nx.frucht_graph,
    "heawood": nx.heawood_graph,
    "hoffman_singleton": nx.hoffman_singleton_graph,
    "icosahedral": nx.icosahedral_graph,
    "krackhardt_kite": nx.krackhardt_kite_graph,
    "moebius_kantor": nx.moebius_kantor_graph,
    "pappus": nx.pappus_graph,
    "petersen": nx.petersen_graph,
    "truncated_cube": nx.truncated_cube_graph,
    "tutte": nx.tutte_graph,
}


def graph_names() -> tuple[str, ...]:
    return tuple(MADE)


def graph(name: str) -> Matrix:
    """Nodes in NetworkX's order; an edge without weight weighs 1, an undirected one stands twice."""
    if name not in MADE:
        raise MatrixError(f"graph: {name!r} is unknown; use {', '.join(MADE)}")
    return from_networkx(name, MADE[name]())


def from_networkx(name: str, g: nx.Graph) -> Matrix:
    number = {node: i for i, node in enumerate(g.nodes)}
    directed = g if g.is_directed() else g.to_directed()
    edges = [(number[a], number[b], float(w)) for a, b, w in directed.edges(data="weight", default=1)]
    table = np.array(edges, np.float64).reshape(-1, 3)
    ends = table[:, :2].astype(np.int64)
    return from_entries(name, name, (len(g), len(g)), ends[:, 0], ends[:, 1], table[:, 2])
