"""The rules of the learning rate: the size of the updates, and the curvature that bounds it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from retrograde.engine.explaining.curvature import Curvature, curvature, growth_after
from retrograde.engine.explaining.detectors.case import Case
from retrograde.engine.explaining.detectors.data import has_targets
from retrograde.engine.explaining.detectors.gradients import has_trained
from retrograde.engine.explaining.detectors.judging import CASE, SIGHT, WATCH, judge_of
from retrograde.engine.explaining.detectors.limits import Limits
from retrograde.engine.explaining.detectors.records import Found
from retrograde.engine.explaining.detectors.sight import Sight
from retrograde.engine.explaining.detectors.watch import Watch
from retrograde.engine.text import _

HEALTHY = 1e-3
"""By how much of their size weights change in a healthy update."""

_MOST_PARAMETERS = 20_000
_LOOKS = 4
"""Moments at which the curvature is measured."""

_WORSE = 2.0
"""By how much E has to become worse."""


def has_plain_steps(case: Case) -> str | None:
    """Says that the curvature alone does not bound the learning rate."""
    training = case.network.scenario.training
    if training.optimizer != "sgd":
        return _("the bound 2 / λmax is that of sgd, and this is {name}").format(name=training.optimizer)
    if training.schedule is not None or training.update == "in_place" or training.lr_decay:
        return _("the learning rate changes")
    if training.clip_norm is not None or training.clip_value is not None:
        return _("gradients are clipped")
    if any(
        layer.learning_rate is not None or layer.rate_factor is not None
        for layer in case.network.scenario.network.layers
    ):
        return _("layers have learning rates of their own")
    return None


def has_small_size(case: Case) -> str | None:
    """Says that the network is too large to measure its curvature along the way."""
    size = sum(array.size for array in case.network.trainable)
    return None if size <= _MOST_PARAMETERS else _("too many parameters to measure the curvature")


@judge_of("lr_sign", CASE, has_trained)
def lr_sign(case: Case, _limits: Limits) -> Found | None:
    """A learning rate that climbs."""
    rate = float(case.timeline.constants[case.network.rate])
    if rate >= 0:
        return None
    cause = _("η is {rate:g}: every update makes E larger").format(rate=rate)
    return Found(value=rate, threshold=0.0, cause=cause, edit=(("lr", -rate),))


def _enough(found: Sequence[Found | None], _moments: int) -> int | None:
    """The first of two large updates, or of one huge one."""
    there = [at for at, one in enumerate(found) if one is not None]
    huge = next((at for at in there if (one := found[at]) is not None and one.confirms), None)
    twice = [at for at in there if at > 0]
    if len(twice) >= 2:
        return twice[0] if huge is None else min(huge, twice[0])
    return huge


@judge_of("lr_large", SIGHT, has_trained, choose=_enough)
def lr_large(sight: Sight, limits: Limits) -> Found | None:
    """Updates that are larger than the weights."""
    if not sight.sound or not sight.updates:
        return None
    layer, size = max(sight.updates.items(), key=lambda one: one[1])
    # Of sgd the first gradient is as large as the start is wrong; the others make their first step as large as any.
    scaled = sight.case.network.scenario.training.optimizer != "sgd"
    first, once = sight.iteration == 0, size > limits["once"]
    limit = limits["first" if first else "again"]
    if not (once or (size > limit and (scaled or not first))):
        return None
    rate = sight.rate
    # What a step has blown up is no measure of the rate: the smaller of the two.
    lower = float(f"{rate * 0.01 / min(size, max(sight.first.updates.values(), default=size)):.1g}")
    cause = _("the update of {layer} is {size:.3g} times its weights").format(layer=layer, size=size)
    advice = _("lower the learning rate: {rate:g} → {lower:g} would make it 0.01 times")
    return Found(
        value=size,
        threshold=limits["once"] if once else limit,
        place=layer,
        cause=cause,
        advice=advice.format(rate=rate, lower=lower),
        edit=(("lr", lower),),
        confirms=once or first,
    )


@judge_of("lr_small", WATCH, has_targets, has_trained)
def lr_small(watch: Watch, limits: Limits) -> Found | None:
    """Updates that hardly move anything though there is a gradient."""
    small = [
        sight
        for sight in watch.sights
        if sight.updates and sight.learning and sight.norm > 1e-7 and max(sight.updates.values()) < limits["update"]
    ]
    if len(watch.sights) < 2 or len(small) < limits["share"] * len(watch.sights):
        return None
    first = small[0]
    size = max(first.updates.values())
    rate = first.rate
    if not size > 0:
        return None
    raised = float(f"{rate * HEALTHY / size:.1g}")
    cause = _("the largest update is {size:.2g} of the weights, though the gradient is ordinary ({norm:.3g})")
    advice = _("raise the learning rate: {rate:g} → {raised:g} would make it 0.001")
    return Found(
        value=size,
        threshold=limits["update"],
        cause=cause.format(size=size, norm=first.norm),
        iteration=first.iteration,
        advice=advice.format(rate=rate, raised=raised),
        edit=(("lr", raised),),
    )


def _troubled(watch: Watch) -> bool:
    """Whether E has ever become much worse than it was at the start, so that it is worth measuring why."""
    usual = max(float(watch.losses[0]), float(np.median(watch.losses[: watch.case.per_epoch])))
    return not bool(np.all(watch.losses <= _WORSE * usual))


@judge_of("lr_curvature", WATCH, has_targets, has_trained, has_plain_steps, has_small_size)
def lr_curvature(watch: Watch, limits: Limits) -> Found | None:
    """A rate above what the curvature bears, with an update that grows as the curvature says."""
    if not len(watch.losses) or not _troubled(watch):
        return None
    case = watch.case
    training = case.network.scenario.training
    momentum = float(training.momentum or 0.0)
    bound = limits["limit"] * (1.0 + momentum)
    for sight in watch.sights[:_LOOKS]:
        if not sight.sound:
            break
        found = curvature(case.timeline, sight.iteration)
        if found is None or not sight.rate * (found.largest - found.error) > bound:
            continue
        measured = growth_after(case.timeline, sight.iteration, found)
        predicted = found.growth(sight.rate)
        if momentum == 0.0 and not abs(measured / predicted - 1.0) <= limits["agreement"]:
            continue
        return _proved(watch, sight, found, predicted, measured, bound)
    return None


def _proved(watch: Watch, sight: Sight, found: Curvature, predicted: float, measured: float, bound: float) -> Found:
    """What a measured curvature says."""
    case = watch.case
    rate = sight.rate
    most = bound / found.largest
    lower = float(f"{most / 2:.1g}")
    cause = _(
        "λmax is {largest:.6g}, so η must stay below {most:.4g}, and it is {rate:g}: each update multiplies the"
        " error along its direction by |1 − ηλ| = {predicted:.4f}, measured {measured:.4f}"
    )
    text = cause.format(largest=found.largest, most=most, rate=rate, predicted=abs(predicted), measured=abs(measured))
    advice = _("lower the learning rate below {most:.3g}").format(most=most)
    summed = any(output.table.over_batch == "sum" for output in case.outputs)
    batch = case.timeline.schedule.full.batch
    if summed and rate < most * batch:
        more = _("or take the mean over the samples (loss.over_batch), with which the bound is {mean:.3g}")
        advice += "; " + more.format(mean=most * batch)
    return Found(
        value=rate * found.largest,
        threshold=bound,
        cause=text,
        iteration=sight.iteration,
        level=sight.loss,
        advice=advice,
        edit=(("lr", lower),) if math.isfinite(lower) else (),
    )
