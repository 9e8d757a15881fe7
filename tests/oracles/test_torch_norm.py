"""Batch norm, dropout and label smoothing against PyTorch, in float64: values, gradients, updates and evaluations."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from retrograde.engine import Session
from retrograde.engine.equations.array import Role
from retrograde.engine.scenario.file import parse_scenario
from tests.oracles import torch_norm
from tests.oracles.torch_norm import COUNT, UPDATES
from tests.support.networks import executed_by

RELATIVE = 1e-9
ROUNDING = 1e-13
"""What a value may be off by, as a part of the largest number of the iteration.

A gradient through a batch norm is a difference: what is the same for all samples of the batch cancels.
"""


@cache
def store() -> list[dict[str, Any]]:
    return torch_norm.load()


def close(found: Any, wanted: Any, largest: float, name: str) -> None:
    found, wanted = np.asarray(found, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    assert found.shape == wanted.shape, name
    assert np.all(np.abs(found - wanted) <= RELATIVE * np.abs(wanted) + ROUNDING * largest), (name, found, wanted)


def test_the_store_has_everything_in_it() -> None:
    assert torch_norm.STORE.stat().st_size < 200_000
    recipes = [torch_norm.recipe(number) for number in range(COUNT)]
    assert [network["text"] for network in store()] == [recipe.text for recipe in recipes]
    texts = [recipe.text for recipe in recipes]
    for part, least in (("batch_norm", 30), ("dropout", 20), ("label_smoothing", 10), ("affine = false", 4)):
        assert sum(part in text for text in texts) >= least, part
    for axes in (1, 2, 3):
        assert sum(len(recipe.shape or (1,)) == axes for recipe in recipes) >= 8
    assert sum(recipe.batch_size > 0 and recipe.samples % recipe.batch_size > 0 for recipe in recipes) >= 3


@pytest.mark.parametrize("executor", ["generated", "kernels"])
@pytest.mark.parametrize("number", range(COUNT))
def test_the_engine_computes_what_pytorch_computes(number: int, executor: str) -> None:
    network = store()[number]
    with executed_by(executor):
        session = Session(parse_scenario(network["text"]))
        frame = session.timeline.frame(0)
        named = frame.program.named
        largest = float(np.max(np.abs(frame.flat)))
        for name, wanted in network["first"].items():
            # Where nothing that is trained lies below, the engine leaves a gradient out that PyTorch has.
            if name in named or not name.startswith("grad"):
                close(frame.array(named[name]), wanted, largest, name)
        gradients = {array.name for array in named.values() if array.role is Role.GRADIENT}
        inner = {name for name in gradients if name.startswith(("grad(e_", "grad(S_"))}
        assert gradients - inner <= set(network["first"]), "PyTorch has a word on every gradient"

        losses: list[float] = []
        session.timeline.advance(session.network.initial_state, 0, UPDATES, losses)
        close(losses, network["losses"], largest, "E")
        state, program = session.timeline.state(UPDATES), session.schedule.full
        assert {array.name for array in program.state} == set(network["state"])
        for array in program.state:
            start = program.offsets[array]
            close(state[start : start + array.size].reshape(array.shape), network["state"][array.name], 1.0, array.name)
        close(session.timeline.predictions(state), network["predictions"], 1.0, "predictions")
        close(session.timeline.data_loss(state), network["evaluated"], 1.0, "E_data")


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed: the committed values stand unproven")
@pytest.mark.parametrize("number", [0, 4, 11, 20, 33])
def test_pytorch_still_computes_what_is_committed(number: int) -> None:
    network, again = store()[number], torch_norm.reference(torch_norm.recipe(number).text)
    assert again["text"] == network["text"]
    for part in ("first", "state"):
        assert set(again[part]) == set(network[part])
        for name, wanted in network[part].items():
            np.testing.assert_allclose(again[part][name], wanted, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(again["losses"], network["losses"], rtol=1e-12, atol=1e-15)
