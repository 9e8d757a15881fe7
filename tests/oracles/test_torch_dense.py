"""The engine against PyTorch, in float64: every value, every gradient, and the parameters after some updates."""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from retrograde.engine import Session
from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Role
from retrograde.engine.scenario.file import parse_scenario
from tests.oracles import torch_dense
from tests.oracles.torch_dense import ACTIVATIONS, COUNT, LOSSES, UPDATES
from tests.support.networks import BIASES, executed_by

RELATIVE = 1e-9
ROUNDING = 1e-15
"""What a value may be off by, as a part of the largest number of the iteration.

A gradient can be a small difference of larger numbers: out − t, or the sum over a softmax, which is 0 but for rounding.
Its error is then a few units in the last place (2.2e-16) of those numbers, however small it is itself.
"""


@cache
def store() -> list[dict[str, Any]]:
    return torch_dense.load()


def close(found: Any, wanted: Any, largest: float) -> None:
    found, wanted = np.asarray(found, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    assert found.shape == wanted.shape
    assert np.all(np.abs(found - wanted) <= RELATIVE * np.abs(wanted) + ROUNDING * largest), (found, wanted)


def test_the_store_is_small_and_has_everything_in_it() -> None:
    assert torch_dense.STORE.stat().st_size < 300_000
    assert len(store()) == COUNT
    recipes = [torch_dense.recipe(number) for number in range(COUNT)]
    assert [network["text"] for network in store()] == [recipe.text for recipe in recipes]
    activations = Counter(name for recipe in recipes for name in recipe.activations)
    hidden = {name for recipe in recipes for name in recipe.activations[:-1]}
    assert all(activations[name] >= 4 for name in ACTIVATIONS)
    assert hidden == set(ACTIVATIONS)
    assert all(sum(recipe.loss == name for recipe in recipes) >= 4 for name in LOSSES)
    assert {bias for recipe in recipes for bias in recipe.biases} == set(BIASES)
    assert sum(recipe.update == "in_place" and len(recipe.widths) > 2 for recipe in recipes) >= 5
    assert sum(0 < recipe.batch_size < recipe.samples and recipe.samples % recipe.batch_size > 0 for recipe in recipes)
    assert sum(any(recipe.frozen) for recipe in recipes) >= 10


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
                close(frame.array(named[name]), wanted, largest)
        gradients = {array.name for array in named.values() if array.role is Role.GRADIENT}
        inner = {name for name in gradients if name.startswith(("grad(e_", "grad(S_"))}
        assert gradients - inner <= set(network["first"]), "PyTorch has a word on every gradient"
        assert {f"grad({array.name})" for array in session.network.trainable} <= gradients

        losses: list[float] = []
        session.timeline.advance(session.network.initial_state, 0, UPDATES, losses)
        close(losses, network["losses"], largest)
        after = parameters(session)
        assert set(after) == set(network["parameters"])
        for name, wanted in network["parameters"].items():
            close(after[name], wanted, largest)


def parameters(session: Session) -> dict[str, Floats]:
    """Every parameter after the updates, by name."""
    state = session.timeline.state(UPDATES)
    program = session.schedule.full
    found = {array.name: values for array, values in session.network.parameters.items()}
    for array in program.state:
        start = program.offsets[array]
        found[array.name] = state[start : start + array.size].reshape(array.shape)
    return found


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed: the committed values stand unproven")
@pytest.mark.parametrize("number", [1, 7, 14, 19, 34, 54])
def test_pytorch_still_computes_what_is_committed(number: int) -> None:
    network, again = store()[number], torch_dense.reference(torch_dense.recipe(number).text)
    assert again["text"] == network["text"]
    for part in ("first", "parameters"):
        assert set(again[part]) == set(network[part])
        for name, wanted in network[part].items():
            np.testing.assert_allclose(again[part][name], wanted, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(again["losses"], network["losses"], rtol=1e-12, atol=1e-15)
