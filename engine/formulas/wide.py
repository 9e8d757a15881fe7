"""Parts of a formula over many slots at once: NumPy source for what an array of slots is asked.

``max(abs(grad(W_h))) > 100`` is thousands of comparisons that are all alike. Where a formula is looked at in memory
that NumPy sees, they are printed as one expression over arrays, which has the same value: the operations are those of
IEEE 754, and sums run from left to right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from retrograde.engine.formulas.tree import (
    Applied,
    Arithmetic,
    Comparing,
    JoinedPart,
    MomentPart,
    Node,
    Not,
    NumberPart,
    Slot,
)

LEAST = 12
"""Parts from which on they are taken together."""

OVER = {"or": "some", "and": "every", "max": "top", "min": "bottom", "sum": "total"}
"""How the parts become one value."""

HELPERS: Mapping[str, Callable[..., Any]] = {
    "some": np.any,
    "every": np.all,
    "top": np.max,
    "bottom": np.min,
    "total": lambda parts: np.add.accumulate(parts)[-1],
    "quotients": np.divide,
    "inverted": np.logical_not,
    "absolutes": np.abs,
    "signs": lambda parts: (parts > 0.0) * 1.0 - (parts < 0.0),
    "roots": np.sqrt,
    "infinite": np.isinf,
    "unknowns": np.isnan,
    "upper": np.maximum,
    "lower": np.minimum,
}
"""What the source calls."""

_APPLIED = {"abs": "absolutes", "sign": "signs", "sqrt": "roots", "isinf": "infinite"}


class Names(NamedTuple):
    """What the source may read: arrays made of slots, None where there is none; and the moment."""

    slots: Callable[[Sequence[Slot]], str | None]
    moment: Callable[[str], str]


def wide(items: Sequence[Node], names: Names) -> str | None:
    """Source of an array with the value of each part; None where the parts are not alike."""
    first = items[0]
    if any(type(item) is not type(first) for item in items):
        return None
    match first:
        case Slot():
            return names.slots([item for item in items if isinstance(item, Slot)])
        case NumberPart(value):
            return repr(value) if all(item == first for item in items) else None
        case MomentPart(name):
            return names.moment(name) if all(item == first for item in items) else None
        case Arithmetic(op) | Comparing(op):
            pairs = [item for item in items if isinstance(item, Arithmetic | Comparing) and item.op == op]
            sides = _each([(pair.left, pair.right) for pair in pairs], len(items), names)
            if sides is None:
                return None
            return f"quotients({', '.join(sides)})" if op == "/" else f"({f' {op} '.join(sides)})"
        case JoinedPart(op):
            parts = _each(
                [item.parts for item in items if isinstance(item, JoinedPart) and item.op == op], len(items), names
            )
            return None if parts is None else f"({(' & ' if op == 'and' else ' | ').join(parts)})"
        case Not():
            parts = _each([(item.part,) for item in items if isinstance(item, Not)], len(items), names)
            return None if parts is None else f"inverted({parts[0]})"
        case Applied(function):
            same = [item.arguments for item in items if isinstance(item, Applied) and item.function == function]
            parts = _each(same, len(items), names)
            return None if parts is None else _applied(function, parts)
        case _:
            return None


def _each(rows: Sequence[Sequence[Node]], count: int, names: Names) -> list[str] | None:
    """The columns of some rows, as source; None where rows are missing, of other lengths, or not alike."""
    if len(rows) != count or len({len(row) for row in rows}) != 1:
        return None
    columns = [wide(column, names) for column in zip(*rows, strict=True)]
    found = [column for column in columns if column is not None]
    return found if len(found) == len(columns) else None


def _applied(function: str, parts: list[str]) -> str:
    match function:
        case "isnan":
            return f"unknowns({parts[0]})"
        case "truth":
            return f"({parts[0]} * 1.0)"
        case "sum":
            return f"({' + '.join(parts)})"
        case "max" | "min":
            best = parts[0]
            for part in parts[1:]:
                best = f"{'upper' if function == 'max' else 'lower'}({best}, {part})"
            return best
        case _:
            return f"{_APPLIED[function]}({parts[0]})"
