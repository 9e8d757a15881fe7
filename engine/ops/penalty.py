"""Penalties: what the loss adds for large parameters, and the sums over the elements of an array that they take.

With penalties the loss of the samples is called L, and E = L + Σ Ω(W): Ω(W) = ½·λ2·‖W‖² (or λ2·‖W‖²), + λ1·‖W‖₁. The
gradient of the samples' loss is then ∂L/∂w, and ∂E/∂w = ∂L/∂w + λ2·w + λ1·sign(w).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.expression import (
    HALF,
    ONE,
    TWO,
    ZERO,
    Call,
    Compare,
    Comparison,
    Expr,
    Index,
    Neg,
    Product,
    Ref,
    Select,
    Sum,
)
from retrograde.engine.equations.functions import ABS
from retrograde.engine.ops.base import Kernel, Op, Workspace
from retrograde.engine.ops.pointwise import Operand, Pointwise, Rule
from retrograde.engine.text import N_, _

if TYPE_CHECKING:
    from retrograde.engine.ops.base import GradientPass


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ElementSum(Op):
    """Σ x² or Σ |x| over all elements of an array, one after the other.

    Attributes:
        x: the array, any shape.
        absolute: |x| instead of x².
    """

    x: Array
    absolute: bool = False

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (self.x,)

    @property
    def title(self) -> str:
        return _("sum of sizes") if self.absolute else _("sum of squares")

    def equation(self, index: Index) -> Expr:
        del index
        found = tuple(self._term(Ref(self.x, element)) for element in np.ndindex(self.x.shape))
        return found[0] if len(found) == 1 else Sum(found)

    def _term(self, x: Ref) -> Expr:
        return Call(ABS, x) if self.absolute else Product((x, x))

    def kernel(self, space: Workspace) -> Kernel:
        x, out = space.view(self.x).reshape(-1), space.view(self.target)
        terms = space.scratch(x.shape)
        absolute = self.absolute

        def run() -> None:
            if absolute:
                np.fabs(x, out=terms)
            else:
                np.multiply(x, x, out=terms)
            np.add.accumulate(terms, out=terms)
            out[...] = terms[-1]

        return run

    def why(self, target: str) -> str:
        if self.absolute:
            return _("How large is it? The sum of all absolute values.")
        return _("How large is it? The sum of all squares: the square of its length.")


def _sign(x: Expr) -> Expr:
    low = Select(Compare(Comparison.LT, x, ZERO), Neg(ONE), x)
    return Select(Compare(Comparison.GT, x, ZERO), ONE, low)


_WHY = N_("What large parameters cost.")
SQUARED_HALF = Rule(
    name="L2 penalty", title=N_("penalty"), why=_WHY, value=lambda l2, squares: Product((HALF, l2, squares))
)
SQUARED = Rule(name="L2 penalty", title=N_("penalty"), why=_WHY, value=lambda l2, squares: Product((l2, squares)))
ABSOLUTE = Rule(name="L1 penalty", title=N_("penalty"), why=_WHY, value=lambda l1, sizes: Product((l1, sizes)))
BOTH_HALF = Rule(
    name="elastic net",
    title=N_("penalty"),
    why=_WHY,
    value=lambda l2, squares, l1, sizes: Sum((Product((HALF, l2, squares)), Product((l1, sizes)))),
    source="Zou, Hastie 2005",
)
BOTH = Rule(
    name="elastic net",
    title=N_("penalty"),
    why=_WHY,
    value=lambda l2, squares, l1, sizes: Sum((Product((l2, squares)), Product((l1, sizes)))),
    source="Zou, Hastie 2005",
)
WITH_PENALTIES = Rule(
    name="loss with penalties",
    title=N_("loss"),
    why=N_("The loss of the samples, and what large parameters cost."),
    value=lambda *parts: Sum(parts),
    source="Goodfellow, Bengio, Courville 2016, eq. 7.1",
)
_PULL = "The gradient of the samples' loss, and the pull of the penalty towards 0."
PULLED_HALF = Rule(
    name="gradient with L2",
    title=N_("gradient"),
    why=_PULL,
    value=lambda g, l2, w: Sum((g, Product((l2, w)))),
    source="Goodfellow, Bengio, Courville 2016, eq. 7.3",
)
PULLED = Rule(
    name="gradient with L2", title=N_("gradient"), why=_PULL, value=lambda g, l2, w: Sum((g, Product((TWO, l2, w))))
)
PUSHED = Rule(
    name="gradient with L1",
    title=N_("gradient"),
    why=_PULL,
    value=lambda g, l1, w: Sum((g, Product((l1, _sign(w))))),
    source="Goodfellow, Bengio, Courville 2016, eq. 7.20",
)
PULLED_BOTH_HALF = Rule(
    name="gradient with both",
    title=N_("gradient"),
    why=_PULL,
    value=lambda g, l2, w, l1: Sum((g, Product((l2, w)), Product((l1, _sign(w))))),
)
PULLED_BOTH = Rule(
    name="gradient with both",
    title=N_("gradient"),
    why=_PULL,
    value=lambda g, l2, w, l1: Sum((g, Product((TWO, l2, w)), Product((l1, _sign(w))))),
)


class Penalties:
    """The penalties of a training.

    Args:
        settings: the table ``[training]``.

    Attributes:
        l1: λ1.
        l2: λ2.
        half: whether it is ½·λ2·‖W‖².
        biases: whether biases are penalised too.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.l1 = float(settings.get("l1") or 0.0)
        self.l2 = float(settings.get("l2") or 0.0)
        self.half = settings.get("l2_half") is not False
        self.biases = bool(settings.get("penalise_biases"))

    def __bool__(self) -> bool:
        return bool(self.l1 or self.l2)

    def concern(self, parameter: Array) -> bool:
        """Whether a parameter is penalised."""
        return bool(self) and (parameter.role is not Role.BIAS or self.biases)

    def _leaves(self, builder: GradientPass) -> tuple[Array, Array]:
        return builder.leaves.setting("l1", self.l1, "λ1"), builder.leaves.setting("l2", self.l2, "λ2")

    def total(self, builder: GradientPass, loss: Array, parameters: tuple[Array, ...]) -> Array:
        """Appends the penalty of each parameter array and E, the sum of all; returns E.

        Args:
            builder: what the ops are appended to.
            loss: L, the loss of the samples.
            parameters: the parameter arrays that are trained.
        """
        parts = [loss, *(self._penalty(builder, one) for one in parameters if self.concern(one))]
        target = builder.array("E", (), role=Role.TOTAL, layer=loss.layer)
        return builder.append(_once(Phase.LOSS, target, WITH_PENALTIES, parts))

    def _penalty(self, builder: GradientPass, parameter: Array) -> Array:
        l1, l2 = self._leaves(builder)

        def measured(absolute: bool) -> Array:
            name, power = ("sizes", "₁") if absolute else ("squares", "²")
            target = builder.array(
                f"{name}_{parameter.name}",
                (),
                role=Role.VALUE,
                layer=parameter.layer,
                sign=f"‖{parameter.name}‖{power}",
            )
            return builder.append(
                ElementSum(
                    target=target,
                    phase=Phase.LOSS,
                    layer=parameter.layer,
                    extent=Extent.ONCE,
                    x=builder.seen(parameter),
                    absolute=absolute,
                )
            )

        operands: list[Array] = []
        if self.l2:
            operands += [l2, measured(False)]
        if self.l1:
            operands += [l1, measured(True)]
        if self.l1 and self.l2:
            rule = BOTH_HALF if self.half else BOTH
        elif self.l2:
            rule = SQUARED_HALF if self.half else SQUARED
        else:
            rule = ABSOLUTE
        name, sign = f"penalty_{parameter.name}", f"Ω({parameter.name})"
        target = builder.array(name, (), role=Role.VALUE, layer=parameter.layer, sign=sign)
        return builder.append(_once(Phase.LOSS, target, rule, operands))

    def gradient(self, builder: GradientPass, parameter: Array, slope: Array) -> Array:
        """Appends ∂E/∂w = ∂L/∂w + the slope of the penalty; returns it."""
        l1, l2 = self._leaves(builder)
        seen = builder.seen(parameter)
        if self.l1 and self.l2:
            rule, operands = PULLED_BOTH_HALF if self.half else PULLED_BOTH, [slope, l2, seen, l1]
        elif self.l2:
            rule, operands = PULLED_HALF if self.half else PULLED, [slope, l2, seen]
        else:
            rule, operands = PUSHED, [slope, l1, seen]
        target = builder.array(
            f"grad({parameter.name})", parameter.shape, role=Role.GRADIENT, layer=parameter.layer, of=parameter
        )
        return builder.append(_once(Phase.BACKWARD, target, rule, operands))


def _once(phase: Phase, target: Array, rule: Rule, operands: list[Array]) -> Pointwise:
    return Pointwise(
        target=target,
        phase=phase,
        layer=target.layer,
        extent=Extent.ONCE,
        rule=rule,
        operands=tuple(Operand(array, () if array.shape != target.shape else None) for array in operands),
    )
