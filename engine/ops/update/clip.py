"""Clipping: gradients that are too large are cut down before the optimiser sees them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.expression import (
    ONE,
    Call,
    Compare,
    Comparison,
    Const,
    Div,
    Expr,
    Neg,
    Product,
    Select,
    Sum,
)
from retrograde.engine.equations.functions import SQRT
from retrograde.engine.ops.penalty import ElementSum
from retrograde.engine.ops.pointwise import Rule
from retrograde.engine.text import N_

if TYPE_CHECKING:
    from retrograde.engine.ops.update.appending import Updates

_SMALL = Const(1e-6)


def _limited(g: Expr, bound: Expr) -> Expr:
    low = Select(Compare(Comparison.LT, g, Neg(bound)), Neg(bound), g)
    return Select(Compare(Comparison.GT, g, bound), bound, low)


def _at_most_one(x: Expr) -> Expr:
    return Select(Compare(Comparison.GT, x, ONE), ONE, x)


LIMITED = Rule(
    name="clipping by value",
    title=N_("clipping"),
    why=N_("No gradient is larger than c, up or down."),
    value=_limited,
    source="torch.nn.utils.clip_grad_value_",
)
NORM = Rule(
    name="norm",
    title=N_("norm"),
    why=N_("How long is the whole gradient, over all parameters?"),
    value=lambda *squares: Call(SQRT, squares[0] if len(squares) == 1 else Sum(squares)),
    source="Pascanu, Mikolov, Bengio 2013, algorithm 1",
)
FACTOR = Rule(
    name="clipping factor",
    title=N_("factor"),
    why=N_("What all gradients are multiplied by, so that the whole is no longer than c; at most 1."),
    value=lambda bound, norm: _at_most_one(Div(bound, Sum((norm, _SMALL)))),
    source="torch.nn.utils.clip_grad_norm_, with its 1e-6",
)
SCALED = Rule(
    name="clipping by norm",
    title=N_("clipping"),
    why=N_("All gradients get shorter by the same factor: the direction stays."),
    value=lambda g, factor: Product((g, factor)),
    source="Pascanu, Mikolov, Bengio 2013, algorithm 1",
)


def limited(updates: Updates, parameter: Array, slope: Array) -> Array:
    """The gradient with every element between −c and c; itself where there is no such limit."""
    bound = updates.builder.settings.get("clip_value")
    if bound is None:
        return slope
    return updates.made("clipped", parameter, LIMITED, slope, updates.setting("clip_value", float(bound), sign="c"))


def shortened(updates: Updates, slopes: Sequence[tuple[Array, Array]]) -> Mapping[Array, Array]:
    """The gradient of each parameter, all of them shortened so that their norm is at most c.

    Args:
        updates: the updates.
        slopes: the parameters with their gradients.
    """
    builder = updates.builder
    bound = builder.settings.get("clip_norm")
    if bound is None or not slopes:
        return dict(slopes)
    squares = []
    for parameter, slope in slopes:
        target = builder.array(
            f"squares_{slope.name}", (), role=Role.VALUE, layer=parameter.layer, sign=f"‖∂E/∂{parameter.name}‖²"
        )
        squares.append(
            builder.append(
                ElementSum(target=target, phase=Phase.UPDATE, layer=parameter.layer, extent=Extent.ONCE, x=slope)
            )
        )
    norm = updates.shared("norm_of_gradient", NORM, *squares, sign="‖∂E/∂w‖")
    factor = updates.shared(
        "clip_factor", FACTOR, updates.setting("clip_norm", float(bound), sign="c"), norm, sign="f_c"
    )
    return {parameter: updates.made("clipped", parameter, SCALED, slope, factor) for parameter, slope in slopes}
