"""Recurrent layers against PyTorch, in float64: states, the gradient of every gate, the parameters after updates."""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from retrograde.engine import Session
from retrograde.engine.equations.array import Role
from retrograde.engine.scenario.file import parse_scenario
from tests.oracles import torch_recurrent
from tests.oracles.torch_recurrent import COUNT, UPDATES
from tests.support.networks import executed_by
from tests.support.sequences import KINDS

RELATIVE = 1e-9
ROUNDING = 1e-15
"""What a value may be off by, as a part of the largest number of the iteration; see ``test_torch_dense``."""


@cache
def store() -> list[dict[str, Any]]:
    return torch_recurrent.load()


def close(found: Any, wanted: Any, largest: float, what: str = "") -> None:
    found, wanted = np.asarray(found, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    assert found.shape == wanted.shape, what
    assert np.all(np.abs(found - wanted) <= RELATIVE * np.abs(wanted) + ROUNDING * largest), (what, found, wanted)


def test_the_store_is_small_and_has_everything_in_it() -> None:
    assert torch_recurrent.STORE.stat().st_size < 400_000
    recipes = [torch_recurrent.recipe(number) for number in range(COUNT)]
    assert [network["text"] for network in store()] == [recipe.text for recipe in recipes]
    layers = [layer for recipe in recipes for layer in recipe.layers]
    for what, least in (
        (Counter(layer.kind for layer in layers), dict.fromkeys(KINDS, 12)),
        (Counter(layer.direction for layer in layers), {"forward": 12, "backward": 8, "both": 8}),
        (Counter(layer.bias for layer in layers), {"one": 8, "both": 8, "none": 8}),
        (Counter(layer.outputs for layer in layers), {"all": 20, "last": 8}),
        (
            Counter(option for layer in layers for option in layer.options),
            {'reset = "before"': 5, "peepholes = true": 5},
        ),
    ):
        assert all(what[key] >= count for key, count in least.items()), what
    assert sum(layer.truncate > 0 for layer in layers) >= 10
    assert sum(layer.trained for layer in layers) >= 10
    assert sum(bool(recipe.lengths) for recipe in recipes) >= 15
    assert sum(network["modules"] > 0 for network in store()) >= 10


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
            # Where nothing that is trained lies below, the engine leaves a gradient out that PyTorch has; where
            # nothing above reads it, PyTorch has a gradient of 0.
            if name in named:
                close(frame.array(named[name]), wanted, largest, name)
            else:
                assert not np.any(wanted) or not name.startswith("grad"), name
        own = {array.name for array in named.values() if array.role is Role.GRADIENT and array.layer != "o"}
        assert own <= set(network["first"]), "PyTorch has a word on every gradient"
        trained = {f"grad({array.name})" for array in session.network.trainable}
        assert trained & set(network["first"]) == trained & set(named)

        losses: list[float] = []
        session.timeline.advance(session.network.initial_state, 0, UPDATES, losses)
        close(losses, network["losses"], largest)
        state, program = session.timeline.state(UPDATES), session.schedule.full
        for array in program.state:
            start = program.offsets[array]
            values = state[start : start + array.size].reshape(array.shape)
            close(values, network["parameters"][array.name], largest, array.name)


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed: the committed values stand unproven")
@pytest.mark.parametrize("number", [0, 5, 10, 19, 33])
def test_pytorch_still_computes_what_is_committed(number: int) -> None:
    network, again = store()[number], torch_recurrent.reference(torch_recurrent.recipe(number).text)
    for part in ("first", "parameters"):
        assert set(again[part]) == set(network[part])
        for name, wanted in network[part].items():
            np.testing.assert_allclose(again[part][name], wanted, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(again["losses"], network["losses"], rtol=1e-12, atol=1e-15)
