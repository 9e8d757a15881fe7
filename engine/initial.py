"""The parameters before the first update: those that the file gives, and those that are drawn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrograde.engine.models import Distribution, Layer, LayerInit, Scenario

Array = NDArray[np.float64]

STREAM = 1
"""Second word of the Philox key of initial values; other uses of randomness have other streams."""


def initial_parameters(scenario: Scenario) -> dict[str, tuple[Array, Array | None]]:
    """Return the weights (n_out, n_in) and biases (n_out,) or (1,) or None of each layer, by its name.

    With the Philox generator each layer has its own counter, so that what one layer draws never depends on
    another. With `numpy-legacy` one stream runs through all layers: weights, then biases if they are drawn.
    """
    return _draw(scenario, _legacy(scenario))


def legacy_stream(scenario: Scenario) -> np.random.RandomState:
    """Return the `numpy-legacy` stream that shuffles: after the initial values, if they come from it too."""
    stream = _legacy(scenario)
    if stream is None:
        return np.random.RandomState(scenario.training.seed)
    _draw(scenario, stream)
    return stream


def _legacy(scenario: Scenario) -> np.random.RandomState | None:
    network = scenario.network
    return np.random.RandomState(network.seed) if network.init.generator == "numpy-legacy" else None


def _draw(scenario: Scenario, legacy: np.random.RandomState | None) -> dict[str, tuple[Array, Array | None]]:
    parameters = {}
    for number, (layer, fans) in enumerate(zip(scenario.network.layers, scenario.fans, strict=True)):
        source = _source(scenario.network.seed, number, legacy)
        weights = _weights(layer, fans, source)
        parameters[layer.name] = (weights, _biases(layer, fans, source))
    return parameters


def _source(
    seed: int, layer: int, legacy: np.random.RandomState | None
) -> Callable[[int], np.random.RandomState | np.random.Generator]:
    """Return what draws weights (part 0) and biases (part 1) of a layer."""
    if legacy is not None:
        return lambda _part: legacy
    # The low words of the counter count the draws, so that streams of different layers never meet.
    return lambda part: np.random.Generator(np.random.Philox(key=(STREAM << 64) | seed, counter=[0, 0, layer, part]))


def _weights(
    layer: Layer,
    fans: tuple[int, int],
    source: Callable[[int], np.random.RandomState | np.random.Generator],
) -> Array:
    if layer.weights is not None:
        return np.array(layer.weights, dtype=np.float64)
    init = _stated(layer)
    if init.layout == "source_target":
        return np.ascontiguousarray(_values(init, fans, fans[::-1], source(0)).T)
    return _values(init, fans, fans, source(0))


def _biases(
    layer: Layer,
    fans: tuple[int, int],
    source: Callable[[int], np.random.RandomState | np.random.Generator],
) -> Array | None:
    if layer.bias == "none":
        return None
    if layer.biases is not None:
        given = layer.biases if isinstance(layer.biases, tuple) else (layer.biases,) * layer.bias_count
        return np.array(given, dtype=np.float64)
    init = _stated(layer)
    distribution = init.bias or (init if init.draw_bias else None)
    if distribution is None:
        return np.zeros(layer.bias_count)
    return _values(distribution, fans, (layer.bias_count,), source(1))


def _stated(layer: Layer) -> LayerInit:
    if layer.init is None:
        raise ValueError("the scenario is not complete: use Scenario.completed()")
    return layer.init


def _values(
    distribution: Distribution,
    fans: tuple[int, int],
    shape: tuple[int, ...],
    source: np.random.RandomState | np.random.Generator,
) -> Array:
    fan_out, fan_in = fans
    match distribution.kind:
        case "constant":
            return np.full(shape, distribution.value or 0.0)
        case "uniform":
            return _uniform(
                distribution.low or 0.0,
                1.0 if distribution.high is None else distribution.high,
                shape,
                source,
            )
        case "normal":
            std = 1.0 if distribution.std is None else distribution.std
            return _normal(distribution.mean or 0.0, std, shape, source)
        case "glorot_uniform":
            limit = math.sqrt(6.0 / (fan_in + fan_out))
            return _uniform(-limit, limit, shape, source)
        case "glorot_normal":
            return _normal(0.0, math.sqrt(2.0 / (fan_in + fan_out)), shape, source)
        case "he_uniform":
            limit = math.sqrt(6.0 / fan_in)
            return _uniform(-limit, limit, shape, source)
        case "he_normal":
            return _normal(0.0, math.sqrt(2.0 / fan_in), shape, source)


def _uniform(
    low: float, high: float, shape: tuple[int, ...], source: np.random.RandomState | np.random.Generator
) -> Array:
    # Both of NumPy's generators compute low + (high - low)·u; written out, the bits are those of programs
    # that say so.
    return low + (high - low) * source.random(shape)


def _normal(
    mean: float, std: float, shape: tuple[int, ...], source: np.random.RandomState | np.random.Generator
) -> Array:
    return mean + std * source.standard_normal(shape)
