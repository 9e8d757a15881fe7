"""Runs whose checkpoints lie close together, so that searches and seeks meet every edge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from hypothesis import strategies as st

from retrograde.engine import Session
from retrograde.engine.travel import timeline
from tests.support.networks import EXECUTORS, Recipe, executed_by, recipes


@contextmanager
def checkpoints_every(seconds: float) -> Iterator[None]:
    """Lets checkpoints lie as far apart as a replay of so many seconds (by the estimate) takes."""
    with patch.object(timeline, "SEEK_SECONDS", seconds):
        yield


@st.composite
def trainings(draw: st.DrawFn, *, epochs: int = 8, wild: bool = True) -> Recipe:
    """Small networks that are trained for a while; some of them diverge."""
    recipe = draw(recipes(depth=2, width=3, samples=4, epochs=epochs))
    rates = (0.25, 0.25, 1.0, 40.0, 1e4) if wild else (0.25,)
    return replace(recipe, rate=draw(st.sampled_from(rates)))


SECONDS = st.sampled_from((0.0, 4e-6, 1e-5, 3e-5))
"""Checkpoints after 1 to about 16 iterations."""

BUDGETS = st.sampled_from((0, 400, 1500, 6000, 64 << 20))
"""Bytes of history: the small ones make checkpoints thin out."""


def walked(recipe: Recipe, budget: int, share: float = 1.0) -> Session:
    """A session that has been to a part of its training."""
    session = Session(recipe.scenario, budget=budget)
    session.seek(round(session.length * share))
    return session


__all__ = ["BUDGETS", "EXECUTORS", "SECONDS", "checkpoints_every", "executed_by", "trainings", "walked"]
