"""Formulas over elements, and sums and means of them: kernels have the bits of the equations, gradients are slopes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np
import pytest

from retrograde.engine.equations.arithmetic import Floats, same_bits
from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.evaluation import PYTHON, evaluate
from retrograde.engine.equations.expression import (
    SQUARE,
    Call,
    Div,
    Expr,
    Neg,
    Product,
    Ref,
    Sub,
    Sum,
)
from retrograde.engine.ops.pointwise import Operand, Pointwise, PointwisePart, Rule
from retrograde.engine.ops.reduce import Reduce
from tests.oracles.onnx_bench import Bench

SHAPE = (3, 2, 4)
"""A sample axis, and two more."""


def rule(value: Callable[..., Expr], **other: Any) -> Rule:
    return Rule(name="tried", title="tried", why="Tried.", value=value, **other)


RULES = {
    "sum": rule(lambda x, a: Sum((x, a))),
    "difference": rule(Sub),
    "square": rule(lambda x, a: Call(SQUARE, Sub(x, a))),
    "quotient": rule(lambda x, a: Div(x, Sum((Call(SQUARE, a), Call(SQUARE, x))))),
    "product": rule(lambda x, a: Neg(Product((x, a)))),
}


@dataclass(frozen=True)
class Kept:
    """Which axes a target keeps, and how often it is revealed."""

    axes: tuple[int, ...]
    extent: Extent = Extent.SAMPLE


KEPT = [Kept((0,)), Kept((0, 1)), Kept((0, 2)), Kept((0, 1, 2)), Kept((1,), Extent.SUM), Kept((2,), Extent.SUM)]


def drawn(*shape: int) -> Floats:
    return np.random.Generator(np.random.Philox(len(shape))).standard_normal(shape)


@pytest.mark.parametrize("kept", KEPT, ids=str)
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("axes", [(0,), (1,), (0, 2)])
def test_a_reduction_adds_up_what_each_element_states_bit_for_bit(name: str, kept: Kept, axes: tuple[int, ...]) -> None:
    bench, count = Bench(SHAPE[0]), 1 if name == "sum" else 5
    x, a = drawn(*SHAPE), drawn(*(SHAPE[axis] for axis in axes)) + 3.0
    operands = Operand(bench.leaf(x)), Operand(bench.leaf(a, batched=axes[0] == 0), axes)
    kind = partial(Reduce, rule=RULES[name], operands=operands, shape=SHAPE, along=kept.axes, count=count)
    found = bench.run(bench.add(kind, tuple(SHAPE[axis] for axis in kept.axes if axis), kept.extent))[0]

    def stated(at: tuple[int, ...]) -> float:
        slots = [operand.at(at) for operand in operands]
        return evaluate(RULES[name].value(*slots), lambda ref: float(bench.values[ref.array][ref.index]), PYTHON)

    own = (0, *kept.axes) if kept.extent is Extent.SUM else kept.axes
    sums: dict[tuple[int, ...], float] = {}
    for at in np.ndindex(*SHAPE):
        place = tuple(at[axis] for axis in own)
        sums[place] = sums[place] + stated(at) if place in sums else stated(at)
    wanted = np.zeros(found.shape)
    for place, value in sums.items():
        # Of the samples, too, the first comes first.
        wanted[place[1:] if kept.extent is Extent.SUM else place] += value / count
    assert same_bits(found, wanted)


def array(name: str, *shape: int, batched: bool = True, of: Array | None = None) -> Array:
    return Array(name=name, shape=shape, role=Role.VALUE, batched=batched, of=of)


@pytest.mark.parametrize("kept", KEPT, ids=str)
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("number", [0, 1])
def test_the_use_of_an_operand_is_the_slope_of_the_sum(name: str, kept: Kept, number: int) -> None:
    axes = (2,)
    arrays = [array("x", *SHAPE), array("a", SHAPE[2], batched=False)]
    values = {"x": drawn(*SHAPE), "a": drawn(SHAPE[2]) + 3.0}
    batched = kept.extent is Extent.SAMPLE
    target = array("y", *(SHAPE[axis] for axis in kept.axes), batched=batched)
    op = Reduce(
        target=target,
        phase=Phase.FORWARD,
        layer="",
        extent=kept.extent,
        rule=RULES[name],
        operands=(Operand(arrays[0]), Operand(arrays[1], axes)),
        shape=SHAPE,
        along=kept.axes,
    )
    g = array("g", *target.shape, batched=batched, of=target)
    values["g"] = drawn(*target.shape)

    def total() -> float:
        """Σ g · y over all samples."""
        found = 0.0
        for index in np.ndindex(SHAPE[0], *target.element_shape):
            weight = values["g"][index if batched else index[1:]]
            found += float(weight) * evaluate(op.equation(index), read, PYTHON)
        return found

    def read(ref: Ref) -> float:
        return float(values[ref.array.name][ref.index])

    part, operand = op.use(number, g), arrays[number]
    element = tuple(length - 1 for length in operand.shape)
    samples = (element[0],) if operand.batched else range(SHAPE[0])
    inner = element[1:] if operand.batched else element
    found = sum(evaluate(part.term((s, *inner)), read, PYTHON) for s in samples)
    ends = []
    for step in (1e-5, -1e-5):
        values[operand.name][element] += step
        ends.append(total())
        values[operand.name][element] -= step
    assert found == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6, abs=1e-8)
    assert {ref.array for ref in (Ref(one) for one in part.inputs)} <= {*arrays, g}


def test_a_sign_that_all_terms_have_stands_in_front_of_their_sum() -> None:
    x, mean, g = array("x", *SHAPE), array("m", *SHAPE[:2]), array("g", *SHAPE)
    op = Pointwise(
        target=array("y", *SHAPE),
        phase=Phase.FORWARD,
        layer="",
        extent=Extent.SAMPLE,
        rule=RULES["difference"],
        operands=(Operand(x), Operand(mean, (0, 1))),
    )
    assert op.use(1, g).term((1, 0)) == Neg(Sum(tuple(Ref(g, (1, 0, i)) for i in range(SHAPE[2]))))
    assert op.use(0, g).term((1, 0, 2)) == Ref(g, (1, 0, 2))


def test_a_stated_use_is_taken_as_it_is_stated_and_breaks_the_chain() -> None:
    x, g = array("x", *SHAPE), array("g", *SHAPE[:1])
    stated = rule(lambda x: x, uses={0: lambda g, _x, _y: Div(g, g)})
    op = Reduce(
        target=array("y", *SHAPE[:1]),
        phase=Phase.FORWARD,
        layer="",
        extent=Extent.SAMPLE,
        rule=stated,
        operands=(Operand(x),),
        shape=SHAPE,
        along=(0,),
        count=prod(SHAPE[1:]),
    )
    part: PointwisePart = op.use(0, g)
    assert part.term((2, 1, 1)) == Div(Ref(g, (2,)), Ref(g, (2,)))
    assert part.local((2, 1, 1)) is None
    assert part.inputs == (g,)
