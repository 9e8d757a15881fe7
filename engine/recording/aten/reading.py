"""What an equation is stated over: the arguments of one call by name, and its results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrograde.engine.equations.expression import (
    ONE,
    ZERO,
    Call,
    Compare,
    Comparison,
    Const,
    Expr,
    Function,
    Index,
    Product,
    Ref,
    Select,
    Sum,
)
from retrograde.engine.errors import EngineError
from retrograde.engine.recording.window import Tensor

NARROW = frozenset({"float32", "float16", "bfloat16"})
"""Types whose arithmetic is done in float32: a number of the program is rounded to that before it is used."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Given:
    """One result of one call, and what the call was given.

    Attributes:
        arguments: by name: tensors, numbers, texts, lists of them.
        results: the tensors that it made, by position.
        position: which of them is meant.
        out: that tensor.
        read: the recorded values of slots, for what values decide: which row an index names, which term is largest.
    """

    arguments: Mapping[str, Any]
    results: Mapping[int, Tensor]
    position: int
    out: Tensor
    read: Callable[[Ref], Any]

    def known(self, slot: Ref) -> Any:
        """The whole number that was recorded in a slot; an array of them for many."""
        found = np.asarray(self.read(slot))
        return found.astype(np.intp) if found.ndim else int(found)

    def largest(self, slots: Sequence[Ref], sign: float = 1.0) -> Ref:
        """The first of the slots with the largest recorded value (or the first NaN), or the smallest."""
        values = [np.asarray(self.read(slot)) * sign for slot in slots]
        if all(value.ndim == 0 for value in values):
            flat = np.array([float(value) for value in values])
            return slots[int(np.argmax(flat))]
        winner = np.argmax(np.stack(np.broadcast_arrays(*values)), axis=0)
        index = []
        for axis in range(len(slots[0].index)):
            parts = np.stack(np.broadcast_arrays(winner, *(slot.index[axis] for slot in slots))[1:])
            index.append(np.take_along_axis(parts, winner[None], axis=0)[0])
        return Ref(slots[0].array, tuple(index))

    def tensor(self, name: str) -> Tensor:
        """A tensor that has to be there."""
        found = self.arguments.get(name)
        if not isinstance(found, Tensor):
            raise UnstatedError(name)
        return found

    def maybe(self, name: str) -> Tensor | None:
        """A tensor that may be left out."""
        found = self.arguments.get(name)
        return found if isinstance(found, Tensor) else None

    def number(self, name: str, default: float = 0.0) -> float:
        """A number of the program, as it was given."""
        found = self.arguments.get(name)
        if found is None:
            return default
        if not isinstance(found, bool | int | float):
            raise UnstatedError(name)
        return found

    def ints(self, name: str) -> tuple[int, ...]:
        """Whole numbers; none where nothing was given."""
        found = self.arguments.get(name)
        listed = found if isinstance(found, list) else [] if found is None else [found]
        if not all(isinstance(one, int) for one in listed):
            raise UnstatedError(name)
        return tuple(int(one) for one in listed)

    def const(self, name: str, default: float = 0.0) -> Const:
        """A number of the program, rounded to the type that is computed in."""
        return self.rounded(self.number(name, default))

    def rounded(self, number: float) -> Const:
        """A number rounded to the type that is computed in; written as it was given."""
        dtypes = [one.dtype for one in self.arguments.values() if isinstance(one, Tensor)]
        narrow = self.out.dtype in NARROW or (bool(dtypes) and self.out.dtype == "bool" and dtypes[0] in NARROW)
        with np.errstate(over="ignore"):
            return Const(float(np.float32(number)) if narrow else float(number), f"{number:.12g}")

    def operand(self, name: str, index: Index, default: float | None = None) -> Expr:
        """An argument at an element of the result: an element of a tensor, spread as needed, or a number."""
        found = self.arguments.get(name)
        if isinstance(found, Tensor):
            return found.spread(index)
        if found is None and default is None:
            raise UnstatedError(name)
        return self.const(name, 0.0 if default is None else default)


class UnstatedError(EngineError):
    """An equation is not stated for arguments such as these."""


