"""The command line at the bottom of the screen."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.screen import ModalScreen
from textual.widgets import Input, Label


class LineScreen(ModalScreen[str | None]):
    """Asks for one line of text; Escape gives None, as does Backspace on an empty line.

    Args:
        prompt: the character before the line.
        hint: what may be written.
        value: the text to begin with.
        select: whether the text is selected, so that what is typed replaces it.
    """

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "leave")]

    def __init__(self, prompt: str, hint: str, value: str = "", *, select: bool = False) -> None:
        super().__init__()
        self._value = value
        self._select = select
        self._prompt = prompt
        self._hint = hint

    def compose(self) -> ComposeResult:
        """The prompt and the input."""
        with Horizontal():
            yield Label(f" {self._prompt} ", id="prompt", markup=False)
            yield Input(self._value, placeholder=self._hint, select_on_focus=self._select)

    def on_mount(self) -> None:
        """Gives the line the focus."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answers with the text."""
        event.stop()
        self.dismiss(event.value.strip())

    def action_leave(self) -> None:
        """Leaves without an answer."""
        self.dismiss(None)
