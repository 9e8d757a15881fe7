"""Optimisers that PyTorch computes in one piece for all parameters, and the scaling of gradients around them."""

from __future__ import annotations

from retrograde.engine.equations.expression import (
    ONE,
    SQUARE,
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
from retrograde.engine.equations.functions import SQRT
from retrograde.engine.recording.aten.reading import Given, UnstatedError, states, times, total, where
from retrograde.engine.recording.form import DTYPES
from retrograde.engine.recording.window import Tensor

SELF, GRADIENT, FIRST, SECOND, LARGEST = range(5)
"""The results of a fused Adam: the parameter, its gradient, the two moments, the largest second moment so far."""
_MOST = 2**16
"""Gradients whose finiteness is one equation."""


def _rate(given: Given) -> Expr:
    """The learning rate: a number of the program, or of a tensor."""
    found = given.maybe("lr")
    return Const(given.number("lr")) if found is None else found.at()


def _gradient(given: Given, index: Index) -> Expr:
    """The gradient, with the scale of a loss taken out of it."""
    found, scale = given.tensor("grads").at(*index), given.maybe("grad_scale")
    return found if scale is None else Div(found, scale.flat(0))


def _unless_skipped(given: Given, old: Expr, new: Expr) -> Expr:
    """What there was where a gradient is not finite: a scaler then skips the step."""
    found = given.maybe("found_inf")
    return new if found is None else where(Comparison.EQ, found.flat(0), ONE, old, new)


@states("_fused_adam", "_fused_adamw")
def _fused_adam(given: Given, index: Index) -> Expr:
    names = ("self", "grads", "exp_avgs", "exp_avg_sqs", "max_exp_avg_sqs")
    if given.position > LARGEST:
        raise UnstatedError("state_steps")
    return _unless_skipped(given, given.tensor(names[given.position]).at(*index), _adam(given, index))


def _adam(given: Given, index: Index) -> Expr:
    beta1, beta2 = given.number("beta1"), given.number("beta2")
    old, decay = given.tensor("self").at(*index), given.number("weight_decay")
    gradient = _gradient(given, index)
    if given.position == GRADIENT:
        return gradient
    if given.arguments.get("maximize"):
        gradient = Neg(gradient)
    decoupled = given.arguments["__op__"] == "_fused_adamw"
    if decay and not decoupled:
        gradient = Sum((gradient, Product((Const(decay), old))))
    if given.position == FIRST:
        moment = given.tensor("exp_avgs").at(*index)
        return Sum((moment, Product((Const(1 - beta1), Sub(gradient, moment)))))
    if given.position == SECOND:
        moment = given.tensor("exp_avg_sqs").at(*index)
        return Sum((Product((Const(beta2), moment)), Product((Const(1 - beta2), Call(SQUARE, gradient)))))
    if given.position == LARGEST:
        return Max((given.tensor("max_exp_avg_sqs").at(*index), given.results[SECOND].at(*index)))
    rate = _rate(given)
    step = float(given.read(given.tensor("state_steps").at()))
    second = given.results[LARGEST if given.arguments.get("amsgrad") else SECOND].at(*index)
    below = Sum((Div(Call(SQRT, second), Const((1 - beta2**step) ** 0.5)), Const(given.number("eps"))))
    kept = Const(1 - rate.value * decay) if isinstance(rate, Const) else Sub(ONE, Product((rate, Const(decay))))
    start = Product((old, kept)) if decay and decoupled else times(old, ONE)
    share = 1 - beta1**step
    size = Const(rate.value / share) if isinstance(rate, Const) else Div(rate, Const(share))
    return Sub(start, Product((size, Div(given.results[FIRST].at(*index), below))))


@states("_fused_sgd", positions=(0, 1, 2))
def _fused_sgd(given: Given, index: Index) -> Expr:
    names = ("self", "grads", "momentum_buffer_list")
    return _unless_skipped(given, given.tensor(names[given.position]).at(*index), _sgd(given, index))


def _sgd(given: Given, index: Index) -> Expr:
    old = given.tensor("self").at(*index)
    gradient = _gradient(given, index)
    if given.position == GRADIENT:
        return gradient
    if given.arguments.get("maximize"):
        gradient = Neg(gradient)
    if decay := given.number("weight_decay"):
        gradient = Sum((gradient, Product((Const(decay), old))))
    momentum = given.number("momentum")
    if given.position == 2:
        if given.arguments.get("is_first_step"):
            return gradient
        kept = Const(1 - given.number("dampening"))
        speed: Expr = given.tensor("momentum_buffer_list").at(*index)
        return Sum((Product((Const(momentum), speed)), times(kept, gradient)))
    if momentum:
        speed = given.results[2].at(*index)
        gradient = Sum((gradient, Product((Const(momentum), speed)))) if given.arguments.get("nesterov") else speed
    rate = _rate(given)
    return Sub(old, Product((given.rounded(rate.value) if isinstance(rate, Const) else rate, gradient)))


@states("_amp_foreach_non_finite_check_and_unscale", meshable=False)
def _unscale(given: Given, index: Index) -> Expr:
    if given.position == 0:
        return Product((given.tensor("self").at(*index), given.tensor("inv_scale").flat(0)))
    tensors = given.arguments.get("self")
    if not isinstance(tensors, list) or sum(one.size for one in tensors if isinstance(one, Tensor)) > _MOST:
        raise UnstatedError("self")
    # x - x is 0 of what is finite, and else NaN, which equals nothing.
    slots = [one.flat(place) for one in tensors for place in range(one.size)]
    return where(Comparison.EQ, total([Sub(x, x) for x in slots]), ZERO, given.tensor("found_inf").at(*index), ONE)


@states("_amp_update_scale")
def _update_scale(given: Given, index: Index) -> Expr:
    old, found = given.tensor("self").at(*index), given.tensor("found_inf").flat(0)
    tracker, interval = given.tensor("growth_tracker").flat(0), Const(given.number("growth_interval"))
    enough = Sum((tracker, ONE))
    if given.position == 1:
        counted = where(Comparison.EQ, enough, interval, ZERO, enough)
        return where(Comparison.GT, found, ZERO, ZERO, counted)
    grown = Product((old, Const(given.number("scale_growth_factor"))))
    # What is no longer finite is not taken.
    fits = where(Comparison.LE, grown, Const(DTYPES[given.out.dtype].largest), grown, old)
    smaller = Product((old, Const(given.number("scale_backoff_factor"))))
    kept = where(Comparison.EQ, enough, interval, fits, old)
    return where(Comparison.GT, found, ZERO, smaller, kept)
