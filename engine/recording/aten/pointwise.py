"""Operators element by element: arithmetic, comparisons, functions, and what makes constants."""

from __future__ import annotations

import math

from retrograde.engine.equations.expression import (
    HALF,
    ONE,
    SQUARE,
    ZERO,
    Comparison,
    Const,
    Div,
    Expr,
    Function,
    Index,
    Max,
    Neg,
    Product,
    Sub,
    Sum,
)
from retrograde.engine.equations.functions import ABS, COS, ERF, EXP, EXPM1, LOG, LOG1P, SIN, SQRT, TANH
from retrograde.engine.recording.aten.reading import Given, Rule, UnstatedError, called, states, times, where
from retrograde.engine.recording.window import Tensor, flattened

MAX_POWER = 8
"""Whole powers up to this are written as products."""


@states("add")
def _add(given: Given, index: Index) -> Expr:
    return Sum((given.operand("self", index), times(given.const("alpha", 1.0), given.operand("other", index))))


@states("sub")
def _sub(given: Given, index: Index) -> Expr:
    return Sub(given.operand("self", index), times(given.const("alpha", 1.0), given.operand("other", index)))


@states("rsub")
def _rsub(given: Given, index: Index) -> Expr:
    return Sub(given.operand("other", index), times(given.const("alpha", 1.0), given.operand("self", index)))


@states("mul")
def _mul(given: Given, index: Index) -> Expr:
    return Product((given.operand("self", index), given.operand("other", index)))


@states("div")
def _div(given: Given, index: Index) -> Expr:
    if given.arguments.get("rounding_mode") is not None:
        raise UnstatedError("rounding_mode")
    return Div(given.operand("self", index), given.operand("other", index))


def _of_self(function: Function) -> Rule:
    return lambda given, index: called(function, given.operand("self", index))


for _name, _function in {
    "abs": ABS,
    "cos": COS,
    "erf": ERF,
    "exp": EXP,
    "expm1": EXPM1,
    "log": LOG,
    "log1p": LOG1P,
    "sin": SIN,
    "sqrt": SQRT,
    "tanh": TANH,
}.items():
    states(_name)(_of_self(_function))


@states("neg")
def _neg(given: Given, index: Index) -> Expr:
    return Neg(given.operand("self", index))


@states("reciprocal")
def _reciprocal(given: Given, index: Index) -> Expr:
    return Div(ONE, given.operand("self", index))


@states("rsqrt")
def _rsqrt(given: Given, index: Index) -> Expr:
    return Div(ONE, called(SQRT, given.operand("self", index)))


@states("sign", "sgn")
def _sign(given: Given, index: Index) -> Expr:
    x = given.operand("self", index)
    return where(Comparison.GT, x, ZERO, ONE, where(Comparison.LT, x, ZERO, Const(-1.0), x))


@states("pow")
def _pow(given: Given, index: Index) -> Expr:
    if given.maybe("exponent") is not None:
        if given.maybe("self") is not None or given.number("self") <= 0:
            raise UnstatedError("exponent")
        return called(EXP, Product((given.operand("exponent", index), called(LOG, given.operand("self", index)))))
    x, n = given.operand("self", index), given.number("exponent")
    if n == int(n) and 0 <= n <= MAX_POWER:
        return called(SQUARE, x) if n == 2 else times(*[x] * int(n))
    if n == int(n) and -MAX_POWER <= n < 0:
        return Div(ONE, called(SQUARE, x) if n == -2 else times(*[x] * int(-n)))
    if abs(n) == 0.5:
        return called(SQRT, x) if n > 0 else Div(ONE, called(SQRT, x))
    # ln 0 is −∞, whose exponential is 0 again; of a negative base the power is NaN, as the logarithm is.
    return called(EXP, Product((given.const("exponent"), called(LOG, x))))


def _smaller(left: Expr, right: Expr) -> Expr:
    return Neg(Max((Neg(left), Neg(right))))


@states("maximum")
def _maximum(given: Given, index: Index) -> Expr:
    return Max((given.operand("self", index), given.operand("other", index)))


@states("minimum")
def _minimum(given: Given, index: Index) -> Expr:
    return _smaller(given.operand("self", index), given.operand("other", index))


@states("clamp", "clamp_min", "clamp_max", "hardtanh")
def _clamp(given: Given, index: Index) -> Expr:
    x = given.operand("self", index)
    names = ("min_val", "max_val") if "min_val" in given.arguments else ("min", "max")
    low, high = (given.arguments.get(name) for name in names)
    if low is not None:
        bound = given.operand(names[0], index)
        x = where(Comparison.LT, x, bound, bound, x)
    if high is not None:
        bound = given.operand(names[1], index)
        x = where(Comparison.GT, x, bound, bound, x)
    return x


