"""The same exercise with other numbers: weights and inputs drawn anew, round, in the ranges of the originals."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Role
from retrograde.engine.errors import EngineError
from retrograde.engine.network.initial import initial_parameters
from retrograde.engine.scenario.data import load_data
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.text import _

UNIT = 0.01
"""What drawn numbers are multiples of."""
LEAST = 5
"""Units that a range has at least; a narrower one is drawn from in smaller units."""
DRAWN = frozenset({Role.WEIGHT, Role.BIAS})


def with_other_numbers(scenario: Scenario, seed: int) -> Scenario:
    """The scenario with other weights, biases and inputs; the same seed gives the same.

    What is 0 stays 0, and whole numbers are whole ones again. What is no measurement stays: a column of inputs of 0,
    1 and −1, as in a truth table, one that has the same whole number in all samples, and the numbers of words. Targets
    stay.

    Args:
        scenario: a validated scenario.
        seed: which numbers.

    Raises:
        EngineError: no number can be drawn.
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
    inputs = data.inputs if _looks_up(scenario) else _inputs(data.inputs, draw)
    same = np.array_equal(inputs, data.inputs, equal_nan=True) and not any(
        values.any() for layer in found.values() for values in layer.values()
    )
    if same:
        message = _("{name} has no numbers to draw anew: its weights are 0, and its inputs are those of a table")
        raise EngineError(message.format(name=scenario.name))
    changed = scenario.weighted(found, {})
    return changed.sourced(
        name=scenario.name,
        path=scenario.path,
        data_path=scenario.data_path,
        dataset=replace(data, inputs=inputs),
        warnings=scenario.warnings,
    )


def _looks_up(scenario: Scenario) -> bool:
    """Whether inputs are numbers of rows that a table is asked for."""
    return any(layer.kind == "embedding" for layer in scenario.network.layers)


def _inputs(given: Floats, draw: random.Random) -> Floats:
    """Inputs, each column in its own range; one that does not vary in the range of all that are like it."""
    found = np.array(given, dtype=np.float64)
    whole = np.all((given == np.round(given)) | ~np.isfinite(given), axis=0)
    table = np.all(np.isin(given, (-1.0, 0.0, 1.0)) | ~np.isfinite(given), axis=0)
    stays = table | (whole & (len(given) > 1) & (np.ptp(given, axis=0) == 0))
    for column in np.flatnonzero(~stays):
        own = given[:, column]
        varies = np.ptp(own) > 0
        found[:, column] = _drawn(own, draw, own if varies else given[:, ~stays & (whole == whole[column])])
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
    unit, decimals = 1.0, 0
    if not np.array_equal(among, np.round(among)):
        if low == high:
            low, high = sorted((low / 2, low * 1.5))
        unit = UNIT if high - low >= LEAST * UNIT else 10.0 ** (math.floor(math.log10(high - low) + 1e-9) - 1)
        decimals = max(0, -math.floor(math.log10(unit) + 1e-9))
    elif low == high:
        low, high = sorted((math.copysign(1.0, low), 2 * low))
    first, last = math.ceil(low / unit - 1e-9), math.floor(high / unit + 1e-9)
    for place in np.ndindex(found.shape):
        if found[place] == 0 or not np.isfinite(found[place]):
            continue
        # A weight of 0 would make the exercise another one.
        number = draw.randint(first, last) or last or first
        found[place] = round(number * unit, decimals)
    return found
