"""The rules of a whole run: how E went, and what the network answers at its end."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.explaining.detectors.case import Case, Output
from retrograde.engine.explaining.detectors.data import constant_loss, has_classes, has_targets
from retrograde.engine.explaining.detectors.judging import SIGHT, WATCH, judge_of, to_the_end
from retrograde.engine.explaining.detectors.limits import Limits
from retrograde.engine.explaining.detectors.records import Found
from retrograde.engine.explaining.detectors.sight import Sight
from retrograde.engine.explaining.detectors.watch import Watch
from retrograde.engine.ops.dense import Dense
from retrograde.engine.text import _, per_cent

WINDOW = 10
"""Epochs that are compared."""

_ROW = 3
"""Epochs in a row, and moments, that have to agree."""


def has_epochs(case: Case) -> str | None:
    """Says that there are too few epochs."""
    least = WINDOW + 1
    return None if case.epochs >= least else _("fewer than {count} epochs").format(count=least)


def has_windows(case: Case) -> str | None:
    """Says that there are too few epochs to compare ten with ten."""
    least = 2 * WINDOW
    return None if case.epochs >= least else _("fewer than {count} epochs").format(count=least)


def has_held_out(case: Case) -> str | None:
    """Says that no samples are held out."""
    return None if case.network.held_columns is not None else _("no samples are held out ([held_out])")


def has_absolute_error(case: Case) -> str | None:
    """Says that slopes grow with the error."""
    absolute = any(output.loss.name == "mean_absolute_error" for output in case.outputs)
    return None if absolute else _("the loss is no absolute error")


def _end_of(case: Case, epoch: int) -> int:
    """The last iteration of an epoch, from 0."""
    return (epoch + 1) * case.per_epoch - 1


@judge_of("diverging", WATCH, has_targets)
def diverging(watch: Watch, limits: Limits) -> Found | None:
    """A loss that is far worse than it was, three epochs in a row."""
    epochs = watch.epochs
    if len(epochs) < _ROW or not epochs[0] > 0:
        return None
    best = np.fmin.accumulate(epochs)
    before = np.concatenate([epochs[:1], best[:-1]])
    bad = (epochs > limits["best"] * before) & (epochs > limits["start"] * epochs[0])
    held = 0
    for epoch, one in enumerate(bad.tolist()):
        held = held + 1 if one else 0
        if held == _ROW:
            first = epoch - _ROW + 1
            value = float(epochs[first] / before[first])
            cause = _("E of epoch {epoch} is {loss:.4g}, {value:.3g} times the best so far, and stays there")
            text = cause.format(epoch=first + 1, loss=float(epochs[first]), value=value)
            return Found(value=value, threshold=limits["best"], cause=text, iteration=_end_of(watch.case, first))
    return None


def _last_dense(sight: Sight, output: Output) -> Dense | None:
    name = f"net_{output.layer.name}"
    return next((op for op in sight.frame.program.ops if isinstance(op, Dense) and op.target.name == name), None)


def agreement(sight: Sight, output: Output) -> float:
    """‖Σ g_s‖ / Σ ‖g_s‖ of the weights of the last layer over the samples; NaN where it is no dense layer."""
    op = _last_dense(sight, output)
    delta: Array | None = None if op is None else sight.frame.program.named.get(f"grad({op.target.name})")
    if op is None or delta is None:
        return math.nan
    deltas: Floats = sight.frame.array(delta)
    reads: Floats = sight.frame.array(op.x).reshape(len(deltas), -1)
    whole = float(np.linalg.norm(deltas.T @ reads))
    parts = float((np.linalg.norm(deltas, axis=1) * np.linalg.norm(reads, axis=1)).sum())
    return whole / parts if parts > 0 else math.nan


@judge_of("cancelling", SIGHT, has_targets, has_absolute_error, choose=to_the_end)
def cancelling(sight: Sight, limits: Limits) -> Found | None:
    """Samples whose slopes of ±1 leave next to nothing together."""
    before = min(sight.first.loss, constant_loss(sight.case))
    if not sight.sound or not sight.loss > 0.9 * before or sight.case.samples < 2:
        return None
    for output in sight.case.outputs:
        if output.loss.name != "mean_absolute_error":
            continue
        found = agreement(sight, output)
        if found < limits["agreement"]:
            cause = _("the gradients of the samples at the weights of {layer} leave {share:.2g} of their size together")
            text = cause.format(layer=output.layer.name, share=found)
            return Found(value=found, threshold=limits["agreement"], place=output.layer.name, cause=text)
    return None


@judge_of("overfitting", WATCH, has_targets, has_held_out)
def overfitting(watch: Watch, limits: Limits) -> Found | None:
    """Held-out samples that become worse while the training samples become better."""
    seen = [sight for sight in watch.sights if math.isfinite(sight.held_out)]
    if len(seen) < 3:
        return None
    best = min(seen, key=lambda sight: sight.held_out)
    end = watch.case.timeline.held_out_loss(watch.end_state)
    if not (best.held_out > 0 and end > limits["ratio"] * best.held_out):
        return None
    if not watch.end_loss < limits["fallen"] * best.loss:
        return None
    cause = _(
        "E of the held-out samples was smallest, {best:.4g}, here and is {end:.4g} at the end; that of the"
        " training samples fell on from {before:.4g} to {after:.4g}"
    )
    text = cause.format(best=best.held_out, end=end, before=best.loss, after=watch.end_loss)
    return Found(value=end / best.held_out, threshold=limits["ratio"], cause=text, iteration=best.iteration)


@judge_of("oscillating", WATCH, has_targets, has_epochs)
def oscillating(watch: Watch, limits: Limits) -> Found | None:
    """A loss that goes up and down and gets nowhere."""
    epochs = watch.epochs
    if not epochs[0] > 0:
        return None
    for first in _turning(epochs, limits["signs"]):
        window = epochs[first : first + WINDOW + 1]
        changes = np.diff(window)
        mean = float(window.mean())
        swing = float(np.median(np.abs(changes))) / mean if mean > 0 else 0.0
        half = WINDOW // 2
        progress = float(window[-half:].mean()) < 0.9 * float(window[:half].mean())
        if swing > limits["swing"] and mean > 0.1 * epochs[0] and not progress:
            cause = _("E swings by {swing} of itself from epoch {first} on, up and down in turn")
            text = cause.format(swing=per_cent(swing), first=first + 1)
            return Found(
                value=swing,
                threshold=limits["swing"],
                cause=text,
                iteration=_end_of(watch.case, first),
                # It does no harm where E is halved all the same, before it or after.
                level=math.inf,
            )
    return None


def _turning(epochs: np.ndarray, share: float) -> Sequence[int]:
    """Where windows of finite losses begin of whose changes at least a share go the other way than the one before.

    All windows are looked at in one go: a run has as many as epochs, and few of them turn.
    """
    broken = np.flatnonzero(~np.isfinite(epochs))
    changes = np.diff(epochs[: int(broken[0])] if len(broken) else epochs)
    turns = changes[1:] * changes[:-1] < 0
    if len(turns) < WINDOW - 1:
        return ()
    shares = np.lib.stride_tricks.sliding_window_view(turns, WINDOW - 1).mean(axis=1)
    return [int(first) for first in np.flatnonzero(shares >= share)]


@judge_of("stuck", WATCH, has_targets, has_windows)
def stuck(watch: Watch, limits: Limits) -> Found | None:
    """A loss that does not move over twenty epochs."""
    epochs = watch.epochs
    if not (np.all(np.isfinite(epochs)) and epochs[0] > 0):
        return None
    sums = np.concatenate([[0.0], np.cumsum(epochs)])
    means = (sums[WINDOW:] - sums[:-WINDOW]) / WINDOW
    ratios = means[WINDOW:] / means[:-WINDOW]
    flat = (ratios > limits["progress"]) & (ratios < 1.0 / limits["progress"] ** WINDOW)
    held = np.flatnonzero(flat & (means[WINDOW:] > limits["floor"] * epochs[0]))
    if not len(held):
        return None
    first = int(held[0])
    here = float(means[first + WINDOW])
    ended = np.flatnonzero(epochs[first + 2 * WINDOW :] < 0.5 * here)
    if len(ended):
        end = first + 2 * WINDOW + int(ended[0]) + 1
        cause = _("a plateau at E = {loss:.4g} from epoch {first} on; E has halved in epoch {end}")
        text = cause.format(loss=here, first=first + 1, end=end)
    else:
        cause = _("E stays at {loss:.4g} from epoch {first} on")
        text = cause.format(loss=here, first=first + 1)
    return Found(
        value=float(ratios[first]), threshold=limits["progress"], cause=text, iteration=_end_of(watch.case, first)
    )


@judge_of("same_output", SIGHT, has_targets, has_epochs, choose=to_the_end)
def same_output(sight: Sight, limits: Limits) -> Found | None:
    """Outputs that do not depend on the sample."""
    case = sight.case
    if sight.iteration < WINDOW * case.per_epoch or case.samples < 2 or not sight.learning:
        return None
    for output in case.outputs:
        arrays = [group.outs for group in case.groups if group.layer == output.layer.name and group.own]
        if not arrays or len(arrays[0]) != 1:
            continue
        outs = sight.view.array(arrays[0][0]).reshape(case.samples, -1)
        wanted = float((output.targets.max(axis=0) - output.targets.min(axis=0)).max())
        found = float((outs.max(axis=0) - outs.min(axis=0)).max())
        if wanted > 0 and found < limits["range"] * wanted:
            cause = _("the outputs of {layer} differ by {found:.2g} over all samples, the targets by {wanted:.3g}")
            text = cause.format(layer=output.layer.name, found=found, wanted=wanted)
            return Found(value=found / wanted, threshold=limits["range"], place=output.layer.name, cause=text)
    return None


@judge_of("class_ignored", WATCH, has_classes, has_epochs)
def class_ignored(watch: Watch, _limits: Limits) -> Found | None:
    """A class that occurs and is predicted for no sample."""
    case = watch.case
    if not watch.end_share > 0.1:
        return None
    frame = case.evaluated(watch.end_state)
    for output in case.outputs:
        classes = output.classes
        name = f"out_{output.layer.name}"
        if classes is None or output.layer.form.steps or name not in frame.program.named:
            continue
        width = output.layer.form.shape[-1]
        outs = frame.array(frame.program.named[name]).reshape(-1, width)
        middle = 0.5 if output.activation == "sigmoid" else 0.0
        said = (outs[:, 0] > middle).astype(float) if width == 1 else outs.argmax(axis=1)
        missing = sorted(set(np.unique(classes).tolist()) - set(np.unique(said).tolist()))
        if missing and len(np.unique(classes)) > 1:
            cause = _("class {name} occurs {count} times and is predicted for no sample")
            text = cause.format(
                name=case.network.dataset.label(int(missing[0])), count=int(np.sum(classes == missing[0]))
            )
            return Found(
                value=float(len(missing)), threshold=0.0, place=output.layer.name, cause=text, iteration=watch.last
            )
    return None
