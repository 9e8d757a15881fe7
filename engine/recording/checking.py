"""Holding what was recorded to its equation: within what rounding can do, for the equation as it stands.

A recorded value agrees where it is no further away from the equation in float64 than twice the running error bound of
the recorded type; see ``bounded``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.expression import (
    ArgMax,
    Call,
    Const,
    Div,
    Expr,
    Max,
    Neg,
    Pick,
    Product,
    Ref,
    Select,
    Sub,
    Sum,
    refs,
)
from retrograde.engine.equations.meshes import COMPARE
from retrograde.engine.network.program import Place
from retrograde.engine.recording.bounded import Bounded, Rounding, finite
from retrograde.engine.recording.form import DTYPES, Kind
from retrograde.engine.recording.program import Recorded, RecordedProgram
from retrograde.engine.recording.whole import whole_of
from retrograde.engine.recording.window import unflattened

FACTOR = 2.0
"""The bound is of first order: twice it leaves room for the rest."""

_AT_ONCE = 2**20
"""Slots that are read at once."""
_MESHED, _SINGLE = 2**21, 2**15
"""Slots that are read for one op unless all are wanted: where many elements go at once, and where they go singly."""
_MOST = 256
"""Elements of one op that are held singly, unless all are wanted."""

Read = Callable[[Ref], Any]
Elements = NDArray[np.intp]


class _Bounding(NamedTuple):
    """How an expression is bounded: over which values, in which type."""

    read: Read
    rounding: Rounding

    def of(self, expr: Expr) -> Bounded:
        """The value of an expression and its bound."""
        return _RULES[type(expr)](self, expr)

    def each(self, parts: Iterable[Expr]) -> list[Bounded]:
        """Those of many."""
        return [self.of(part) for part in parts]


def _call(bounding: _Bounding, expr: Call) -> Bounded:
    if expr.function.definition is not None:
        return bounding.of(expr.function.definition(expr.argument))
    return bounding.rounding.call(expr.function, bounding.of(expr.argument))


def _select(bounding: _Bounding, expr: Select) -> Bounded:
    condition = expr.condition
    left, right = bounding.of(condition.left), bounding.of(condition.right)
    chosen = COMPARE[condition.op](left.value, right.value)
    then, otherwise = bounding.of(expr.then), bounding.of(expr.otherwise)
    return Bounded(np.where(chosen, then.value, otherwise.value), np.where(chosen, then.error, otherwise.error))


def _max(bounding: _Bounding, expr: Max) -> Bounded:
    parts = [bounding.of(part) for part in expr.terms]
    value, error = parts[0]
    for part in parts[1:]:
        kept = (value >= part.value) | np.isnan(value)
        value, error = np.where(kept, value, part.value), np.maximum(error, part.error)
    return Bounded(value, error)


def _argmax(bounding: _Bounding, expr: ArgMax) -> Bounded:
    parts = [np.asarray(bounding.of(part).value) for part in expr.largest.terms]
    return Bounded(np.array(expr.numbers, dtype=np.float64)[np.argmax(np.stack(parts), axis=0)], 0.0)


def _pick(bounding: _Bounding, expr: Pick) -> Bounded:
    number, last = np.asarray(bounding.of(expr.number).value), expr.array.shape[0] - 1
    rows = np.clip(np.nan_to_num(number), 0, last).astype(np.intp)
    found = np.float64(bounding.read(Ref(expr.array, (int(rows) if rows.ndim == 0 else rows, *expr.rest))))
    return Bounded(np.where(rows == number, found, np.nan), 0.0)


_RULES: Mapping[type[Any], Callable[[_Bounding, Any], Bounded]] = {
    Const: lambda _bounding, expr: Bounded(np.float64(expr.value), 0.0),
    Ref: lambda bounding, expr: Bounded(np.float64(bounding.read(expr)), 0.0),
    Neg: lambda bounding, expr: Bounded(-(found := bounding.of(expr.operand)).value, found.error),
    Sum: lambda bounding, expr: bounding.rounding.sum(*bounding.each(expr.terms)),
    Sub: lambda bounding, expr: bounding.rounding.sub(bounding.of(expr.left), bounding.of(expr.right)),
    Product: lambda bounding, expr: bounding.rounding.product(*bounding.each(expr.factors)),
    Div: lambda bounding, expr: bounding.rounding.div(bounding.of(expr.numerator), bounding.of(expr.denominator)),
    Call: _call,
    Select: _select,
    Max: _max,
    ArgMax: _argmax,
    Pick: _pick,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """An element whose recorded value is not what its equation gives.

    Attributes:
        op: the op, by its number in the program.
        element: which of its elements, counted row by row from 0.
        recorded: what was recorded.
        computed: what the equation gives in float64.
        bound: how far apart the two may be.
    """

    op: int
    element: int
    recorded: float
    computed: float
    bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpCheck:
    """What came of one op.

    Attributes:
        op: its number in the program.
        elements: how many elements it has.
        checked: how many of them were held to the equation.
        disagreeing: how many of those do not agree.
        worst: the one that is furthest out, in terms of its bound.
        missing: why none was checked: "equation" where there is none, "values" where they are not in the file.
    """

    op: int
    elements: int
    checked: int = 0
    disagreeing: int = 0
    worst: Disagreement | None = None
    missing: str = ""


def check_all(recorded: RecordedProgram, *, every: bool = False) -> Iterator[OpCheck]:
    """Holds each op to its equation, in the order in which they ran.

    Args:
        recorded: the recording.
        every: whether every element is wanted; else of large ops a part, drawn evenly with a fixed seed.

    Raises:
        EngineError: the file is damaged.
    """
    for number in range(len(recorded.program.ops)):
        yield check_op(recorded, number, every=every)


def check_op(recorded: RecordedProgram, number: int, *, every: bool = False) -> OpCheck:
    """Holds one op to its equation; see ``check_all``."""
    op = recorded.program.ops[number]
    assert isinstance(op, Recorded)
    size = op.target.size
    if op.stated is None:
        return OpCheck(op=number, elements=size, missing="equation")
    if any(not recorded.has_values(array) for array in (op.target, *op.inputs)):
        return OpCheck(op=number, elements=size, missing="values" if op.has_equation else "equation")
    if not size:
        return OpCheck(op=number, elements=0)
    kind = DTYPES[op.values[op.result.to.value].dtype]
    actual = recorded.frame.array(op.target).reshape(-1)
    # Whether there is an equation is asked last: of a sum of a million terms it is long.
    if (found := whole_of(op, recorded.frame, kind)) is not None:
        chosen = np.arange(size)
        parts: Iterable[tuple[Elements, Floats, Floats]] = [(chosen, *found)]
    elif op.has_equation:
        chosen, length = _drawn(op, every=every)
        pieces = np.array_split(chosen, max(len(chosen) * length // _AT_ONCE, 1))
        parts = ((part, *bounds_of(recorded, op, part, kind)) for part in pieces)
    else:
        return OpCheck(op=number, elements=size, missing="equation")
    wrong, worst, ratio = 0, None, 0.0
    for part, computed, error in parts:
        bound = FACTOR * (error + finite(kind.epsilon * np.abs(computed)))
        own = actual if len(part) == size else actual[part]
        with np.errstate(all="ignore"):
            far = np.flatnonzero(~(np.abs(own - computed) <= bound))
        apart = _apart(own[far], computed[far], bound[far], kind)
        wrong += int((apart > 1.0).sum())
        if len(far) and apart.max() > max(ratio, 1.0):
            most = int(far[np.argmax(apart)])
            ratio = float(apart.max())
            worst = Disagreement(
                op=number,
                element=int(part[most]),
                recorded=float(own[most]),
                computed=float(computed[most]),
                bound=float(bound[most]),
            )
    return OpCheck(op=number, elements=size, checked=len(chosen), disagreeing=wrong, worst=worst)


def _drawn(op: Recorded, *, every: bool) -> tuple[Elements, int]:
    """The elements of an op that are held to its equation one by one, and how many slots each reads at most."""
    size = op.target.size
    # The last element of a causal attention reads most.
    ends = (op.equation(tuple(map(int, unflattened(at, op.target.shape)))) for at in (0, size - 1))
    length = max(1, *(sum(1 for _ref in refs(equation)) for equation in ends))
    most = size if every else max(_MESHED // length, 16) if op.meshable else min(max(_SINGLE // length, 4), _MOST)
    if size <= most:
        return np.arange(size), length
    return np.sort(np.random.default_rng(0).choice(size, most, replace=False)), length


class Comparison(NamedTuple):
    """What was recorded of one element beside its equation in float64.

    Attributes:
        computed: what the equation gives.
        difference: how far apart the two are; 0 where they are equal, or overflow alike.
        bound: how far they may be.
        agrees: whether that is no further than the bound.
    """

    computed: float
    difference: float
    bound: float
    agrees: bool


def compare(recorded: RecordedProgram, place: Place) -> Comparison:
    """Holds one element of an op that has an equation to it."""
    op = recorded.program.ops[place.op]
    assert isinstance(op, Recorded)
    kind = DTYPES[op.values[op.result.to.value].dtype]
    part = np.array([place.element])
    actual = recorded.frame.array(op.target).reshape(-1)[part]
    computed, error = bounds_of(recorded, op, part, kind)
    bound = FACTOR * (error + finite(kind.epsilon * np.abs(computed)))
    agrees = bool(_apart(actual, computed, bound, kind)[0] <= 1.0)
    with np.errstate(invalid="ignore"):
        difference = float(finite(np.abs(actual - computed))[0])
    return Comparison(float(computed[0]), difference, float(bound[0]), agrees)


def bounds_of(recorded: RecordedProgram, op: Recorded, part: Elements, kind: Kind) -> tuple[Floats, Floats]:
    """The equations of some elements of an op in float64, and their bounds."""
    bounding = _Bounding(recorded.read, Rounding(kind))
    with np.errstate(all="ignore"):
        if op.meshable:
            found = bounding.of(op.equation(unflattened(part, op.target.shape)))
            shape = part.shape
            return np.broadcast_to(found.value, shape), np.broadcast_to(np.asarray(found.error, float), shape)
        each = [bounding.of(op.equation(tuple(map(int, unflattened(int(at), op.target.shape))))) for at in part]
    return np.array([float(one.value) for one in each]), np.array([float(one.error) for one in each])


def _apart(
    actual: NDArray[np.float64], computed: NDArray[np.float64], bound: NDArray[np.float64], kind: Kind
) -> NDArray[np.float64]:
    """How far two values are apart in terms of the bound; 0 where they are equal, infinite where only one is finite."""
    with np.errstate(all="ignore"):
        same = (actual == computed) | (np.isnan(actual) & np.isnan(computed))
        over = np.isinf(actual) & (np.sign(actual) == np.sign(computed)) & (np.abs(computed) + bound >= kind.largest)
        difference = np.abs(actual - computed)
        ratio = np.where(bound > 0, difference / bound, np.inf)
        # NaN: only one of the two is finite.
        ratio = np.where(np.isnan(ratio), np.inf, ratio)
        return np.where(same | over, 0.0, ratio)
