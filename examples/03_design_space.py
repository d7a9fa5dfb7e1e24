"""Which array, pattern and activation buffer is worth building for a network: the Pareto front of time against energy?"""

import argparse
from pathlib import Path

from hwsim.explore import front, grid, picture, resized, run_trial, sweep, to_csv, trials
from hwsim.spec.load import load_machine


def main(network: str, sides: list[int], patterns: list[str], kib: list[int], out: Path) -> None:
    arrays = [resized(load_machine("sat_int8"), side, side) for side in sides]
    capacities = tuple(8 * 1024 * size for size in kib)
    machines = [m for a in arrays for m in grid(a, levels__act__capacity_bits=capacities)]
    points = sweep(trials(machines, patterns, [network]), run_trial)

    out.mkdir(parents=True, exist_ok=True)
    (out / "front.png").write_bytes(picture(points, network))
    (out / "points.csv").write_text(to_csv(points))
    print(f"{len(points)} points, {sum(bool(p.fault) for p in points)} do not fit; the front of {out}/front.png:")
    for p in front(points):
        print(f"{p.time_us / 1e3:9.3f} ms {p.energy_pj.typical / 1e9:8.3f} mJ  {p.pattern:>5}  {p.machine}")


if __name__ == "__main__":  # the workers import this file
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", default="minilm")
    parser.add_argument("--sides", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--patterns", nargs="+", default=["dense", "4:8", "2:8"])
    parser.add_argument("--kib", type=int, nargs="+", default=[32, 128, 512])
    parser.add_argument("--out", type=Path, default=Path("out"))
    main(**vars(parser.parse_args()))
