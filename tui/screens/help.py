"""The help screen: all keys, from the table of commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from retrograde.engine.text import _, joined
from retrograde.tui.canvas.canvas import wrap
from retrograde.tui.canvas.glyphs import plain, width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.canvas.themes import Look
from retrograde.tui.commands.command import group_title
from retrograde.tui.commands.keys import KeyRow
from retrograde.tui.screens.answering import AnsweringModal


class HelpScreen(AnsweringModal[None]):
    """All keys by group; arrows scroll, most other keys close it.

    Args:
        look: the characters and colours.
        rows: the rows of the key table.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,question_mark,enter,space", "dismiss", "close"),
        ("j,down", "scroll(1)", "down"),
        ("k,up", "scroll(-1)", "up"),
    ]

    def __init__(self, look: Look, rows: Sequence[KeyRow]) -> None:
        super().__init__()
        self._look = look
        self._rows = rows

    def compose(self) -> ComposeResult:
        """One text in a scrolling box."""
        with VerticalScroll():
            yield Static(Text(), markup=False)

    def on_mount(self) -> None:
        """Lays the text out for the width."""
        self.query_one(VerticalScroll).focus()

    def on_resize(self) -> None:
        """Lays the text out again."""
        self.query_one(Static).update(self.text(max(min(self.size.width * 96 // 100, 92) - 6, 10)))

    def action_scroll(self, by: int) -> None:
        """Scrolls by a row."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def text(self, room: int) -> Text:
        """The help as styled text, ``room`` cells wide."""
        style = self._look.palette.style
        shown = plain if self._look.glyphs.ascii else str
        text = Text(no_wrap=True)
        rows = self._rows
        keys = min(max(width(shown(row.keys)) for row in rows), max(room // 3, 4))
        text.append("Retrograde", _ink(style(Ink.BRAND)))
        text.append("  " + shown(_("a step debugger for backpropagation")) + "\n", _ink(style(Ink.DIM)))
        group = None
        for row in rows:
            if row.group is not group:
                group = row.group
                text.append("\n" + shown(group_title(group)) + "\n", _ink(style(Ink.TITLE_ON)))
            left = shown(row.keys)
            lines = wrap(shown(joined((row.title, row.help), ". ")), max(room - keys - 3, 8))
            text.append(" " + left + " " * max(keys - width(left), 0) + "  ", _ink(style(Ink.KEY)))
            for number, line in enumerate(lines):
                if number or width(left) > keys:
                    text.append("\n" * (number > 0 or width(left) > keys) + " " * (keys + 3))
                text.append(line, _ink(style(Ink.TEXT)))
            text.append("\n")
        text.append("\n")
        for line in wrap(
            shown(
                _(
                    "Operands and edges that take part in a step have brackets and thick lines; a "
                    "negative weight is a broken line; * marks what the last motion changed."
                )
            ),
            room,
        ):
            text.append(line + "\n", _ink(style(Ink.DIM)))
        return text


def _ink(style: object) -> str:
    """The foreground and weight of a style, so that the box keeps its own background."""
    from rich.style import Style

    assert isinstance(style, Style)
    colour = style.color.name if style.color else ""
    return ("bold " if style.bold else "") + colour
