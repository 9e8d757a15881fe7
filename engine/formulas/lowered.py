"""Comparisons with a number, rewritten so that they are decided by as few operations as possible.

A condition that is looked at in every iteration is false nearly always: ``max(abs(grad(W_h))) > 100`` asks each
entry whether it is outside ±100, and takes the maximum only where one is. The value is the same for every input,
NaN and the infinities included.
"""

from __future__ import annotations

from retrograde.engine.formulas.tree import Applied, Comparing, JoinedPart, Node, Not, NumberPart, Slot, rebuilt_inside

_SWAPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def lowered(node: Node) -> Node:
    """The same condition or number, with its comparisons rewritten."""
    match node:
        case JoinedPart() | Not():
            return rebuilt_inside(node, lowered)
        case Comparing(op, NumberPart() as left, right) if not isinstance(right, NumberPart):
            return _compared(Comparing(_SWAPPED[op], right, left))
        case Comparing(_, _, NumberPart()):
            return _compared(node)
        case _:
            return node


def _compared(test: Comparing) -> Node:
    op, bound = test.op, test.right
    assert isinstance(bound, NumberPart)
    below = op in {"<", "<="}
    if op in {"==", "!="}:
        return test
    match test.left:
        case Applied("abs", (Slot() as slot,)):
            outside = Comparing(_SWAPPED[op], slot, NumberPart(-bound.value))
            return JoinedPart("and" if below else "or", (Comparing(op, slot, bound), outside))
        case Applied("max" | "min" as function, items):
            each = tuple(_compared(Comparing(op, item, bound)) for item in items)
            if below == (function == "max"):
                return JoinedPart("and", each)
            # One entry is not enough where another one is NaN: then the maximum is NaN, and the test is false.
            return JoinedPart("and", (JoinedPart("or", each), test))
        case _:
            return test
