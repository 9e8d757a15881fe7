"""The rules of the initial values."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.explaining.detectors.case import Case, Group
from retrograde.engine.explaining.detectors.data import constant_loss, has_samples, has_targets
from retrograde.engine.explaining.detectors.judging import SIGHT, WATCH, judge_of
from retrograde.engine.explaining.detectors.limits import Limits
from retrograde.engine.explaining.detectors.records import Found
from retrograde.engine.explaining.detectors.sight import Sight, rms
from retrograde.engine.explaining.detectors.watch import Watch
from retrograde.engine.text import _

_DEEP = 6
"""Layers from which on small factors add up."""


def has_hidden(case: Case) -> str | None:
    """Says that there is no hidden layer whose units are drawn alike."""
    return None if any(True for _layer in _unit_layers(case)) else _("no hidden layer of two units or more")


def _unit_layers(case: Case) -> Iterator[tuple[str, tuple[Array, ...]]]:
    """The hidden layers with the trained parameters that have a row a unit."""
    last = {output.layer.name for output in case.outputs} or {case.network.layers[-1].name}
    state = set(case.network.state)
    for info in case.network.layers:
        rows = info.form.shape[0] if info.form.shape else 0
        own = tuple(array for array in info.parameters.values() if array in state and array.layer == info.name)
        weights = [array for array in own if array.role is Role.WEIGHT]
        if (
            info.name in last
            or rows < 2
            or not weights
            or info.spec.kind not in {"dense", "conv", "rnn", "gru", "lstm"}
        ):
            continue
        if all(array.shape and array.shape[0] % rows == 0 for array in own if array.shape != (1,)):
            yield info.name, own


def _rows(values: list[Floats], units: int) -> Floats:
    """A row a unit with all that leads into it; what is stacked by gates is laid side by side."""
    pieces = [
        value.reshape(-1, units, value[0].size).swapaxes(0, 1).reshape(units, -1) for value in values if value.size > 1
    ]
    return np.concatenate(pieces, axis=1)


def _twins(case: Case, state: Floats) -> Iterator[tuple[str, int, int]]:
    """The first two units of a layer that are equal in all that leads into them, layer by layer."""
    program = case.program
    for layer, own in _unit_layers(case):
        units = next(info.form.shape[0] for info in case.network.layers if info.name == layer)
        values = [state[program.offsets[array] :][: array.size].reshape(array.shape) for array in own]
        rows = _rows(values, units)
        _unique, first, back = np.unique(rows, axis=0, return_index=True, return_inverse=True)
        for unit, group in enumerate(back.reshape(-1)):
            if first[group] != unit:
                yield layer, int(first[group]), unit
                break


@judge_of("twins", WATCH, has_targets, has_hidden)
def twins(watch: Watch, _limits: Limits) -> Found | None:
    """Two units that were equal at the start and still are."""
    case = watch.case
    start = {layer: pair for layer, *pair in _twins(case, case.timeline.state(0))}
    if not start:
        return None
    now = {layer: pair for layer, *pair in _twins(case, watch.end_state)}
    for layer, (one, other) in start.items():
        if now.get(layer) == [one, other]:
            notation = case.network.notation
            cause = _("{one} and {other} begin with the same weights and get the same gradients: they stay one unit")
            text = cause.format(one=notation.neuron(layer, one), other=notation.neuron(layer, other))
            return Found(value=1.0, threshold=0.0, place=layer, cause=text, iteration=-1)
    return None


def _spreads(sight: Sight, case: Case) -> list[tuple[Group, float]]:
    """std(net) of each dense or convolutional layer, in the order of the network."""
    kinds = {info.name: info.spec.kind for info in case.network.layers}
    return [
        (group, float(np.std(group.by_unit(sight.view, group.nets))))
        for group in case.groups
        if group.own and kinds[group.layer] in {"dense", "conv"}
    ]


@judge_of("init_large", SIGHT, has_targets)
def init_large(sight: Sight, limits: Limits) -> Found | None:
    """Net inputs that are far out, or grow from layer to layer, at the start."""
    case = sight.case
    if sight.iteration:
        return None
    for group in case.groups:
        name = group.row.name
        if name in {"sigmoid", "tanh"} and group.own:
            size = rms([sight.view.array(net) for net in group.nets])
            if limits[name] < size < math.inf:
                cause = _("net inputs of {layer} are {size:.3g} at the start (rms), where {activation} is flat")
                text = cause.format(layer=group.layer, size=size, activation=group.row.symbol)
                return Found(value=size, threshold=limits[name], place=group.layer, cause=text)
    spreads = _spreads(sight, case)
    if len(spreads) >= 3 and spreads[0][1] > 0:
        growth = spreads[-1][1] / spreads[0][1]
        if growth > limits["growth"] and math.isfinite(growth):
            cause = _("net inputs spread {growth:.3g} times as far in {last} as in {first}")
            text = cause.format(growth=growth, last=spreads[-1][0].layer, first=spreads[0][0].layer)
            return Found(value=growth, threshold=limits["growth"], place=spreads[-1][0].layer, cause=text)
    return None


@judge_of("init_small", SIGHT, has_targets)
def init_small(sight: Sight, limits: Limits) -> Found | None:
    """Net inputs that become ever smaller from layer to layer, at the start."""
    if sight.iteration:
        return None
    spreads = _spreads(sight, sight.case)
    if len(spreads) < 3 or sight.case.samples < 2 or not spreads[0][1] > 0:
        return None
    # What an activation takes away at its best is no matter of the weights: ¼ of σ.
    tax = math.prod(group.row.steepest or 1.0 for group, _spread in spreads[:-1])
    left = spreads[-1][1] / (spreads[0][1] * tax)
    limit = limits["deep" if len(spreads) >= _DEEP else "shallow"]
    if left >= limit:
        return None
    cause = _(
        "of the spread of the net inputs of {first}, {left:.2g} is left in {last}: little of the inputs gets there"
    )
    text = cause.format(first=spreads[0][0].layer, left=left, last=spreads[-1][0].layer)
    return Found(value=left, threshold=limit, place=spreads[-1][0].layer, cause=text)


@judge_of("start_loss", SIGHT, has_targets, has_samples)
def start_loss(sight: Sight, limits: Limits) -> Found | None:
    """A loss at the start that is worse than chance."""
    case = sight.case
    if sight.iteration:
        return None
    best = constant_loss(case)
    if not 0 < best < math.inf or not sight.loss > limits["ratio"] * best:
        return None
    ratio, place = sight.loss / best, case.outputs[0].layer.name
    cause = _("E is {loss:.4g} at the start, the best constant output has {best:.4g}")
    text = cause.format(loss=sight.loss, best=best)
    return Found(value=ratio, threshold=limits["ratio"], place=place, cause=text)
