"""The matrix that a command line asks for, in words."""

from dataclasses import dataclass
from pathlib import Path

from hwsim.spec.errors import MatrixError
from hwsim.spec.patterns import NMPattern
from models.matrices import Matrix, graph, read_market, rmat, weights
from models.matrices.rmat import EDGE_FACTOR
from models.prune import How, Unstructured

SOURCES = "--matrix FILE.mtx, --rmat SCALE, --graph NAME, or --weights NETWORK/LAYER"


@dataclass(frozen=True)
class Source:
    """Exactly one of the first four. `nonzeros`, `edge_factor` belong to rmat, `pattern` and `density` to weights, which are
    dense without them. `second`: a file for the matrix behind it; an R-MAT has another of its kind there, of the next seed."""

    matrix: Path | None = None
    rmat: int | None = None
    graph: str | None = None
    weights: str | None = None
    second: Path | None = None
    nonzeros: int | None = None
    edge_factor: int | None = None
    pattern: str | None = None
    density: float | None = None
    seed: int = 0

    def read(self) -> Matrix:
        given = [x for x in (self.matrix, self.rmat, self.graph, self.weights) if x is not None]
        if len(given) != 1:
            raise MatrixError(f"matrix: {len(given) or 'none'} given; give one of {SOURCES}")
        self._check_owners()
        if self.matrix is not None:
            return read_market(self.matrix)
        if self.rmat is not None:
            return self._rmat(self.seed)
        if self.graph is not None:
            return graph(self.graph)
        assert self.weights is not None
        network, _, layer = self.weights.rpartition("/")
        if not network:
            raise MatrixError(f"weights: {self.weights!r} does not read as NETWORK/LAYER; write minilm/layer0.ffn.in")
        return weights(network, layer, self._how())

    def read_second(self, takes_it: bool) -> Matrix | None:
        """What spgemm multiplies with; None: the matrix itself."""
        if self.second is not None:
            return read_market(self.second)
        return self._rmat(self.seed + 1) if takes_it and self.rmat is not None else None

    def _rmat(self, seed: int) -> Matrix:
        assert self.rmat is not None
        factor = EDGE_FACTOR if self.edge_factor is None else self.edge_factor
        return rmat(self.rmat, nonzeros=self.nonzeros, edge_factor=factor, seed=seed)

    def _how(self) -> How:
        if self.pattern is not None and self.density is not None:
            raise MatrixError("weights: pattern and density given; give one")
        return NMPattern.parse(self.pattern or "dense") if self.density is None else Unstructured(self.density)

    def _check_owners(self) -> None:
        owners = {"nonzeros": "rmat", "edge_factor": "rmat", "pattern": "weights", "density": "weights"}
        for name, owner in owners.items():
            if getattr(self, name) is not None and getattr(self, owner) is None:
                raise MatrixError(f"{name}: belongs to --{owner}; leave it out")
        if self.nonzeros is not None and self.edge_factor is not None:
            raise MatrixError("rmat: nonzeros and edge_factor given; give one")
