"""The command line at the bottom of the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.widgets import Input, Label

from retrograde.tui.canvas.canvas import shorten, wrap
from retrograde.tui.canvas.glyphs import plain, width
from retrograde.tui.commands.words import Fault
from retrograde.tui.screens.answering import AnsweringModal
from retrograde.tui.screens.late_keys import TypesBehind
from retrograde.tui.widgets.one_line import OneLine

Complete = Callable[[str], tuple[str, Sequence[str]]]
"""Takes what stands before the cursor; gives the end of it that is completed, and what it may become."""


class LineScreen(AnsweringModal[str | None]):
    """Asks for one line of text; Escape gives None, as does Backspace on an empty line.

    Args:
        prompt: the character before the line.
        hint: what may be written.
        value: the text to begin with.
        select: whether the text is selected, so that what is typed replaces it.
        fault: what is wrong with the text, shown below it.
        history: lines that were written before, the last one last.
        complete: what Tab may make of the line.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "leave", "leave"),
        ("up", "recall(-1)", "the line before"),
        ("down", "recall(1)", "the line after"),
        ("tab", "complete", "complete"),
    ]

    def __init__(
        self,
        prompt: str,
        hint: str,
        value: str = "",
        *,
        select: bool = False,
        fault: Fault | None = None,
        history: Sequence[str] = (),
        complete: Complete | None = None,
    ) -> None:
        super().__init__()
        self._value = value
        self._select = select
        self._prompt = prompt
        self._hint = hint
        self._fault = fault
        self._history = [*history, value]
        self._place = len(history)
        self._complete = complete
        self._offered = ""
        self._late: list[Key] = []
        self._ready = False

    def compose(self) -> ComposeResult:
        """The prompt and the input, and below them what is wrong or may follow."""
        with Vertical():
            with Horizontal():
                yield Label(f" {self._prompt} ", id="prompt", markup=False)
                yield OneLine(self._value, placeholder=self._hint, select_on_focus=self._select)
            yield Label("", id="says", markup=False)

    def on_mount(self) -> None:
        """Gives the line the focus."""
        if not self.query(Input):
            # It was taken away before it was there.
            return
        line = self.query_one(OneLine)
        line.once = True
        line.focus()
        if self._fault is not None:
            # Who presses the key of the prompt after an error begins a new line; the up arrow has the old one.
            line.renewing = self._prompt
        self._ready = True
        self._say()
        self._take()

    def take_late(self, event: Key) -> bool:
        """Takes a key that was typed before the line had the focus, as by a paste; says whether it was one."""
        if self.answered or (self._ready and self.query_one(OneLine).sent):
            cast(TypesBehind, self.app).type_behind((event,))
            return True
        ended = any(late.key == "enter" for late in self._late)
        if not ended and not event.is_printable and event.key != "enter":
            return False
        self._late.append(event)
        if self._ready:
            self._take()
        return True

    def _take(self) -> None:
        line = self.query_one(Input)
        late, self._late = self._late, []
        for number, event in enumerate(late, 1):
            if event.key == "enter":
                self.dismiss(line.value.strip())
                if late[number:]:
                    cast(TypesBehind, self.app).type_behind(late[number:])
                return
            if line.select_on_focus:
                line.select_on_focus, line.value = False, ""
            line.insert_text_at_cursor(event.character or "")

    def on_resize(self) -> None:
        """Lays out what is said anew."""
        self._say()

    def _say(self) -> None:
        """Shows the fault under its column, or what the line may become."""
        if not self._ready:
            return
        label = self.query_one("#says", Label)
        room = max(self.size.width, 1)
        text = self._offered
        if self._fault is not None:
            before = width(self._prompt) + 2 + width(self._value[: self._fault.column])
            # No more than there is room for: a message that quotes a long line would be laid out row by row.
            message = shorten(self._fault.message, room * max(self.size.height, 1))
            text = pointed(before - self.query_one(Input).scroll_offset.x, message, room)
        label.set_class(self._fault is not None, "-fault")
        label.display = bool(text)
        label.update(plain(text) if self.app.has_class("-ascii") else text)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Forgets the fault when the line is corrected."""
        event.stop()
        if event.value != self._value:
            self.query_one(OneLine).renewing = ""
        if event.value != self._value and (self._fault is not None or self._offered):
            self._fault, self._offered = None, ""
            self._say()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answers with the text."""
        event.stop()
        self.dismiss(event.value.strip())
        # Where it is not taken the line goes on.
        self.query_one(OneLine).sent = self.answered

    def action_leave(self) -> None:
        """Leaves without an answer."""
        self.dismiss(None)

    def action_recall(self, by: int) -> None:
        """Brings back a line that was written before, or the one that was begun."""
        line = self.query_one(Input)
        place = self._place + by
        if 0 <= place < len(self._history):
            if self._place == len(self._history) - 1:
                self._history[-1] = line.value
            self._place = place
            line.value = self._history[place]
            line.cursor_position = len(line.value)

    def action_complete(self) -> None:
        """Completes the word before the cursor as far as it is certain, and shows what it may become."""
        if self._complete is None:
            return
        line = self.query_one(Input)
        head, tail = line.value[: line.cursor_position], line.value[line.cursor_position :]
        begun, found = self._complete(head)
        if not found:
            return
        common = found[0]
        for each in found[1:]:
            while not each.startswith(common):
                common = common[:-1]
        if len(found) == 1 and not common.endswith("(") and not tail:
            common += " "
        self._fault = None
        self._offered = "" if len(found) == 1 else shorten("  ".join(found), max(self.size.width - 2, 1))
        self._value = head[: len(head) - len(begun)] + common + tail
        line.value = self._value
        line.cursor_position = len(self._value) - len(tail)
        self._say()


def pointed(column: int, message: str, room: int) -> str:
    """A message with a caret at a column: beside it where there is room, else in the rows below."""
    column = min(max(column, 0), max(room - 1, 0))
    if column + 2 + width(message) <= room:
        return " " * column + "^ " + message
    if width(message) + 1 <= column:
        return " " * (column - width(message) - 1) + message + " ^"
    return " " * column + "^\n" + "\n".join(f" {line}" for line in wrap(message, room - 2))
