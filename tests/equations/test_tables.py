"""Each kind is one row of a table, and what a scenario file may say follows from the rows."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest

from retrograde.engine.equations.activation_table import ACTIVATIONS
from retrograde.engine.equations.losses import LOSSES
from retrograde.engine.equations.optimisers import OPTIMISERS, OPTIONS
from retrograde.engine.equations.rate_schedules import KEYS, SCHEDULES
from retrograde.engine.layers.base import ActivationName
from retrograde.engine.ops.update.table import APPEND
from retrograde.engine.scenario.models import LossKind
from retrograde.engine.scenario.schedule_table import RateSchedule
from retrograde.engine.scenario.training import Training


def test_names_are_those_of_the_rows() -> None:
    assert get_args(ActivationName) == tuple(ACTIVATIONS)
    assert get_args(LossKind) == tuple(LOSSES)
    assert get_args(Training.model_fields["optimizer"].annotation) == tuple(OPTIMISERS)
    assert get_args(RateSchedule.model_fields["kind"].annotation) == tuple(SCHEDULES)
    assert set(OPTIMISERS) == set(APPEND)


def test_each_row_stands_under_its_name_and_says_what_it_is() -> None:
    assert all(row.name == name and row.formula for name, row in ACTIVATIONS.items())
    assert all(row.name == name and row.formula and row.title for name, row in LOSSES.items())
    assert all(row.name == name and row.formula and row.title and row.source for name, row in OPTIMISERS.items())
    assert all(row.name == name and row.text and row.formula for name, row in SCHEDULES.items())
    assert all(row.key == key and row.text for table in (OPTIONS, KEYS) for key, row in table.items())


def test_every_option_belongs_to_a_row_and_every_row_has_known_options() -> None:
    assert {key for row in OPTIMISERS.values() for key in row.options} == set(OPTIONS)
    assert {key for row in SCHEDULES.values() for key in row.keys} == set(KEYS)
    assert set(KEYS) == set(RateSchedule.model_fields) - {"kind"}
    assert set(OPTIONS) <= set(Training.model_fields)


@pytest.mark.parametrize("rows", [ACTIVATIONS, LOSSES], ids=["activations", "losses"])
def test_a_parameter_belongs_to_one_row(rows: dict[str, object]) -> None:
    keys = [parameter.key for row in rows.values() if (parameter := getattr(row, "parameter", None)) is not None]
    assert len(keys) == len(set(keys))


def test_what_a_loss_needs_of_its_layer_are_activations() -> None:
    assert {name for row in LOSSES.values() for name in row.activations} <= set(ACTIVATIONS)


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=False)


def test_a_file_is_read_without_the_machinery_that_computes() -> None:
    """The tables are read with it, so they load no NumPy."""
    code = """
import sys
from retrograde.engine.equations import losses, optimisers, rate_schedules
from retrograde.engine.equations import activation_table as activations
from retrograde.engine.scenario import models
print("numpy" in sys.modules)
"""
    assert run(code).stdout.strip() == "False"


def test_an_optimiser_without_an_update_is_noticed_at_once() -> None:
    code = """
from dataclasses import replace
from retrograde.engine.equations.optimisers import OPTIMISERS
OPTIMISERS["signsgd"] = replace(OPTIMISERS["sgd"], name="signsgd")
import retrograde.engine.ops.update.table
"""
    done = run(code)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("or the other way round: signsgd")
