"""What a probe sees in the loop of a run is what the formula means in the frame, in both executors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.equations.arithmetic import same_bits
from retrograde.engine.formulas.lowered import lowered
from retrograde.engine.formulas.meaning import candidates, evaluate
from retrograde.engine.formulas.probe import Probe, Record, context, decide
from retrograde.engine.formulas.tree import Applied, Comparing, Node, NumberPart, Slot
from retrograde.engine.formulas.wide import HELPERS

NUMBERS = (
    "max(abs(grad(W_h)))",
    "min(W_h)",
    "norm(W_o)",
    "sum(grad(W_o) * W_o)",
    "mean(W_h / grad(W_h))",
    "count(W_h > prev(W_h))",
    "count(not (W_h > 0 and grad(W_h) < 0) or isnan(W_h))",
    "max(abs(W_h - prev(W_h)))",
    "max(abs(grad(W_h) - prev(grad(W_h))))",
    "sum(sign(W_h) - max(W_h, 0.01) + min(W_h, epoch))",
    "norm(delta(h)) * sample",
    "max(sqrt(W_o))",
    "max(out_o) - out_o1{2}",
    "count(isinf(1 / W_h)) + iteration",
)
CONDITIONS = (
    "max(abs(grad(W_h))) > 0.01",
    "max(abs(grad(W_h))) < 0.02",
    "min(W_o) <= -0.3",
    "min(abs(W_o)) >= 1e-4",
    "0.5 < max(out_o)",
    "any(sign(W_o) != sign(prev(W_o)))",
    "not all(W_h >= -0.4)",
    "max(sqrt(W_o)) > 0.1",
    "any(isnan(W_h))",
    "any(isnan(sqrt(W_o)))",
)


@given(parts=st.lists(st.floats() | st.sampled_from((math.inf, -math.inf, 1.7e308, -1.7e308, 5e-324)), max_size=70))
def test_whether_a_part_is_nan_is_one_product(parts: list[float]) -> None:
    with np.errstate(all="ignore"):  # as the loop of a run does
        assert HELPERS["clouded"](np.array(parts)) is any(map(math.isnan, parts))


@pytest.mark.parametrize(("name", "count"), [("digits", 8), ("xor-2-4-1", 40)])
def test_the_loop_sees_what_the_frames_hold(name: str, count: int) -> None:
    session = Session(load_scenario(name))
    timeline, per_epoch = session.timeline, session.schedule.per_epoch
    values, conditions = tuple(map(session.formula, NUMBERS)), tuple(map(session.condition, CONDITIONS))
    frames = [timeline.frame(iteration) for iteration in range(count)]
    for condition in conditions:
        # Of a large network the loops of eight conditions are long enough without the values.
        read = values if condition is conditions[0] or name != "digits" else ()
        record = Record(start=0, columns=[[] for _ in read])
        timeline.watch(timeline.state(0), 0, count, Probe(conditions=(condition,), values=read), record)
        expected: list[list[float]] = [[] for _ in values]
        hits = []
        for iteration, frame in enumerate(frames):

            def decided(formula, frame=frame, iteration=iteration):  # type: ignore[no-untyped-def]
                before = session.branch.search.before(formula, iteration)
                return [
                    decide(formula, frame, before, candidate, context(frame.program, candidate, iteration, per_epoch))
                    for candidate in candidates(formula, frame.program)
                ]

            if condition is conditions[0]:
                for column, formula in zip(expected, values, strict=True):
                    column.extend(map(float, decided(formula)))
            if any(decided(condition)):
                hits.append(iteration)
        assert record.hits == hits, condition.text
        if condition is conditions[0]:
            for text, seen, held in zip(NUMBERS, record.columns, expected, strict=True):
                assert same_bits(np.array(seen), np.array(held)), text


NAN, INF = float("nan"), float("inf")
SLOTS = tuple(Slot("W_h", (n,)) for n in range(3))


@pytest.mark.parametrize("op", ["<", "<=", ">", ">=", "==", "!="])
@pytest.mark.parametrize("bound", [0.0, -0.0, 1.0, -1.0, INF, -INF])
@pytest.mark.parametrize("swapped", [False, True])
def test_rewriting_a_comparison_changes_no_answer(op: str, bound: float, swapped: bool) -> None:
    lefts: list[Node] = [
        SLOTS[0],
        Applied("abs", (SLOTS[0],)),
        Applied("max", SLOTS),
        Applied("min", SLOTS),
        Applied("max", tuple(Applied("abs", (slot,)) for slot in SLOTS)),
        Applied("min", (Applied("max", SLOTS[:2]), NumberPart(0.5))),
    ]
    for left in lefts:
        test = Comparing(op, NumberPart(bound), left) if swapped else Comparing(op, left, NumberPart(bound))
        for a in (0.0, -0.0, 1.0, -1.0, 0.5, INF, -INF, NAN):
            for b in (0.0, 1.0, -2.0, NAN):
                for c in (-1.0, INF, NAN):
                    values = dict(zip(SLOTS, (a, b, c), strict=True))
                    asked = [bool(evaluate(node, values.__getitem__, str)) for node in (test, lowered(test))]
                    assert asked[0] == asked[1], (test, a, b, c)


@pytest.mark.parametrize("outer", ["sign", "abs"])
@pytest.mark.parametrize("inner", ["min", "max", "mean", "sum", "norm"])
def test_a_function_of_what_is_made_of_many_slots_is_one_of_a_number(outer: str, inner: str) -> None:
    session = Session(load_scenario("tiny-transformer"))
    session.run(epochs=1)
    found = session.extreme(f"{outer}({inner}(W_o))")
    assert found is not None
    assert session.queries.at(session.formula(f"{outer}({inner}(W_o))"), found.step) == found.value
    assert session.count(f"not ({outer}({inner}(W_o)) < 2) and sign(E) == 1") >= 0
