"""Losses, weights, masks and means against JAX's committed values, in both executors, forward and backward."""

from __future__ import annotations

import gzip
import json
from functools import cache
from typing import Any

import numpy as np
import pytest

from retrograde.engine import Session
from retrograde.engine.scenario.file import parse_scenario
from tests.oracles.jax_losses import STORE, cases, computed
from tests.support.networks import executed_by

pytestmark = pytest.mark.oracle


@cache
def store() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(STORE.read_bytes()))
    return found


def test_the_store_has_every_case() -> None:
    assert {name: case["text"] for name, case in store().items()} == cases()


@pytest.mark.parametrize("executor", ["generated", "kernels"])
@pytest.mark.parametrize("name", sorted(cases()))
def test_the_engine_agrees(name: str, executor: str) -> None:
    case = store()[name]
    scenario = parse_scenario(case["text"])
    with executed_by(executor):
        session = Session(scenario)
        session.seek("1:1:1")
        program, frame = session.program, session.frame
    assert frame.array(program.named["E"]) == pytest.approx(case["E"], rel=1e-12)
    for parameter, slopes in case["gradients"].items():
        found = frame.array(program.named[f"grad({parameter})"])
        np.testing.assert_allclose(found, slopes, rtol=1e-10, atol=1e-14, err_msg=parameter)


def test_jax_still_says_so() -> None:
    pytest.importorskip("jax", reason="JAX is not installed: the committed values stand unproven")
    for name, text in cases().items():
        found = computed(text)
        assert found["E"] == pytest.approx(store()[name]["E"], rel=1e-12)
