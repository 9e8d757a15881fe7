"""A line of text to write, in which nothing is hidden."""

from __future__ import annotations

from textual.events import Key
from textual.widgets import Input

from retrograde.tui.canvas.canvas import plain_controls


def visible(text: str) -> str:
    """A text for one line, as long as it was: every kind of blank is one, and what can not be seen is a ``?``."""
    return plain_controls("".join(" " if character.isspace() else character for character in text))


class OneLine(Input):
    """Textual's input; control characters, which would reach the terminal or change the order of the text, are shown.

    They are replaced, however they come: pasted, or as part of a text to begin with.

    Attributes:
        once: whether Enter ends the line at once, and what is typed behind it is for the screen below.
        sent: whether Enter has ended it.
        renewing: what begins the line anew where it is the first that is written after the text to begin with.
    """

    renewing = ""
    once = False
    sent = False

    def on_mount(self) -> None:
        """Where little motion is asked for, its cursor does not blink."""
        self.cursor_blink = not self.app.has_class("-calm")

    async def _on_key(self, event: Key) -> None:
        """Ends the line with Enter before the next key is looked at; Textual would look at it first."""
        if not self.once or (event.key != "enter" and not self.sent):
            # Textual calls the method of its own class next.
            return
        event.stop()
        event.prevent_default()
        if self.sent:
            self.app.post_message(Key(event.key, event.character))
        else:
            self.sent = True
            await self.action_submit()

    def insert_text_at_cursor(self, text: str) -> None:
        """Inserts a text, or begins the line anew with what is for that."""
        anew = bool(self.renewing) and text == self.renewing and self.cursor_position == len(self.value)
        self.renewing = ""
        if anew:
            self.value = ""
        else:
            super().insert_text_at_cursor(text)

    def validate_value(self, value: str) -> str:
        """The text as it is shown; as long as it was, so that the cursor stays where it is."""
        return visible(value)
