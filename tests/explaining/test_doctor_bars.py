"""The doctor on networks that are made ill and on healthy ones, in a small form of `python -m tests.doctor`."""

from __future__ import annotations

from functools import cache

import pytest

from retrograde.engine import Session
from retrograde.engine.equations.ailments import AILMENTS
from retrograde.engine.explaining.detectors.judging import JUDGES, SIGHT
from retrograde.engine.explaining.detectors.watch import moments
from tests.doctor import Case, Score, examined, lines, measured
from tests.support.ailing import FAULTS, Ailing


@cache
def one(fault: str) -> Case:
    return examined(FAULTS[fault].make(3), 3, fault)


QUICK = ("lr_large_momentum", "init_equal", "through_time", "inputs_as_bytes", "log_of_zero")


@pytest.mark.parametrize("fault", QUICK)
def test_the_headline_names_the_fault(fault: str) -> None:
    case = one(fault)
    assert case.named and case.headlined, case


def test_healthy_networks_raise_no_alarm() -> None:
    score = measured(range(0), range(702, 703))
    assert score.healthy and score.alarmed == 0.0 and score.good


def test_there_are_twenty_faults_each_named_by_rules_that_exist() -> None:
    assert len(FAULTS) == 20
    for fault in FAULTS.values():
        assert fault.named_by and fault.named_by <= set(AILMENTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_network_is_its_seed(fault: str) -> None:
    make = FAULTS[fault].make
    assert make(5).text == make(5).text
    assert make(5).text != make(6).text


def test_the_table_counts_what_was_said() -> None:
    cases = tuple(one(fault) for fault in QUICK)
    text = "\n".join(lines(Score(faulty=cases)))
    assert f"fault named, of {len(cases)}" in text and "100.0%" in text
    for case in cases:
        assert case.fault in text and case.headline in text


@pytest.mark.parametrize("network", [FAULTS["lr_large_adam"].make(2), FAULTS["saturated_bias"].make(2)])
def test_the_first_moment_is_that_of_watching_each_iteration(network: Ailing) -> None:
    """D4: a rule that holds at two observed moments in succession begins where watching all iterations has it begin."""
    session = Session(network.scenario)
    sparse, every = session.doctor(epochs=12), session.doctor(epochs=12, every=True)
    began = {alert.rule: alert.iteration for alert in every.alerts}
    at = moments(sparse.iterations)
    for alert in sparse.alerts:
        if JUDGES[alert.rule].sees == SIGHT:
            before = max((moment for moment in at if moment < alert.iteration), default=-1)
            assert began[alert.rule] == alert.iteration or began[alert.rule] <= before, alert.rule
