"""Attention, embeddings, positions, layer norms and linear layers against PyTorch, in float64."""

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
from tests.oracles import torch_attention
from tests.oracles.test_torch_dense import RELATIVE, ROUNDING, parameters
from tests.oracles.torch_attention import COUNT, UPDATES
from tests.support.networks import executed_by


@cache
def store() -> list[dict[str, Any]]:
    return torch_attention.load()


def close(found: Any, wanted: Any, largest: float) -> None:
    found, wanted = np.asarray(found, dtype=np.float64), np.asarray(wanted, dtype=np.float64)
    assert found.shape == wanted.shape
    # The store has no −∞: of a later position the score is null, which is read as NaN.
    assert np.array_equal(np.isnan(wanted), found == -np.inf)
    there = ~np.isnan(wanted)
    gap = np.abs(found[there] - wanted[there])
    assert np.all(gap <= RELATIVE * np.abs(wanted[there]) + 4 * ROUNDING * largest), (found, wanted)


def test_the_store_is_small_and_has_everything_in_it() -> None:
    assert torch_attention.STORE.stat().st_size < 300_000
    assert len(store()) == COUNT
    assert [network["text"] for network in store()] == [torch_attention.recipe(number).text for number in range(COUNT)]
    assert sum(network["multihead"] for network in store()) >= 15, "nn.MultiheadAttention had a word on these"
    found: Counter[str] = Counter()
    for network in store():
        for layer in parse_scenario(network["text"]).network.layers:
            spec = layer.model_dump()
            found[layer.kind] += 1
            if layer.kind == "attention":
                found["causal"] += spec["causal"]
                found["heads"] += spec["heads"] > 1
                found[f"from {len(layer.inputs or ())}"] += 1
                found["unbiased"] += spec["bias"] == "none"
                found["projected"] += len(spec["projections"]) == 4
            if layer.kind == "position":
                found[spec["encoding"]] += 1
    kinds = ("embedding", "position", "attention", "layer_norm", "linear", "add", "reshape", "sinusoidal", "learned")
    assert all(found[kind] >= 5 for kind in kinds), found
    assert all(found[kind] >= 10 for kind in ("causal", "heads", "from 1", "unbiased", "projected")), found
    assert found["from 2"] >= 4, found
    assert found["from 3"] >= 1, found


@pytest.mark.parametrize("executor", ["generated", "kernels"])
@pytest.mark.parametrize("number", range(COUNT))
def test_the_engine_computes_what_pytorch_computes(number: int, executor: str) -> None:
    network = store()[number]
    with executed_by(executor):
        session = Session(parse_scenario(network["text"]))
        frame = session.timeline.frame(0)
        named = frame.program.named
        largest = float(np.max(np.abs(frame.flat[np.isfinite(frame.flat)])))
        for name, wanted in network["first"].items():
            # Where nothing that is trained lies below, the engine leaves a gradient out that PyTorch has; and with
            # cross-entropy, the gradient goes straight to the net inputs.
            if name in named or not name.startswith("grad"):
                close(frame.array(named[name]), wanted, largest)
        gradients = {array.name for array in named.values() if array.role is Role.GRADIENT}
        assert gradients <= set(network["first"]), "PyTorch has a word on every gradient"
        assert {f"grad({array.name})" for array in session.network.trainable} <= gradients

        losses: list[float] = []
        session.timeline.advance(session.network.initial_state, 0, UPDATES, losses)
        close(losses, network["losses"], largest)
        after = parameters(session)
        assert set(after) == set(network["parameters"])
        for name, wanted in network["parameters"].items():
            close(after[name], wanted, largest)


def test_the_store_is_what_pytorch_says_here() -> None:
    if find_spec("torch") is None:
        pytest.skip("torch is not installed")
    for number in (3, 17):
        made, kept = torch_attention.reference(torch_attention.recipe(number).text), store()[number]
        for name, wanted in kept["first"].items():
            value = np.asarray(made["first"][name], dtype=np.float64)
            close(value, wanted, float(np.max(np.abs(value[np.isfinite(value)]), initial=0.0)))
