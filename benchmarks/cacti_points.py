"""Makes hwsim/spec/price_tables/sram_45nm.yaml from runs of CACTI 7: what do an SRAM's reads, writes and area cost?

    python benchmarks/cacti_points.py FOLDER

FOLDER holds the sources of CACTI 7 (https://github.com/HewlettPackard/cacti; the wheel of the PyPI package `zigzag-dse` 3.9.1 has
them under zigzag/cacti/cacti_master, with the configuration `cache.cfg_temp` that this script fills in). They are compiled here.
A point is the lowest, the middle and the highest of three runs: low operating power transistors, and high performance transistors
optimised for energy x delay and for delay alone.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import copytree

KIBIBYTES = (1, 4, 16, 64, 256, 1024, 4096)
WIDTHS = (32, 128, 512, 2048)
MIN_ROWS = 64  # CACTI lays out shallower arrays badly
RUNS = (
    ("itrs-lop", "0:0:0:100:0", "ED"),
    ("itrs-hp", "0:0:0:100:0", "ED"),
    ("itrs-hp", "100:0:0:0:0", "NONE"),
)
OUT = Path(__file__).parents[1] / "hwsim/spec/price_tables/sram_45nm.yaml"
HEAD = """# Made by benchmarks/cacti_points.py; do not edit.
source: >-
  CACTI 7.0 (Balasubramonian et al. 2017, doi 10.1145/3085572), run for this table: plain RAM, one read and one write port, 45 nm,
  360 K, no ECC; low, typical and high are three runs that differ in transistors (low operating power, high performance) and in
  what is optimised (energy x delay, delay)
confidence: run
points:
"""


def build(folder: Path, work: Path) -> None:
    copytree(folder, work, dirs_exist_ok=True)
    sources = [f.name for f in sorted(work.glob("*.cc")) if "wrap" not in f.name]
    subprocess.run(
        ["g++", "-O1", "-w", "-DNTHREADS=1", "-o", "cacti_here", *sources, "-pthread", "-lm"],
        cwd=work,
        check=True,
    )


def configured(text: str, size_bytes: int, width_bits: int, run: tuple[str, str, str]) -> str:
    cell, weights, optimise = run
    for key, value in (
        ("-size (bytes)", str(size_bytes)),
        ("-block size (bytes)", str(width_bits // 8)),
        ("-output/input bus width", str(width_bits)),
        ("-technology (u)", "0.045"),
        ("-Add ECC -", '"false"'),
        ("-Data array cell type -", f'"{cell}"'),
        ("-Data array peripheral type -", f'"{cell}"'),
        (
            "-design objective",
            f"(weight delay, dynamic power, leakage power, cycle time, area) {weights}",
        ),
        ("-Optimize ED", f'or ED^2 (ED, ED^2, NONE): "{optimise}"'),
    ):
        text, found = re.subn(rf"(?m)^{re.escape(key)}.*$", f"{key} {value}", text)
        assert found, key
    return text


def measure(work: Path, text: str) -> tuple[float, float, float]:
    """pJ a read, pJ a write, um2."""
    (work / "here.cfg").write_text(text)
    out = subprocess.run(
        ["./cacti_here", "-infile", "here.cfg"],
        cwd=work,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    read, write = (
        float(re.search(rf"Total dynamic {what} energy per access \(nJ\): ([\d.e+-]+)", out)[1])
        for what in ("read", "write")
    )
    height, width = map(
        float, re.search(r"Cache height x width \(mm\): ([\d.e+-]+) x ([\d.e+-]+)", out).groups()
    )
    return 1e3 * read, 1e3 * write, 1e6 * height * width


def main() -> None:
    folder = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        work, text = Path(name), (folder / "cache.cfg_temp").read_text()
        build(folder, work)
        lines = [HEAD]
        for kibibytes in KIBIBYTES:
            for width in WIDTHS:
                bits = 8192 * kibibytes
                if bits // width < MIN_ROWS:
                    continue
                runs = [measure(work, configured(text, bits // 8, width, run)) for run in RUNS]
                lines.append(f"  - {{capacity_bits: {bits}, width_bits: {width}")
                for i, (field, per) in enumerate(
                    (("read_pj", width), ("write_pj", width), ("um2", bits))
                ):
                    low, typical, high = sorted(r[i] / per for r in runs)
                    lines.append(
                        f",\n     {field}: {{low: {low:.4g}, typical: {typical:.4g}, high: {high:.4g}}}"
                    )
                lines.append("}\n")
        OUT.write_text("".join(lines))


if __name__ == "__main__":
    main()
