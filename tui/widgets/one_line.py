"""A line of text to write, in which nothing is hidden."""

from __future__ import annotations

from textual.widgets import Input

from retrograde.tui.canvas.canvas import plain_controls


def visible(text: str) -> str:
    """A text for one line, as long as it was: every kind of blank is one, and what can not be seen is a ``?``."""
    return plain_controls("".join(" " if character.isspace() else character for character in text))


class OneLine(Input):
    """Textual's input; control characters, which would reach the terminal or change the order of the text, are shown.

    They are replaced, however they come: pasted, or as part of a text to begin with.

    Attributes:
        renewing: what begins the line anew where it is the first that is written after the text to begin with.
    """

    renewing = ""

    def on_mount(self) -> None:
        """Where little motion is asked for, its cursor does not blink."""
        self.cursor_blink = not self.app.has_class("-calm")

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
