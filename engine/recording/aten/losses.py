"""Losses and their gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from retrograde.engine.equations.expression import (
    HALF,
    ONE,
    SQUARE,
    TWO,
    ZERO,
    Call,
    Comparison,
    Const,
    Div,
    Expr,
    Index,
    Max,
    Neg,
    Product,
    Sub,
    Sum,
)
from retrograde.engine.equations.functions import ABS, LOG, LOG1P
from retrograde.engine.recording.aten.pointwise import log_sigmoid
from retrograde.engine.recording.aten.reading import Given, UnstatedError, states, times, total, where
from retrograde.engine.recording.aten.reductions import count

MEAN = 1
"""How PyTorch numbers its reductions: 0 none, 1 the mean, 2 the sum."""

_FLOOR = Const(-100.0)
_TINY = Const(1e-12)


def _reduced(given: Given, index: Index, shape: tuple[int, ...], term: Callable[[Index], Expr]) -> Expr:
    """A loss of all terms, as its reduction says."""
    reduction = int(given.number("reduction", MEAN))
    if reduction == 0:
        return term(index)
    places = [*np.ndindex(*shape)]
    found = total([term(place) for place in places])
    return Div(found, count(len(places))) if reduction == MEAN else found


def _share(given: Given, size: int) -> tuple[Expr, ...]:
    """The factor 1/n of a mean, as a divisor of the gradient."""
    return (count(size),) if int(given.number("reduction", MEAN)) == MEAN else ()


def _shared(given: Given, size: int, expr: Expr) -> Expr:
    divisor = _share(given, size)
    return Div(expr, divisor[0]) if divisor else expr


@states("mse_loss")
def _mse(given: Given, index: Index) -> Expr:
    x, t = given.tensor("self"), given.tensor("target")
    return _reduced(given, index, x.shape, lambda at: Call(SQUARE, Sub(x.at(*at), t.spread(at))))


@states("mse_loss_backward")
def _mse_backward(given: Given, index: Index) -> Expr:
    x, t, g = given.tensor("self"), given.tensor("target"), given.tensor("grad_output")
    found = Product((TWO, Sub(x.at(*index), t.spread(index)), g.spread(index)))
    return _shared(given, x.size, found)


def _smooth(given: Given, difference: Expr) -> Expr:
    beta = given.const("beta", 1.0)
    size = Call(ABS, difference)
    return where(
        Comparison.LT,
        size,
        beta,
        Div(Product((HALF, size, size)), beta),
        Sub(size, Product((HALF, beta))),
    )


@states("smooth_l1_loss")
def _smooth_l1(given: Given, index: Index) -> Expr:
    x, t = given.tensor("self"), given.tensor("target")
    if given.number("beta", 1.0) == 0:
        raise UnstatedError("beta")
    return _reduced(given, index, x.shape, lambda at: _smooth(given, Sub(x.at(*at), t.spread(at))))


@states("smooth_l1_loss_backward", "huber_loss_backward")
def _smooth_l1_backward(given: Given, index: Index) -> Expr:
    x, t, g = given.tensor("self"), given.tensor("target"), given.tensor("grad_output").spread(index)
    huber = "delta" in given.arguments
    edge = given.const("delta" if huber else "beta", 1.0)
    if edge.value == 0:
        raise UnstatedError("beta")
    difference = Sub(x.at(*index), t.spread(index))
    far = Product((g, edge)) if huber else g
    inside = Product((g, difference)) if huber else Div(Product((g, difference)), edge)
    below = where(Comparison.LE, difference, Neg(edge), Neg(far), inside)
    return _shared(given, x.size, where(Comparison.GE, difference, edge, far, below))


@states("huber_loss")
def _huber(given: Given, index: Index) -> Expr:
    x, t, delta = given.tensor("self"), given.tensor("target"), given.const("delta", 1.0)

    def term(at: Index) -> Expr:
        size = Call(ABS, Sub(x.at(*at), t.spread(at)))
        far = Product((delta, Sub(size, Product((HALF, delta)))))
        return where(Comparison.LE, size, delta, Product((HALF, size, size)), far)

    return _reduced(given, index, x.shape, term)


def _bce_term(x: Expr, t: Expr, weight: Expr | None) -> Expr:
    one = Max((Call(LOG, x), _FLOOR))
    other = Max((Call(LOG1P, Neg(x)), _FLOOR))
    found = Sub(Product((Sub(t, ONE), other)), Product((t, one)))
    return found if weight is None else Product((found, weight))


@states("binary_cross_entropy")
def _bce(given: Given, index: Index) -> Expr:
    x, t, w = given.tensor("self"), given.tensor("target"), given.maybe("weight")
    return _reduced(
        given, index, x.shape, lambda at: _bce_term(x.at(*at), t.spread(at), None if w is None else w.spread(at))
    )


@states("binary_cross_entropy_backward")
def _bce_backward(given: Given, index: Index) -> Expr:
    x, t = given.tensor("self").at(*index), given.tensor("target").spread(index)
    below = Max((Product((Sub(ONE, x), x)), _TINY))
    weight = given.maybe("weight")
    g = given.tensor("grad_output").spread(index)
    found = Div(Product((g, Sub(x, t))), below)
    weighed = found if weight is None else Product((found, weight.spread(index)))
    return _shared(given, given.tensor("self").size, weighed)


@states("binary_cross_entropy_with_logits")
def _bce_logits(given: Given, index: Index) -> Expr:
    x, t, w, p = given.tensor("self"), given.tensor("target"), given.maybe("weight"), given.maybe("pos_weight")

    def term(at: Index) -> Expr:
        own, wanted = x.at(*at), t.spread(at)
        positive = None if p is None else Sum((Product((Sub(p.spread(at), ONE), wanted)), ONE))
        logs = log_sigmoid(own)
        found = Sub(Product((Sub(ONE, wanted), own)), logs if positive is None else Product((positive, logs)))
        return found if w is None else Product((found, w.spread(at)))

    return _reduced(given, index, x.shape, term)


def _named(given: Given, place: Index) -> tuple[Any, Index]:
    """The class that the target names at (sample, *rest), and the place of its score."""
    target, x = given.tensor("target"), given.tensor("self")
    label = given.known(target.at(*place)) if target.rank else given.known(target.at())
    return label, (place[0], label, *place[1:]) if x.rank > 1 else (label,)


def _nll_weight(given: Given, label: Any) -> Expr:
    weight = given.maybe("weight")
    return ONE if weight is None else weight.at(label)


def _counted(given: Given) -> Iterator[tuple[Any, Index]]:
    """The targets that count, with the places of their scores."""
    target = given.tensor("target")
    ignored = int(given.number("ignore_index", -100))
    for place in np.ndindex(*target.shape):
        label, score = _named(given, place)
        if label != ignored:
            yield label, score


@states("nll_loss_forward", "nll_loss2d_forward", meshable=False)
def _nll(given: Given, index: Index) -> Expr:
    x, reduction = given.tensor("self"), int(given.number("reduction", MEAN))
    if given.position == 1:
        if reduction == 0:
            raise UnstatedError("reduction")
        return total([_nll_weight(given, label) for label, _score in _counted(given)])
    if reduction == 0:
        label, score = _named(given, index)
        if label == int(given.number("ignore_index", -100)):
            return ZERO
        return Neg(times(_nll_weight(given, label), x.at(*score)))
    found = Neg(total([times(_nll_weight(given, label), x.at(*score)) for label, score in _counted(given)]))
    return Div(found, given.results[1].at()) if reduction == MEAN else found


@states("nll_loss_backward", "nll_loss2d_backward", meshable=False)
def _nll_backward(given: Given, index: Index) -> Expr:
    x, g, target = given.tensor("self"), given.tensor("grad_output"), given.tensor("target")
    place = (index[0], *index[2:]) if x.rank > 1 else ()
    own = index[1] if x.rank > 1 else index[0]
    slot = target.at(*place)
    label, ignored = given.known(slot), int(given.number("ignore_index", -100))
    if label == ignored:
        return ZERO
    if label != own:
        # Which class is the target's is what decides; so it is read.
        return where(Comparison.EQ, slot, Const(float(own)), Neg(g.at(*(place if g.rank else ()))), ZERO)
    reduction = int(given.number("reduction", MEAN))
    found = Neg(times(g.at(*(place if g.rank else ())), _nll_weight(given, label)))
    divided = Div(found, given.tensor("total_weight").at()) if reduction == MEAN else found
    return where(Comparison.EQ, slot, Const(float(own)), divided, ZERO)
