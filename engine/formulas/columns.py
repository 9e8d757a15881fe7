"""The values of a formula in many iterations at once: every slot is a column, and has one number for each of them.

What is seen is what would be seen iteration by iteration: the operations are those of IEEE 754, and sums run from left
to right.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from retrograde.engine.formulas import wide
from retrograde.engine.formulas.tree import (
    Applied,
    Arithmetic,
    Comparing,
    JoinedPart,
    MomentPart,
    Node,
    Not,
    NumberPart,
    Reduced,
    Slot,
    Stretch,
    TextPart,
)
from retrograde.engine.formulas.wide import COMPARING, HELPERS


class Columns(NamedTuple):
    """What a formula reads.

    Attributes:
        slot: the numbers of a slot, (iterations,).
        stretch: those of a stretch, (iterations, length).
        moment: a part of the moment: one for all iterations, or (iterations,).
    """

    slot: Callable[[Slot], Any]
    stretch: Callable[[Stretch], Any]
    moment: Callable[[str], Any]


def values(node: Node, columns: Columns) -> Any:
    """The values of a formula, (iterations,); a single one where it is the same in all of them."""

    def inner(part: Node) -> Any:
        return values(part, columns)

    match node:
        case NumberPart(value) | TextPart(value):
            return value
        case Slot():
            return columns.slot(node)
        case MomentPart(name):
            return columns.moment(name)
        case Arithmetic(op, left, right):
            return _ARITHMETIC[op](inner(left), inner(right))
        case Comparing(op, left, right):
            return COMPARING[op](inner(left), inner(right))
        case JoinedPart(op, parts):
            return reduce(np.logical_and if op == "and" else np.logical_or, map(inner, parts))
        case Not(part):
            return np.logical_not(inner(part))
        case Applied(function, arguments):
            return _APPLIED[function](*map(inner, arguments))
        case Reduced():
            return _reduced(node, columns)
        case _:
            raise AssertionError


def _ordered(after: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """The largest or the smallest of some values: the first of equal ones, and NaN when one is."""

    def first(*several: Any) -> Any:
        best = several[0]
        for value in several[1:]:
            best = np.where((after(value, best) | (value != value)) & (best == best), value, best)
        return best

    return first


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
}

_APPLIED: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "sign": lambda x: HELPERS["signs"](np.asarray(x)),
    "sqrt": np.sqrt,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "truth": lambda x: np.asarray(x) * 1.0,
    "min": _ordered(np.less),
    "max": _ordered(np.greater),
    "sum": lambda *parts: reduce(np.add, parts),
}


def _reduced(node: Reduced, columns: Columns) -> Any:
    """One value of a stretch in each iteration."""

    def one(part: Node) -> Any:
        found = values(part, columns)
        return found[:, None] if np.ndim(found) else found

    found = wide.values(node.of, one, columns.stretch)
    match node.function:
        case "any" | "all" | "count":
            make: Any = {"any": np.any, "all": np.all, "count": np.count_nonzero}[node.function]
            return make(found, axis=1) * (1.0 if node.function == "count" else True)
        case "max" | "min":
            return _extreme(node.function, found)
        case function:
            total = np.add.accumulate(np.square(found) if function == "norm" else found, axis=1)[:, -1]
            if function == "mean":
                return total / node.length
            return np.sqrt(total) if function == "norm" else total


def _extreme(function: str, found: Any) -> Any:
    """The largest or the smallest of each row; which of two zeros that is, is for NumPy to say, row by row."""
    best = found.max(axis=1) if function == "max" else found.min(axis=1)
    for row in np.flatnonzero(best == 0.0):
        best[row] = HELPERS["top" if function == "max" else "bottom"](np.ascontiguousarray(found[row]))
    return best
