"""What a scenario file may name is what the tables hold: a row that is missing on one side is noticed."""

from __future__ import annotations

from typing import get_args

from retrograde.engine.equations.activations import ACTIVATIONS
from retrograde.engine.equations.losses import LOSSES
from retrograde.engine.equations.optimisers import OPTIMISERS, OPTIONS
from retrograde.engine.layers.base import ActivationName
from retrograde.engine.ops.update.table import APPEND
from retrograde.engine.scenario.models import LossKind, Training


def test_activations_are_the_rows_of_the_table_and_softmax() -> None:
    assert set(get_args(ActivationName)) == set(ACTIVATIONS)
    assert all(row.name == name and row.formula for name, row in ACTIVATIONS.items())


def test_losses_are_the_rows_of_the_table_and_those_of_their_own() -> None:
    assert set(get_args(LossKind)) == set(LOSSES)
    assert all(row.name == name and row.formula for name, row in LOSSES.items())


def test_optimisers_are_the_rows_of_the_table() -> None:
    assert set(get_args(Training.model_fields["optimizer"].annotation)) == set(OPTIMISERS) == set(APPEND)
    assert all(row.name == name and row.formula and row.source for name, row in OPTIMISERS.items())


def test_options_of_optimisers_are_keys_of_training() -> None:
    used = {key for row in OPTIMISERS.values() for key in row.options}
    assert used == set(OPTIONS)
    assert used <= set(Training.model_fields)
