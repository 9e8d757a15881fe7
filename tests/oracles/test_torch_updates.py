"""Whole trainings with every optimiser, penalties, clipping and schedules agree with PyTorch's, which are committed."""

from __future__ import annotations

import json
import warnings
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from retrograde.engine import Session
from retrograde.engine.equations.optimisers import OPTIMISERS
from retrograde.engine.equations.rate_schedules import SCHEDULES
from retrograde.engine.scenario.file import parse_scenario
from tests.oracles import torch_updates
from tests.oracles.torch_updates import LOSSES, PER_EPOCH, RATE, RATES, SETTINGS, UPDATES
from tests.support.networks import executed_by
from tests.support.updates import Given

RELATIVE = 1e-9
both_executors = pytest.mark.parametrize("executor", ["generated", "kernels"])


@cache
def store() -> dict[str, Any]:
    return torch_updates.load()


def test_everything_that_pytorch_has_too_is_there() -> None:
    assert {setting["optimizer"] for setting in SETTINGS} == set(OPTIMISERS) - {"lion"}
    there = set(SCHEDULES) - {"inverse_time"}
    assert {table["kind"] for table in RATES} == there
    kinds = {setting["schedule"]["kind"] for setting in SETTINGS if "schedule" in setting}
    assert kinds == there
    assert len(store()["trained"]) == len(SETTINGS)
    assert len(store()["rates"]) == len(RATES)


@both_executors
@pytest.mark.parametrize("number", range(len(SETTINGS)), ids=[json.dumps(setting) for setting in SETTINGS])
def test_a_training_goes_as_in_pytorch(number: int, executor: str) -> None:
    wanted = store()["trained"][number]
    with executed_by(executor):
        session, losses = Session(parse_scenario(wanted["text"])), list[float]()
        session.timeline.advance(session.network.initial_state, 0, UPDATES, losses)
        np.testing.assert_allclose(losses, wanted["losses"], rtol=RELATIVE)
        frame = session.timeline.frame(UPDATES)
        for name, values in wanted["parameters"].items():
            found = frame.array(frame.program.named[name])
            np.testing.assert_allclose(found, values, rtol=RELATIVE, atol=1e-13, err_msg=name)
        if "lr_now" in frame.program.named:
            rates = [session.measure("lr_now", iteration) for iteration in range(UPDATES)]
            np.testing.assert_allclose(rates, wanted["rates"], rtol=1e-12, atol=1e-16)


@both_executors
@pytest.mark.parametrize("number", range(len(RATES)), ids=[json.dumps(table) for table in RATES])
def test_a_schedule_has_the_rates_of_pytorch(number: int, executor: str) -> None:
    training = {"learning_rate": RATE, "batch_size": 1, "schedule": RATES[number]}
    neuron = Given([1.0], training, executor, samples=PER_EPOCH)
    assert neuron.schedule.per_epoch == PER_EPOCH
    rate = neuron.program.named["lr_now"]
    found = [float(neuron.step([0.0], loss).array(rate)) for loss in LOSSES]
    np.testing.assert_allclose(found, store()["rates"][number], rtol=1e-12, atol=1e-16)


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed: the committed values stand unproven")
def test_pytorch_still_computes_what_is_committed() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(0, len(SETTINGS), 5):
            again, wanted = torch_updates.trained(SETTINGS[number]), store()["trained"][number]
            assert again["text"] == wanted["text"]
            np.testing.assert_allclose(again["losses"], wanted["losses"], rtol=1e-12)
        for number, table in enumerate(RATES):
            np.testing.assert_allclose(torch_updates.rates(table), store()["rates"][number], rtol=1e-12)