@states("hardtanh_backward")
def _hardtanh_backward(given: Given, index: Index) -> Expr:
    x, g = given.operand("self", index), given.operand("grad_output", index)
    inside = where(Comparison.GE, x, given.const("max_val"), ZERO, g)
    return where(Comparison.LE, x, given.const("min_val"), ZERO, inside)


@states("where")
def _where(given: Given, index: Index) -> Expr:
    condition = given.operand("condition", index)
    return where(Comparison.NE, condition, ZERO, given.operand("self", index), given.operand("other", index))


@states("masked_fill")
def _masked_fill(given: Given, index: Index) -> Expr:
    mask = given.operand("mask", index)
    return where(Comparison.NE, mask, ZERO, given.operand("value", index), given.operand("self", index))


def _comparing(op: Comparison) -> Rule:
    def rule(given: Given, index: Index) -> Expr:
        return where(op, given.operand("self", index), given.operand("other", index), ONE, ZERO)

    return rule


for _name, _op in {
    "eq": Comparison.EQ,
    "ge": Comparison.GE,
    "gt": Comparison.GT,
    "le": Comparison.LE,
    "lt": Comparison.LT,
    "ne": Comparison.NE,
}.items():
    states(_name)(_comparing(_op))


@states("logical_not", "bitwise_not")
def _logical_not(given: Given, index: Index) -> Expr:
    _truth(given)
    return where(Comparison.EQ, given.operand("self", index), ZERO, ONE, ZERO)


@states("isnan")
def _isnan(given: Given, index: Index) -> Expr:
    x = given.operand("self", index)
    return where(Comparison.NE, x, x, ONE, ZERO)


@states("xlogy")
def _xlogy(given: Given, index: Index) -> Expr:
    x, y = given.operand("self", index), given.operand("other", index)
    found = where(Comparison.EQ, x, ZERO, ZERO, Product((x, called(LOG, y))))
    return where(Comparison.NE, y, y, y, found)


@states("logical_or", "bitwise_or")
def _logical_or(given: Given, index: Index) -> Expr:
    _truth(given)
    right = where(Comparison.NE, given.operand("other", index), ZERO, ONE, ZERO)
    return where(Comparison.NE, given.operand("self", index), ZERO, ONE, right)


def _truth(given: Given) -> None:
    """Bits of numbers are no truth values."""
    if given.out.dtype != "bool":
        raise UnstatedError("dtype")


@states("logical_and", "bitwise_and")
def _logical_and(given: Given, index: Index) -> Expr:
    _truth(given)
    right = where(Comparison.NE, given.operand("other", index), ZERO, ONE, ZERO)
    return where(Comparison.NE, given.operand("self", index), ZERO, right, ZERO)


@states("lerp")
def _lerp(given: Given, index: Index) -> Expr:
    start, end, weight = (given.operand(name, index) for name in ("self", "end", "weight"))
    near = Sum((start, Product((weight, Sub(end, start)))))
    far = Sub(end, Product((Sub(end, start), Sub(ONE, weight))))
    return where(Comparison.LT, called(ABS, weight), HALF, near, far)


@states("addcmul")
def _addcmul(given: Given, index: Index) -> Expr:
    factors = (given.operand(name, index) for name in ("tensor1", "tensor2"))
    return Sum((given.operand("self", index), times(given.operand("value", index, 1.0), *factors)))


@states("addcdiv")
def _addcdiv(given: Given, index: Index) -> Expr:
    above = times(given.operand("value", index, 1.0), given.operand("tensor1", index))
    return Sum((given.operand("self", index), Div(above, given.operand("tensor2", index))))


@states("clone", "_to_copy", "alias_copy", "detach_copy", "lift_fresh_copy")
def _clone(given: Given, index: Index) -> Expr:
    return _kept(given, given.tensor("self"), index)


@states("copy")
def _copy(given: Given, index: Index) -> Expr:
    return _kept(given, given.tensor("src"), index)


def _kept(given: Given, source: Tensor, index: Index) -> Expr:
    if given.out.dtype == "bool" and source.dtype != "bool":
        return where(Comparison.NE, source.spread(index), ZERO, ONE, ZERO)
    if not source.dtype.startswith(("int", "uint", "bool")) and given.out.dtype.startswith(("int", "uint", "bool")):
        # A fraction is cut off.
        raise UnstatedError("dtype")
    return source.spread(index)


@states("view_copy")
def _reshape(given: Given, index: Index) -> Expr:
    return given.tensor("self").flat(flattened(index, given.out.shape))


