"""One trial of a sweep: the trip without values, as a point."""

from functools import lru_cache

from hwsim import trip
from hwsim.explore.sweep import Point, Trial

KEPT_NETWORKS = 4


@lru_cache(maxsize=KEPT_NETWORKS)
def _loaded(network: str, batch: int, seq: int | None) -> trip.Network:
    return trip.load(network, batch=batch, seq=seq)


@lru_cache(maxsize=KEPT_NETWORKS)
def _pruned(network: str, batch: int, seq: int | None, pattern: str) -> trip.Network:
    return trip.prune(_loaded(network, batch, seq), pattern)


def run_trial(trial: Trial) -> Point:
    """Cycles, traffic and priced energy of the whole network. Without values nobody knows which
    activations are zero: the energy's range says so.
    """
    network = _pruned(trial.network, trial.batch, trial.seq, trial.pattern)
    machine = trial.machine
    result, _ = trip.simulate(network, trip.compile(network, machine), machine, values=False)
    report = trip.report(network, result, machine)
    run = report.run
    return Point(
        network=trial.network,
        machine=machine.name,
        digest=machine.digest,
        pattern=trial.pattern,
        cycles=run.cycles,
        time_us=run.time_us,
        utilisation=run.utilisation,
        dram_bits=run.dram_bits.read + run.dram_bits.write,
        energy_pj=run.energy_pj,
        area_um2=report.machine.area_um2,
    )
