"""Bounding a formula over intervals of iterations, so that whole intervals can be passed over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
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

Flags = NDArray[np.bool_]


class Bounds(NamedTuple):
    """What is known of a number over each of many intervals: smallest, largest, and whether it may be NaN."""

    low: Floats
    high: Floats
    nan: Flags


Known = Callable[[Slot | Stretch | MomentPart], Bounds]
"""The bounds of a slot, of all slots of a stretch together, or of epoch and iteration, over every interval."""


class Chances(NamedTuple):
    """Whether a condition may be true, and may be false, somewhere in each of many intervals."""

    true: Flags
    false: Flags


def chances(node: Node, bounds: Known) -> Chances:
    """Where a condition may be true, from bounds of what it reads; never says no where it could be.

    What goes element by element over a stretch may be true where it may be for one of its elements.

    Args:
        node: the condition.
        bounds: bounds of what it reads.
    """
    match node:
        case JoinedPart(op, parts):
            found = [chances(part, bounds) for part in parts]
            every, some = np.logical_and.reduce, np.logical_or.reduce
            true, false = [one.true for one in found], [one.false for one in found]
            return Chances(every(true), some(false)) if op == "and" else Chances(some(true), every(false))
        case Not(part):
            one = chances(part, bounds)
            return Chances(one.false, one.true)
        case Comparing(_, left, right) if isinstance(left, TextPart | MomentPart) and isinstance(
            right, TextPart | MomentPart
        ):
            maybe = np.ones_like(bounds(MomentPart("epoch")).nan, dtype=np.bool_)
            return Chances(maybe, maybe)
        case Comparing(op, left, right):
            return _compared(op, _bounded(left, bounds), _bounded(right, bounds))
        case Applied("isnan", (argument,)):
            a = _bounded(argument, bounds)
            return Chances(a.nan, np.ones_like(a.nan))
        case Applied("isinf", (argument,)):
            a = _bounded(argument, bounds)
            return Chances(np.isinf(a.low) | np.isinf(a.high), np.ones_like(a.nan))
        case Reduced("any" | "all", of):
            return chances(of, bounds)
        case _:
            maybe = np.ones_like(bounds(MomentPart("epoch")).nan, dtype=np.bool_)
            return Chances(maybe, maybe)


def _compared(op: str, a: Bounds, b: Bounds) -> Chances:
    nan = a.nan | b.nan
    match op:
        case "<":
            return Chances(a.low < b.high, (a.high >= b.low) | nan)
        case "<=":
            return Chances(a.low <= b.high, (a.high > b.low) | nan)
        case ">":
            return Chances(a.high > b.low, (a.low <= b.high) | nan)
        case ">=":
            return Chances(a.high >= b.low, (a.low < b.high) | nan)
        case "==":
            apart = (a.low > b.high) | (b.low > a.high)
            fixed = (a.low == a.high) & (b.low == b.high) & (a.low == b.low)
            return Chances(~apart, ~fixed | nan)
        case _:
            apart = (a.low > b.high) | (b.low > a.high)
            fixed = (a.low == a.high) & (b.low == b.high) & (a.low == b.low)
            return Chances(~fixed | nan, ~apart)


def _bounded(node: Node, bounds: Known) -> Bounds:
    match node:
        case Slot() | Stretch() | MomentPart("epoch" | "iteration"):
            return bounds(node)
        case Reduced("count", of, length):
            some = chances(of, bounds)
            none, every = np.zeros(len(some.true)), np.full(len(some.true), float(length))
            return Bounds(np.where(some.false, none, every), np.where(some.true, every, none), np.zeros_like(some.true))
        case Reduced(function, of, length):
            with np.errstate(all="ignore"):
                return _REDUCED[function](_bounded(of, bounds), length)
        case NumberPart(value):
            like = bounds(MomentPart("epoch"))
            number = np.full_like(like.low, value)
            return Bounds(number, number, np.zeros_like(like.nan))
        case Arithmetic("+" | "-" | "*" as op, left, right):
            with np.errstate(all="ignore"):
                return _combined(op, _bounded(left, bounds), _bounded(right, bounds))
        case Applied("abs", (argument,)):
            a = _bounded(argument, bounds)
            low = np.where((a.low <= 0) & (a.high >= 0), 0.0, np.minimum(np.abs(a.low), np.abs(a.high)))
            return Bounds(low, np.maximum(np.abs(a.low), np.abs(a.high)), a.nan)
        case Applied("sign", (argument,)):
            a = _bounded(argument, bounds)
            return Bounds(
                np.where(a.nan, np.minimum(np.sign(a.low), 0.0), np.sign(a.low)),
                np.where(a.nan, np.maximum(np.sign(a.high), 0.0), np.sign(a.high)),
                np.zeros_like(a.nan),
            )
        case Applied("min" | "max" as function, arguments):
            found = [_bounded(argument, bounds) for argument in arguments]
            pick = np.minimum if function == "min" else np.maximum
            nan = np.logical_or.reduce([one.nan for one in found])
            return Bounds(pick.reduce([one.low for one in found]), pick.reduce([one.high for one in found]), nan)
        case _:
            return _anything(bounds)


def _combined(op: str, a: Bounds, b: Bounds) -> Bounds:
    match op:
        case "+":
            low, high = a.low + b.low, a.high + b.high
        case "-":
            low, high = a.low - b.high, a.high - b.low
        case _:
            corners = np.array([a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high])
            low, high = corners.min(axis=0), corners.max(axis=0)
    # Where a side may be infinite, inf − inf or 0 · inf may occur between the bounds, too.
    infinite = ~(np.isfinite(a.low) & np.isfinite(a.high) & np.isfinite(b.low) & np.isfinite(b.high))
    lost = np.isnan(low) | np.isnan(high)
    return Bounds(np.where(lost, -np.inf, low), np.where(lost, np.inf, high), a.nan | b.nan | infinite)


def _squared(a: Bounds) -> Bounds:
    low, high = np.square(a.low), np.square(a.high)
    straddles = (a.low <= 0) & (a.high >= 0)
    return Bounds(np.where(straddles, 0.0, np.minimum(low, high)), np.maximum(low, high), a.nan)


def _summed(a: Bounds, length: int) -> Bounds:
    """The bounds of a sum from left to right: each addition rounds, and none turns an order round."""
    low, high = a.low * length, a.high * length
    slack = (length + 4) * np.finfo(np.float64).eps
    low, high = low - np.abs(low) * slack, high + np.abs(high) * slack
    finite = np.isfinite(low) & np.isfinite(high)
    endless = ~(np.isfinite(a.low) & np.isfinite(a.high))
    return Bounds(np.where(finite, low, -np.inf), np.where(finite, high, np.inf), a.nan | endless)


def _mean(a: Bounds, length: int) -> Bounds:
    total = _summed(a, length)
    return Bounds(total.low / length, total.high / length, total.nan)


def _norm(a: Bounds, length: int) -> Bounds:
    total = _summed(_squared(a), length)
    # A sum of squares is NaN where one of them is, and nowhere else; and it is not below 0.
    return Bounds(np.sqrt(np.maximum(total.low, 0.0)), np.sqrt(total.high), a.nan)


_REDUCED: Mapping[str, Callable[[Bounds, int], Bounds]] = {
    "max": lambda a, _length: a,
    "min": lambda a, _length: a,
    "sum": _summed,
    "mean": _mean,
    "norm": _norm,
}


def anything(count: int) -> Bounds:
    """What is known of a number over each of some intervals where nothing is."""
    return Bounds(np.full(count, -np.inf), np.full(count, np.inf), np.ones(count, dtype=np.bool_))


def _anything(bounds: Known) -> Bounds:
    return anything(len(bounds(MomentPart("epoch")).low))