@states("zeros", "zeros_like", "new_zeros", "zero")
def _zeros(given: Given, index: Index) -> Expr:
    del given, index
    return ZERO


@states("ones", "ones_like", "new_ones")
def _ones(given: Given, index: Index) -> Expr:
    del given, index
    return ONE


@states("full", "full_like", "new_full")
def _full(given: Given, index: Index) -> Expr:
    del index
    return given.const("fill_value")


@states("fill")
def _fill(given: Given, index: Index) -> Expr:
    return given.operand("value", index)


@states("scalar_tensor")
def _scalar_tensor(given: Given, index: Index) -> Expr:
    del index
    return given.const("s")


@states("silu")
def _silu(given: Given, index: Index) -> Expr:
    x = given.operand("self", index)
    return Div(x, Sum((ONE, called(EXP, Neg(x)))))


def _logistic(x: Expr) -> Expr:
    return Div(ONE, Sum((ONE, called(EXP, Neg(x)))))


@states("sigmoid")
def _sigmoid(given: Given, index: Index) -> Expr:
    return _logistic(given.operand("self", index))


@states("relu")
def _relu(given: Given, index: Index) -> Expr:
    x = given.operand("self", index)
    return where(Comparison.LE, x, ZERO, ZERO, x)


@states("threshold_backward")
def _threshold_backward(given: Given, index: Index) -> Expr:
    x, g = given.operand("self", index), given.operand("grad_output", index)
    return where(Comparison.LE, x, given.const("threshold"), ZERO, g)


@states("sigmoid_backward")
def _sigmoid_backward(given: Given, index: Index) -> Expr:
    g, y = given.operand("grad_output", index), given.operand("output", index)
    return Product((g, Sub(ONE, y), y))


@states("tanh_backward")
def _tanh_backward(given: Given, index: Index) -> Expr:
    g, y = given.operand("grad_output", index), given.operand("output", index)
    return Product((g, Sub(ONE, called(SQUARE, y))))


@states("silu_backward")
def _silu_backward(given: Given, index: Index) -> Expr:
    g, x = given.operand("grad_output", index), given.operand("self", index)
    s = _logistic(x)
    return Product((g, s, Sum((ONE, Product((x, Sub(ONE, s)))))))


_ROOT_HALF = Const(math.sqrt(0.5), "√½")
_BETA = Const(math.sqrt(2 / math.pi), "√(2/π)")
_CUBIC = Const(0.044715)


@states("gelu")
def _gelu(given: Given, index: Index) -> Expr:
    x = given.operand("self", index)
    if given.arguments.get("approximate") == "tanh":
        return Product((HALF, x, Sum((ONE, called(TANH, _gelu_inner(x))))))
    return Product((x, HALF, Sum((ONE, called(ERF, Product((x, _ROOT_HALF)))))))


def _gelu_inner(x: Expr) -> Expr:
    return Product((_BETA, Sum((x, Product((_CUBIC, x, x, x))))))


@states("gelu_backward")
def _gelu_backward(given: Given, index: Index) -> Expr:
    g, x = given.operand("grad_output", index), given.operand("self", index)
    if given.arguments.get("approximate") == "tanh":
        t = called(TANH, _gelu_inner(x))
        inner = Product((_BETA, Sum((ONE, Product((Const(3 * 0.044715), x, x))))))
        left = Product((HALF, Sum((ONE, t))))
        return Product((g, Sum((left, Product((HALF, x, Sub(ONE, called(SQUARE, t)), inner))))))
    cdf = Product((HALF, Sum((ONE, called(ERF, Product((x, _ROOT_HALF)))))))
    density = Product((Const(1 / math.sqrt(2 * math.pi), "1/√(2π)"), called(EXP, Neg(Product((HALF, x, x))))))
    return Product((g, Sum((cdf, Product((x, density))))))


@states("leaky_relu")
def _leaky_relu(given: Given, index: Index) -> Expr:
    x = given.operand("self", index)
    return where(Comparison.GT, x, ZERO, x, Product((x, given.const("negative_slope"))))


@states("leaky_relu_backward")
def _leaky_relu_backward(given: Given, index: Index) -> Expr:
    x, g = given.operand("self", index), given.operand("grad_output", index)
    return where(Comparison.GT, x, ZERO, g, Product((g, given.const("negative_slope"))))


@states("elu")
def _elu(given: Given, index: Index) -> Expr:
    x = given.operand("self", index)
    alpha, scale, inner = given.number("alpha", 1.0), given.number("scale", 1.0), given.number("input_scale", 1.0)
    low = times(called(EXPM1, times(x, given.rounded(inner))), given.rounded(alpha * scale))
    return where(Comparison.LT, x, ZERO, low, times(x, given.rounded(scale)))


