"""The values of a scalar graph: each with the operation that makes it, and its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Const, Ref, children
from retrograde.engine.ops.gate import Gate
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.network import GateView, LayerView
from retrograde.tui.views.slots import base_of

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Expr
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.views.marks import Marks

_SIGNS = {"+": "+", "*": "×", "-": "−", "/": "÷", "neg": "−x", "": "="}


def gate_layer(reading: Reading, array: Array, depth: int, found: Marks) -> LayerView:
    """A value of a scalar graph as a block of its own."""
    program = reading.program
    ref = Ref(array, (reading.sample,) if array.batched else ())
    gradient = program.named.get(f"grad({array.name})")
    slope = None
    if gradient is not None:
        slot = Ref(gradient, (reading.sample,) if gradient.batched else ())
        slope = reading.visible(slot)
        if slope is None:
            so_far = reading.partial(slot)
            slope = None if so_far is None else so_far[0]
    mark = max((mark for one, mark in found.arrays.items() if base_of(one) is array), default=Mark.IDLE, key=_weight)
    op = program.maker(array)
    return LayerView(
        name=reading.notation.symbol(ref),
        caption="",
        depth=depth,
        mark=mark,
        gate=GateView(
            symbol=_symbol(op) if isinstance(op, Gate) else "",
            value=reading.visible(ref),
            gradient=slope,
        ),
    )


def _weight(mark: Mark) -> int:
    return mark.value


def _symbol(op: Gate) -> str:
    """The operation in a few characters, with the number that it has in itself: ``+1``, ``1÷x``, ``×−1``."""
    numbers = _constants(op.formula)
    sign = _SIGNS.get(op.operation, op.operation)
    if len(numbers) != 1 or len(op.operands) != 1:
        return sign
    number = typeset(f"{numbers[0]:g}")
    left = isinstance(next(iter(children(op.formula)), None), Const)
    if op.operation in {"/", "-"} and left:
        return f"{number}{sign}x"
    return f"{sign}{number}" if op.operation in {"+", "*", "-", "/"} else sign


def _constants(expr: Expr) -> list[float]:
    if isinstance(expr, Const):
        return [expr.value]
    return [number for part in children(expr) for number in _constants(part)]
