"""What recurrent cells make of their gates, element by element: the cell and the state of an LSTM, the state of a GRU.

Each formula is there twice: where all steps of a sequence count, and for sequences that are filled up to one length:
at a step that does not count, where the mask is 0, the state stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import ONE, ZERO, Call, Compare, Comparison, Expr, Product, Select, Sub, Sum
from retrograde.engine.equations.functions import TANH
from retrograde.engine.ops.pointwise import Pointwise, PointwisePart, Rule
from retrograde.engine.text import N_


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellStep(Pointwise):
    """A formula over the gates and states of a time step."""

    def use(self, number: int, g: Array) -> CellPart:
        """The use of an operand, given ∂E/∂target."""
        return CellPart(g=g, op=self, operands=self.operands, number=number)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellPart(PointwisePart):
    """The use of a gate or a state in a formula of a time step."""


def _kept(mask: Expr, before: Expr, after: Expr) -> Expr:
    """The state before, where the mask is 0, else that after."""
    return Select(Compare(Comparison.EQ, mask, ZERO), before, after)


def _cell(f: Expr, c: Expr, i: Expr, g: Expr) -> Expr:
    return Sum((Product((f, c)), Product((i, g))))


def _exposed(o: Expr, c: Expr) -> Expr:
    return Product((o, Call(TANH, c)))


def _mixed(z: Expr, n: Expr, h: Expr) -> Expr:
    return Sum((Product((Sub(ONE, z), n)), Product((z, h))))


def _masked_cell(mask: Expr, f: Expr, c: Expr, i: Expr, g: Expr) -> Expr:
    return _kept(mask, c, _cell(f, c, i, g))


def _masked_exposed(mask: Expr, h: Expr, o: Expr, c: Expr) -> Expr:
    return _kept(mask, h, _exposed(o, c))


def _masked_mixed(mask: Expr, z: Expr, n: Expr, h: Expr) -> Expr:
    return _kept(mask, h, _mixed(z, n, h))


def _reset(r: Expr, h: Expr) -> Expr:
    return Product((r, h))


_CELL_WHY = N_("The cell forgets a part of what it held, and takes in a part of what is new.")
_STATE_WHY = N_("How much of the cell is shown.")
_MIXED_WHY = N_("The state goes a part of the way from what it was to what is new.")

CELL = Rule(
    name="cell",
    title=N_("cell"),
    why=_CELL_WHY,
    value=_cell,
    source="Gers, Schmidhuber, Cummins 2000, eq. 5",
)
"""c = f · c′ + i · g of the forget gate, the cell before, the input gate and what is new."""

MASKED_CELL = Rule(name="masked_cell", title=N_("cell"), why=_CELL_WHY, value=_masked_cell)
"""The same, with the mask before its operands."""

EXPOSED = Rule(
    name="exposed",
    title=N_("state"),
    why=_STATE_WHY,
    value=_exposed,
    source="Hochreiter, Schmidhuber 1997, eq. 3",
)
"""h = o · tanh(c) of the output gate and the cell."""

MASKED_EXPOSED = Rule(name="masked_exposed", title=N_("state"), why=_STATE_WHY, value=_masked_exposed)
"""The same, with the mask and the state before its operands."""

MIXED = Rule(
    name="mixed",
    title=N_("state"),
    why=_MIXED_WHY,
    value=_mixed,
    source="Cho et al. 2014, eq. 7",
)
"""h = (1 − z) · n + z · h′ of the update gate, what is new, and the state before."""

MASKED_MIXED = Rule(name="masked_mixed", title=N_("state"), why=_MIXED_WHY, value=_masked_mixed)
"""The same, with the mask before its operands."""

HELD = Rule(
    name="held",
    title=N_("state"),
    why=N_("The state, which stays as it was where the sequence has ended."),
    value=_kept,
)
"""h of the mask, the state before, and the one that follows."""

RESET = Rule(
    name="reset",
    title=N_("reset state"),
    why=N_("How much of the state before is looked at."),
    value=_reset,
    source="Cho et al. 2014, eq. 8",
)
"""r · h′ of the reset gate and the state before."""
