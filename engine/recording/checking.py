"""Holding what was recorded to its equation: within what rounding can do, for the equation as it stands.

Beside each value of the equation, computed in float64, goes the largest error that arithmetic in the recorded type can
have made of it, to first order: each operation rounds its result (ε·|x|) and hands on the errors of its operands. A sum
of n terms may be added in any order: (n−1)·ε·Σ|t|. A recorded value agrees where it is no further away than twice that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.expression import (
    ArgMax,
    Call,
    Const,
    Div,
    Expr,
    Function,
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
from retrograde.engine.equations.functions import ABS, COS, ERF, EXP, EXPM1, LOG, LOG1P, SIN, SQRT, TANH
from retrograde.engine.equations.meshes import COMPARE
from retrograde.engine.network.program import Place
from retrograde.engine.recording.form import DTYPES, Kind
from retrograde.engine.recording.program import Recorded, RecordedProgram
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


class Bounded(NamedTuple):
    """A value, and the largest error that arithmetic of a type can have made of it, to first order."""

    value: Any
    error: Any


def _finite(error: Any) -> Any:
    """0 for what is not a number: an error times infinity's 0."""
    return np.where(np.isnan(error), 0.0, error)


_SLOPES: Mapping[Function, Callable[[Any, Any], Any]] = {
    ABS: lambda _x, _y: 1.0,
    COS: lambda _x, _y: 1.0,
    SIN: lambda _x, _y: 1.0,
    ERF: lambda x, _y: np.exp(-x * x) * 1.1283791670955126,
    EXP: lambda _x, y: y,
    EXPM1: lambda _x, y: y + 1.0,
    LOG: lambda x, _y: 1.0 / np.abs(x),
    LOG1P: lambda x, _y: 1.0 / np.abs(1.0 + x),
    SQRT: lambda _x, y: 0.5 / y,
    TANH: lambda _x, y: 1.0 - y * y,
}
"""|f'| of each primitive, from its argument and its value."""


class _Bounding(NamedTuple):
    """How an expression is bounded: in which type, and over which values."""

    read: Read
    kind: Kind

    def of(self, expr: Expr) -> Bounded:
        """The value of an expression and its bound."""
        return _RULES[type(expr)](self, expr)

    def rounded(self, value: Any, error: Any) -> Bounded:
        """The result of one more operation, rounded to the type."""
        return Bounded(value, _finite(error) + _finite(self.kind.epsilon * np.abs(value)) + self.kind.tiny)


def _call(bounding: _Bounding, expr: Call) -> Bounded:
    if expr.function.definition is not None:
        return bounding.of(expr.function.definition(expr.argument))
    argument = bounding.of(expr.argument)
    value = expr.function.array(np.asarray(argument.value, dtype=np.float64))
    slope = np.abs(_SLOPES[expr.function](argument.value, value))
    return bounding.rounded(value, _finite(slope * argument.error))


def _sum(bounding: _Bounding, expr: Sum) -> Bounded:
    parts = [bounding.of(part) for part in expr.terms]
    value, absolute, error = parts[0].value, np.abs(parts[0].value), parts[0].error
    for part in parts[1:]:
        value, absolute, error = value + part.value, absolute + np.abs(part.value), error + part.error
    return Bounded(value, error + _finite((len(parts) - 1) * bounding.kind.epsilon * absolute))


def _sub(bounding: _Bounding, expr: Sub) -> Bounded:
    left, right = bounding.of(expr.left), bounding.of(expr.right)
    rounding = bounding.kind.epsilon * np.abs(left.value - right.value)
    return Bounded(left.value - right.value, left.error + right.error + _finite(rounding))


def _product(bounding: _Bounding, expr: Product) -> Bounded:
    first, *rest = [bounding.of(part) for part in expr.factors]
    for part in rest:
        error = _finite(first.error * np.abs(part.value)) + _finite(part.error * np.abs(first.value))
        first = bounding.rounded(first.value * part.value, error)
    return first


def _div(bounding: _Bounding, expr: Div) -> Bounded:
    above, below = bounding.of(expr.numerator), bounding.of(expr.denominator)
    value = np.true_divide(above.value, below.value)
    error = _finite(above.error / np.abs(below.value)) + _finite(np.abs(value / below.value) * below.error)
    return bounding.rounded(value, error)


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
    Sum: _sum,
    Sub: _sub,
    Product: _product,
    Div: _div,
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
    if not op.has_equation:
        return OpCheck(op=number, elements=size, missing="equation")
    if any(not recorded.has_values(array) for array in (op.target, *op.inputs)):
        return OpCheck(op=number, elements=size, missing="values")
    if not size:
        return OpCheck(op=number, elements=0)
    # The last element of a causal attention reads most.
    ends = (op.equation(tuple(map(int, unflattened(at, op.target.shape)))) for at in (0, size - 1))
    length = max(1, *(sum(1 for _ref in refs(equation)) for equation in ends))
    most = size if every else max(_MESHED // length, 16) if op.meshable else min(max(_SINGLE // length, 4), _MOST)
    chosen = np.arange(size) if size <= most else np.sort(np.random.default_rng(0).choice(size, most, replace=False))
    kind = DTYPES[op.values[op.result.to.value].dtype]
    actual = recorded.frame.array(op.target).reshape(-1)
    wrong, worst, ratio = 0, None, 0.0
    for part in np.array_split(chosen, max(len(chosen) * length // _AT_ONCE, 1)):
        computed, error = _bounds(recorded, op, part, kind)
        bound = FACTOR * (error + _finite(kind.epsilon * np.abs(computed)))
        apart = _apart(actual[part], computed, bound, kind)
        out = np.flatnonzero(apart > 1.0)
        wrong += len(out)
        if len(out) and (most_ := int(out[np.argmax(apart[out])])) >= 0 and apart[most_] > ratio:
            ratio = float(apart[most_])
            worst = Disagreement(
                op=number,
                element=int(part[most_]),
                recorded=float(actual[part[most_]]),
                computed=float(computed[most_]),
                bound=float(bound[most_]),
            )
    return OpCheck(op=number, elements=size, checked=len(chosen), disagreeing=wrong, worst=worst)


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
    computed, error = _bounds(recorded, op, part, kind)
    bound = FACTOR * (error + _finite(kind.epsilon * np.abs(computed)))
    agrees = bool(_apart(actual, computed, bound, kind)[0] <= 1.0)
    with np.errstate(invalid="ignore"):
        difference = float(_finite(np.abs(actual - computed))[0])
    return Comparison(float(computed[0]), difference, float(bound[0]), agrees)


def _bounds(
    recorded: RecordedProgram, op: Recorded, part: NDArray[np.intp], kind: Kind
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    bounding = _Bounding(recorded.read, kind)
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
