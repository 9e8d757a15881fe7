"""What is wrong with samples: shapes, targets, lengths, indices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.losses import LOSSES
from retrograde.engine.errors import Violation
from retrograde.engine.scenario.dataset import Samples
from retrograde.engine.scenario.rules.pairs import bounds, ending
from retrograde.engine.scenario.sequences import step_count_rules
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.data_table import Data
    from retrograde.engine.scenario.shapes import Goal, Shapes


MAX_PROBLEMS = 20
"""Problems of one data file that are reported; after that they repeat."""


def width_rules(
    samples: Samples,
    data: Data,
    inputs: int | None,
    outputs: int | None,
    positions: int | None = 1,
    input_shape: tuple[int, ...] | None = None,
) -> Iterator[Violation]:
    """Yield what is wrong with the widths of samples that came from a file.

    Args:
        samples: the samples.
        data: the `[data]` table.
        inputs: the number of inputs, None where it is not known.
        outputs: the width of the targets, None where it is not known.
        positions: how many class indices a sample has, one a time step of a sequence; None where it is not known.
        input_shape: the axes of the inputs, where the network states them.
    """
    yield from _axes_rules(samples, data, input_shape)
    if inputs is not None and samples.inputs.shape[1] != inputs:
        message = _("{found} input columns for {wanted} inputs (network.inputs)")
        text = message.format(found=samples.inputs.shape[1], wanted=inputs)
        yield Violation(path=("inputs",), message=text)
    columns = samples.targets.shape[1]
    if data.class_count is not None:
        # Of a text, what follows each character is there whether the network says it at each step or at the last.
        if positions is not None and columns != positions and data.text is None:
            message = (
                _("{found} target columns, but class indices are one column")
                if positions == 1
                else _("{found} target columns, but there are {wanted} class indices, one a step")
            )
            text = message.format(found=columns, wanted=positions)
            if one_hot_already(samples, data, positions):
                text += _("; these are one-hot already: leave out classes")
            yield Violation(path=("targets",), message=text)
    elif outputs is not None and columns != outputs:
        message = _("{found} target columns for {wanted} units of the last layer; for class indices give classes")
        yield Violation(path=("targets",), message=message.format(found=columns, wanted=outputs))


def _axes_rules(samples: Samples, data: Data, input_shape: tuple[int, ...] | None) -> Iterator[Violation]:
    """Yield inputs whose axes are other than those of the network; an axis of 1 is none."""
    found = samples.shape
    if found is None or input_shape is None or len(input_shape) < 2:
        return
    wanted = input_shape
    if data.layout == "NHWC" and len(input_shape) == 3 and found != input_shape:
        wanted = (*input_shape[1:], input_shape[0])
    if [axis for axis in found if axis > 1] == [axis for axis in wanted if axis > 1]:
        return
    message = _("samples of {found} where network.input_shape is {wanted}")
    text = message.format(found="×".join(map(str, found)), wanted="×".join(map(str, input_shape)))
    if data.layout == "NCHW" and len(input_shape) == 3 and found == (*input_shape[1:], input_shape[0]):
        text += _('; where channels come last, say layout = "NHWC"')
    yield Violation(path=("inputs",), message=text)


def one_hot_already(samples: Samples, data: Data, positions: int | None) -> bool:
    """Whether targets of classes are written as rows with a 1 in each, and not as indices."""
    classes, targets = data.class_count, samples.targets
    if classes is None or data.text is not None or positions is None or targets.shape[1] != classes * positions:
        return False
    rows = targets.reshape(len(targets), positions, classes)
    return bool(((rows == 0) | (rows == 1)).all() and (rows.sum(axis=2) == 1).all())


def sample_goal_rules(
    samples: Samples, data: Data, goals: Sequence[Goal], positions: int | None = 1
) -> Iterator[Violation]:
    """Yield the targets of samples that a loss cannot have; see ``goal_rules``."""
    if data.missing == "keep" and np.isnan(samples.targets).any():
        return
    targets = samples.targets
    if data.labels == "index" and data.class_total is not None:
        yield from target_rules(targets, None, data.class_total, positions, None, start=samples.first)
        targets = targets - samples.first
    counts = counted(samples, positions)
    if samples.ignore is not None and data.class_count is not None:
        # Any class stands for the one that has no loss.
        targets = np.where(targets == samples.ignore, samples.first, targets)
    yield from goal_rules(targets, goals, data.class_count, positions, counts, start=samples.first)


def counted(samples: Samples, positions: int | None) -> NDArray[np.bool_] | None:
    """Return which positions of each sample count, (samples, positions); None where all do."""
    if samples.mask is not None:
        return np.not_equal(samples.mask, 0.0)
    if samples.lengths is None or positions is None:
        return None
    return np.less(np.arange(positions), samples.lengths[:, None])


def mask_rules(mask: NDArray[np.float64] | None, steps: int | None) -> Iterator[Violation]:
    """Yield what is wrong with a mask, (samples, steps)."""
    if mask is None:
        return
    if steps is not None and mask.shape[1] != steps:
        message = _("a mask of {found} columns for {steps} steps")
        yield Violation(path=("mask", 0), message=message.format(found=mask.shape[1], steps=steps))
    message = _("{value} is neither 1, a step that counts, nor 0")
    for row, column in first_places((mask != 0) & (mask != 1)):
        yield Violation(path=("mask", row, column), message=message.format(value=number_text(mask[row, column])))


def goal_rules(
    targets: NDArray[np.float64],
    goals: Sequence[Goal],
    classes: int | None,
    positions: int | None = 1,
    counts: NDArray[np.bool_] | None = None,
    *,
    start: int = 0,
) -> Iterator[Violation]:
    """Yield the targets that a loss cannot have; each of several losses looks at its own columns.

    Args:
        targets: the targets as they are written, (samples, columns).
        goals: what the losses compare with, in the order of the columns.
        classes: see ``target_rules``.
        positions: see ``target_rules``.
        counts: see ``target_rules``.
        start: see ``target_rules``.
    """
    if len(goals) <= 1:
        yield from target_rules(targets, goals[0].kind if goals else None, classes, positions, counts, start=start)
        return
    first = 0
    for goal in goals:
        columns = targets[:, first : first + goal.width]
        yield from target_rules(columns, goal.kind, None, goal.positions, counts, first=first)
        first += goal.width


def target_rules(
    targets: NDArray[np.float64],
    loss: str | None,
    classes: int | None,
    positions: int | None = 1,
    counts: NDArray[np.bool_] | None = None,
    *,
    first: int = 0,
    start: int = 0,
) -> Iterator[Violation]:
    """Yield the targets that are no class index, no distribution or no probability, where they must be.

    Args:
        targets: the targets as they are written, (samples, columns).
        loss: the kind of the loss.
        classes: the number of classes, None where targets are no class indices.
        positions: how many distributions a sample has, one a time step of a sequence; None where it is not known.
        counts: (samples, positions), which of them count; None where all do.
        first: the place of the first column among those of all targets.
        start: the index of the first class.
    """
    wanted = LOSSES[loss].targets if loss else "numbers"
    if classes is not None:
        wrong = ~((targets >= start) & (targets < start + classes) & (targets == np.floor(targets)))
        message = _("{value} is not a class index; with classes = {classes} they go from {start} to {last}")
        if start == 0 and targets.size and targets.min() == 1 and targets.max() == classes:
            message += _("; where they count from 1, say first_class = 1")
        for row, column in first_places(wrong):
            value = number_text(targets[row, column])
            text = message.format(value=value, classes=classes, start=start, last=start + classes - 1)
            yield Violation(path=("targets", row, first + column), message=text)
    elif wanted == "distributions":
        message = _("the target {value} is negative; cross_entropy needs a distribution: 0 or more, with the sum 1")
        for row, column in first_places(targets < 0):
            text = message.format(value=number_text(targets[row, column]))
            yield Violation(path=("targets", row, first + column), message=text)
        if positions is None or targets.shape[1] % positions:
            return
        with np.errstate(over="ignore"):
            sums = targets.reshape(len(targets), positions, -1).sum(axis=2)
        wrong = ~(np.abs(sums - 1.0) <= 1e-9)
        if counts is not None and counts.shape == wrong.shape:
            # What fills a sequence up has no loss.
            wrong &= counts
        message = _("the targets add up to {value}; cross_entropy needs a distribution: 0 or more, with the sum 1")
        for row, position in first_places(wrong):
            text = message.format(value=number_text(sums[row, position]))
            yield Violation(path=("targets", row), message=text)
    elif wanted == "probabilities":
        message = _("the target {value} is not a probability; the least {loss} is that of targets from 0 to 1 alone")
        for row, column in islice(first_places((targets < 0) | (targets > 1)), 1):
            text = message.format(value=number_text(targets[row, column]), loss=loss)
            yield Violation(path=("targets", row, first + column), message=text, warning=True)
    elif wanted == "signs":
        message = _("the target {value} is no side; {loss} compares with −1 and 1")
        for row, column in islice(first_places(np.abs(targets) != 1), 1):
            text = message.format(value=number_text(targets[row, column]), loss=loss)
            yield Violation(path=("targets", row, first + column), message=text, warning=True)


def range_rules(targets: NDArray[np.float64], shapes: Shapes) -> Iterator[Violation]:
    """Yield the first target of each loss that the activation of its layer can not come to.

    Args:
        targets: the targets as they are written, (samples, columns); no class indices.
        shapes: the network and its losses.
    """
    first = 0
    for goal in shapes.goals or ():
        columns = targets[:, first : first + goal.width]
        activation = "" if goal.number is None else ending(shapes, goal.number)
        limits = bounds(activation) if goal.kind and LOSSES[goal.kind].targets == "numbers" else None
        if limits is not None:
            wrong = (columns < limits[0]) | (columns > limits[1])
            for row, column in islice(first_places(wrong), 1):
                message = _("the target {value} is out of reach: {activation} gives {low} to {high}")
                text = message.format(
                    value=number_text(columns[row, column]),
                    activation=activation,
                    low=_bound(limits[0]),
                    high=_bound(limits[1]),
                )
                yield Violation(path=("targets", row, first + column), message=text, warning=True)
        first += goal.width


def _bound(limit: float) -> str:
    return number_text(limit).replace("-", "−").replace("inf", "∞")


def length_rules(lengths: NDArray[np.float64] | None, steps: int | None) -> Iterator[Violation]:
    """Yield the lengths, (samples,), that are none."""
    if lengths is not None:
        yield from islice(step_count_rules(lengths.tolist(), steps), MAX_PROBLEMS)


def index_rules(inputs: NDArray[np.float64], vocabulary: int | None) -> Iterator[Violation]:
    """Yield the inputs, (samples, inputs), that are no index of a vocabulary; none where they are numbers."""
    if vocabulary is None:
        return
    wrong = (inputs < 0) | (inputs >= vocabulary) | (inputs != np.floor(inputs))
    message = _("{value} is not an index; with vocabulary = {vocabulary} they go from 0 to {last}")
    for row, column in first_places(wrong):
        text = message.format(value=number_text(inputs[row, column]), vocabulary=vocabulary, last=vocabulary - 1)
        yield Violation(path=("inputs", row, column), message=text)


def number_text(value: Any) -> str:
    """Return a number as messages show it."""
    return format(float(value), ".15g")


def first_places(wrong: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield row and column of the first values that are wrong, of a mask (rows, columns)."""
    rows, columns = np.nonzero(wrong)
    for row, column in islice(zip(rows, columns, strict=True), MAX_PROBLEMS):
        yield int(row), int(column)
