"""The flow by layer: the figures are those of the frame, and the factors multiply from row to row."""

from __future__ import annotations

import math

import numpy as np
import pytest

from retrograde.engine.explaining.flow import flow
from tests.support.gradients import SCENARIOS, session_of


@pytest.mark.parametrize("name", SCENARIOS)
def test_factors_lead_from_row_to_row(name: str) -> None:
    rows = flow(session_of(name).frame)
    assert rows
    named = {row.name: row for row in rows}
    for row in rows:
        if row.factor is not None and math.isfinite(row.factor):
            assert row.factor * named[row.after].delta == pytest.approx(row.delta)  # type: ignore[operator]
    assert not rows[-1].after, "the loss gave the last one its gradient"
    factors = [row.factor for row in rows if row.factor is not None]
    assert sum(row.smallest for row in rows) == bool(factors)
    assert not factors or min(factors) == next(row.factor for row in rows if row.smallest)


def test_the_figures_are_those_of_the_frame() -> None:
    frame = session_of("vanishing").frame
    rows = {row.layer: row for row in flow(frame)}
    named = {array.name: frame.array(array) for array in frame.program.arrays}
    for layer in ("h1", "h4", "o"):
        row = rows[layer]
        weights, gradient = named[f"W_{layer}"], named[f"grad(W_{layer})"]
        moved = named[f"new(W_{layer})"] - weights
        assert row.delta == pytest.approx(np.sqrt(np.square(named[f"grad(net_{layer})"]).mean()))
        assert row.gradient == pytest.approx(np.linalg.norm(gradient))
        assert row.size == pytest.approx(np.linalg.norm(weights))
        assert row.update == pytest.approx(np.linalg.norm(moved) / np.linalg.norm(weights))
        out = named[f"out_{layer}"]
        assert row.slope == pytest.approx((out * (1 - out)).mean())
    assert rows["h7"].smallest


def test_a_factor_is_that_of_the_layer_whose_gradient_was_read() -> None:
    assert [row.after for row in flow(session_of("vanishing").frame)] == [*(f"h{k}" for k in range(2, 8)), "o", ""]
    after = {row.name: row.after for row in flow(session_of("elman").frame)}
    assert (after["h@1"], after["h@3"], after["h@4"]) == ("h@2", "h@4", "o@4")
    assert not after["o@1"] and not after["o@4"]


def test_a_recurrent_layer_has_a_row_a_time_step() -> None:
    rows = flow(session_of("gru").frame)
    assert [row.name for row in rows][:3] == ["h@1", "h@2", "h@3"]
    assert [row.time for row in rows if row.gradient is not None] == [1, None]
