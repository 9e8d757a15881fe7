"""Sums of products have the bits of one product after the other, added in order, however they are computed."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.equations.arithmetic import Floats, same_bits
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.network.network import Network
from retrograde.engine.ops.kernels import products
from tests.executor.test_kernels import batch_of
from tests.support.effort import examples
from tests.support.networks import Recipe

SPECIAL = (np.inf, -np.inf, np.nan, 1e308, -1e308, 5e-324, -5e-324)


class Memory:
    """A workspace that has memory alone."""

    blas = False

    def scratch(self, shape: tuple[int, ...]) -> Floats:
        return np.full(shape, 7.0)


def in_order(left: Floats, right: Floats, tail: Floats | None) -> Floats:
    """One product after the other."""
    with np.errstate(all="ignore"):
        total = left[..., :, 0, None] * right[..., 0, None, :]
        for k in range(1, left.shape[-1]):
            total = total + left[..., :, k, None] * right[..., k, None, :]
        return total if tail is None else total + tail


def numbers(random: np.random.Generator, shape: tuple[int, ...], zeros: float, special: bool, turned: bool) -> Floats:
    values = random.standard_normal(shape)
    mask = random.random(shape) < zeros
    values[mask] = random.choice([0.0, -0.0], size=int(mask.sum()))
    if special:
        values.flat[random.integers(values.size)] = random.choice(SPECIAL)
    if turned:
        values = np.ascontiguousarray(values.swapaxes(-1, -2)).swapaxes(-1, -2)
    return values


@examples(300)
@given(
    axes=st.lists(st.integers(1, 4), max_size=2).map(tuple),
    sizes=st.tuples(*[st.sampled_from((1, 2, 3, 4, 5, 7, 8, 16, 17, 33, 70))] * 3),
    zeros=st.sampled_from((0.0, 0.2, 0.97, 1.0)),
    flags=st.tuples(*[st.booleans()] * 6),
    chunk=st.sampled_from((1, 50, 1 << 16)),
    seed=st.integers(0, 2**32),
)
def test_products_are_added_in_order(
    axes: tuple[int, ...],
    sizes: tuple[int, ...],
    zeros: float,
    flags: tuple[bool, ...],
    chunk: int,
    seed: int,
) -> None:
    rows, terms, columns = sizes
    fast, special, first, second, third, tailed = flags
    random = np.random.default_rng(seed)
    left = numbers(random, (*axes, rows, terms), zeros, special, first)
    right = numbers(random, (*axes, terms, columns), zeros, False, second)
    tail = random.choice([0.0, -0.0, 1.5], size=columns) if tailed else None
    out = np.empty((*axes, columns, rows)).swapaxes(-1, -2) if third else np.empty((*axes, rows, columns))
    space: Any = Memory()
    with patch.multiple(products, FAST=fast, CHUNK=chunk, _FEW=0), np.errstate(all="ignore"):
        kernel = products.products(space, left, right, out, tail)
        for _ in range(2):
            out[...] = 7.0
            kernel()
            assert same_bits(np.ascontiguousarray(out), in_order(left, right, tail))


def test_a_sum_along_the_innermost_axis_is_not_trusted() -> None:
    """There einsum adds in blocks; the comparison has to see that."""
    products._trusted.cache_clear()
    assert not products._trusted((), 1, 64, 1)
    assert not products._trusted((3,), 1, 9, 1)


@pytest.mark.parametrize("wrong", ["fused", "reversed"])
def test_an_einsum_with_other_bits_is_not_used(wrong: str) -> None:
    """What another processor or another NumPy could do shows in the comparison."""

    def einsum(formula: str, left: Floats, right: Floats, out: Floats) -> None:
        if wrong == "fused":
            exact = left.astype(np.longdouble) @ right.astype(np.longdouble)
            out[...] = exact.astype(np.float64)
        else:
            out[...] = in_order(left[..., ::-1], right[..., ::-1, :], None)

    products._trusted.cache_clear()
    with patch.object(np, "einsum", einsum):
        assert not products._trusted((), 8, 40, 8)
        assert not products._trusted((2,), 1, 12, 3)
    products._trusted.cache_clear()


def test_a_network_has_the_same_bits_with_and_without_einsum() -> None:
    recipe = Recipe(
        widths=(70, 40, 11),
        activations=("relu", "softmax"),
        biases=("neuron", "shared"),
        frozen=((), ()),
        loss="cross_entropy",
        samples=17,
        batch_size=0,
    )
    network = Network(recipe.scenario)
    program = network.program(17)
    frames = []
    for fast in (True, False):
        with patch.object(products, "FAST", fast):
            executor = KernelExecutor(program, network.constants)
            frames.append(executor.frame(network.initial_state, batch_of(network, executor, 17)))
    assert same_bits(frames[0].flat, frames[1].flat)
