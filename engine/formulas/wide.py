"""Parts of a formula over many slots at once: NumPy source for what an array of slots is asked.

``max(abs(grad(W_h))) > 100`` is thousands of comparisons that are all alike. Where a formula is looked at in memory
that NumPy sees, they are printed as one expression over arrays, which has the same value: the operations are those of
IEEE 754, and sums run from left to right.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from retrograde.engine.formulas.tree import (
    Applied,
    Arithmetic,
    Comparing,
    Evaluated,
    JoinedPart,
    MomentPart,
    Node,
    Not,
    NumberPart,
    Reduced,
    Slot,
    Stretch,
    many,
    parts,
)

LEAST = 12
"""Parts from which on they are taken together."""

OVER = {"or": "some", "and": "every", "max": "top", "min": "bottom", "sum": "total"}
"""How the parts become one value."""

HELPERS: Mapping[str, Callable[..., Any]] = {
    "some": lambda parts: bool(np.any(parts)),
    "every": lambda parts: bool(np.all(parts)),
    "top": lambda parts: float(np.max(parts)),
    "bottom": lambda parts: float(np.min(parts)),
    "total": lambda parts: float(np.add.accumulate(parts)[-1]),
    "counted": lambda parts: float(np.count_nonzero(parts)),
    "farthest": lambda parts: float(np.maximum(abs(np.max(parts)), abs(np.min(parts)))),
    "squares": np.square,
    "gathered": np.array,
    "quotients": np.divide,
    "inverted": np.logical_not,
    "absolutes": np.abs,
    "signs": lambda parts: (parts > 0.0) * 1.0 - (parts < 0.0),
    "roots": np.sqrt,
    "infinite": np.isinf,
    "unknowns": np.isnan,
    # A sum of squares is NaN where a part is, and nowhere else: no square is below 0, so no infinities cancel.
    "clouded": lambda parts: math.isnan(np.dot(parts, parts)),
    "upper": np.maximum,
    "lower": np.minimum,
}
"""What the source calls; what makes one value of many gives a number of Python, as a single slot is one."""

_APPLIED = {"abs": "absolutes", "sign": "signs", "sqrt": "roots", "isinf": "infinite"}


REDUCING: Mapping[str, str] = {
    "any": "some({0})",
    "all": "every({0})",
    "max": "top({0})",
    "min": "bottom({0})",
    "sum": "total({0})",
    "count": "counted({0})",
    "mean": "(total({0}) / {1})",
    "norm": "root(total(squares({0})))",
}
"""How what is made of a stretch becomes one value, as source; 1 is how many there are."""


def reduced(node: Reduced, one: Callable[[Node], str], stretch: Callable[[Stretch], str]) -> str:
    """Source of one value of a stretch.

    Args:
        node: what is made of it.
        one: the source of a single value.
        stretch: the source of an array of slots.
    """
    match node:
        case Reduced("max", Applied("abs", (Stretch() as inner,))):
            # Without an array of absolute values: a condition is looked at in every iteration.
            return f"farthest({stretch(inner)})"
        case Reduced("any", Applied("isnan", (Stretch() as inner,))):
            return f"clouded({stretch(inner)})"
        case Reduced(function, inner, length):
            return REDUCING[function].format(_spread(inner, one, stretch), repr(float(length)))


def _spread(node: Node, one: Callable[[Node], str], stretch: Callable[[Stretch], str]) -> str:
    """Source of the values of a part, one for each slot of a stretch."""
    if isinstance(node, Stretch):
        return stretch(node)
    if not many(node):
        return one(node)
    return _joined(node, [_spread(part, one, stretch) for part in parts(node)])


def values(node: Node, one: Callable[[Node], Any], stretch: Callable[[Any], Any]) -> Any:
    """The values of a part, one for each slot of a stretch; the arguments give values instead of source."""
    if isinstance(node, Stretch | Evaluated):
        return stretch(node)
    if not many(node):
        return one(node)
    found = [values(part, one, stretch) for part in parts(node)]
    match node:
        case Arithmetic(op) | Comparing(op):
            return _BETWEEN[op](*found)
        case JoinedPart(op):
            return reduce(operator.and_ if op == "and" else operator.or_, found)
        case Applied("max" | "min" as function):
            return reduce(np.maximum if function == "max" else np.minimum, found)
        case Applied(function):
            return HELPERS["unknowns" if function == "isnan" else _APPLIED[function]](found[0])
        case _:
            return np.logical_not(found[0])


COMPARING: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
"""What compares two values, and two arrays of them."""

_BETWEEN: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": np.divide,
    **COMPARING,
}


def value(node: Reduced, one: Callable[[Node], Any], stretch: Callable[[Any], Any]) -> float | bool:
    """One value of a stretch; the arguments give values instead of source, see ``reduced``."""
    with np.errstate(all="ignore"):
        found = values(node.of, one, stretch)
        match node.function:
            case "mean":
                return float(HELPERS["total"](found) / node.length)
            case "norm":
                return math.sqrt(HELPERS["total"](np.square(found)))
            case function:
                name = REDUCING[function].partition("(")[0]
                return HELPERS[name](found)  # type: ignore[no-any-return]


class Names(NamedTuple):
    """What the source may read: arrays made of slots, None where there is none; and the moment."""

    slots: Callable[[Sequence[Slot]], str | None]
    moment: Callable[[str], str]


_SAID: Mapping[type[Any], Callable[[Any], Any]] = {
    Slot: lambda _node: None,
    NumberPart: lambda node: node.value,
    MomentPart: lambda node: node.name,
    Arithmetic: lambda node: node.op,
    Comparing: lambda node: node.op,
    JoinedPart: lambda node: node.op,
    Not: lambda _node: None,
    Applied: lambda node: node.function,
}
"""What parts have to have in common to be alike, besides their class; of the classes that are not here, none are."""


def wide(items: Sequence[Node], names: Names) -> str | None:
    """Source of an array with the value of each part; None where the parts are not alike."""
    first = items[0]
    said = _SAID.get(type(first))
    if said is None or any(type(item) is not type(first) or said(item) != said(first) for item in items):
        return None
    match first:
        case Slot():
            return names.slots([item for item in items if isinstance(item, Slot)])
        case NumberPart(value):
            return repr(value)
        case MomentPart(name):
            return names.moment(name)
    columns = _columns([parts(item) for item in items], names)
    return None if columns is None else _joined(first, columns)


def _columns(rows: Sequence[Sequence[Node]], names: Names) -> list[str] | None:
    """The columns of some rows, as source; None where rows are of other lengths, or not alike."""
    if len({len(row) for row in rows}) != 1:
        return None
    columns = [wide(column, names) for column in zip(*rows, strict=True)]
    found = [column for column in columns if column is not None]
    return found if len(found) == len(columns) else None


def _joined(node: Node, columns: list[str]) -> str:
    """What is made of the columns, as source."""
    match node:
        case Arithmetic("/"):
            return f"quotients({', '.join(columns)})"
        case Arithmetic(op) | Comparing(op):
            return f"({f' {op} '.join(columns)})"
        case JoinedPart(op):
            return f"({(' & ' if op == 'and' else ' | ').join(columns)})"
        case Applied(function):
            return _applied(function, columns)
        case _:
            return f"inverted({columns[0]})"


def _applied(function: str, columns: list[str]) -> str:
    match function:
        case "isnan":
            return f"unknowns({columns[0]})"
        case "truth":
            return f"({columns[0]} * 1.0)"
        case "sum":
            return f"({' + '.join(columns)})"
        case "max" | "min":
            best = columns[0]
            for column in columns[1:]:
                best = f"{'upper' if function == 'max' else 'lower'}({best}, {column})"
            return best
        case _:
            return f"{_APPLIED[function]}({columns[0]})"
