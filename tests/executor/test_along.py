"""Indices that go along loops: whatever an equation computes with them is what it computes with the integers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given

from retrograde.engine.executor.native.along import Along, ManyPartsError, Portion, parts
from retrograde.engine.executor.native.functions import loops
from retrograde.engine.executor.native.grouping import printed_groups
from retrograde.engine.executor.native.lowering import Lowering
from retrograde.engine.network.network import Network
from retrograde.engine.scenario.file import load_scenario, parse_scenario
from retrograde.engine.travel.calendar import Schedule
from tests.support.effort import examples
from tests.support.networks import randoms

Function = Callable[[tuple[Any, ...]], Any]


def function_of(random: Random, axes: int, depth: int = 3) -> Function:
    """What an equation may do with its indices: shift, scale, divide, and decide."""
    if depth == 0 or random.random() < 0.15:
        axis = random.randrange(axes)
        return lambda index: index[axis]
    inner = function_of(random, axes, depth - 1)
    number, other = random.randint(-3, 7), function_of(random, axes, depth - 1)
    match random.choice(("add", "back", "times", "floor", "rest", "less", "equal", "sum", "reach")):
        case "add":
            return lambda index: inner(index) + number
        case "back":
            return lambda index: number - inner(index)
        case "times":
            return lambda index: inner(index) * number
        case "floor":
            return lambda index: inner(index) // (abs(number) + 1)
        case "rest":
            return lambda index: inner(index) % (abs(number) + 1)
        case "less":
            return lambda index: min(number, inner(index))
        case "equal":
            return lambda index: 0 if inner(index) == number else inner(index)
        case "sum":
            return lambda index: inner(index) + other(index)
        case _:
            return lambda index: max(0, min(inner(index), number))


def walked(portion: Portion, value: Any) -> Iterator[tuple[tuple[int, ...], int]]:
    """The elements of a portion, in the order of its loops, each with a value at it."""
    variables = [variable for variable, _turns in portion.loops]
    for turns in product(*(range(count) for _variable, count in portion.loops)):
        turn = dict(zip(variables, turns, strict=True))

        def at(one: Any, turn: dict[int, int] = turn) -> int:
            return one.base + sum(s * turn[v] for v, s in one.steps.items()) if isinstance(one, Along) else int(one)

        yield tuple(map(at, portion.indices)), at(value)


@examples(300, least=60)
@given(random=randoms())
def test_along_loops_as_for_each_element(random: Random) -> None:
    shape = [random.randint(1, 7) for _ in range(random.randint(1, 3))]
    function = function_of(random, len(shape))
    try:
        found = parts(shape, lambda portion: function(portion.indices))
    except ManyPartsError:
        return
    seen = [each for portion, value in found for each in walked(portion, value)]
    assert len(seen) == len(dict(seen))
    assert dict(seen) == {index: function(index) for index in product(*map(range, shape))}


def test_what_has_the_same_terms_is_one_portion() -> None:
    def taps(portion: Portion) -> list[Any]:
        return [portion.indices[0] + tap for tap in (-1, 0, 1) if 0 <= portion.indices[0] + tap < 50]

    found = parts([50], taps)
    assert [dict(portion.loops).get(0, 1) for portion, _ in found] == [1, 48, 1]
    # Heads side by side: two loops, nothing parted.
    assert [portion.loops for portion, _ in parts([12], lambda one: divmod(one.indices[0], 3))] == [((42, 4), (43, 3))]
    # Every other element, as the gradient of a pooling takes them.
    assert len(parts([64], lambda one: (one.indices[0] + 1) % 2 == 0)) == 2


def test_what_is_parted_too_much_is_given_up() -> None:
    with pytest.raises(ManyPartsError):
        parts([1000], lambda one: [0] * one.indices[0])
    with pytest.raises(ManyPartsError):
        parts([9, 9], lambda one: one.indices[0] < one.indices[1])


WIDE_KERNEL = """
format = 1
title = { en = "kernel" }
[network]
inputs = 81
input_shape = [1, 9, 9]
seed = 1
[[network.layers]]
kind = "conv"
channels = 3
kernel = [5, 5]
padding = [2, 2]
stride = [2, 2]
[[network.layers]]
kind = "flatten"
[[network.layers]]
units = 1
[data]
inputs = [%s]
targets = [[1]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 1
"""


@pytest.mark.parametrize("name", ["lenet-digits", "gru", "batch-norm", "cs231n-conv", "tiny-transformer", "kernel"])
def test_every_op_is_asked_for_at_once(name: str) -> None:
    text = WIDE_KERNEL % ([0.5] * 81)
    program = Schedule(Network(parse_scenario(text) if name == "kernel" else load_scenario(name))).full
    lowering = Lowering(program)
    for op in program.ops:
        assert 1 <= len(lowering.by_parts(op)) <= 49, op.target.name


def test_ops_that_are_alike_are_one_function() -> None:
    counts = []
    for name in ("lstm-two-steps", "char-rnn"):
        program = Schedule(Network(load_scenario(name))).full
        lowering = Lowering(program)
        statements = [one for op in program.ops for one in lowering.by_parts(op)]
        text = "".join(printed_groups([statements], loops()))
        counts.append((len(statements), text.count("define internal void @op")))
    (few, _), (many, functions) = counts
    assert many > few
    assert functions < many / 2
