"""Sequences in the data: how many steps they have, which of them count, and a text as windows of characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from retrograde.engine.errors import Violation
from retrograde.engine.text import _

MAX_TEXT = 20_000
"""Characters of a text that a scenario holds."""
_SHOWN = {" ": "␣", "\n": "⏎", "\t": "⇥"}


def steps_of(inputs: int, input_shape: Sequence[int] | None) -> int:
    """Return the number of time steps of the inputs: their first axis, or all of them with one feature each."""
    return input_shape[0] if input_shape else inputs


def alphabet(text: str) -> tuple[str, ...]:
    """Return the different characters of a text, in the order of their codes: class k is the character k."""
    return tuple(sorted(set(text)))


def shown(characters: Sequence[str]) -> tuple[str, ...]:
    """Return characters as names of classes: what is invisible is drawn."""
    return tuple(_SHOWN.get(character, character) for character in characters)


def window_starts(text: str, steps: int, stride: int | None) -> range:
    """Return where the windows of ``steps`` characters begin that another character follows."""
    return range(0, max(len(text) - steps, 0), stride or steps)


def text_rules(
    text: str,
    given: Sequence[str],
    inputs: int | None,
    input_shape: Sequence[int] | None,
    units: int | None,
    vocabulary: int | None = None,
) -> Iterator[Violation]:
    """Yield what does not fit a text: other samples beside it, or a network of other widths.

    Args:
        text: the text.
        given: the other keys of the table.
        inputs: the number of inputs, None where it is not known.
        input_shape: their axes.
        units: the width of the output at each step, None where it is not known.
        vocabulary: how many different indices the inputs may be; None where characters are one-hot.
    """
    for key in ("inputs", "targets", "file", "classes", "class_names", "lengths", "mask", "sample_weights"):
        if key in given:
            message = _("the samples are windows of the text; drop {key} or text")
            yield Violation(path=(key,), message=message.format(key=key), key=True)
    size = len(alphabet(text))
    if inputs is None:
        return
    if vocabulary is not None:
        if vocabulary != size:
            message = _("the text has {size} different characters, but the embedding has vocabulary = {vocabulary}")
            yield Violation(path=("text",), message=message.format(size=size, vocabulary=vocabulary))
        steps = inputs
    elif input_shape is None or len(input_shape) != 2 or input_shape[1] != size:
        steps = 0
        message = _("the text has {size} different characters: network.input_shape is [steps, {size}]")
        yield Violation(path=("text",), message=message.format(size=size))
    else:
        steps = input_shape[0]
    if len(text) <= steps:
        message = _("{found} characters are too few for {steps} steps and the character that follows")
        yield Violation(path=("text",), message=message.format(found=len(text), steps=steps))
    if units is not None and units != size:
        message = _("the text has {size} different characters, but the last layer has {units} units")
        yield Violation(path=("text",), message=message.format(size=size, units=units))


def step_count_rules(lengths: Sequence[float], steps: int | None) -> Iterator[Violation]:
    """Yield the samples (from 0) whose length is none: a whole number from 1 to the number of steps."""
    for row, length in enumerate(lengths):
        if length < 1 or length != int(length) or (steps is not None and length > steps):
            message = _("{value} is not a length; sequences have 1 to {steps} steps")
            text = message.format(value=format(float(length), ".15g"), steps=steps or "T")
            yield Violation(path=("lengths", row), message=text)
