"""One line that waits for a letter: a mark to set, or to go to."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Label

from retrograde.tui.screens.answering import Keyed


class LetterScreen(Keyed[str | None]):
    """Answers with the next letter that is typed; with None for any other key.

    Args:
        text: what the letter is for.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The line."""
        yield Label(f" {self._text} ", markup=False)

    def typed(self, character: str | None) -> None:
        """Answers."""
        self.dismiss(character if character is not None and len(character) == 1 and character.isalpha() else None)
