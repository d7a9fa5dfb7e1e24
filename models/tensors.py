"""Reads single tensors of a safetensors file, checked for name, shape and value."""

import json
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from hwsim.spec.errors import GraphError

Array = np.ndarray[Any, Any]
FLOATS = ("F64", "F32", "F16", "BF16")


class TensorFile:
    """An open safetensors file; a context manager. Tensors are read when taken, as float32."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        try:
            opened: Any = safe_open(self.path, framework="np")
            self._file: Any = opened.__enter__()
            self.names = frozenset(self._file.keys())
        except (OSError, SafetensorError, ValueError) as e:
            text = " ".join(str(e).split())
            raise GraphError(
                f"{self.path}: not a whole safetensors file ({text}); fetch it again, it may be truncated"
            ) from e

    def __enter__(self) -> "TensorFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.__exit__(kind, error, trace)

    def shape(self, name: str) -> tuple[int, ...]:
        if name not in self.names:
            near = ", ".join(x if x.isprintable() else repr(x) for x in sorted(self.names)[:3])
            raise GraphError(
                f"{self.path}: tensor {name!r} is missing; it has {near}, ...; "
                "give the weights that belong to config.json"
            )
        return tuple(int(n) for n in self._file.get_slice(name).get_shape())

    def take(self, name: str, shape: tuple[int, ...]) -> Array:
        """`shape` float32, finite."""
        found = self.shape(name)
        if found != shape:
            raise GraphError(
                f"{self.path}: {name} has shape {list(found)}, config.json asks for {list(shape)}; "
                "give the weights that belong to config.json"
            )
        number = str(self._file.get_slice(name).get_dtype())
        if number not in FLOATS:
            raise GraphError(
                f"{self.path}: {name} holds {number}; give weights in {', '.join(FLOATS)}"
            )
        data = self._bf16(name, shape) if number == "BF16" else self._file.get_tensor(name)
        with np.errstate(over="ignore"):
            out = np.ascontiguousarray(data, np.float32)
        if not np.isfinite(out).all():
            raise GraphError(
                f"{self.path}: {name} holds values that are not finite; fetch it again"
            )
        return out

    def _bf16(self, name: str, shape: tuple[int, ...]) -> Array:
        """numpy has no bfloat16: the 16 bits are the upper half of a float32."""
        with self.path.open("rb") as f:
            size = int.from_bytes(f.read(8), "little")
            low, high = json.loads(f.read(size))[name]["data_offsets"]
            f.seek(8 + size + low)
            half = np.frombuffer(f.read(high - low), "<u2")
        return (half.astype(np.uint32) << 16).view(np.float32).reshape(shape)


def read_json(path: Path) -> dict[str, Any]:
    try:
        out = json.loads(Path(path).read_bytes())
    except OSError as e:
        raise GraphError(f"{path}: cannot be read ({e.strerror}); give a folder that has it") from e
    except (ValueError, RecursionError) as e:
        raise GraphError(f"{path}: not JSON ({' '.join(str(e).split())}); fetch it again") from e
    if not isinstance(out, dict):
        raise GraphError(f"{path}: holds a {type(out).__name__}; a JSON object is wanted")
    return out
