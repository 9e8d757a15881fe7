"""What lets a search pass over intervals, by itself: bounds that hold, zone maps that saw all, checkpoints in place."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.formulas.bounds import Bounds, chances
from retrograde.engine.formulas.meaning import evaluate
from retrograde.engine.formulas.tree import (
    Applied,
    Arithmetic,
    Comparing,
    JoinedPart,
    MomentPart,
    Node,
    Not,
    NumberPart,
    Reduced,
    Slot,
    Stretch,
    many,
)
from retrograde.engine.travel.checkpoints import Checkpoints
from retrograde.engine.travel.zones import LOSS, Zones
from tests.support.effort import examples
from tests.support.networks import randoms

SLOTS = tuple(Slot(name, ()) for name in "abc")
STRETCH = Stretch("s", (range(3),))
LEAVES: tuple[Node, ...] = (*SLOTS, *SLOTS, MomentPart("epoch"))
VALUES = (0.0, -0.0, 1.0, -1.0, 0.5, 3.0, 1e300, -1e300, 1e-300, math.inf, -math.inf, math.nan)


def number(random: Random, depth: int, leaves: tuple[Node, ...] = LEAVES) -> Node:
    kind = random.randrange(8) if depth else random.randrange(2)
    if kind == 0:
        return NumberPart(random.choice(VALUES[:9]))
    if kind == 1:
        return random.choice(leaves)
    if kind <= 4:
        return Arithmetic(random.choice("+-*/"), number(random, depth - 1, leaves), number(random, depth - 1, leaves))
    if kind == 5 and leaves is LEAVES:
        function = random.choice(("max", "min", "sum", "mean", "norm", "count"))
        inner = condition if function == "count" else number
        return reduced(function, inner(random, depth - 1, (*SLOTS, STRETCH, STRETCH, STRETCH)))
    function = random.choice(("abs", "sign", "sqrt", "min", "max", "sum"))
    count = 1 if function in {"abs", "sign", "sqrt"} else random.randint(2, 3)
    if leaves is not LEAVES and function == "sum":
        function = "max"
    return Applied(function, tuple(number(random, depth - 1, leaves) for _ in range(count)))


def reduced(function: str, of: Node) -> Node:
    """One value of what is made of a stretch; a formula has none of what is not."""
    return Reduced(function, of, STRETCH.length) if many(of) else NumberPart(1.0)


def condition(random: Random, depth: int, leaves: tuple[Node, ...] = LEAVES) -> Node:
    kind = random.randrange(7) if depth else 0
    if kind <= 2:
        op = random.choice(("<", "<=", ">", ">=", "==", "!="))
        return Comparing(op, number(random, depth, leaves), number(random, depth, leaves))
    if kind == 3:
        return Not(condition(random, depth - 1, leaves))
    if kind == 4:
        return Applied(random.choice(("isnan", "isinf")), (number(random, depth, leaves),))
    if kind == 5 and leaves is LEAVES:
        found = reduced(random.choice(("any", "all")), condition(random, depth - 1, (*SLOTS, STRETCH, STRETCH)))
        return found if isinstance(found, Reduced) else Comparing(">", SLOTS[0], found)
    parts = tuple(condition(random, depth - 1, leaves) for _ in range(random.randint(2, 3)))
    return JoinedPart(random.choice(("and", "or")), parts)


def bounds_of(values: Floats) -> Bounds:
    """The bounds of each row."""
    nan = np.isnan(values)
    low = np.where(nan, np.inf, values).min(axis=1)
    high = np.where(nan, -np.inf, values).max(axis=1)
    return Bounds(low, high, np.asarray(nan.any(axis=1)))


@examples(300)
@given(random=randoms())
def test_bounds_never_say_no_where_a_condition_is_true(random: Random) -> None:
    intervals, inside = 12, 4
    few = random.sample(VALUES, random.randint(1, len(VALUES)))
    columns = {
        slot: np.array([[random.choice(few) for _ in range(inside)] for _ in range(intervals)]) for slot in SLOTS
    }
    epochs = np.arange(intervals * inside, dtype=np.float64).reshape(intervals, inside)
    known: dict[Slot | Stretch, Bounds] = {slot: bounds_of(column) for slot, column in columns.items()}
    wide = np.array(random.choices(few, k=intervals * inside * STRETCH.length)).reshape(intervals, inside, -1)
    known[STRETCH] = bounds_of(wide.reshape(intervals, -1))

    def bounds(node: Slot | Stretch | MomentPart) -> Bounds:
        return bounds_of(epochs) if isinstance(node, MomentPart) else known[node]

    for _ in range(10):
        node = condition(random, 3)
        maybe = chances(node, bounds)
        for interval in range(intervals):
            for at in range(inside):
                read: Callable[[Any], Any] = lambda one, i=interval, k=at: (  # type: ignore[misc]  # noqa: E731
                    wide[i, k] if one is STRETCH else float(columns[one][i, k])
                )
                with np.errstate(all="ignore"):
                    value = evaluate(node, read, lambda _name, i=interval, k=at: float(epochs[i, k]))  # type: ignore[misc]
                assert (maybe.true if value else maybe.false)[interval], (node, interval, at)


@examples(300)
@given(random=randoms(), base=st.integers(0, 20), spacing=st.sampled_from((1, 2, 4, 8)))
def test_a_zone_map_knows_only_what_it_has_seen_all_of(random: Random, base: int, spacing: int) -> None:
    """Pieces of a run in any order, again, and with intervals that become longer."""
    zones = Zones(spacing, base)
    length = 150
    losses = np.array([random.choice((*VALUES, 2.0, 2.5)) for _ in range(base + length)])
    for _ in range(random.randint(1, 25)):
        start = base + random.randint(0, length - 1)
        start = random.choice((start, base + (start - base) // zones.spacing * zones.spacing))
        stop = min(base + length, start + random.choice((1, 3, zones.spacing, 2 * zones.spacing, 40)))
        zones.record(LOSS, start, losses[start:stop].tolist())
        if random.random() < 0.1:
            zones.respace(zones.spacing * random.choice((2, 4)))
        end = base + random.randint(1, length)
        count = -(-(end - base) // zones.spacing)
        low, high, nan = zones.bounds(LOSS, count, end)
        for at in range(base, end):
            interval, value = (at - base) // zones.spacing, losses[at]
            assert nan[interval] if value != value else low[interval] <= value <= high[interval], at


def test_a_zone_map_does_know_what_it_has_seen() -> None:
    zones = Zones(4, 8)
    zones.record(LOSS, 8, [float(n) for n in range(10)])
    low, high, nan = zones.bounds(LOSS, 3, 18)
    assert low.tolist() == [0.0, 4.0, 8.0]
    assert high.tolist() == [3.0, 7.0, 9.0]
    assert not nan.any()


@examples(200)
@given(
    size=st.integers(0, 9),
    spacing=st.sampled_from((1, 2, 8)),
    budget=st.integers(0, 3000),
    base=st.integers(0, 9),
    less=st.integers(0, 3000),
)
def test_a_checkpoint_is_the_state_that_it_is_said_to_be(
    size: int, spacing: int, budget: int, base: int, less: int
) -> None:
    """However often every second one was dropped, and when the budget is cut."""
    found = Checkpoints(size, spacing, budget, base)
    for iteration in range(base, base + 700):
        found.put(iteration, np.full(size, float(iteration)))
        if iteration == base + 500:
            found.limit(less)
        if iteration % 13 == 0:
            for asked in (base, (base + iteration) // 2, iteration):
                at, state = found.before(asked)
                assert at <= asked
                assert (at - base) % found.spacing == 0
                assert np.all(state == at)
                assert asked - at < found.spacing or at == found.due - found.spacing


@pytest.mark.parametrize("function", ["sum", "mean", "norm", "max", "min"])
@given(
    values=st.lists(st.floats(), min_size=1, max_size=30)
    | st.builds(lambda value, count: [value] * count, st.floats(-3.0, 3.0), st.integers(1, 60))
)
@example(values=[math.inf, -math.inf])
def test_what_is_made_of_a_stretch_is_within_its_bounds(function: str, values: list[float]) -> None:
    """Sums from left to right, which round, overflow, or lose all where infinities cancel."""
    known = bounds_of(np.array([values]))
    node = Reduced(function, STRETCH, len(values))
    with np.errstate(all="ignore"):
        made = evaluate(node, lambda _one: np.array(values), lambda _name: 1.0)
    bounds = lambda one: known if one is STRETCH else bounds_of(np.array([[1.0]]))  # noqa: E731
    assert chances(Comparing("==", node, NumberPart(made)), bounds).true[0] or made != made
    assert chances(Applied("isnan", (node,)), bounds).true[0] or made == made
