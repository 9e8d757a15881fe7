"""The rules of one iteration's gradients: exploding, vanishing, none, not finite, and through time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.explaining.detectors.case import Case
from retrograde.engine.explaining.detectors.data import has_targets
from retrograde.engine.explaining.detectors.judging import SIGHT, judge_of
from retrograde.engine.explaining.detectors.limits import Limits
from retrograde.engine.explaining.detectors.records import Found
from retrograde.engine.explaining.detectors.sight import Sight, rms
from retrograde.engine.explaining.nonfinite import origin, wanted
from retrograde.engine.network.frame import Frame
from retrograde.engine.text import _, joined

_LONG = 5
"""Time steps from which on growth through time tells something."""


def has_trained(case: Case) -> str | None:
    """Says that nothing is trained."""
    return None if case.weighed else _("no trained weights")


def has_layers(case: Case) -> str | None:
    """Says that there are too few layers to compare."""
    return None if len(case.weighed) >= 2 else _("fewer than 2 layers with trained weights")


def has_time(case: Case) -> str | None:
    """Says that no layer goes through enough time."""
    long = any(series for series in _series(case))
    return None if long else _("no recurrent layer of {steps} time steps or more").format(steps=_LONG)


@judge_of("exploding", SIGHT, has_trained)
def exploding(sight: Sight, limits: Limits) -> Found | None:
    """A gradient that is huge, or grows towards the inputs."""
    if not sight.sound:
        return None
    norm, start = sight.norm, sight.first.norm
    if norm > limits["growth"] * max(1.0, start):
        cause = _("the norm of the gradient is {norm:.3g}; at the start it was {start:.3g}")
        text = cause.format(norm=norm, start=start)
        return Found(value=norm / max(1.0, start), threshold=limits["growth"], cause=text)
    found = [*sight.gradients.items()]
    if len(found) >= 2:
        (first, near), (last, far) = found[0], found[-1]
        if near > 1.0 and near > limits["layers"] * far > 0:
            cause = _("the gradient of {first} is {ratio:.3g} times that of {last}: it grows on its way back")
            text = cause.format(first=first, ratio=near / far, last=last)
            return Found(value=near / far, threshold=limits["layers"], place=first, cause=text)
    return None


@judge_of("nonfinite", SIGHT)
def nonfinite(sight: Sight, _limits: Limits) -> Found | None:
    """A gradient or a new weight that is not finite."""
    if sight.sound or _loss_alone(sight.frame):
        return None
    return _origin_of(sight)


@judge_of("loss_nonfinite", SIGHT, has_targets)
def loss_nonfinite(sight: Sight, _limits: Limits) -> Found | None:
    """A loss that is not finite though its gradients are."""
    return _origin_of(sight) if not sight.sound and _loss_alone(sight.frame) else None


def _loss_alone(frame: Frame) -> bool:
    """Whether all gradients and new parameters are finite."""
    backward = {Role.LOSS, Role.TOTAL}
    return all(bool(np.isfinite(frame.array(one)).all()) for one in wanted(frame.program) if one.role not in backward)


def _origin_of(sight: Sight) -> Found:
    """Where what is not finite began."""
    began = origin(sight.frame)
    assert began is not None
    notation = sight.case.network.notation
    reads = joined((f"{notation.symbol(ref)} = {sight.frame.value(ref):.6g}" for ref in began.operands[:3]), ", ")
    cause = _("{name} is {value}: {what}").format(
        name=notation.symbol(began.ref), value=began.value, what=str(began.breakdown)
    )
    text = f"{cause} ({reads})" if reads else cause
    return Found(value=began.value, threshold=math.inf, place=began.ref.array.layer, cause=text)


def _tax(case: Case) -> float:
    """The product of the largest slopes of the hidden layers behind the first one: what depth alone takes away."""
    hidden = [group for group in case.groups if group.own and not group.last][1:]
    return math.prod(group.row.steepest for group in hidden if group.row.steepest is not None)


@judge_of("vanishing", SIGHT, has_targets, has_layers)
def vanishing(sight: Sight, limits: Limits) -> Found | None:
    """A gradient of the first layer that is small beside later ones."""
    if not sight.sound or not sight.learning:
        return None
    found = [*sight.gradients.items()]
    if len(found) < 2:
        return None
    (first, near), later = found[0], max(found[1:], key=lambda one: one[1])
    if not (later[1] > 0 and near < limits["ratio"] * later[1]):
        return None
    ratio = near / later[1]
    cause = _("the gradient of {first} is {ratio:.2g} of that of {last}").format(
        first=first, ratio=ratio, last=later[0]
    )
    tax = _tax(sight.case)
    if tax >= limits["ratio"]:
        return Found(value=ratio, threshold=limits["ratio"], place=first, cause=cause)
    factor = tax ** (1.0 / max(1, len(found) - 2))
    text = _("the slopes of the layers between, at most {factor:.2g} each, take away a factor of {tax:.2g} at least")
    return Found(
        value=ratio,
        threshold=limits["ratio"],
        place=first,
        cause=joined((cause, text.format(factor=factor, tax=1.0 / tax)), ": "),
        # No scale of the inputs or weights undoes what depth alone takes away.
        ahead_of="inputs_unscaled",
        always=True,
    )


@judge_of("no_gradient", SIGHT, has_targets, has_trained)
def no_gradient(sight: Sight, limits: Limits) -> Found | None:
    """A gradient that is as good as 0 though E is not."""
    if not sight.sound or not (sight.share > 0.05 and sight.loss > 1e-6) or not sight.norm < limits["norm"]:
        return None
    if not sight.stalled:
        return None
    cause = _("the norm of the gradient is {norm:.3g}, though E is {loss:.4g}").format(norm=sight.norm, loss=sight.loss)
    return Found(value=sight.norm, threshold=limits["norm"], cause=cause)


@judge_of("unchanged", SIGHT, has_targets, has_trained)
def unchanged(sight: Sight, _limits: Limits) -> Found | None:
    """Weights that are the same after the update, bit for bit."""
    if not sight.sound or not sight.share > 0.05 or sight.changed:
        return None
    if sight.norm < 1e-7 and not sight.stalled:
        return None
    size = max(sight.gradients.values(), default=0.0)
    why = _("their gradient is 0") if size == 0.0 else _("their gradient is {size:.3g}").format(size=size)
    cause = _("no weight changes: {why}, and η is {rate:g}")
    return Found(value=0.0, threshold=0.0, cause=cause.format(why=why, rate=sight.rate))


def _series(case: Case) -> Iterator[list[Array]]:
    """The gradients of the outputs of each recurrent layer, the first time step first."""
    program = case.timeline.schedule.full
    found: dict[str, dict[int, Array]] = {}
    for array in program.arrays:
        of = array.of
        if array.role is Role.GRADIENT and of is not None and of.role is Role.OUT and of.time is not None:
            found.setdefault(of.layer, {})[of.time] = array
    kinds = {info.name: info.spec.sequential for info in case.network.layers}
    for layer, by_time in found.items():
        if kinds.get(layer) and len(by_time) >= _LONG:
            yield [by_time[time] for time in sorted(by_time)]


def _growths(sight: Sight) -> Iterator[tuple[str, float]]:
    """By what the gradient of each recurrent layer is multiplied on each step back in time."""
    for series in _series(sight.case):
        named = sight.frame.program.named
        first, last = (rms([sight.frame.array(named[series[at].name])]) for at in (0, -1))
        if first > 0 and last > 0 and math.isfinite(first) and math.isfinite(last):
            yield series[0].layer, (first / last) ** (1.0 / (len(series) - 1))


@judge_of("through_time_explodes", SIGHT, has_time)
def through_time_explodes(sight: Sight, limits: Limits) -> Found | None:
    """A gradient that grows on each step back in time."""
    if not sight.sound:
        return None
    for layer, factor in _growths(sight):
        if factor > limits["factor"]:
            cause = _("each step back in time multiplies the gradient of {layer} by {factor:.3g}")
            text = cause.format(layer=layer, factor=factor)
            # At the start it is what makes updates large; later they may have made it.
            ahead = "lr_curvature" if sight.iteration == 0 else ""
            return Found(value=factor, threshold=limits["factor"], place=layer, cause=text, ahead_of=ahead)
    return None


@judge_of("through_time_forgets", SIGHT, has_targets, has_time)
def through_time_forgets(sight: Sight, limits: Limits) -> Found | None:
    """A gradient that fades on each step back in time."""
    if not sight.sound or not sight.learning:
        return None
    for layer, factor in _growths(sight):
        if factor < limits["factor"]:
            cause = _("each step back in time multiplies the gradient of {layer} by {factor:.2g}")
            text = cause.format(layer=layer, factor=factor)
            return Found(value=factor, threshold=limits["factor"], place=layer, cause=text)
    return None
