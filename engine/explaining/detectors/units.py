"""The rules of units, judged over all data: dead, saturated."""

from __future__ import annotations

import numpy as np

from retrograde.engine.explaining.detectors.case import Case, Group
from retrograde.engine.explaining.detectors.data import has_targets
from retrograde.engine.explaining.detectors.judging import SIGHT, judge_of
from retrograde.engine.explaining.detectors.limits import Limits
from retrograde.engine.explaining.detectors.records import Found
from retrograde.engine.explaining.detectors.sight import Sight
from retrograde.engine.text import _, per_cent


def has_rectifiers(case: Case) -> str | None:
    """Says that no hidden unit can be silent."""
    return None if any(_rectifies(group) for group in case.groups) else _("no hidden ReLU")


def _rectifies(group: Group) -> bool:
    """Whether units of a hidden layer can be silent: their slope is 0 over a whole range."""
    return not group.last and bool(group.slopes) and group.row.name in _RECTIFIERS


_RECTIFIERS = frozenset({"relu", "relu6", "hard_tanh", "hard_sigmoid", "hard_swish"})


def has_curves(case: Case) -> str | None:
    """Says that no unit can saturate."""
    curved = any(group.row.steepest is not None for group in case.groups)
    return None if curved else _("no σ or tanh")


@judge_of("dead_relu", SIGHT, has_rectifiers)
def dead_relu(sight: Sight, limits: Limits) -> Found | None:
    """A hidden layer of which many units are silent for every sample."""
    worst: Found | None = None
    for group in sight.case.groups:
        if not _rectifies(group):
            continue
        silent = np.all(group.by_unit(sight.view, group.slopes) == 0, axis=0)
        share = float(silent.mean())
        if share > limits["share"] and (worst is None or share > worst.value):
            cause = _("{count} of {all} units of {layer} have slope 0 for all {samples} samples")
            text = cause.format(count=int(silent.sum()), all=len(silent), layer=group.name, samples=sight.case.samples)
            # All silent from the start: what is behind varies little since nothing gets through.
            ahead = "init_small" if sight.iteration == 0 and share == 1.0 else ""
            worst = Found(value=share, threshold=limits["share"], place=group.layer, cause=text, ahead_of=ahead)
    return worst


@judge_of("dead_output", SIGHT, has_targets)
def dead_output(sight: Sight, _limits: Limits) -> Found | None:
    """An output whose slope is 0 for every sample."""
    if not sight.sound or not sight.learning:
        return None
    for group in sight.case.groups:
        if not (group.last and group.slopes):
            continue
        dead = np.flatnonzero(np.all(group.by_unit(sight.view, group.slopes) == 0, axis=0))
        if len(dead):
            name = sight.case.network.notation.neuron(group.layer, int(dead[0]))
            cause = _("the slope at {name} is 0 for all {samples} samples: nothing goes back through it")
            text = cause.format(name=name, samples=sight.case.samples)
            return Found(value=float(len(dead)), threshold=0.0, place=name, cause=text)
    return None


@judge_of("saturated", SIGHT, has_targets, has_curves)
def saturated(sight: Sight, limits: Limits) -> Found | None:
    """A layer of which most units are flat for most samples."""
    if not sight.sound or not sight.learning:
        return None
    for group in sight.case.groups:
        top = group.row.steepest
        if top is None:
            continue
        slopes = group.by_unit(sight.view, group.slopes) / top
        if group.last and (found := _wrong(sight, group, limits)) is not None:
            return found
        if group.last and not sight.share > 0.5:
            continue
        share = float(np.mean(slopes < limits["slope"]))
        if share >= limits["share"]:
            cause = _("{share} of the slopes of {layer} are below {slope:.2g} of the largest of {activation}")
            text = cause.format(
                share=per_cent(share), layer=group.name, slope=limits["slope"], activation=group.row.symbol
            )
            return Found(value=share, threshold=limits["share"], place=group.layer, cause=text)
    return None


def _wrong(sight: Sight, group: Group, limits: Limits) -> Found | None:
    """Outputs that are far off and yet flat, where no logarithm in the loss undoes the slope."""
    output = next((one for one in sight.case.outputs if one.layer.name == group.layer), None)
    if output is None or "cross_entropy" in output.loss.name or len(group.outs) != 1:
        return None
    low, high = group.row.bounds
    outs = sight.view.array(group.outs[0]).reshape(len(output.targets), -1)
    slopes = sight.view.array(group.slopes[0]).reshape(len(output.targets), -1) / (group.row.steepest or 1.0)
    off = np.abs(outs - output.targets) > 0.5 * (high - low)
    share = float(np.mean(off & (slopes < limits["wrong"])))
    if share < limits["share"]:
        return None
    cause = _("{share} of the outputs of {layer} are wrong by more than half the range of {activation}, and flat")
    text = cause.format(share=per_cent(share), layer=group.layer, activation=group.row.symbol)
    return Found(value=share, threshold=limits["share"], place=group.layer, cause=text)
