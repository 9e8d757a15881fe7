"""The doctor of a recording: the rules that a single step can break, judged by what was recorded.

What a run shows over many moments, and what needs the samples one by one, is said to be not judged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from retrograde.engine.equations.ailments import AILMENTS
from retrograde.engine.equations.array import Phase, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.detectors.limits import Limits
from retrograde.engine.explaining.detectors.records import Alert, Diagnosis
from retrograde.engine.explaining.flow import FlowRow
from retrograde.engine.network.program import Place
from retrograde.engine.recording.flow import recorded_flow
from retrograde.engine.recording.recording import Recording
from retrograde.engine.text import _, joined

_RECTIFYING = frozenset({"relu", "threshold", "hardtanh", "clamp_min"})


def diagnose_recording(recording: Recording, limits: Mapping[str, Limits]) -> Diagnosis:
    """What is wrong with a recorded step.

    Args:
        recording: the recording.
        limits: the limits of each rule.
    """
    step = _Step(recording)
    alerts = [alert for name in AILMENTS if name in _RULES for alert in _RULES[name](step, limits[name])]
    alarms = [alert for alert in alerts if not alert.note]
    notes = [alert for alert in alerts if alert.note]
    reason = _("one step does not tell")
    return Diagnosis(
        headline=alarms[0] if alarms else None,
        alerts=(*alarms, *notes),
        not_judged={name: reason for name in AILMENTS if name not in _RULES},
        iterations=1,
        moments=1,
    )


class _Step:
    """What the rules look at."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.rows: tuple[FlowRow, ...] = recorded_flow(recording.recorded)
        self.learning = [row for row in self.rows if row.gradient is not None and math.isfinite(row.gradient)]

    def first_step(self, name: str) -> int | None:
        """The first step of an array, from 1."""
        array = self.recording.program.named.get(name)
        made = None if array is None else self.recording.program.produced(Ref(array, (0,) * len(array.shape)))
        return None if made is None else made + 1

    def gradient_of(self, path: str) -> int | None:
        """The first step that makes a gradient of a parameter of a module."""
        found = (self.first_step(f"grad({one.name})") for one in self.recording.recorded.arrays if one.layer == path)
        return min((number for number in found if number is not None), default=None)

    def alert(
        self, rule: str, cause: str, *, value: float, threshold: float, place: str, step: int | None, note: bool = False
    ) -> Alert:
        """A rule that has fired."""
        return Alert(
            rule=rule,
            iteration=0,
            address="start" if step is None else _("step {number}").format(number=step),
            value=value,
            threshold=threshold,
            cause=cause,
            advice=_(AILMENTS[rule].advice),
            note=note,
            place=place,
            step=step,
        )


def _not_finite(step: _Step, rule: str, *, loss_alone: bool) -> Iterator[Alert]:
    recording = step.recording
    broken = recording.broken
    if broken is None or (bool(broken.reached) is loss_alone):
        return
    op = recording.op(broken.op)
    symbol = recording.notation.symbol(recording.program.target(Place(broken.op, None, broken.element)))
    cause = _("{name} is {value}").format(name=symbol, value=broken.value)
    if broken.origin is not None:
        reads = joined(
            (
                f"{recording.notation.symbol(ref)} = {recording.frame.value(ref):.6g}"
                for ref in broken.origin.operands[:3]
            ),
            ", ",
        )
        cause = _("{name} is {value}: {what}").format(
            name=symbol, value=broken.value, what=_(str(broken.origin.breakdown))
        )
        cause = f"{cause} ({reads})" if reads else cause
    number = recording.program.number(Place(broken.op, None, broken.element)) + 1
    yield step.alert(rule, cause, value=broken.value, threshold=math.inf, place=op.call.module, step=number)


