"""What the positions of a sequence are called in pictures: by number, and by their symbols where the data has names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.scenario.shapes import INPUT_LAYER

if TYPE_CHECKING:
    from retrograde.tui.reading.reading import Reading


def positions(reading: Reading, count: int, *, short: bool = False) -> tuple[str, ...]:
    """A label for each position: ``1``, or ``1 A`` where the inputs are indices with names.

    Args:
        reading: the reading.
        count: how many positions there are.
        short: whether a name stands alone, where there are names.
    """
    names = symbols(reading)
    if names:
        inputs = reading.frame.array(reading.program.named[INPUT_LAYER])[reading.sample]
        if inputs.shape == (count,):
            found = [_named(names, index) for index in inputs.tolist()]
            return tuple(name if short else f"{number} {name}" for number, name in enumerate(found, 1))
    return tuple(map(str, range(1, count + 1)))


def symbols(reading: Reading) -> tuple[str, ...]:
    """The names of the indices that an embedding takes, where the data has as many."""
    names = reading.network.dataset.class_names
    return names if len(names) == reading.scenario.vocabulary else ()


def _named(names: tuple[str, ...], index: float) -> str:
    return names[int(index)] if 0 <= index < len(names) and index == int(index) else ""
