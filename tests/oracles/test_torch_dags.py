"""Acyclic networks against PyTorch, in float64: skip edges, merged, joined, shared and free layers, several losses."""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from retrograde.engine import Session
from retrograde.engine.equations.array import Role
from retrograde.engine.scenario.file import parse_scenario
from tests.oracles import torch_dags
from tests.oracles.test_torch_dense import close
from tests.oracles.torch_dags import NETWORKS, SCALARS, UPDATES
from tests.support.networks import executed_by


@cache
def store() -> list[dict[str, Any]]:
    return torch_dags.load()


def test_the_store_is_small_and_has_everything_in_it() -> None:
    assert torch_dags.STORE.stat().st_size < 400_000
    assert [network["text"] for network in store()] == [torch_dags.text_of(n) for n in range(NETWORKS + SCALARS)]
    texts = [network["text"] for network in store()[:NETWORKS]]
    for word in ("add", "multiply", "concatenate", "activation", "reshape", "transpose", "permute", "flatten", "graph"):
        assert sum(f'kind = "{word}"' in text for text in texts) >= 8, word
    for key, least in (("share = ", 8), ("edges = ", 30), ("[[losses]]", 40), ("weight = ", 40), ("frozen = ", 8)):
        assert sum(key in text for text in texts) >= least, key
    losses = ("half_squared_error", "huber", "binary_cross_entropy", "cross_entropy", "value")
    assert all(sum(f'kind = "{loss}"' in text for text in texts) >= 8 for loss in losses)


@pytest.mark.parametrize("executor", ["generated", "kernels"])
@pytest.mark.parametrize("number", range(NETWORKS + SCALARS))
def test_the_engine_computes_what_pytorch_computes(number: int, executor: str) -> None:
    network = store()[number]
    with executed_by(executor):
        session = Session(parse_scenario(network["text"]))
        frame = session.timeline.frame(0)
        named = frame.program.named
        largest = float(np.max(np.abs(frame.flat)))
        compared = set()
        for name, wanted in network["first"].items():
            # Where nothing that is trained lies below, or nothing above enters E, the engine computes no gradient.
            if name in named:
                close(frame.array(named[name]), wanted, largest)
                compared.add(name)
            else:
                assert name.startswith("grad("), name
        assert {f"grad({array.name})" for array in session.network.state} <= compared
        outs = {name for name in named if name.startswith("out_") and named[name].role is Role.OUT}
        assert outs <= compared
        losses: list[float] = []
        session.timeline.advance(session.network.initial_state, 0, UPDATES, losses)
        close(losses, network["losses"], largest)
        state = session.timeline.state(UPDATES)
        program = session.schedule.full
        after = {array.name: values for array, values in session.network.parameters.items()}
        for array in program.state:
            start = program.offsets[array]
            after[array.name] = state[start : start + array.size].reshape(array.shape)
        assert set(after) == set(network["parameters"])
        for name, wanted in network["parameters"].items():
            close(after[name], wanted, largest)


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed: the committed values stand unproven")
@pytest.mark.parametrize("number", [2, 9, 31, 77, NETWORKS + 3, NETWORKS + 30])
def test_pytorch_still_computes_what_is_committed(number: int) -> None:
    network, again = store()[number], torch_dags.reference(torch_dags.text_of(number))
    assert json.dumps(again["text"]) == json.dumps(network["text"])
    for part in ("first", "parameters"):
        assert set(again[part]) == set(network[part])
        for name, wanted in network[part].items():
            np.testing.assert_allclose(again[part][name], wanted, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(again["losses"], network["losses"], rtol=1e-12, atol=1e-15)
