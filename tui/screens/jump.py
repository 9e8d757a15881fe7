"""Jump mode: a letter over every panel and row, and the one that is typed is gone to."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

from textual.app import ComposeResult
from textual.widgets import Label

from retrograde.tui.screens.answering import Keyed

LETTERS = "asdfghjklqwertyuiopzxcvbnm"
"""The letters, those under the fingers first."""


class Spot(NamedTuple):
    """What can be jumped to: a row of a panel, or the panel where ``item`` is None."""

    x: int
    y: int
    panel: str
    item: int | None


def labels(count: int) -> list[str]:
    """So many labels, none of which begins another; of one letter where those are enough."""
    if count <= len(LETTERS):
        return list(LETTERS[:count])
    return ["".join(pair) for pair in product(LETTERS, repeat=2)][:count]


class JumpScreen(Keyed[Spot | None]):
    """Answers with the spot whose letters are typed; with None for any other key.

    Args:
        spots: where one can jump.
    """

    def __init__(self, spots: tuple[Spot, ...]) -> None:
        super().__init__()
        self._spots = dict(zip(labels(len(spots)), spots, strict=False))
        self._typed = ""

    def compose(self) -> ComposeResult:
        """The letters, where they lead."""
        for text, spot in self._spots.items():
            label = Label(text, markup=False)
            label.styles.offset = (spot.x, spot.y)
            yield label

    def typed(self, character: str | None) -> None:
        """Takes a letter."""
        self._typed += character or ""
        if character is None or not any(text.startswith(self._typed) for text in self._spots):
            self.dismiss(None)
        elif self._typed in self._spots:
            self.dismiss(self._spots[self._typed])
        else:
            for label, text in zip(self.query(Label), self._spots, strict=True):
                label.display = text.startswith(self._typed)

    def on_click(self) -> None:
        """Leaves."""
        self.dismiss(None)
