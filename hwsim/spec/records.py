"""What every machine's nested frozen dataclasses share: digest, changes by dotted path, faults of type."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, fields, is_dataclass, replace
from typing import Any, get_origin

from hwsim.spec.errors import SpecError


def digest(spec: Any) -> str:
    """SHA-256, 16 hex digits, of all fields but `assumed` and `technology`."""
    text = json.dumps({k: v for k, v in asdict(spec).items() if k not in ("assumed", "technology")}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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
    return get_origin(kind) or kind  # type: ignore[no-any-return]


def type_faults(obj: Any, path: str = "") -> Any:
    """A whole number may stand where a number is due; a bool, a NumPy number or a text of digits may not."""
    for f in fields(obj):
        value, where, kind = getattr(obj, f.name), f"{path}{f.name}", _class_of(f.type)
        if not (type(value) is kind or (kind is float and type(value) is int)):
            yield f"{where}: {value!r} is a {type(value).__name__}; give a {kind.__name__}"
        elif is_dataclass(value):
            yield from type_faults(value, where + ".")


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