def _exploding(step: _Step, limits: Limits) -> Iterator[Alert]:
    sizes = step.learning
    if len(sizes) < 2:
        return
    near, far = sizes[0].gradient or 0.0, sizes[-1].gradient or 0.0
    if near > 1.0 and near > limits["layers"] * far > 0:
        cause = _("the gradient of {first} is {ratio:.3g} times that of {last}: it grows on its way back")
        text = cause.format(first=sizes[0].name, ratio=near / far, last=sizes[-1].name)
        yield step.alert(
            "exploding",
            text,
            value=near / far,
            threshold=limits["layers"],
            place=sizes[0].name,
            step=step.gradient_of(sizes[0].layer),
        )


def _vanishing(step: _Step, limits: Limits) -> Iterator[Alert]:
    sizes = step.learning
    if len(sizes) < 2:
        return
    first, later = sizes[0], max(sizes[1:], key=lambda row: row.gradient or 0.0)
    small, large = first.gradient or 0.0, later.gradient or 0.0
    if large > 0 and small < limits["ratio"] * large:
        cause = _("the gradient of {first} is {ratio:.2g} of that of {last}")
        text = cause.format(first=first.name, ratio=small / large, last=later.name)
        # One small gradient may be chance.
        yield step.alert(
            "vanishing",
            text,
            value=small / large,
            threshold=limits["ratio"],
            place=first.name,
            step=step.gradient_of(first.layer),
            note=True,
        )


def _no_gradient(step: _Step, _limits: Limits) -> Iterator[Alert]:
    sizes = step.learning
    if sizes and all(row.gradient == 0.0 for row in sizes):
        cause = _("the gradient of every weight is exactly 0")
        number = step.gradient_of(sizes[-1].layer)
        yield step.alert("no_gradient", cause, value=0.0, threshold=0.0, place="", step=number)


def _unchanged(step: _Step, _limits: Limits) -> Iterator[Alert]:
    moved = [row for row in step.learning if row.update is not None]
    if moved and all(row.update == 0.0 for row in moved) and any(row.gradient for row in moved):
        cause = _("no weight changes, though there are gradients")
        yield step.alert("unchanged", cause, value=0.0, threshold=0.0, place="", step=None)


def _large_update(step: _Step, limits: Limits) -> Iterator[Alert]:
    moved = [row for row in step.rows if row.update is not None and math.isfinite(row.update)]
    worst = max(moved, key=lambda row: row.update or 0.0, default=None)
    if worst is None or not (worst.update or 0.0) > limits["once"]:
        return
    cause = _("the update of {layer} is {ratio:.3g} times its weights").format(layer=worst.name, ratio=worst.update)
    weights = (one.name for one in step.recording.recorded.arrays if one.layer == worst.layer)
    found = (step.first_step(f"new({name})") for name in weights)
    number = min((one for one in found if one is not None), default=None)
    yield step.alert(
        "lr_large", cause, value=worst.update or 0.0, threshold=limits["once"], place=worst.name, step=number
    )


def _dead(step: _Step, _limits: Limits) -> Iterator[Alert]:
    recording = step.recording
    for number, op in enumerate(recording.program.ops):
        known = recording.recorded.has_values(op.target) and op.target.size
        if op.phase is not Phase.FORWARD or not known or op.title not in _RECTIFYING or op.target.role is not Role.OUT:
            continue
        if not bool(np.any(recording.frame.array(op.target))):
            cause = _("all {count} values of {name} are 0: nothing comes back through it")
            text = cause.format(count=f"{op.target.size:,}", name=op.target.name)
            first = recording.program.number_of_first(number) + 1
            yield step.alert("dead_relu", text, value=1.0, threshold=1.0, place=op.layer or op.title, step=first)


_RULES: Mapping[str, Callable[[_Step, Limits], Iterator[Alert]]] = {
    "nonfinite": lambda step, _limits: _not_finite(step, "nonfinite", loss_alone=False),
    "loss_nonfinite": lambda step, _limits: _not_finite(step, "loss_nonfinite", loss_alone=True),
    "exploding": _exploding,
    "vanishing": _vanishing,
    "no_gradient": _no_gradient,
    "unchanged": _unchanged,
    "lr_large": _large_update,
    "dead_relu": _dead,
}
"""THE rules that one step can break, by the rows of the table of ailments."""
