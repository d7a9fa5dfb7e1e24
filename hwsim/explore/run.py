"""One trial of a sweep: the trip without values, as a point."""

from dataclasses import replace
from functools import lru_cache

from hwsim import trip
from hwsim.explore.sweep import Point, Trial
from hwsim.spec.machine import AcceleratorSpec
from hwsim.trip.stages import lower

KEPT_NETWORKS = 4
Asked = tuple[str, int, int | None]


@lru_cache(maxsize=KEPT_NETWORKS)
def _loaded(asked: Asked) -> trip.Network:
    network, batch, seq = asked
    return trip.load(network, batch=batch, seq=seq)


_lowered: dict[tuple[Asked, str, str], trip.Network] = {}


def _network(asked: Asked, pattern: str, machine: AcceleratorSpec) -> trip.Network:
    """Pruned, fused and quantised: once for all machines with the same numbers. Keeps the last few."""
    key = (asked, pattern, machine.pe.number)
    if key not in _lowered:
        network = trip.prune(_loaded(asked), pattern)
        while len(_lowered) >= KEPT_NETWORKS:
            del _lowered[next(iter(_lowered))]
        _lowered[key] = replace(network, graph=lower(network, machine))
    return _lowered[key]


def run_trial(trial: Trial) -> Point:
    """Cycles, traffic and priced energy of the whole network. Without values nobody knows which
    activations are zero: the energy's range says so.
    """
    machine = trial.machine
    network = _network((trial.network, trial.batch, trial.seq), trial.pattern, machine)
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
