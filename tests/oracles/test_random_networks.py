"""Random networks of every kind against PyTorch and JAX, in float64, by the values that are committed of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from typing import get_args

import numpy as np
import pytest

from retrograde.engine.equations.optimisers import OPTIMISERS
from retrograde.engine.equations.rate_schedules import SCHEDULES
from retrograde.engine.layers.base import ActivationName
from retrograde.engine.layers.table import KINDS
from retrograde.engine.scenario.models import LossKind
from tests.oracles.random_networks import store
from tests.oracles.random_networks.compare import compare
from tests.oracles.random_networks.engine_side import GENERATED, observe
from tests.oracles.random_networks.report import counted
from tests.oracles.random_networks.store import Entry
from tests.oracles.random_networks.texts import COUNT, network
from tests.support.ordinary import MOVES

CHUNK = 20

LEAST = {
    "several inputs": 50,
    "several losses": 50,
    "share": 30,
    "edges": 30,
    "frozen": 30,
    "groups": 10,
    "stride": 50,
    "dilation": 50,
    "padding = same": 10,
    "masked sequences": 30,
    "truncate": 50,
    "direction = backward": 20,
    "direction = both": 30,
    "reset = before": 10,
    "peepholes": 20,
    "initial = trained": 30,
    "causal = True": 20,
    "label smoothing": 30,
    "l1": 30,
    "l2": 50,
    "weight_decay": 50,
    "decoupled weight decay": 30,
    "clip_value": 20,
    "clip_norm": 50,
    "nesterov": 10,
    "shuffled": 50,
    "arithmetic = blas": 30,
}
"""In how many networks some things come up at least."""


@cache
def entries() -> list[Entry]:
    return store.load()


def test_the_store_is_small_and_its_texts_are_those_of_the_generator() -> None:
    assert store.STORE.stat().st_size < 2_000_000
    assert COUNT >= 500
    assert [entry.digest for entry in entries()] == [store.digest(network(number)) for number in range(COUNT)]


YOUNGER = {"cell", "exp", "log_softmax", "hinge", "squared_hinge", "multiclass_hinge", "nll", "inverse_time", *MOVES}
"""What came after the networks were committed, of which other tests of this folder have something to say."""


def test_the_networks_have_everything_in_them() -> None:
    found = counted(map(network, range(COUNT)))
    there = {
        "kinds": set(KINDS),
        "activations": set(get_args(ActivationName)),
        "losses": set(get_args(LossKind)),
        "optimisers": set(OPTIMISERS),
        "schedules": set(SCHEDULES),
    }
    for subject, names in there.items():
        assert set(found[subject]) == names - YOUNGER
        assert min(found[subject].values()) >= 10
    assert {name: count for name, count in LEAST.items() if found["features"][name] < count} == {}


@pytest.mark.oracle
@pytest.mark.parametrize("first", range(0, COUNT, CHUNK))
def test_the_engine_computes_what_is_committed(first: int) -> None:
    for number in range(first, min(COUNT, first + CHUNK)):
        text = network(number)
        seen = observe(text)
        assert [str(one) for one in store.differences(entries()[number], seen)] == [], f"network {number}"
        if seen.steps <= GENERATED:
            # Small networks run in both executors.
            other = observe(text, "kernels")
            assert {seen.executor, other.executor} <= {"generated", "kernels"}
            assert [str(one) for one in store.differences(entries()[number], other)] == [], f"network {number}"


def test_what_is_off_is_seen() -> None:
    executors: Counter[str] = Counter()
    for number in range(0, COUNT, COUNT // 12):
        entry, seen = entries()[number], observe(network(number))
        executors[seen.executor] += 1
        for name in ("E", *seen.given.trainable[:1]):
            values = seen.iterations[-1].values if name == "E" else seen.iterations[-1].after
            wrong = dict(values)
            wrong[name] = values[name].copy()
            wrong[name].flat[-1] += 1e-8 * seen.largest[-1]
            last = replace(seen.iterations[-1], **{"values" if name == "E" else "after": wrong})
            changed = replace(seen, iterations=(*seen.iterations[:-1], last))
            assert [one.name for one in store.differences(entry, changed)] == ["E" if name == "E" else f"after {name}"]
        with pytest.raises(AssertionError, match="other arrays"):
            store.differences(replace(entry, names=[["E"] for _ in entry.names]), seen)
        other = network(number).replace("learning_rate = 0.", "learning_rate = 0.5")
        if other != network(number) and seen.given.reached:
            assert store.differences(entry, observe(other))
    assert min(executors["generated"], executors["kernels"]) >= 2


def test_the_random_vectors_of_the_store_are_the_same_everywhere() -> None:
    first, second = store.vectors("out_ka", 3)
    np.testing.assert_array_equal(store.vectors("out_ka", 3), [first, second])
    assert np.all(np.abs([first, second]) <= 1)
    assert first.tolist() == FIRST
    assert store.vectors("out_kb", 3)[0].tolist() != FIRST


FIRST = [0.8421267397655416, -0.5957355278872423, 0.37807222154734643]


@pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed: the committed values stand unproven")
@pytest.mark.parametrize("number", range(3, COUNT, 44))
def test_pytorch_agrees_in_full(number: int) -> None:
    from tests.oracles.random_networks import torch_side

    text = network(number)
    seen = observe(text)
    reference = torch_side.train(text, seen.given)
    verdict = compare(seen, reference)
    assert (verdict.silent, [str(one) for one in verdict.differences]) == ([], [])
    again = store.entry(text, seen, reference)
    assert (again.digest, again.names) == (entries()[number].digest, entries()[number].names)
    np.testing.assert_allclose(again.numbers, entries()[number].numbers, rtol=1e-9, atol=1e-12 * max(seen.largest))


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
@pytest.mark.parametrize("number", [6, 131, 275])
def test_jax_agrees_in_full(number: int) -> None:
    from tests.oracles.random_networks import jax_side

    text = network(number)
    seen = observe(text)
    verdict = compare(seen, jax_side.train(text, seen.given))
    assert (verdict.silent, [str(one) for one in verdict.differences]) == ([], [])
