"""The ordinary layers of PyTorch models against PyTorch, in float64."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from retrograde.engine import Session
from retrograde.engine.scenario.file import parse_scenario
from tests.oracles import torch_ordinary
from tests.oracles.test_torch_dense import RELATIVE, ROUNDING, parameters
from tests.oracles.torch_ordinary import UPDATES
from tests.support.networks import executed_by


@cache
def store() -> list[dict[str, Any]]:
    return torch_ordinary.load()


def close(found: Any, wanted: Any, largest: float, name: str = "") -> None:
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.shape == wanted.shape, name
    gap = np.abs(found - wanted)
    assert np.all(gap <= RELATIVE * np.abs(wanted) + 4 * ROUNDING * largest), (name, found, wanted)


def test_the_store_is_small_and_is_of_the_networks_that_are_drawn() -> None:
    assert torch_ordinary.STORE.stat().st_size < 150_000
    assert [network["text"] for network in store()] == [recipe.text for recipe in torch_ordinary.recipes()]


@pytest.mark.parametrize("number", range(len(torch_ordinary.recipes())))
def test_the_engine_computes_what_pytorch_computes(number: int) -> None:
    network = store()[number]
    with executed_by(("generated", "kernels")[number % 2]):
        session = Session(parse_scenario(network["text"]))
        frame = session.timeline.frame(0)
        named = frame.program.named
        largest = float(np.max(np.abs(frame.flat)))
        for name, wanted in network["first"].items():
            # What no loss depends on has no gradient here, and zeros in PyTorch.
            if name in named or not name.startswith("grad"):
                close(frame.array(named[name]), wanted, largest, name)
        gradients = {f"grad({array.name})" for array in session.network.trainable}
        assert gradients <= set(network["first"]) & set(named)

        losses: list[float] = []
        session.timeline.advance(session.network.initial_state, 0, UPDATES, losses)
        close(losses, network["losses"], largest)
        after = parameters(session)
        # States before the first step are fixed here, and no parameters in PyTorch.
        assert {name for name in after if name[1] != "0"} == set(network["parameters"])
        for name, wanted in network["parameters"].items():
            close(after[name], wanted, largest, name)


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed: the committed values stand unproven")
def test_pytorch_still_computes_what_is_committed() -> None:
    for network in store()[::5]:
        again = torch_ordinary.reference(network["text"])
        assert set(again["first"]) == set(network["first"])
        for name, wanted in network["first"].items():
            np.testing.assert_allclose(again["first"][name], wanted, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(again["losses"], network["losses"], rtol=1e-12, atol=1e-15)
