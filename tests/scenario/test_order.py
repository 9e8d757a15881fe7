"""The order of samples: a function of the epoch, however it is asked for."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.travel.order import Given, Legacy, Seeded, make_order
from tests.support.effort import examples

ORDERS = Path(__file__).parent.parent / "cases" / "data" / "single-layer-orders.txt.gz"


def naive(seed: int, count: int, epochs: int) -> list[list[int]]:
    """The orders of a program that shuffles X and y in place."""
    stream = np.random.RandomState(seed)
    samples = np.arange(count)
    found = []
    for _ in range(epochs):
        indices = np.arange(count)
        stream.shuffle(indices)
        samples = samples[indices]
        found.append(samples.tolist())
    return found


class TestLegacy:
    def test_all_published_orders_forward_back_and_at_random(self) -> None:
        with gzip.open(ORDERS, "rt", encoding="ascii") as stream:
            wanted = [[int(digit) for digit in line.strip()] for line in stream]
        assert len(wanted) == 10_000
        order = make_order(load_scenario("single-layer-xor"), 4)
        assert all(order.order(epoch).tolist() == wanted[epoch] for epoch in range(10_000))
        assert all(order.order(epoch).tolist() == wanted[epoch] for epoch in reversed(range(10_000)))
        for epoch in random.Random(5).sample(range(10_000), 100):
            assert order.order(epoch).tolist() == wanted[epoch]

    def test_checkpoints_are_bounded_and_the_walk_stays_short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("retrograde.engine.travel.order.CHECKPOINT_BYTES", 16 * 2700)
        monkeypatch.setattr("retrograde.engine.travel.order.CACHE_BYTES", 0)
        wanted = naive(3, 5, 2000)
        order = Legacy(np.random.RandomState(3), 5)
        for epoch in range(2000):
            assert order.order(epoch).tolist() == wanted[epoch]
            assert order.checkpoints <= 17
        for epoch in random.Random(1).sample(range(2000), 60):
            assert order.order(epoch).tolist() == wanted[epoch]

    def test_a_far_epoch_first(self) -> None:
        assert Legacy(np.random.RandomState(3), 5).order(1500).tolist() == naive(3, 5, 1501)[-1]

    @examples(30)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.lists(st.integers(0, 60), min_size=1, max_size=12))
    def test_any_sequence_of_questions(self, seed: int, count: int, epochs: list[int]) -> None:
        wanted = naive(seed, count, 61)
        order = Legacy(np.random.RandomState(seed), count)
        for epoch in epochs:
            assert order.order(epoch).tolist() == wanted[epoch]


class TestSeeded:
    @examples(30)
    @given(st.integers(0, 2**63 - 1), st.integers(1, 40), st.integers(0, 10**12))
    def test_a_permutation_that_only_seed_and_epoch_decide(self, seed: int, count: int, epoch: int) -> None:
        found = Seeded(seed, count).order(epoch)
        assert sorted(found) == list(range(count))
        assert not found.flags.writeable
        other = Seeded(seed, count)
        other.order(epoch + 1)
        assert np.array_equal(other.order(epoch), found)

    def test_epochs_and_seeds_differ(self) -> None:
        orders = {tuple(Seeded(seed, 20).order(epoch)) for seed in range(5) for epoch in range(20)}
        assert len(orders) == 100

    def test_every_order_is_as_likely(self) -> None:
        order = Seeded(1, 3)
        counts: dict[tuple[int, ...], int] = {}
        for epoch in range(6000):
            key = tuple(order.order(epoch).tolist())
            counts[key] = counts.get(key, 0) + 1
        assert len(counts) == 6
        assert all(850 < count < 1150 for count in counts.values())

    def test_orders_are_the_same_on_every_machine(self) -> None:
        assert Seeded(42, 6).order(0).tolist() == [0, 2, 5, 1, 4, 3]
        assert Seeded(42, 6).order(10**9).tolist() == [0, 2, 4, 1, 3, 5]


def test_given_is_the_order_of_the_file() -> None:
    assert Given(3).order(7).tolist() == [0, 1, 2]
    assert make_order(load_scenario("mazur"), 1).order(0).tolist() == [0]
