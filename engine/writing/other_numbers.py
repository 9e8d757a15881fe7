"""The same exercise with other numbers: weights and inputs drawn anew, round, in the ranges of the originals."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Role
from retrograde.engine.network.initial import initial_parameters
from retrograde.engine.scenario.data import load_data
from retrograde.engine.scenario.models import Scenario

UNIT = 0.01
"""What drawn numbers are multiples of."""
LEAST = 5
"""Units that a range has at least; a narrower one is drawn from in smaller units."""
DRAWN = frozenset({Role.WEIGHT, Role.BIAS})


def with_other_numbers(scenario: Scenario, seed: int) -> Scenario:
    """The scenario with other weights, biases and inputs; the same seed gives the same.

    What is 0 stays 0, and so does a column of inputs that has whole numbers alone: a truth table, an index. Targets
    stay.

    Args:
        scenario: a validated scenario.
        seed: which numbers.
    """
    draw = random.Random(seed)
    found: dict[str, Mapping[str, Floats]] = {}
    start = initial_parameters(scenario)
    for layer in scenario.network.layers:
        if layer.share is not None:
            continue
        sources = [scenario.forms[name] for name in layer.inputs or ()]
        drawn = {
            parameter.name: _drawn(start[layer.name][parameter.name], draw)
            for parameter in layer.parameters(sources)
            if parameter.role in DRAWN
        }
        found[layer.name] = {**scenario.weights.get(layer.name, {}), **drawn}
    data = load_data(scenario)
    changed = scenario.weighted(found, {})
    return changed.sourced(
        name=scenario.name,
        path=scenario.path,
        data_path=scenario.data_path,
        dataset=replace(data, inputs=_inputs(data.inputs, draw)),
        warnings=scenario.warnings,
    )


def _inputs(given: Floats, draw: random.Random) -> Floats:
    """Inputs, each column in its own range; one that does not vary in the range of all."""
    found = np.array(given, dtype=np.float64)
    whole = np.all((given == np.round(given)) | ~np.isfinite(given), axis=0)
    free = given[:, ~whole]
    for column in np.flatnonzero(~whole):
        own = given[:, column]
        varies = np.ptp(own) > 0
        found[:, column] = _drawn(own, draw, own if varies else free)
    found.setflags(write=False)
    return found


def _drawn(values: Floats, draw: random.Random, among: Floats | None = None) -> Floats:
    """Other numbers of the shape of some, in the range of these or of others; zeros and what is not finite stay."""
    among = values if among is None else among
    among = among[np.isfinite(among) & (among != 0)]
    found = np.array(values, dtype=np.float64)
    if not among.size:
        return found
    low, high = float(among.min()), float(among.max())
    if low == high:
        low, high = sorted((low / 2, low * 1.5))
    unit = UNIT if high - low >= LEAST * UNIT else 10.0 ** (math.floor(math.log10(high - low)) - 1)
    first, last = math.ceil(low / unit - 1e-9), math.floor(high / unit + 1e-9)
    decimals = max(0, -math.floor(math.log10(unit) + 1e-9))
    for place in np.ndindex(found.shape):
        if found[place] == 0 or not np.isfinite(found[place]):
            continue
        # A weight of 0 would make the exercise another one.
        number = draw.randint(first, last) or last or first
        found[place] = round(number * unit, decimals)
    return found
