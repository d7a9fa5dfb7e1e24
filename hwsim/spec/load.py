"""Reads YAML into the spec's dataclasses and writes it back. The only file that knows YAML.

Keys are the field names. Every fault of a file is reported at once, one line each: `file:line: path: what; what to do`.
Faults of meaning (machine.py) need all fields, so they join the others only when no field is missing or of the wrong type.
"""

import io
import math
import re
from collections.abc import Iterator
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec
from hwsim.spec.thread import ThreadMachineSpec

PRESETS = Path(__file__).parent / "presets"
THREAD_PRESETS = PRESETS / "thread"
INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
WORDS = {int: "a whole number", float: "a number", str: "a text"}
ADVICE = {
    int: "write digits only, at most 18",
    float: "write digits, such as 200 or 0.5",
    str: "write a word, or quote it",
}
BAD = object()  # in place of a value that could not be read
T = TypeVar("T")


def machine_names() -> list[str]:
    return sorted(p.stem for p in PRESETS.glob("*.yaml"))


def thread_machine_names() -> list[str]:
    return sorted(p.stem for p in THREAD_PRESETS.glob("*.yaml"))


def load_machine(name_or_path: str | Path) -> AcceleratorSpec:
    """A preset by name, or a YAML file by path (it ends in .yaml or .yml, or has a slash)."""
    return _load(AcceleratorSpec, name_or_path, PRESETS)


def load_thread_machine(name_or_path: str | Path) -> ThreadMachineSpec:
    """As load_machine, for machines of the second family."""
    return _load(ThreadMachineSpec, name_or_path, THREAD_PRESETS)


def _load(cls: type[T], name_or_path: str | Path, presets: Path) -> T:
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith((".yaml", ".yml")) or "/" in text:
        return read_file(cls, Path(name_or_path))
    names = sorted(p.stem for p in presets.glob("*.yaml"))
    if text not in names:
        other = text in {p.stem for folder in (PRESETS, THREAD_PRESETS) for p in folder.glob("*.yaml")}
        kind = "thread" if presets == PRESETS else "tile"
        what = f"is a {kind} machine, which does other work" if other else "is unknown"
        raise SpecError(
            f"machine: {text[:80]!r} {what}; use {', '.join(names)}, or a path to a .yaml file"
        )
    return _preset(cls, presets / f"{text}.yaml")  # type: ignore[arg-type, no-any-return]


@cache
def _preset(cls: Any, path: Path) -> Any:
    return read_file(cls, path)


def dump_machine(spec: AcceleratorSpec | ThreadMachineSpec) -> str:
    """YAML that `load_machine` reads back as an equal spec."""
    yaml, out = YAML(), io.StringIO()
    yaml.indent(sequence=4, offset=2)
    yaml.width = 200
    yaml.dump(_plain(asdict(spec)), out)
    return out.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, tuple):
        seq = CommentedSeq(_plain(v) for v in value)
        if len(value) <= 8:
            seq.fa.set_flow_style()
        return seq
    return value


@dataclass
class _Reading:
    """`lines`: path -> line of the file, for faults found after the reading."""

    file: str
    faults: list[tuple[int, str]] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    blocked: bool = False  # a value is missing or wrong: nothing can be built

    def fault(self, node: Node, text: str) -> None:
        self.faults.append((node.start_mark.line + 1, text))

    def wrong(self, node: Node, text: str) -> Any:
        self.blocked = True
        self.fault(node, text)
        return BAD

    def missing(self, path: str, text: str) -> None:
        self.blocked = True
        self.faults.append((self.lines[path], text))

    def raise_faults(self) -> None:
        if self.faults:
            raise SpecError(
                "\n".join(
                    f"{self.file}:{line}: {text}"
                    for line, text in sorted(self.faults, key=lambda x: x[0])
                )
            )


def read_file(cls: type[T], path: Path, *checks: Any) -> T:
    """The file as a `cls` (a frozen dataclass). `checks` take the object and yield further faults, `path: what; what to do`."""
    try:
        text = Path(path).read_text("utf-8")
    except OSError as e:
        raise SpecError(
            f"{path}: cannot be read ({e.strerror}); give a YAML file that exists and may be read"
        ) from e
    except UnicodeDecodeError as e:
        raise SpecError(f"{path}: byte {e.start} is not UTF-8; give a text file") from e
    return read_text(cls, text, str(path), *checks)


def read_text(cls: type[T], text: str, file: str, *checks: Any) -> T:
    r = _Reading(file)
    out: T = _read(cls, _compose(text, file), "", r)
    if not r.blocked:
        for fault in [f for check in checks for f in check(out)]:
            r.faults.append((_line_of(fault, r.lines), fault))
    r.raise_faults()
    return out


