"""One program for thousands of hypotheses: each edit of an equation is a choice that a switch makes.

A switch is a slot of a leaf, 0 for the equation as it is stated. So a program is compiled once, and a set of deviations
is a row of zeros and ones that it is given with the data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from retrograde.engine.equations.arithmetic import Floats, sum_rows
from retrograde.engine.equations.array import Array, Extent, Role
from retrograde.engine.equations.evaluation import NUMPY, evaluate
from retrograde.engine.equations.expression import (
    ONE,
    STRUCTURE,
    ZERO,
    Compare,
    Comparison,
    Expr,
    Index,
    Product,
    Ref,
    Select,
    mapped,
    refs,
    terms,
)
from retrograde.engine.network.program import Program
from retrograde.engine.ops.base import Kernel, Op, Workspace
from retrograde.engine.ops.leaves import Dated

SWITCHES = "switches"
"""The name of the leaf of switches."""

Path = tuple[int, ...]
"""Where a node is in an equation: the number of the part to go to, from the root on."""


class Way(Enum):
    """What an edit does with a node."""

    INSTEAD = "instead"
    """Another expression takes its place."""
    STATED = "stated"
    """Another expression takes its place unless the switch is on."""
    TIMES = "times"
    """It is multiplied."""


@dataclass(frozen=True, slots=True)
class Edit:
    """What becomes of a node where a switch is on.

    Attributes:
        way: what is done.
        expr: the other expression, or the factor.
    """

    way: Way
    expr: Expr

    def made(self, node: Expr, switch: Ref, *, on: bool | None = None) -> Expr:
        """The node with the edit.

        Args:
            node: the node.
            switch: the slot that decides.
            on: what it says, where that is known.
        """
        match self.way:
            case Way.TIMES if on is None:
                return Product((_chosen(switch, ONE, self.expr), node))
            case Way.TIMES:
                return Product((self.expr, node)) if on else node
            case Way.INSTEAD:
                off, changed = node, self.expr
            case Way.STATED:
                off, changed = self.expr, node
        if on is not None:
            return changed if on else off
        return _chosen(switch, off, changed)


def instead(expr: Expr) -> Edit:
    """Another expression takes the node's place."""
    return Edit(Way.INSTEAD, expr)


def times(factor: Expr) -> Edit:
    """The node is multiplied."""
    return Edit(Way.TIMES, factor)


def _chosen(switch: Ref, off: Expr, on: Expr) -> Expr:
    return Select(Compare(Comparison.EQ, switch, ZERO), off, on)


def decided(expr: Expr, switches: Sequence[float]) -> Expr:
    """An expression whose choices by switches are made.

    Args:
        expr: the expression.
        switches: what each switch says.
    """
    if type(expr) is Select:
        left = expr.condition.left
        if type(left) is Ref and left.array.name == SWITCHES:
            return decided(expr.otherwise if switches[left.index[0]] else expr.then, switches)
    if type(expr) is Ref:
        return expr
    return mapped(expr, lambda part: decided(part, switches))


Edits = Mapping[Index, Mapping[Path, Sequence[tuple[int, Edit]]]]
"""By index of an op's equation and by node: the edits, each with the number of its switch."""

