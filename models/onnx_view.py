"""What an ONNX tensor is while a file is read: an array that is known, a view of a tensor of the Graph, or a step of a pattern.

Reshape and Transpose compute nothing: they change the view. Where a layer is made, the view says whether the Graph's tensor
already lies in memory as the layer wants it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import prod

from hwsim.spec.errors import GraphError
from mapper.graph.ir import Array

Axis = tuple[tuple[int, int], ...]  # (extent, stride in elements), outermost first
Shape = tuple[int, ...]
REMEDY = "export the network without it, or cut the file before it"


def canon(factors: Iterable[tuple[int, int]]) -> Axis:
    """Without extents of 1, and with neighbours merged that walk on evenly; equal walks become equal."""
    out: list[tuple[int, int]] = []
    for extent, stride in factors:
        if extent == 1:
            continue
        if out and out[-1][1] == extent * stride:
            out[-1] = (out[-1][0] * extent, stride)
        else:
            out.append((extent, stride))
    return tuple(out)


def dense(shape: Shape) -> tuple[Axis, ...]:
    """Last rank innermost."""
    return tuple(canon([(n, prod(shape[i + 1 :]))]) for i, n in enumerate(shape))


def regroup(axes: Iterable[Axis], shape: Shape) -> tuple[Axis, ...]:
    """The same elements in the same order under another shape. GraphError where a walk does not split."""
    pending = list(reversed(canon(f for axis in axes for f in axis)))
    out = []
    for extent in shape:
        need, got = extent, list[tuple[int, int]]()
        while need > 1 and pending:
            n, stride = pending.pop()
            if need % n == 0:
                got.append((n, stride))
                need //= n
            elif n % need == 0:
                got.append((need, stride * (n // need)))
                pending.append((n // need, stride))
                need = 1
            else:
                break
        if need > 1:
            raise GraphError(f"{list(shape)} cuts through ranks that a Transpose moved; {REMEDY}")
        out.append(canon(got))
    return tuple(out)


@dataclass(frozen=True)
class View:
    """All elements of the Graph's tensor `name`, axis by axis. `scale`: a constant factor not yet applied; `mask` [batch, seq]: added to
    scores, not yet applied. `sole`: nothing else reads the tensor. `label`: the node that reshaped it last."""

    name: str
    axes: tuple[Axis, ...]
    shape: Shape
    sole: bool = False
    scale: float = 1.0
    mask: Array | None = field(default=None, compare=False)
    label: str = field(default="", compare=False)

    @property
    def size(self) -> int:
        return prod(self.shape)

    def reshaped(self, shape: Shape) -> "View":
        if prod(shape) != self.size:
            raise GraphError(
                f"{list(shape)} is no shape of {self.size} elements; the file is broken, export it again"
            )
        return replace(self, axes=regroup(self.axes, shape), shape=shape)

    def permuted(self, perm: list[int]) -> "View":
        return replace(
            self, axes=tuple(self.axes[i] for i in perm), shape=tuple(self.shape[i] for i in perm)
        )

    def same_place(self, other: "View") -> bool:
        """The same elements of the same tensor, apart from a factor."""
        return (self.name, self.axes, self.shape) == (other.name, other.axes, other.shape)


@dataclass(frozen=True)
class Step:
    """Part of a decomposed GELU, SiLU or layer norm over `of`: what it is so far, and the constant in it."""

    what: str
    of: View
    number: float = 0.0


@dataclass(frozen=True)
class Mask:
    """Made of an attention mask that is an input: known only when the network runs."""

    shape: Shape


Value = View | Step | Mask | Array