def _compose(text: str, file: str) -> Node:
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else 1
        raise SpecError(
            f"{file}:{line}: not YAML: {' '.join((e.problem or str(e)).split())}; mend the line"
        ) from e
    except (YAMLError, ValueError, RecursionError) as e:
        raise SpecError(
            f"{file}: not YAML: {' '.join(str(e).split())[:120]}; give a text of `key: value` lines"
        ) from e
    if node is None:
        raise SpecError(f"{file}: is empty; write its fields, one `key: value` a line")
    return node


def _line_of(fault: str, lines: dict[str, int]) -> int:
    """Line of the longest known path that the fault's own path starts with."""
    path = fault.split(":")[0]
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path, 1)


def _read(kind: Any, node: Node, path: str, r: _Reading) -> Any:
    r.lines.setdefault(path, node.start_mark.line + 1)
    if is_dataclass(kind):
        return _read_record(kind, node, path, r)
    if get_origin(kind) is tuple:
        return _read_tuple(get_args(kind)[0], node, path, r)
    if get_origin(kind) is dict:
        return _read_dict(get_args(kind)[1], node, path, r)
    return _read_scalar(kind, node, path, r)


def _pairs(node: Node, path: str, r: _Reading) -> Iterator[tuple[str, Node, Node]]:
    """Key, its node, its value; doubled keys and keys that are no text are faults, the first of two wins."""
    if not isinstance(node, MappingNode):
        r.wrong(
            node, f"{path or 'file'}: {_show(node)} where `key: value` lines are due; write them"
        )
        return
    seen: dict[str, int] = {}
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            r.fault(key, f"{path or 'file'}: {_show(key)} is no key; use a field name")
        elif key.value in seen:
            r.fault(
                key,
                f"{_join(path, key.value)}: given twice, first in line {seen[key.value]}; keep one",
            )
        else:
            seen[key.value] = r.lines[_join(path, key.value)] = key.start_mark.line + 1
            yield key.value, key, value


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _read_record(cls: Any, node: Node, path: str, r: _Reading) -> Any:
    hints, known = get_type_hints(cls), {f.name: f for f in fields(cls)}
    given: dict[str, Any] = {}
    for name, key, value in _pairs(node, path, r):
        if name in known:
            given[name] = _read(hints[name], value, _join(path, name), r)
        else:
            near = get_close_matches(name, [k for k in known if k not in given], 1)
            hint = f"did you mean {near[0]}?" if near else f"use {', '.join(known)}"
            r.fault(key, f"{_join(path, name[:80])}: no such key; {hint}")
    if isinstance(node, MappingNode):
        for name, f in known.items():
            if name not in given and f.default is MISSING and f.default_factory is MISSING:
                r.missing(path, f"{_join(path, name)}: missing; add it ({_due(hints[name])})")
    if r.blocked:
        return BAD
    try:
        return cls(**given)
    except SpecError as e:
        for fault in str(e).splitlines():
            r.faults.append((_line_of(_join(path, fault), r.lines), _join(path, fault)))
        r.blocked = True
        return BAD


def _read_tuple(kind: Any, node: Node, path: str, r: _Reading) -> Any:
    if not isinstance(node, SequenceNode):
        return r.wrong(node, f"{path}: {_show(node)} is no list; write [a, b]")
    return tuple(_read(kind, item, f"{path}[{i}]", r) for i, item in enumerate(node.value))


def _read_dict(kind: Any, node: Node, path: str, r: _Reading) -> Any:
    return {
        name: _read(kind, value, _join(path, name), r) for name, _, value in _pairs(node, path, r)
    }


def _read_scalar(kind: Any, node: Node, path: str, r: _Reading) -> Any:
    plain = isinstance(node, ScalarNode) and not node.style
    text = node.value if isinstance(node, ScalarNode) else ""
    if kind is str and isinstance(node, ScalarNode) and str(node.tag).endswith(":str"):
        return text
    if kind is int and plain and INTEGER.fullmatch(text):
        return int(text)
    if kind is float and plain and NUMBER.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return r.wrong(node, f"{path}: {_show(node)} is not {WORDS[kind]}; {ADVICE[kind]}")


def _due(kind: Any) -> str:
    return WORDS.get(kind) or ("a list" if get_origin(kind) is tuple else "a group of fields")


def _show(node: Node) -> str:
    if isinstance(node, ScalarNode):
        return repr(node.value[:60]) if node.style else node.value[:60] or "nothing"
    return "a list" if isinstance(node, SequenceNode) else "a group of fields"