_ORDER = {Way.STATED: 0, Way.INSTEAD: 1, Way.TIMES: 2}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SwitchedOp(Op):
    """An op whose equation has choices in it, or has taken them.

    Attributes:
        op: the op as it is stated.
        edits: what may be edited.
        switches: the leaf of switches.
        on: the switches that are on, where that is settled; else None.
        extra: the arrays that edits read besides.
    """

    op: Op
    edits: Edits
    switches: Array
    on: frozenset[int] | None = None
    extra: tuple[Array, ...] = field(default=())

    @property
    def inputs(self) -> tuple[Array, ...]:
        return (*self.op.inputs, *self.extra)

    @property
    def title(self) -> str:
        return self.op.title

    meshable = False
    single = True

    def equation(self, index: Index) -> Expr:
        at = self.edits.get(index)
        stated = self.op.equation(index)
        return stated if at is None else self._edited(stated, (), at)

    def _edited(self, node: Expr, path: Path, at: Mapping[Path, Sequence[tuple[int, Edit]]]) -> Expr:
        structure = STRUCTURE[type(node)]
        parts = structure.parts(node)
        found = node
        if parts:
            made = tuple(self._edited(part, (*path, number), at) for number, part in enumerate(parts))
            found = structure.rebuilt(node, made)
        for switch, edit in sorted(at.get(path, ()), key=lambda pair: _ORDER[pair[1].way]):
            on = None if self.on is None else switch in self.on
            found = edit.made(found, Ref(self.switches, (switch,)), on=on)
        return found

    def undeviated(self, index: Index) -> Expr | None:
        return self.op.equation(index) if index in self.edits else None

    def kernel(self, space: Workspace) -> Kernel:
        """Element by element: the equations differ in more than their places."""
        shape = self.target.shape
        if self.extent is Extent.SUM:
            shape = (space.batch, *shape)
        each = [(index, self.equation(index)) for index in np.ndindex(shape)]
        target = space.view(self.target)
        summed = self.extent is Extent.SUM
        into = np.empty(shape) if summed else target

        def value(ref: Ref) -> float:
            return float(space.view(ref.array)[ref.index])

        def run() -> None:
            for index, equation in each:
                into[index] = evaluate(equation, value, NUMPY)
            if summed:
                sum_rows(into, target)

        return run

    def term(self, index: Index, number: int) -> Expr:
        """A term of the equation, with the choices in it."""
        return self._edited(terms(self.op.equation(index))[number], (number,), self.edits.get(index, {}))

    def why(self, target: str) -> str:
        return self.op.why(target)


class Off:
    """Switches that are all off, whatever the time."""

    def __init__(self, count: int) -> None:
        self._values = np.zeros(count)

    def values(self, iteration: int, per_epoch: int) -> Floats:
        """The values in an iteration."""
        del iteration, per_epoch
        return self._values


def switched(program: Program, edits: Mapping[int, Edits], count: int) -> Program:
    """A program with a choice at each edit; the switches are its last dated leaf.

    Args:
        program: the program as it is stated.
        edits: by number of an op.
        count: how many switches there are.
    """
    switches = Array(name=SWITCHES, shape=(count,), role=Role.HYPER)
    ops = [op if number not in edits else _with(op, edits[number], switches) for number, op in enumerate(program.ops)]
    return _program(program, ops, Dated(array=switches, source=Off(count)))


def settled(program: Program, edits: Mapping[int, Edits], on: frozenset[int]) -> Program:
    """A program whose edits are made where a switch is on: what a set of deviations computes, without choices."""
    switches = Array(name=SWITCHES, shape=(0,), role=Role.HYPER)
    ops: list[Op] = []
    for number, op in enumerate(program.ops):
        own = {
            index: {path: one for path, found in at.items() if (one := [e for e in found if _matters(e, on)])}
            for index, at in edits.get(number, {}).items()
        }
        own = {index: at for index, at in own.items() if at}
        if not own:
            ops.append(op)
            continue
        read = {r.array for at in own.values() for found in at.values() for _, e in found for r in refs(e.expr)}
        extra = tuple(array for array in program.arrays if array in read and array not in op.inputs)
        ops.append(_with(op, own, switches, on, extra))
    return _program(program, ops)


def _matters(pair: tuple[int, Edit], on: frozenset[int]) -> bool:
    switch, edit = pair
    return (switch in on) != (edit.way is Way.STATED)


def _with(
    op: Op, edits: Edits, switches: Array, on: frozenset[int] | None = None, extra: tuple[Array, ...] = ()
) -> SwitchedOp:
    return SwitchedOp(
        target=op.target,
        phase=op.phase,
        layer=op.layer,
        extent=op.extent,
        op=op,
        edits=edits,
        switches=switches,
        on=on,
        extra=extra,
    )


def _program(program: Program, ops: Sequence[Op], *more: Dated) -> Program:
    dated = {leaf.array for leaf in program.dated}
    return Program(
        ops,
        batch=program.batch,
        state=program.state,
        updates=program.updates,
        data=program.data,
        constants=[array for array in program.leaves if array not in dated and array not in set(program.data)],
        dated=[*program.dated, *more],
    )
