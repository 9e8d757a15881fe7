"""What decides a formula: the element of an array that makes it true or largest, and how that is written."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retrograde.engine.formulas import wide
from retrograde.engine.formulas.meaning import Moment, evaluate
from retrograde.engine.formulas.tree import (
    Applied,
    Arithmetic,
    Comparing,
    Evaluated,
    Formula,
    JoinedPart,
    MomentPart,
    Node,
    Not,
    NumberPart,
    Reduced,
    Several,
    Slot,
    Stretch,
    TextPart,
    many,
    rebuilt_inside,
    walk,
)

LONGEST = 60
"""Characters of a part that is written out."""


def deciding(node: Node, read: Callable[[Slot | Stretch], Any], moment: Moment) -> Node:
    """The number that a formula asks for, with the one element in the place of each array that it is chosen from.

    Of a condition it is a side of the comparison that decides: of ``max(abs(W_h)) > 5`` it is ``abs(W_h[3,1])``, of
    ``any(W_h > 5) or E > 1`` whichever is true.

    Args:
        node: the tree of the formula.
        read: see ``evaluate``.
        moment: see ``evaluate``.
    """
    match node:
        case JoinedPart(op, parts):
            return deciding(_decisive(op, parts, read, moment), read, moment)
        case Not(part):
            return deciding(part, read, moment)
        case Comparing(_, left, right):
            return deciding(left if _reads(left) or not _reads(right) else right, read, moment)
        case Reduced("any" | "all" as function, inner, _):
            values = _values(inner, read, moment)
            which = np.flatnonzero(values if function == "any" else ~values)
            return deciding(_element(inner, int(which[0])), read, moment) if len(which) else node
        case Reduced("max" | "min" as function, inner, _):
            values = _values(inner, read, moment)
            place = int(np.argmax(values) if function == "max" else np.argmin(values))
            return deciding(_element(inner, place), read, moment)
        case Applied("max" | "min" as function, items):
            return deciding(_chosen(function, items, read, moment), read, moment)
        case Applied("isnan" | "isinf", (part,)):
            return deciding(part, read, moment)
        case Arithmetic() | Applied():
            return rebuilt_inside(node, lambda part: deciding(part, read, moment))
        case _:
            return node


def _values(node: Node, read: Callable[[Slot | Stretch], Any], moment: Moment) -> Any:
    """The values of what is made of an array, one for each of its slots."""
    with np.errstate(all="ignore"):
        return wide.values(node, lambda part: evaluate(part, read, moment), read)


def _reads(node: Node) -> bool:
    return any(isinstance(part, Slot | Stretch | MomentPart) for part in walk(node))


def _decisive(op: str, parts: Sequence[Node], read: Callable[..., Any], moment: Moment) -> Node:
    """The first part that makes "or" true, or "and" false; where there is none, the first that reads a slot."""
    sought = op == "or"
    for part in parts:
        if bool(evaluate(part, read, moment)) is sought:
            return part
    slots = (part for part in parts if any(isinstance(one, Slot | Stretch) for one in walk(part)))
    return next(slots, parts[0])


def _chosen(function: str, items: Sequence[Node], read: Callable[..., Any], moment: Moment) -> Node:
    """The first of the parts with the largest or the smallest value, or that is NaN."""
    values = np.array([float(evaluate(item, read, moment)) for item in items])
    return items[int(np.argmax(values) if function == "max" else np.argmin(values))]


def _element(node: Node, place: int) -> Node:
    """A part of a formula over many slots, of one of them."""
    if isinstance(node, Stretch):
        return node.slot(place)
    return rebuilt_inside(node, lambda part: _element(part, place)) if many(node) else node


def written(node: Node, name: Callable[[Slot], str]) -> str | None:
    """A part of a formula as it could have been written; None where that is long.

    Args:
        node: the part.
        name: how a slot is written.
    """
    text = _written(node, name)
    return text if text is not None and len(text) <= LONGEST else None


def as_given(formula: Formula, node: Node) -> str | None:
    """How a side of a comparison stands in the formula, or all of it; None of other parts."""
    if node == formula.node:
        return formula.text
    if not isinstance(formula.node, Comparing) or node not in (formula.node.left, formula.node.right):
        return None
    depth = 0
    for sign in re.finditer(r"[()\[\]]|[<>=!≤≥≠]=?", formula.text):
        if sign[0] in "([":
            depth += 1
        elif sign[0] in ")]":
            depth -= 1
        elif depth == 0:
            sides = formula.text[: sign.start()], formula.text[sign.end() :]
            return sides[node != formula.node.left].strip()
    return None


def _written(node: Node, name: Callable[[Slot], str]) -> str | None:
    match node:
        case NumberPart(value):
            return f"{value:g}" if math.isfinite(value) else repr(value)
        case TextPart(value):
            return f'"{value}"'
        case MomentPart(place):
            return place
        case Slot(previous=previous):
            return f"prev({name(node)})" if previous else name(node)
        case Stretch(array=array, previous=previous):
            return f"prev({array})" if previous else array
        case Arithmetic("-", NumberPart(0.0), part):
            inner = _bracketed(part, name)
            return None if inner is None else f"-{inner}"
        case Arithmetic(op, left, right):
            sides = [_bracketed(left, name), _bracketed(right, name)]
            return None if None in sides else f"{sides[0]} {op} {sides[1]}"
        case Applied(function, parts) if len(parts) <= LONGEST:
            return _called(function, parts, name)
        case Reduced(function, part, _):
            return _called(function, (part,), name)
        case Comparing() | JoinedPart() | Not() | Several() | Applied() | Evaluated():
            return None


def _called(function: str, parts: Sequence[Node], name: Callable[[Slot], str]) -> str | None:
    inner = [_written(part, name) for part in parts]
    found = [part for part in inner if part is not None]
    return f"{function}({', '.join(found)})" if len(found) == len(inner) else None


def _bracketed(node: Node, name: Callable[[Slot], str]) -> str | None:
    text = _written(node, name)
    return f"({text})" if text is not None and isinstance(node, Arithmetic) and node.op in {"+", "-"} else text
