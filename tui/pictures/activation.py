"""The curve of an activation, with a dot where the neuron is."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.activation_table import elementwise
from retrograde.engine.equations.evaluation import PYTHON, evaluate
from retrograde.engine.equations.expression import Const, Ref
from retrograde.engine.ops.activation import Activate, Slope
from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.pictures.terms import term_bars
from retrograde.tui.reading.figures import show
from retrograde.tui.records.pictures import Curve

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.tui.pictures.table import Table
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.pictures import Picture
    from retrograde.tui.records.value_types import Floats

POINTS = 45
"""Points of a curve."""


def curve(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The terms of a slope that is a sum, and the curve."""
    made = _curve(reading, step)
    return (*term_bars(reading, step, digits), *(() if made is None else (made,)))


@lru_cache(maxsize=64)
def _curve_points(activation: str, parameter: float, reach: float) -> tuple[Floats, Floats]:
    row = elementwise(activation)
    x = np.linspace(-reach, reach, POINTS)
    constant = Const(parameter)
    y = np.array([evaluate(row.value(Const(float(at)), constant), _no_slot, PYTHON) for at in x])
    return x, y


def _no_slot(ref: Ref) -> float:
    raise LookupError(ref)


@lru_cache(maxsize=256)
def _slope_at(activation: str, parameter: float, x: float) -> float:
    row = elementwise(activation)
    if row.slope is None:
        return 1.0
    constant = Const(parameter)
    y = evaluate(row.value(Const(x), constant), _no_slot, PYTHON)
    return evaluate(row.slope(Const(x), Const(y), constant), _no_slot, PYTHON)


def _curve(reading: Reading, step: Step) -> Curve | None:
    """The curve of an activation or a slope step, with a dot where the neuron is and what that means."""
    op = step.op
    if not isinstance(op, Activate | Slope) or op.activation == "identity":
        return None
    net = reading.frame.value(Ref(op.net, step.target.index))
    if not math.isfinite(net):
        return None
    reach = next((r for r in (6.0, 12.0, 30.0, 100.0, 1000.0) if abs(net) <= r), 1.2 * abs(net))
    x, y = _curve_points(op.activation, op.parameter, reach)
    out_array = op.target if isinstance(op, Activate) else op.out
    out = reading.frame.value(Ref(out_array, step.target.index))
    slope = _slope_at(op.activation, op.parameter, net)
    row = elementwise(op.activation)
    share = abs(slope) / (row.steepest or 1.0)
    if slope == 0.0:
        verdict, ink = _("dead: nothing passes back"), Ink.BAD
    elif share < 0.1:
        verdict, ink = _("saturated: little passes back"), Ink.CHANGED
    else:
        verdict, ink = _("listens"), Ink.GOOD
    symbol = row.symbol
    lines: list[Line] = [
        (Span(f"{symbol}({show(net, 5)}) = {show(out, 6)}", Ink.TEXT),),
        (Span(_("slope {symbol} = {value}").format(symbol=f"{symbol}′", value=show(slope, 6)), Ink.ACCENT),),
        (Span(verdict, ink),),
    ]
    if row.steepest is not None:
        text = _("{percent} % of the steepest").format(percent=show(100 * share, 3))
        lines.append((Span(text, Ink.DIM),))
    return Curve(x=x, y=y, at=(net, out), lines=tuple(lines))


PICTURES: Table = {Activate: curve, Slope: curve}
