"""The rules of the data and of how the loss looks at the outputs, which hold before anything runs."""

from __future__ import annotations

import math

import numpy as np

from retrograde.engine.equations.activation_table import JOINING, SOFTMAX
from retrograde.engine.explaining.detectors.case import Case, Output
from retrograde.engine.explaining.detectors.judging import CASE, judge_of
from retrograde.engine.explaining.detectors.limits import Limits
from retrograde.engine.explaining.detectors.records import Found
from retrograde.engine.layers.batch_norm import BatchNormLayer
from retrograde.engine.layers.embedding import EmbeddingLayer
from retrograde.engine.layers.group_norm import GroupNormLayer, InstanceNormLayer
from retrograde.engine.layers.layer_norm import LayerNormLayer
from retrograde.engine.layers.rms_norm import RmsNormLayer
from retrograde.engine.scenario.rules.pairs import bounds
from retrograde.engine.text import _, joined, per_cent

_NORMALISED = (BatchNormLayer, LayerNormLayer, RmsNormLayer, GroupNormLayer, InstanceNormLayer, EmbeddingLayer)
_JOINED = frozenset(row.name for row in JOINING)
_SQUARED = frozenset({"half_squared_error", "squared_error", "mean_squared_error"})
_DISTANCES = _SQUARED | {"mean_absolute_error", "huber"}
"""Losses that go by how far an output is off."""


def has_targets(case: Case) -> str | None:
    """Says that there is nothing to compare outputs with."""
    return None if case.outputs else _("no targets")


def has_inputs(case: Case) -> str | None:
    """Says that there are no inputs that are numbers."""
    if not case.network.inputs:
        return _("no inputs")
    if case.network.scenario.vocabulary is not None:
        return _("inputs are indices")
    return None


def has_samples(case: Case) -> str | None:
    """Says that there are too few samples to compare."""
    return None if case.samples >= 3 else _("fewer than 3 samples")


def has_classes(case: Case) -> str | None:
    """Says that the targets are no classes."""
    return None if any(output.classes is not None for output in case.outputs) else _("no classes")


@judge_of("constant_output", CASE)
def constant_output(case: Case, _limits: Limits) -> Found | None:
    """Softmax over one unit."""
    for info in case.network.layers:
        if info.activation in _JOINED and info.form.shape[-1:] == (1,):
            cause = _("{layer} is a {kind} over one unit: it is {value} whatever the weights are, and its slope is 0")
            value = 1 if info.activation == SOFTMAX.name else 0
            text = cause.format(layer=info.name, kind=info.activation, value=value)
            return Found(value=1.0, threshold=2.0, place=info.name, cause=text)
    return None


@judge_of("target_range", CASE, has_targets)
def target_range(case: Case, _limits: Limits) -> Found | None:
    """Targets that the last activation never reaches."""
    for output in case.outputs:
        chances = output.loss.targets in {"probabilities", "distributions"}
        reach = (0.0, 1.0) if chances else bounds(output.activation) if output.loss.targets == "numbers" else None
        if reach is None:
            continue
        (low, high), least, most = reach, float(output.targets.min()), float(output.targets.max())
        if low <= least and most <= high:
            continue
        value, bound = (most, high) if most - high >= low - least else (least, low)
        outside = float(np.mean((output.targets < low) | (output.targets > high)))
        cause = _("targets go from {least:g} to {most:g}, {what} only from {low:g} to {high:g}")
        what = output.loss.title if chances else output.activation
        text = cause.format(least=least, most=most, what=what, low=low, high=high)
        share = _("{share} of them are out of reach").format(share=per_cent(outside))
        return Found(value=value, threshold=bound, place=output.layer.name, cause=joined((text, share), ": "))
    return None


