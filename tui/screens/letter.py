"""One line that waits for a letter: a mark to set, or to go to."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Label

from retrograde.tui.screens.answering import AnsweringModal


class LetterScreen(AnsweringModal[str | None]):
    """Answers with the next letter that is typed; with None for any other key.

    Args:
        text: what the letter is for.
    """

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The line."""
        yield Label(f" {self._text} ", markup=False)

    def take_late(self, event: events.Key) -> bool:
        """Takes a key that was typed before this screen was there."""
        self.post_message(events.Key(event.key, event.character))
        return True

    def on_key(self, event: events.Key) -> None:
        """Answers."""
        event.stop()
        event.prevent_default()
        if self.answered:
            # It came before this screen was gone, and is for the one below.
            self.app.post_message(events.Key(event.key, event.character))
            return
        letter = event.character
        self.dismiss(letter if letter is not None and len(letter) == 1 and letter.isalpha() else None)
