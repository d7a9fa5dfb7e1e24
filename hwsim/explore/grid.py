"""Machines for a sweep: one spec, resized, and with some of its fields on a grid."""

from dataclasses import fields, is_dataclass, replace
from itertools import product
from typing import Any

from hwsim.spec.errors import SpecError
from hwsim.spec.machine import AcceleratorSpec


def resized(base: AcceleratorSpec, rows: int, cols: int) -> AcceleratorSpec:
    """The same machine around an array of another size: what feeds the rows is as wide as before for
    each row, what feeds or takes the columns for each column; capacities stay.
    """

    def for_rows(width_bits: int) -> int:
        return _bytes_up(max(width_bits * rows / base.array.rows, base.pe.block_max * base.pe.element_bits))

    def for_cols(width_bits: int) -> int:
        return _bytes_up(width_bits * cols / base.array.cols)

    levels = base.levels
    return changed(
        base,
        name=f"{base.name}-{rows}x{cols}",
        array__rows=rows,
        array__cols=cols,
        levels__act__width_bits=for_rows(levels.act.width_bits),
        levels__weight__width_bits=for_cols(levels.weight.width_bits),
        levels__meta__width_bits=for_cols(levels.meta.width_bits),
        levels__acc__width_bits=for_cols(levels.acc.width_bits),
        levels__vec__width_bits=for_cols(levels.vec.width_bits),
        vector__lanes=max(1, base.vector.lanes * cols // base.array.cols),
    )


def _bytes_up(width_bits: float) -> int:
    return -(-int(width_bits) // 8) * 8


def grid(base: AcceleratorSpec, **axes: tuple[Any, ...]) -> list[AcceleratorSpec]:
    """Every combination of the axes, each a dotted path with `__` for the dot:
    `grid(sat, levels__act__capacity_bits=(2**22, 2**23), memory__width_bits=(128, 512))`.
    A machine is named after what differs; a combination that contradicts itself raises SpecError.
    """
    machines = []
    for values in product(*axes.values()):
        paths = dict(zip(axes, values, strict=True))
        said = ",".join(f"{_short(path)}={value}" for path, value in paths.items())
        machines.append(changed(base, **paths, name=f"{base.name}[{said}]" if said else base.name))
    return machines


def _short(path: str) -> str:
    return path.replace("__", ".").removeprefix("levels.")


def changed(base: AcceleratorSpec, **paths: Any) -> AcceleratorSpec:
    """All changes at once: only the last machine need be legal, none in between."""
    tree: dict[str, Any] = {}
    for path, value in paths.items():
        *outer, last = path.split("__")
        node = tree
        for part in outer:
            node = node.setdefault(part, {})
        node[last] = value
    new: AcceleratorSpec = _rebuilt(base, tree, "")
    return new


def _rebuilt(obj: Any, tree: dict[str, Any], where: str) -> Any:
    names = [f.name for f in fields(obj)]
    new = {}
    for name, value in tree.items():
        if name not in names:
            raise SpecError(f"{where}{name}: no such field; {type(obj).__name__} has {', '.join(names)}")
        inner = getattr(obj, name)
        new[name] = _rebuilt(inner, value, f"{where}{name}.") if is_dataclass(inner) and isinstance(value, dict) else value
    return replace(obj, **new)
