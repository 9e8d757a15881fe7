"""Optimisers that PyTorch computes in one piece for all parameters."""

from __future__ import annotations

from retrograde.engine.equations.expression import ONE, SQUARE, Call, Const, Div, Expr, Index, Neg, Product, Sub, Sum
from retrograde.engine.equations.functions import SQRT
from retrograde.engine.recording.aten.reading import Given, UnstatedError, states, times

SELF, GRADIENT, FIRST, SECOND = range(4)
"""The results of a fused Adam: the parameter, its gradient, the two moments."""


@states("_fused_adam", "_fused_adamw", positions=(SELF, GRADIENT, FIRST, SECOND))
def _fused_adam(given: Given, index: Index) -> Expr:
    if given.arguments.get("amsgrad") or given.maybe("grad_scale") is not None or given.maybe("lr") is not None:
        raise UnstatedError("amsgrad")
    lr, beta1, beta2 = (given.number(name) for name in ("lr", "beta1", "beta2"))
    old, decay = given.tensor("self").at(*index), given.number("weight_decay")
    gradient: Expr = given.tensor("grads").at(*index)
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
    step = float(given.read(given.tensor("state_steps").at()))
    root = Div(Call(SQRT, given.results[SECOND].at(*index)), Const((1 - beta2**step) ** 0.5))
    below = Sum((root, Const(given.number("eps"))))
    start = Product((old, Const(1 - lr * decay))) if decay and decoupled else times(old, ONE)
    return Sub(start, Product((Const(lr / (1 - beta1**step)), Div(given.results[FIRST].at(*index), below))))


@states("_fused_sgd", positions=(0, 1, 2))
def _fused_sgd(given: Given, index: Index) -> Expr:
    if given.maybe("grad_scale") is not None or given.maybe("lr") is not None:
        raise UnstatedError("grad_scale")
    old = given.tensor("self").at(*index)
    gradient: Expr = given.tensor("grads").at(*index)
    if given.position == 1:
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
        return Sum((Product((Const(momentum), given.tensor("momentum_buffer_list").at(*index))), times(kept, gradient)))
    if momentum:
        speed: Expr = given.results[2].at(*index)
        gradient = Sum((gradient, Product((Const(momentum), speed)))) if given.arguments.get("nesterov") else speed
    return Sub(old, Product((given.const("lr"), gradient)))
