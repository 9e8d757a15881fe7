"""Faults that people really had, and two networks that learn: the doctor's first headline is the right diagnosis.

The networks are those of the questions and programs that each file names; the weights were drawn with one seed. What
the doctor must say was fixed from the published fix of each and from what was measured, before it was written.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.explaining.detectors.records import Diagnosis

FAULTS = Path(__file__).parent / "faults"
HEADLINES: dict[str, tuple[str, str] | None] = {
    "softmax-of-one": ("constant_output", "start"),
    "softmax-of-one-unscaled": ("constant_output", "start"),
    "absolute-error-plateau": ("cancelling", "1:1"),
    "rate-throws": ("lr_large", "1:2"),
    "targets-out-of-reach": ("target_range", "start"),
    "inputs-far-from-zero": ("inputs_unscaled", "start"),
    "rectifier-under-a-logarithm": ("inputs_unscaled", "start"),
    "sum-of-squares": ("lr_curvature", "1:1"),
    "zero-weights": ("twins", "start"),
    "twelve-sigmoids": ("vanishing", "1:1"),
    "healthy-xor": None,
    "healthy-line": None,
}
EPOCHS = {
    "absolute-error-plateau": 200,
    "targets-out-of-reach": 60,
    "inputs-far-from-zero": 15,
    "rate-throws": 12,
    "twelve-sigmoids": 4,
}
"""Epochs that are enough for the diagnosis; without, all."""


@cache
def diagnosis(name: str) -> Diagnosis:
    session = Session(load_scenario(FAULTS / f"{name}.toml"))
    return session.doctor(epochs=EPOCHS.get(name))


def test_every_case_is_judged() -> None:
    assert {path.stem for path in FAULTS.glob("*.toml")} == set(HEADLINES)


@pytest.mark.parametrize("name", HEADLINES)
def test_the_headline_is_the_cause(name: str) -> None:
    found = diagnosis(name).headline
    assert (None if found is None else (found.rule, found.address)) == HEADLINES[name]


@pytest.mark.parametrize("name", [name for name, wanted in HEADLINES.items() if wanted is None])
def test_networks_that_learn_raise_no_alarm(name: str) -> None:
    assert [alert.rule for alert in diagnosis(name).alerts if not alert.note] == []


@pytest.mark.parametrize(
    ("name", "consequences"),
    [
        ("softmax-of-one-unscaled", {"inputs_unscaled", "saturated", "no_gradient"}),
        ("rate-throws", {"dead_relu"}),
        ("twelve-sigmoids", {"inputs_unscaled", "saturated"}),
        ("zero-weights", {"no_gradient", "unchanged"}),
        ("rectifier-under-a-logarithm", {"pair", "nonfinite", "dead_output"}),
    ],
)
def test_what_follows_is_folded_under_it(name: str, consequences: set[str]) -> None:
    assert consequences <= {alert.rule for alert in diagnosis(name).consequences}


def test_the_curvature_proves_that_the_rate_is_too_large() -> None:
    """TheDeepChecker's case: λmax 226.864, a bound of 0.008816, a growth of 1.2686 predicted and 1.27 measured."""
    found = diagnosis("sum-of-squares").headline
    assert found is not None
    assert math.isclose(found.value, 0.01 * 226.864, rel_tol=1e-6)
    for figure in ("226.864", "0.008816", "1.2686, measured 1.2686"):
        assert figure in found.cause
    assert "mean over the samples" in found.advice
    assert "0.0353" in found.advice
    ((name, rate),) = found.edit
    assert (name, rate < 0.008816) == ("lr", True)