@judge_of("inputs_unscaled", CASE, has_inputs)
def inputs_unscaled(case: Case, limits: Limits) -> Found | None:
    """Inputs that are large and spread, spread unlike, or far from 0."""
    readers = case.first_layers
    if readers and all(isinstance(info.spec, _NORMALISED) for info in readers):
        return None
    inputs = case.network.columns[0]
    largest = float(np.abs(inputs).max())
    if not math.isfinite(largest) or largest <= limits["size"]:
        return None
    spread = float(inputs.std())
    deviations = inputs.std(axis=0)
    varied = deviations[deviations > 0]
    head = _("inputs go from {least:g} to {most:g}").format(least=float(inputs.min()), most=float(inputs.max()))
    scales = float(varied.max() / varied.min()) if len(varied) else 1.0
    means = np.abs(inputs.mean(axis=0)[deviations > 0])
    offset = float((means / varied).max()) if len(varied) else 0.0
    if case.samples > 1 and offset > limits["offset"]:
        text = _("a column's mean is {offset:.3g} times its spread away from 0, which acts like one huge bias")
        return Found(
            value=offset, threshold=limits["offset"], place="i", cause=joined((head, text.format(offset=offset)), ": ")
        )
    if scales > limits["ratio"]:
        text = _("the widest column spreads {ratio:.3g} times as far as the narrowest").format(ratio=scales)
        return Found(value=scales, threshold=limits["ratio"], place="i", cause=joined((head, text), ": "))
    if spread > limits["spread"]:
        text = _("{activation} is flat from a net input of 10 on, and steps go with the square of the inputs")
        flat = readers[0].activation if readers else "σ"
        return Found(
            value=largest, threshold=limits["size"], place="i", cause=joined((head, text.format(activation=flat)), ": ")
        )
    return None


@judge_of("one_class", CASE, has_targets, has_samples)
def one_class(case: Case, _limits: Limits) -> Found | None:
    """Targets that are all the same."""
    for output in case.outputs:
        if bool(np.all(output.targets == output.targets[0])):
            cause = _("all {count} samples have the same targets").format(count=case.samples)
            return Found(value=1.0, threshold=1.0, place=output.layer.name, cause=cause)
    return None


@judge_of("imbalance", CASE, has_classes, has_samples)
def imbalance(case: Case, limits: Limits) -> Found | None:
    """A class that is nearly all there is."""
    for output in case.outputs:
        classes = output.classes
        if classes is None:
            continue
        found, counts = np.unique(classes, return_counts=True)
        share = float(counts.max() / counts.sum())
        if limits["share"] <= share < 1.0:
            cause = _("{share} of the targets are class {name}: saying so always is nearly always right")
            name = case.network.dataset.label(int(found[counts.argmax()]))
            return Found(
                value=share,
                threshold=limits["share"],
                place=output.layer.name,
                cause=cause.format(share=per_cent(share, 1), name=name),
            )
    return None


@judge_of("pair", CASE, has_targets)
def pair(case: Case, _limits: Limits) -> Found | None:
    """An activation and a loss that do not go together."""
    for output in case.outputs:
        if output.activation == "relu":
            cause = _("{layer} is a ReLU: where it is silent, nothing says that it is wrong")
        elif output.activation == SOFTMAX.name and output.loss.name in _DISTANCES:
            cause = _("{layer} is a softmax with a {loss}: where it is sure and wrong, its slope is nearly 0")
        elif output.activation and output.loss.activations and output.activation not in output.loss.activations:
            cause = _("{layer} is {activation} with a {loss}: {misfit}")
        else:
            continue
        text = cause.format(
            layer=output.layer.name,
            loss=_(output.loss.title),
            activation=output.activation,
            misfit=_(output.loss.misfit),
        )
        return Found(value=1.0, threshold=0.0, place=output.layer.name, cause=text)
    return None


def constant_loss(case: Case) -> float:
    """E over all samples of the best constant output, or infinity where it is not known."""
    if len(case.outputs) != 1:
        return math.inf
    output = case.outputs[0]
    best = best_constant(output)
    if best is None:
        return math.inf
    return best * output.table.weight * (case.samples if output.table.over_batch == "sum" else 1)


def best_constant(output: Output) -> float | None:
    """The loss of the best constant output, in the unit of one sample; None where it is not known.

    The entropy of the classes for a cross-entropy, the variance of the targets for a squared error, their mean distance
    from the median for an absolute one.
    """
    name, targets = output.loss.name, output.targets
    if name in _SQUARED:
        total = float(targets.var(axis=0).sum())
        total *= 0.5 if name.startswith("half") else 1.0
        return total / targets.shape[1] if output.table.over_outputs == "mean" else total
    if name == "mean_absolute_error":
        total = float(np.abs(targets - np.median(targets, axis=0)).mean(axis=0).sum())
        return total / targets.shape[1] if output.table.over_outputs == "mean" else total
    if name == "cross_entropy" and output.classes is not None and not output.layer.form.steps:
        shares = np.unique(output.classes, return_counts=True)[1] / len(output.classes)
        return float(-(shares * np.log(shares)).sum())
    if name.startswith("binary_cross_entropy"):
        shares = targets.mean(axis=0)
        shares = shares[(shares > 0) & (shares < 1)]
        total = float(-(shares * np.log(shares) + (1 - shares) * np.log(1 - shares)).sum())
        return total / targets.shape[1] if output.table.over_outputs == "mean" else total
    return None