@states("elu_backward")
def _elu_backward(given: Given, index: Index) -> Expr:
    x, g = given.operand("self_or_result", index), given.operand("grad_output", index)
    alpha, scale, inner = given.number("alpha", 1.0), given.number("scale", 1.0), given.number("input_scale", 1.0)
    coefficient = given.rounded(alpha * scale)
    if given.arguments.get("is_result"):
        low = Product((g, given.rounded(inner), Sum((x, coefficient))))
    else:
        low = Product((g, given.rounded(inner), coefficient, called(EXP, times(x, given.rounded(inner)))))
    return where(Comparison.LE, x, ZERO, low, times(g, given.rounded(scale)))


@states("softplus")
def _softplus(given: Given, index: Index) -> Expr:
    x, beta = given.operand("self", index), given.const("beta", 1.0)
    scaled = times(x, beta)
    soft = Div(called(LOG1P, called(EXP, scaled)), beta)
    return where(Comparison.GT, scaled, given.const("threshold", 20.0), x, soft)


@states("softplus_backward")
def _softplus_backward(given: Given, index: Index) -> Expr:
    x, g, beta = given.operand("self", index), given.operand("grad_output", index), given.const("beta", 1.0)
    scaled = times(x, beta)
    return where(Comparison.GT, scaled, given.const("threshold", 20.0), g, Product((g, _logistic(scaled))))


@states("log_sigmoid_forward", positions=(0,))
def _log_sigmoid(given: Given, index: Index) -> Expr:
    return log_sigmoid(given.operand("self", index))


def log_sigmoid(x: Expr) -> Expr:
    """min(x, 0) − ln(1 + exp(−|x|))."""
    return Sub(where(Comparison.LT, x, ZERO, x, ZERO), called(LOG1P, called(EXP, Neg(called(ABS, x)))))


@states("log_sigmoid_backward")
def _log_sigmoid_backward(given: Given, index: Index) -> Expr:
    x, g = given.operand("self", index), given.operand("grad_output", index)
    return Product((g, _logistic(Neg(x))))


@states("native_dropout", positions=(0,))
def _native_dropout(given: Given, index: Index) -> Expr:
    p = given.number("p")
    scale = given.rounded(0.0 if p == 1 else 1 / (1 - p))
    return Product((given.operand("input", index), given.results[1].spread(index), scale))


@states("native_dropout_backward")
def _native_dropout_backward(given: Given, index: Index) -> Expr:
    return Product((given.operand("grad_output", index), given.operand("mask", index), given.const("scale")))


@states("tril", "triu", meshable=False)
def _triangle(given: Given, index: Index) -> Expr:
    lower = "tril" in str(given.arguments.get("__op__"))
    row, column = index[-2:]
    distance = column - row - int(given.number("diagonal"))
    return given.operand("self", index) if (distance <= 0 if lower else distance >= 0) else ZERO


@states("arange", meshable=False)
def _arange(given: Given, index: Index) -> Expr:
    start, step = given.number("start"), given.number("step", 1.0)
    return Const(start + step * index[0])


_THREE, _SIX = Const(3.0), Const(6.0)


def _ramp(x: Expr) -> Expr:
    """min(max(x + 3, 0), 6)."""
    shifted = Sum((x, _THREE))
    return where(Comparison.LE, shifted, ZERO, ZERO, where(Comparison.GE, shifted, _SIX, _SIX, shifted))


@states("hardsigmoid")
def _hardsigmoid(given: Given, index: Index) -> Expr:
    return Div(_ramp(given.operand("self", index)), _SIX)


@states("hardsigmoid_backward")
def _hardsigmoid_backward(given: Given, index: Index) -> Expr:
    x, g = given.operand("self", index), given.operand("grad_output", index)
    inside = where(Comparison.LT, x, _THREE, Div(g, _SIX), ZERO)
    return where(Comparison.GT, x, Neg(_THREE), inside, ZERO)


@states("hardswish")
def _hardswish(given: Given, index: Index) -> Expr:
    x = given.operand("self", index)
    return Div(Product((x, _ramp(x))), _SIX)


@states("hardswish_backward")
def _hardswish_backward(given: Given, index: Index) -> Expr:
    x, g = given.operand("self", index), given.operand("grad_output", index)
    inside = where(Comparison.LT, x, _THREE, Product((g, Sum((Div(x, _THREE), HALF)))), g)
    return where(Comparison.GT, x, Neg(_THREE), inside, ZERO)
