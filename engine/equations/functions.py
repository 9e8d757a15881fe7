"""The functions of one argument in equations: the primitives of the libraries, and the logistic function."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

from retrograde.engine.equations.expression import (
    ONE,
    Call,
    Div,
    Expr,
    Function,
    Neg,
    Sum,
)
from retrograde.engine.equations.ieee import guarded


def _primitive(
    name: str,
    fast: Callable[[float], float],
    symbol: str = "",
    *,
    array: str = "",
    pole: float | None = None,
    load: Callable[[], Callable[..., Any]] | None = None,
) -> Function:
    @cache
    def from_numpy() -> Callable[..., Any]:
        import numpy as np  # here, so that the tables of formulas are read without it

        found: Callable[..., Any] = getattr(np, array or name)
        return found

    return Function(
        name=name, symbol=symbol or name, plain=guarded(fast, pole=pole), fast=fast, load=load or from_numpy
    )


@cache
def _load_erf() -> Callable[..., Any]:
    from retrograde.engine.equations.erf import erf

    return erf


EXP = _primitive("exp", math.exp)
EXPM1 = _primitive("expm1", math.expm1)
LOG = _primitive("log", math.log, "ln", pole=0.0)
LOG1P = _primitive("log1p", math.log1p, pole=-1.0)
TANH = _primitive("tanh", math.tanh)
ERF = _primitive("erf", math.erf, load=_load_erf)
ABS = _primitive("abs", math.fabs, array="fabs")
SQRT = _primitive("sqrt", math.sqrt, "√")
SIN = _primitive("sin", math.sin)
COS = _primitive("cos", math.cos)

PRIMITIVES: tuple[Function, ...] = (EXP, EXPM1, LOG, LOG1P, TANH, ERF, ABS, SQRT, SIN, COS)


def sigmoid(x: Expr) -> Expr:
    """1 / (1 + exp(−x))."""
    return Div(ONE, Sum((ONE, Call(EXP, Neg(x)))))


SIGMOID = Function(name="sigmoid", symbol="σ", definition=sigmoid)
