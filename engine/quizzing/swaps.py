"""Mistakes that take one value for another: those for which one has to know the program, or the tables of formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from retrograde.engine.equations.activation_table import elementwise
from retrograde.engine.equations.array import Array, Phase, Role
from retrograde.engine.equations.evaluation import taken
from retrograde.engine.equations.expression import Call, Const, Expr, Neg, Product, Ref, mapped, refs
from retrograde.engine.equations.functions import EXP
from retrograde.engine.explaining.step import Step
from retrograde.engine.network.program import Program
from retrograde.engine.ops.activation import Activate, Slope, make_function

Swap = tuple[str, Expr, Expr | None, Expr | None]
"""As ``mistakes.Change``: the kind, the changed equation, what it is about, what stands there instead."""

_OTHERS = ("sigmoid", "tanh", "relu")
"""Activations that are taken for each other."""


class Partners(NamedTuple):
    """Which arrays of a program are taken for each other.

    Attributes:
        net_of: by output, the net input that it comes from.
        out_of: by net input, the output.
        slope_of: by net input, the slope there.
        updated: by trained parameter, the array that replaces it.
        replaced: the reverse.
    """

    net_of: Mapping[Array, Array]
    out_of: Mapping[Array, Array]
    slope_of: Mapping[Array, Array]
    updated: Mapping[Array, Array]
    replaced: Mapping[Array, Array]


@lru_cache(maxsize=4)
def partners(program: Program) -> Partners:
    """Which arrays of a program are taken for each other."""
    pairs = [
        (op.net, op.target)
        for op in program.ops
        if isinstance(op, Activate) and op.net.role is Role.NET and op.target.shape == op.net.shape
    ]
    trained = [
        (old, new)
        for old, new in zip(program.state, program.updates, strict=True)
        if old.role in {Role.WEIGHT, Role.BIAS}
    ]
    return Partners(
        net_of={out: net for net, out in pairs},
        out_of=dict(pairs),
        slope_of={array.of: array for array in program.arrays if array.role is Role.SLOPE and array.of is not None},
        updated=dict(trained),
        replaced={new: old for old, new in trained},
    )


def swaps(step: Step, equation: Expr) -> Iterator[Swap]:
    """The equation of a step with one value taken for another."""
    known = partners(step.program)
    for array in dict.fromkeys(ref.array for ref in refs(equation)):
        yield from _of_array(step, equation, array, known)
    yield from _of_gradient(step, equation, known)
    yield from _of_activation(step)


def _of_array(step: Step, equation: Expr, array: Array, known: Partners) -> Iterator[Swap]:
    """All uses of an array at once: who mixes two up does so everywhere in the line."""
    update = step.op.phase is Phase.UPDATE
    if array in known.net_of:
        yield from _replaced("net-for-out", equation, array, known.net_of[array])
    # An activation reads the net input and nothing else: there it would be applied twice.
    if array in known.out_of and not isinstance(step.op, Activate):
        yield from _replaced("out-for-net", equation, array, known.out_of[array])
    if not update and array in known.updated:
        yield from _replaced("updated", equation, array, known.updated[array])
    if not update and array in known.replaced:
        yield from _replaced("old", equation, array, known.replaced[array])
    if array.role is Role.WEIGHT and not update and not array.batched and len(array.shape) == 2:
        turned = [(ref.index[1], ref.index[0]) for ref in refs(equation) if ref.array is array]
        if all(row < array.shape[0] and column < array.shape[1] for row, column in turned):
            yield from _changed("transposed", equation, array, lambda ref: Ref(array, ref.index[::-1]))
    if array.role is Role.GRADIENT and not update:
        yield from _without_slope(step.program, equation, array, known)


def _without_slope(program: Program, equation: Expr, array: Array, known: Partners) -> Iterator[Swap]:
    """∂E/∂out for δ: the slope is left out."""
    net = array.of
    if net is None or net not in known.slope_of or net not in known.out_of:
        return
    other = program.named.get(f"grad({known.out_of[net].name})")
    if other is None:
        return
    for kind, expr, part, _other in _replaced("slope", equation, array, other):
        assert isinstance(part, Ref)
        yield kind, expr, Ref(known.slope_of[net], part.index), None


def _replaced(kind: str, equation: Expr, array: Array, other: Array) -> Iterator[Swap]:
    if other.shape == array.shape:
        yield from _changed(kind, equation, array, lambda ref: Ref(other, ref.index))


def _changed(kind: str, equation: Expr, array: Array, change: Callable[[Ref], Ref]) -> Iterator[Swap]:
    """The equation with every slot of an array replaced; said of the first that is another one."""
    first = next((ref for ref in refs(equation) if ref.array is array and change(ref) != ref), None)
    if first is None:
        return

    def changed(expr: Expr) -> Expr:
        if isinstance(expr, Ref):
            return change(expr) if expr.array is array else expr
        return mapped(expr, changed)

    yield kind, changed(equation), first, change(first)


def _of_gradient(step: Step, equation: Expr, known: Partners) -> Iterator[Swap]:
    """δ for ∂E/∂out: the slope comes in too early."""
    target = step.target
    out = target.array.of
    if target.array.role is not Role.GRADIENT or out is None or out not in known.net_of:
        return
    slope = known.slope_of.get(known.net_of[out])
    if slope is not None and slope.shape == target.array.shape:
        ref = Ref(slope, target.index)
        yield "slope-more", Product((equation, ref)), ref, None


def _of_activation(step: Step) -> Iterator[Swap]:
    """Another activation, or another slope, than that of the layer."""
    op, index = step.op, step.program.index(step.place)
    if isinstance(op, Activate) and op.function is not None:
        net = Ref(op.net, index)
        own = Call(op.function, net)
        yield "activation", net, Call(op.function, net), net
        yield "mirrored", Call(op.function, Neg(net)), own, Call(op.function, Neg(net))
        if op.activation == "sigmoid":
            power = Call(EXP, Neg(net))
            yield "exponential", power, own, power
        for name in _OTHERS:
            other = None if name == op.activation else make_function(name, 0.0)
            if other is not None:
                yield "other-function", Call(other, net), own, Call(other, net)
    if isinstance(op, Slope):
        for name in _OTHERS:
            slope = None if name == op.activation else elementwise(name).slope
            if slope is not None:
                expr = slope(Ref(op.net, index), Ref(op.out, index), Const(0.0))
                read = taken(expr, step.frame.value, step.frame.mathematics)
                yield "other-function", read, step.equation, read
