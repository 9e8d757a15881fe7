"""The sum and the product of several arrays, element by element."""

from __future__ import annotations

from retrograde.engine.equations.expression import Expr, Product, Sum
from retrograde.engine.ops.pointwise import Rule


def _sum(*operands: Expr) -> Expr:
    return operands[0] if len(operands) == 1 else Sum(operands)


def _product(*operands: Expr) -> Expr:
    return operands[0] if len(operands) == 1 else Product(operands)


ADD = Rule(
    name="add",
    title="sum",
    why="The sum of the same element of each layer; a gradient goes back to all of them unchanged.",
    value=_sum,
    source="He et al. 2016, Deep residual learning, eq. 1",
)
MULTIPLY = Rule(
    name="multiply",
    title="product",
    why="The product of the same element of each layer; each is the scale of the others.",
    value=_product,
)
