"""Operators that go over axes: sums, means, variances, norms, extremes, softmax."""

from __future__ import annotations

import math

from retrograde.engine.equations.expression import (
    SQUARE,
    ZERO,
    Call,
    Comparison,
    Const,
    Div,
    Expr,
    Index,
    Product,
    Ref,
    Sub,
    Sum,
)
from retrograde.engine.equations.functions import ABS, EXP, LOG, SQRT
from retrograde.engine.recording.aten.reading import (
    Given,
    UnstatedError,
    axes_of,
    called,
    reduced,
    states,
    total,
    where,
)
from retrograde.engine.recording.window import Tensor


def _slots(given: Given, index: Index, name: str = "dim") -> list[Ref]:
    source = given.tensor("self")
    return [source.at(*place) for place in reduced(given, source, axes_of(given, name, source.rank), index)]


def count(number: int) -> Const:
    """A number of elements."""
    return Const(float(number), str(number))


@states("sum")
def _sum(given: Given, index: Index) -> Expr:
    return total(_slots(given, index))


@states("mean")
def _mean(given: Given, index: Index) -> Expr:
    slots = _slots(given, index)
    return Div(total(slots), count(len(slots)))


def _squares(slots: list[Ref], mean: Expr) -> Expr:
    return total([Call(SQUARE, Sub(slot, mean)) for slot in slots])


@states("var", "std", "var_mean")
def _var(given: Given, index: Index) -> Expr:
    slots = _slots(given, index)
    mean = Div(total(slots), count(len(slots)))
    if given.position == 1:
        return mean
    correction = given.arguments.get("correction", 1)
    if not isinstance(correction, int | float) or len(given.arguments) == 0 or "unbiased" in given.arguments:
        raise UnstatedError("correction")
    found = Div(_squares(slots, mean), Const(max(len(slots) - correction, 0.0)))
    return called(SQRT, found) if given.arguments["__op__"] == "std" else found


@states("linalg_vector_norm", "norm")
def _norm(given: Given, index: Index) -> Expr:
    order = given.arguments.get("ord", given.arguments.get("p", 2))
    slots = _slots(given, index)
    if order is None or order == 2:
        return called(SQRT, total([Call(SQUARE, slot) for slot in slots]))
    if order == 1:
        return total([Call(ABS, slot) for slot in slots])
    raise UnstatedError("ord")


@states("amax", "max", positions=(0,))
def _amax(given: Given, index: Index) -> Expr:
    return given.largest(_slots(given, index))


@states("amin", "min", positions=(0,))
def _amin(given: Given, index: Index) -> Expr:
    return given.largest(_slots(given, index), -1.0)


def _line(source: Tensor, axis: int, index: Index) -> list[Ref]:
    """The elements along an axis, through an element."""
    return [source.at(*index[:axis], k, *index[axis + 1 :]) for k in range(source.shape[axis])]


def _axis(given: Given, rank: int) -> int:
    return int(given.number("dim")) % max(rank, 1)


@states("_log_softmax", "_softmax", "_safe_softmax")
def _softmax(given: Given, index: Index) -> Expr:
    source = given.tensor("self")
    if not source.rank:
        raise UnstatedError("dim")
    line = _line(source, _axis(given, source.rank), index)
    most, own = given.largest(line), source.at(*index)
    sums = total([Call(EXP, Sub(slot, most)) for slot in line])
    if given.arguments["__op__"] == "_safe_softmax":
        # A row that is masked as a whole has no weights.
        found = Div(Call(EXP, Sub(own, most)), sums)
        return where(Comparison.EQ, most, Const(-math.inf, "−∞"), ZERO, found)
    if given.arguments["__op__"] == "_softmax":
        return Div(Call(EXP, Sub(own, most)), sums)
    return Sub(Sub(own, most), Call(LOG, sums))


@states("logsumexp")
def _logsumexp(given: Given, index: Index) -> Expr:
    slots = _slots(given, index)
    most = given.largest(slots)
    return Sum((most, Call(LOG, total([Call(EXP, Sub(slot, most)) for slot in slots]))))


@states("_log_softmax_backward_data")
def _log_softmax_backward(given: Given, index: Index) -> Expr:
    grad, out = given.tensor("grad_output"), given.tensor("output")
    if not grad.rank:
        raise UnstatedError("dim")
    sums = total(_line(grad, _axis(given, grad.rank), index))
    return Sub(grad.at(*index), Product((Call(EXP, out.at(*index)), sums)))


@states("_softmax_backward_data")
def _softmax_backward(given: Given, index: Index) -> Expr:
    grad, out = given.tensor("grad_output"), given.tensor("output")
    if not grad.rank:
        raise UnstatedError("dim")
    axis = _axis(given, grad.rank)
    pairs = zip(_line(grad, axis, index), _line(out, axis, index), strict=True)
    return Product((Sub(grad.at(*index), total([Product(pair) for pair in pairs])), out.at(*index)))


@states("cumsum", meshable=False)
def _cumsum(given: Given, index: Index) -> Expr:
    source = given.tensor("self")
    if not source.rank:
        return source.at()
    axis = _axis(given, source.rank)
    return total(_line(source, axis, index)[: index[axis] + 1])
