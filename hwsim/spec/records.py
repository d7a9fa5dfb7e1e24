"""What the nested frozen dataclasses of every machine share: digest, changes by dotted path, faults of type and of sign."""

import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, fields, is_dataclass, replace
from typing import Any, ClassVar, Self, get_origin

from hwsim.spec.errors import SpecError


class MachineSpec(ABC):
    """A machine of either family. `MAY_BE_ZERO`: dotted paths of its numbers that need not be above 0."""

    MAY_BE_ZERO: ClassVar[tuple[str, ...]] = ()
    clock_mhz: float

    def __post_init__(self) -> None:
        faults = list(type_faults(self)) or [*sign_faults(self, self.MAY_BE_ZERO), *self.faults()]
        if faults:
            raise SpecError("\n".join(faults))
        object.__setattr__(self, "clock_mhz", float(self.clock_mhz))  # one machine, one digest

    @abstractmethod
    def faults(self) -> Iterator[str]:
        """What contradicts itself, when every field has its type."""

    @property
    def digest(self) -> str:
        """SHA-256 (16 hex digits) of everything that changes what a program means or when it runs."""
        whole: Any = asdict(self)  # type: ignore[call-overload]
        text = json.dumps({k: v for k, v in whole.items() if k not in ("assumed", "technology")}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def with_(self, **paths: Any) -> Self:
        """A copy with fields changed by dotted path, `__` for the dot: `with_(array__rows=16)`. Checked once, with all changes made."""
        new: Self = changed(self, [(path.split("__"), value) for path, value in paths.items()])
        return new


def changed(obj: Any, changes: list[tuple[list[str], Any]]) -> Any:
    known, new = [f.name for f in fields(obj)] if is_dataclass(obj) else [], {}
    for name in dict.fromkeys(path[0] for path, _ in changes):
        if name not in known:
            raise SpecError(f"{name}: no such field; {type(obj).__name__} has {', '.join(known) or 'no fields'}")
        inside = [(path[1:], value) for path, value in changes if path[0] == name]
        whole = [value for path, value in inside if not path]
        new[name] = whole[-1] if whole else changed(getattr(obj, name), inside)
    return replace(obj, **new)


def power_of_two(n: int) -> bool:
    return n > 0 and n & (n - 1) == 0


def walk(obj: Any, path: str = "") -> Any:
    for f in fields(obj):
        value, where = getattr(obj, f.name), f"{path}{f.name}"
        if is_dataclass(value):
            yield from walk(value, where + ".")
        else:
            yield where, value


def _class_of(kind: Any) -> type:
    found: type = get_origin(kind) or kind
    return found


def type_faults(obj: Any, path: str = "") -> Any:
    """A whole number may stand where a number is due; a bool, a NumPy number or a text of digits may not."""
    for f in fields(obj):
        value, where, kind = getattr(obj, f.name), f"{path}{f.name}", _class_of(f.type)
        if not (type(value) is kind or (kind is float and type(value) is int)):
            yield f"{where}: {value!r} is a {type(value).__name__}; give a {kind.__name__}"
        elif is_dataclass(value):
            yield from type_faults(value, where + ".")


def sign_faults(spec: Any, may_be_zero: tuple[str, ...]) -> Iterator[str]:
    for where, value in walk(spec):
        if isinstance(value, (int, float)) and not (0 < value < math.inf or (value == 0 and where in may_be_zero)):
            yield f"{where}: {value} is not positive; give a number above 0"


def word_faults(spec: Any, example: str) -> Iterator[str]:
    """Of the name, of lists of words, of what is called assumed."""
    if not spec.name.strip() or len(spec.name.splitlines()) > 1:
        yield f"name: {spec.name!r} is no word on one line; give one"
    for where, value in walk(spec):
        for x in dict.fromkeys(value) if isinstance(value, tuple) else ():
            if isinstance(x, str) and value.count(x) > 1:
                yield f"{where}: {x!r} is given twice; keep one"
    known = {where for where, _ in walk(spec)}
    for i, where in enumerate(spec.assumed):
        if where not in known:
            yield f"assumed[{i}]: {where!r} names no field; write a dotted path such as {example}"
