"""`hwsim kernel`: a kernel in C of the user's own on a thread machine."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwsim.cli.bars import bars
from hwsim.cli.words import Json, MachineName, written

if TYPE_CHECKING:
    from hwsim.thread import Memory

Source = Annotated[Path, typer.Argument(metavar="FILE", help="a kernel in C, a linked ELF file, or an image in text hex")]
Args = Annotated[
    str,
    typer.Option(
        help="up to eight words: 17, 0.85, zeros:N, iota:N (0..N-1), random:N (doubles below 1), FILE.npy; arrays are passed by address"
    ),
]
Blocks = Annotated[int | None, typer.Option(help="blocks of the machine, 1 to 256, else what its spec says")]
Seed = Annotated[int, typer.Option(min=0, help="of random:N")]
Processes = Annotated[int, typer.Option(min=1, help="host processes that share many blocks")]
Limit = Annotated[int, typer.Option(min=1, max=10**15, help="cycles after which it counts as endless")]
Trace = Annotated[Path | None, written(help="write timeline.json (Perfetto) into this folder")]
Out = Annotated[
    Path | None, written("-o", "--out", help="write result.json, and arg<i>.npy for each array as it is afterwards, there")
]
ARGUMENTS, ELEMENTS_MAX = 8, 1 << 27


def kernel(
    source: Source,
    machine: MachineName = "piuma",
    args: Args = "",
    blocks: Blocks = None,
    seed: Seed = 0,
    processes: Processes = 1,
    limit: Limit = 10**9,
    trace: Trace = None,
    as_json: Json = False,
    out: Out = None,
) -> None:
    """Compiles a kernel in C and runs it on a thread machine; docs/kernels.md has an example."""
    from hwsim.cli.files import whole_folder
    from hwsim.report.thread import cost_rows, heading, lines, measures, memory_rows, time_rows
    from hwsim.report.timeline import timeline_json
    from hwsim.spec.load import load_thread_machine
    from hwsim.thread import Memory, compile_kernel, load_image, run_threads

    spec = load_thread_machine(machine)
    spec = spec if blocks is None else spec.with_(blocks=blocks)
    memory = Memory(spec)
    given, arrays = _arguments(args, memory, seed)
    with whole_folder(out) as written, whole_folder(trace) as traced, bars() as progress:
        progress("compile", 0, 1)
        image = compile_kernel(source) if source.suffix == ".c" else load_image(source)
        progress("run", 0, 1)
        run = run_threads(spec, image, memory, given, processes=processes, limit_cycles=limit, trace=traced is not None)
        if traced:
            (traced / "timeline.json").write_bytes(timeline_json(spec, run.spans))
        if written:
            (written / "result.json").write_text(run.result.to_json() + "\n")
            for i, array in arrays.items():
                _save(written / f"arg{i}.npy", run.read(given[i], array.size, array.dtype).reshape(array.shape))
    m = measures(run.result, spec)
    if as_json:
        print(
            json.dumps(
                {"program": image.name, "machine": spec.name, "digest": spec.digest, "blocks": spec.blocks, "measures": asdict(m)}, indent=1
            )
        )
        return
    print(
        "\n".join([f"kernel {image.name}", *heading(spec, run.result), "", *lines([*time_rows(m, spec), *memory_rows(m), *cost_rows(m)])])
    )


def _save(path: Path, array: Any) -> None:
    import numpy as np

    np.save(path, array)


def _arguments(text: str, memory: "Memory", seed: int) -> tuple[list[Any], dict[int, Any]]:
    """Values for a0..a7, and the arrays behind those that are addresses."""
    from hwsim.spec.errors import ProgramError

    given: list[Any] = []
    arrays: dict[int, Any] = {}
    words = text.split()
    if len(words) > ARGUMENTS:
        raise ProgramError(f"--args: {len(words)} of them; give at most {ARGUMENTS}")
    for i, word in enumerate(words):
        value = _number(word)
        if value is None:
            arrays[i] = _array(word, seed + i)
            value = memory.place(arrays[i])
        elif isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
            raise ProgramError(f"--args: {word[:60]} does not fit 64 bits; give a smaller number")
        given.append(value)
    return given, arrays


def _number(word: str) -> int | float | None:
    for kind in (lambda w: int(w, 0), float):
        try:
            return kind(word)
        except ValueError:
            continue
    return None


def _array(word: str, seed: int) -> Any:
    from zipfile import BadZipFile

    import numpy as np

    from hwsim.spec.errors import ProgramError

    kind, _, count = word.partition(":")
    made: dict[str, Callable[[int], Any]] = {
        "zeros": lambda n: np.zeros(n, np.int64), "iota": np.arange, "random": np.random.default_rng(seed).random,
    }  # fmt: skip
    if kind in made:
        if not (count.isascii() and count.isdigit() and 0 < int(count[:20]) <= ELEMENTS_MAX):
            raise ProgramError(f"--args: {word[:60]!r}: {count[:30]!r} is no count; give a whole number from 1 to {ELEMENTS_MAX}")
        return made[kind](int(count))
    if word.endswith(".npy"):
        try:
            found = np.load(word, allow_pickle=False)
        except OSError as e:
            raise ProgramError(f"--args: {word} cannot be read ({e.strerror or e}); give a .npy file") from e
        except (ValueError, EOFError, BadZipFile) as e:
            raise ProgramError(f"--args: {word} is no array that NumPy saved ({' '.join(str(e).split())[:80]}); give a .npy file") from e
        if not isinstance(found, np.ndarray):
            raise ProgramError(f"--args: {word} holds several arrays; save one with numpy.save")
        if found.dtype.kind not in "biuf":
            raise ProgramError(f"--args: {word} holds {found.dtype}; give whole numbers or floats")
        if found.size:
            return found.astype(found.dtype.newbyteorder("<"), copy=False)  # the machine's byte order
    raise ProgramError(f"--args: {word[:60]!r} is unknown; give a number, zeros:N, iota:N, random:N, or a .npy file that is not empty")
