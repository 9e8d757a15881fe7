"""The bench has the bits of the training where no switch is on, for every kind of layer and optimiser."""

from __future__ import annotations

import numpy as np
import pytest

from retrograde.engine import load_scenario
from retrograde.engine.executor.generated import GeneratedExecutor
from retrograde.engine.forensics.bench import Bench
from retrograde.engine.forensics.deviations import Deviation
from retrograde.engine.forensics.figures import Printed
from retrograde.engine.session.session import Session

NAMES = ("mazur", "mazur-in-place", "optimiser-race", "lstm-two-steps", "batch-norm", "weight-decay", "micrograd")


@pytest.mark.parametrize("name", NAMES)
def test_with_all_switches_off_it_is_the_training(name: str) -> None:
    scenario = load_scenario(name)
    bench, session = Bench(scenario), Session(scenario)
    plan = bench.plan([bench.sought(Printed(name="E", printed="1"))])
    for iteration in (0, 2):
        session.branch.extend(iteration + 1)
        right, frame = session.timeline.frame(iteration), bench.frame([], iteration, plan)
        for array in right.program.arrays:
            other = frame.program.named[array.name]
            assert np.array_equal(right.array(array), frame.array(other), equal_nan=True), array.name


@pytest.mark.parametrize("name", ["mazur", "optimiser-race"])
def test_a_program_whose_switches_are_settled_computes_the_same(name: str) -> None:
    bench = Bench(load_scenario(name))
    plan = bench.plan([bench.sought(Printed(name="E", printed="1"))])
    leaves = bench.schedule
    for number in range(0, len(bench.deviations), 11):
        one = bench.deviations[number]
        if not one.switches:
            continue
        frame = bench.frame([one], 0, plan)
        program = bench.program([one])
        executor = GeneratedExecutor(program, bench.network.constants)
        rows = executor.leaves(bench.network.columns, leaves.rows(0), leaves.dated(0))
        settled = executor.frame(bench.network.initial_state, rows)
        for array in program.arrays:
            assert np.array_equal(settled.array(array), frame.array(array), equal_nan=True), (one, array.name)


def test_deviations_that_exclude_each_other_do_not_join() -> None:
    one, other = Deviation("no slope", "h", frozenset({1})), Deviation("no slope", "*", frozenset({1, 2}))
    assert not one.joins(other)
    assert one.joins(Deviation("ascent", "", frozenset({3})))
