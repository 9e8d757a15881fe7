"""The autopsy on random networks: the account multiplies up, zeros and residues are told apart, and it acquits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.explaining.autopsy import Finding
from retrograde.engine.scenario.file import parse_scenario
from tests.support.effort import examples
from tests.support.gradients import gradients
from tests.support.networks import Recipe, randoms, recipes


@examples(60)
@given(recipes(depth=3, epochs=3), randoms(), st.sampled_from((0.25, 3.0, 40.0)))
def test_every_gradient_has_one_finding_that_its_numbers_bear_out(recipe: Recipe, random, scale: float) -> None:  # type: ignore[no-untyped-def]
    text = recipe.text.replace("std = 1.0", f"std = {scale}")
    session = Session(parse_scenario(text))
    session.seek(session.schedule.start(1))
    for ref in gradients(session.frame, random):
        found = session.autopsy(ref)
        assert session.explanations.verdict(found)
        match found.finding:
            case Finding.NOT_FINITE:
                assert not math.isfinite(found.value) and found.origin is not None
            case Finding.ZERO:
                assert found.value == 0.0 and found.zeros is not None
                assert found.zeros.independent <= 2 * found.zeros.series
            case Finding.RESIDUE:
                assert found.account is None and found.graph is not None
            case _:
                assert found.account is not None
                assert math.isclose(found.account.product, abs(found.value), rel_tol=1e-12)


@pytest.mark.parametrize("rate", [1e-6, 1e-9])
def test_an_ordinary_gradient_is_acquitted_and_the_rate_named(rate: float) -> None:
    scenario = load_scenario("two-moons")
    training = scenario.training.model_copy(update={"learning_rate": rate})
    session = Session(scenario.model_copy(update={"training": training}))
    parameter = session.program.state[2]
    verdicts = []
    for unit in range(8):
        found = session.autopsy(f"{parameter.name}[1,{unit + 1}]")
        if found.finding is Finding.ORDINARY:
            verdicts.append(session.explanations.verdict(found))
    assert verdicts
    assert any(f"It is the learning rate, {rate:.3g}, that makes the step small" in text for text in verdicts)
