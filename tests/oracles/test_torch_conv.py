"""Convolutions, poolings and up-samplings against PyTorch, in float64: every value, every gradient, an update."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from retrograde.engine.equations.arithmetic import Floats
from tests.oracles import torch_conv
from tests.oracles.torch_conv import COUNT, drawn, numbers, reference
from tests.support.spatial import KINDS, Built, build

RELATIVE = 1e-9
ROUNDING = 1e-14
"""What a value may be off by, as a part of the largest number of the iteration; see the dense networks' test."""


@cache
def store() -> list[dict[str, Any]]:
    return torch_conv.load()


def compare(built: Built, executor: Any, wanted: dict[str, Any]) -> None:
    frame = built.frame(executor)
    largest = float(np.max(np.abs(frame.flat)))
    for name, values in wanted.items():
        found, expected = frame.array(frame.program.named[name]), np.asarray(values, dtype=np.float64)
        assert found.shape == expected.shape, name
        assert np.all(np.abs(found - expected) <= RELATIVE * np.abs(expected) + ROUNDING * largest), name


def filled(built: Built, given: dict[str, Any]) -> Built:
    """A chain with the numbers of the store instead of its own."""

    def flat(name: str) -> Floats:
        return np.asarray(given[name], dtype=np.float64).ravel()

    built.state = np.concatenate([flat(array.name) for array in built.program.state])
    built.columns = tuple(flat(array.name).reshape(built.made.batch, -1) for array in built.program.data)
    return built


def test_the_store_is_small_and_has_everything_in_it() -> None:
    assert torch_conv.STORE.stat().st_size < 300_000
    chains = [drawn(number) for number in range(COUNT)]
    assert [one["chain"] for one in store()] == [json.loads(json.dumps(asdict(made))) for made in chains]
    stages = [stage for made in chains for stage in made.stages]
    kinds = Counter(stage.kind for stage in stages)
    assert all(kinds[kind] >= 8 for kind in KINDS)
    assert {len(made.lengths) for made in chains} == {1, 2, 3}
    convolutions = [stage for stage in stages if stage.kind.startswith("conv")]
    for name, usual in (("stride", 1), ("padding", 0), ("dilation", 1)):
        assert sum(any(part != usual for part in getattr(stage, name)) for stage in convolutions) >= 8
    assert sum(stage.groups > 1 for stage in convolutions) >= 5
    assert sum(not stage.bias for stage in convolutions) >= 5


@pytest.mark.parametrize("number", range(COUNT))
def test_the_engine_computes_what_pytorch_computes(number: int) -> None:
    one = store()[number]
    built = filled(build(drawn(number)), one["given"])
    for executor in (*built.executors(), built.kernels(blas=True)):
        compare(built, executor, one["found"])


needs_torch = pytest.mark.skipif(
    find_spec("torch") is None, reason="PyTorch is not installed: the committed values stand unproven"
)


@needs_torch
@pytest.mark.parametrize("number", range(0, COUNT, 9))
def test_pytorch_still_computes_what_is_committed(number: int) -> None:
    one = store()[number]
    again = reference(drawn(number), one["given"])
    assert set(again) == set(one["found"])
    for name, values in one["found"].items():
        np.testing.assert_allclose(again[name], values, rtol=1e-12, atol=1e-13)


@needs_torch
@pytest.mark.parametrize("block", range(10))
def test_many_more_settings_agree_with_pytorch(block: int) -> None:
    for number in range(1000 + 30 * block, 1030 + 30 * block):
        made = drawn(number, slots=2000)
        built = build(made)
        wanted = reference(made, numbers(built))
        for blas in (False, True):
            compare(built, built.kernels(blas=blas), wanted)
