"""The parameters before the first update: those that the file gives, and those that are drawn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.array import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrograde.engine.layers.base import Distribution, Layer, LayerInit, Parameter
    from retrograde.engine.scenario.models import Scenario

Array = NDArray[np.float64]

STREAM = 1
"""Second word of the Philox key of initial values; other uses of randomness have other streams."""


def initial_parameters(scenario: Scenario) -> dict[str, dict[str, Array]]:
    """Return the parameters of each layer by the layer's name, each by its own: ``W`` (n_out, n_in), ``b`` (n_out,).

    With the Philox generator each parameter has its own counter, so that what one layer draws never depends on
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


def _draw(scenario: Scenario, legacy: np.random.RandomState | None) -> dict[str, dict[str, Array]]:
    forms = scenario.forms
    found: dict[str, dict[str, Array]] = {}
    for number, layer in enumerate(scenario.network.layers):
        source = _source(scenario.network.seed, number, legacy)
        if layer.share is not None:
            found[layer.name] = found[layer.share]
            continue
        sources = [forms[name] for name in layer.inputs or ()]
        given = scenario.weights.get(layer.name, {})
        found[layer.name] = {
            parameter.name: given[parameter.name]
            if parameter.name in given
            else _drawn(layer, parameter, source, part if parameter.draw is None else parameter.draw)
            for part, parameter in enumerate(layer.parameters(sources))
        }
    return found


def _source(
    seed: int, layer: int, legacy: np.random.RandomState | None
) -> Callable[[int], np.random.RandomState | np.random.Generator]:
    """Return what draws each parameter of a layer, by its number there: weights 0 and biases 1 of a dense one."""
    if legacy is not None:
        return lambda _part: legacy
    # The low words of the counter count the draws, so that streams of different layers never meet.
    return lambda part: np.random.Generator(np.random.Philox(key=(STREAM << 64) | seed, counter=[0, 0, layer, part]))


def _drawn(
    layer: Layer,
    parameter: Parameter,
    source: Callable[[int], np.random.RandomState | np.random.Generator],
    part: int,
) -> Array:
    if parameter.given is not None:
        return layer.arrangement(parameter).values(parameter.given, parameter.shape)
    init = _stated(layer)
    if parameter.role is Role.BIAS:
        if not parameter.drawn:
            return np.full(parameter.shape, parameter.fallback)
        distribution = init.bias or (init if init.draw_bias and parameter.fallback == 0.0 else None)
        if distribution is None:
            return np.full(parameter.shape, parameter.fallback)
        return _values(distribution, parameter.fans, parameter.shape, source(part))
    if init.layout == "source_target":
        return np.ascontiguousarray(_values(init, parameter.fans, parameter.shape[::-1], source(part)).T)
    return _values(init, parameter.fans, parameter.shape, source(part))


def _stated(layer: Layer) -> LayerInit:
    if layer.init is None:
        raise ValueError("the scenario is not complete: use Scenario.completed()")
    return layer.init


# What is drawn too wide is infinite, as in any later sum; NumPy need not say so besides.
@np.errstate(over="ignore", invalid="ignore")
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
