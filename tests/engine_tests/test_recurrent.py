"""Recurrent layers: what holds of every program holds through time; states, gates, masks and truncation."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrograde.engine.network import Network
from tests.engine_tests import test_runs, test_walking
from tests.engine_tests.networks import EXECUTORS
from tests.engine_tests.sequences import Sequential, sequential
from tests.engine_tests.test_kernels import assert_frame_is_its_equations, executors


def networks(**options: Any) -> st.SearchStrategy[Sequential]:
    """Random recurrent networks, each from one seed."""
    return st.integers(0, 2**32).map(lambda seed: sequential(Random(seed), **options))


# -- what holds of every program -----------------------------------------------------------------------------------


@settings(max_examples=120, deadline=None)
@given(recipe=networks())
def test_every_slot_is_what_its_equation_says(recipe: Sequential) -> None:
    network = Network(recipe.scenario)
    program = network.program(network.batch)
    for executor in executors(network, program):
        leaves = executor.leaves(network.columns, range(program.batch))
        frame = executor.frame(network.initial_state, leaves)
        assert_frame_is_its_equations(frame)