Rule = Callable[[Given, Index], Expr]
"""The equation of an element of a result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the table knows of an operator.

    Attributes:
        rule: the equation of an element.
        meshable: whether it may be asked for many elements at once.
        positions: the results that it is stated for; all where None.
    """

    rule: Rule
    meshable: bool = True
    positions: tuple[int, ...] | None = None


TABLE: dict[str, Stated] = {}
"""THE table of operators, by name without overload, foreach and in-place marks."""


def states(*names: str, meshable: bool = True, positions: tuple[int, ...] | None = None) -> Callable[[Rule], Rule]:
    """Enters a rule into the table."""

    def enter(rule: Rule) -> Rule:
        for name in names:
            assert name not in TABLE, name
            TABLE[name] = Stated(rule=rule, meshable=meshable, positions=positions)
        return rule

    return enter


def base_name(op: str) -> str:
    """The name under which an operator stands in the table: ``add`` for ``aten._foreach_add_.List``."""
    parts = op.split(".")
    name = parts[1] if len(parts) > 1 and parts[0] == "aten" else op
    if name.startswith("_foreach_"):
        name = name.removeprefix("_foreach_")
    return name.removesuffix("_") if not name.startswith("__") else name


def plain_arguments(base: str, arguments: Mapping[str, Any], item: int | None) -> dict[str, Any]:
    """The arguments of an op; of one that takes lists of tensors those of one item, under the names of the plain op."""
    if item is None:
        return dict(arguments)
    found: dict[str, Any] = {}
    for name, one in arguments.items():
        chosen = one[item] if isinstance(one, list | tuple) and item < len(one) else one
        found[_plain_name(base, name)] = chosen
    return found


def _plain_name(base: str, name: str) -> str:
    """What an argument of an op on lists is called in the plain op."""
    if name in {"scalar", "scalars", "tensors"} and base in {"addcmul", "addcdiv"}:
        return "value"
    if name in {"scalar", "scalars"}:
        return {"clamp_min": "min", "clamp_max": "max", "lerp": "weight", "pow": "exponent"}.get(base, "other")
    return {"tensors1": "end" if base == "lerp" else "tensor1", "weights": "weight"}.get(name, name)


def total(parts: Sequence[Expr]) -> Expr:
    """A sum; of one term that term, of none 0."""
    return ZERO if not parts else parts[0] if len(parts) == 1 else Sum(tuple(parts))


def times(*factors: Expr) -> Expr:
    """A product, without factors 1."""
    kept = tuple(factor for factor in factors if factor != ONE and not _is_one(factor))
    return ONE if not kept else kept[0] if len(kept) == 1 else Product(kept)


def _is_one(factor: Expr) -> bool:
    return isinstance(factor, Const) and factor.value == 1.0


def called(function: Function, argument: Expr) -> Expr:
    """A function of one argument."""
    return Call(function, argument)


def where(op: Comparison, left: Expr, right: Expr, then: Expr, otherwise: Expr) -> Expr:
    """Then where left op right, else otherwise."""
    return Select(Compare(op, left, right), then, otherwise)


def axes_of(given: Given, name: str, rank: int) -> tuple[int, ...]:
    """The axes that are named, counted from the front; all where none is."""
    listed = given.ints(name)
    return tuple(sorted({axis % max(rank, 1) for axis in listed})) if listed and rank else tuple(range(rank))


def reduced(given: Given, source: Tensor, axes: Sequence[int], index: Index) -> list[tuple[Any, ...]]:
    """The indices of the elements that one element of a reduction goes over, in order."""
    kept = len(given.out.shape) == source.rank and source.rank > 0
    base: list[Any] = []
    others = iter(index)
    for axis in range(source.rank):
        if axis in axes:
            if kept:
                next(others)
            base.append(0)
        else:
            base.append(next(others))
    found = []
    for offset in np.ndindex(*(source.shape[axis] for axis in axes)):
        full = list(base)
        for axis, place in zip(axes, offset, strict=True):
            full[axis] = place
        found.append(tuple(full))
    return found
