"""How a loss keeps its logarithms away from ln 0: frameworks add a constant, cut the output, or bound the logarithm.

Each is an option of the losses that take a logarithm, absent unless the file states it; slopes are those of what is
computed, so a number that was cut has none.
"""

from __future__ import annotations

from collections.abc import Mapping

from retrograde.engine.equations.expression import (
    ONE,
    ZERO,
    Call,
    Compare,
    Comparison,
    Const,
    Div,
    Expr,
    Select,
    Sub,
    Sum,
)
from retrograde.engine.equations.functions import LOG
from retrograde.engine.equations.options import Option

Settings = Mapping[str, float]
"""The options of a loss that are stated, by key."""

LOG_EPSILON = Option(key="log_epsilon", text="ε: logarithms are ln(y + ε)", above=0, below=1)
LOG_CLIP = Option(
    key="log_clip",
    text="ε: y is cut to ε … 1 − ε before its logarithm, as in Keras, where it is 1e-7; what is cut has no gradient",
    above=0,
    below=0.5,
)
LOG_FLOOR = Option(
    key="log_floor",
    text="the least value of a logarithm, as in PyTorch, where it is −100; what is below has no gradient",
    below=0,
)
GUARDS = (LOG_EPSILON, LOG_CLIP, LOG_FLOOR)
"""The options of every loss with a logarithm of an output."""


def cut(y: Expr, settings: Settings) -> Expr:
    """The output as the logarithms see it; NaN stays."""
    if LOG_CLIP.key not in settings:
        return y
    low, high = _limits(settings)
    return Select(Compare(Comparison.LT, y, low), low, Select(Compare(Comparison.GT, y, high), high, y))


def uncut(y: Expr, slope: Expr, settings: Settings) -> Expr:
    """A slope by y, which is 0 where y is cut."""
    if LOG_CLIP.key not in settings:
        return slope
    low, high = _limits(settings)
    return Select(Compare(Comparison.LT, y, low), ZERO, Select(Compare(Comparison.GT, y, high), ZERO, slope))


def logarithm(x: Expr, settings: Settings) -> Expr:
    """The logarithm ln x, or ln(x + ε), or either bounded below; NaN stays."""
    found: Expr = Call(LOG, _raised(x, settings))
    if LOG_FLOOR.key not in settings:
        return found
    floor = Const(settings[LOG_FLOOR.key])
    return Select(Compare(Comparison.LT, found, floor), floor, found)


def per(numerator: Expr, x: Expr, settings: Settings) -> Expr:
    """A number times the slope of ``logarithm`` at x: numerator / x."""
    raised = _raised(x, settings)
    slope: Expr = Div(numerator, raised)
    if LOG_FLOOR.key not in settings:
        return slope
    return Select(Compare(Comparison.LT, Call(LOG, raised), Const(settings[LOG_FLOOR.key])), ZERO, slope)


def _raised(x: Expr, settings: Settings) -> Expr:
    return Sum((x, Const(settings[LOG_EPSILON.key]))) if LOG_EPSILON.key in settings else x


def _limits(settings: Settings) -> tuple[Expr, Expr]:
    low = Const(settings[LOG_CLIP.key])
    return low, Sub(ONE, low)
