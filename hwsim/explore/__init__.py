"""Many trips: grids of machines, sweeps over processes or a cluster, the Pareto front."""

from hwsim.explore.front import front, picture
from hwsim.explore.grid import changed, grid, resized
from hwsim.explore.run import run_trial
from hwsim.explore.sweep import Point, Trial, sweep, to_csv, trials

__all__ = [
    "Point", "Trial", "changed", "front", "grid", "picture", "resized", "run_trial", "sweep", "to_csv", "trials",
]  # fmt: skip
