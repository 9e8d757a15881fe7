"""Help in layers: a first page, the keys by task, the signs, the terms; a search; and what a word means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from retrograde.engine.glossary import TERMS
from retrograde.engine.text import N_, _, joined, language
from retrograde.tui.canvas.canvas import shorten, wrap
from retrograde.tui.canvas.glyphs import padded, plain, width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.canvas.signs import SIGNS
from retrograde.tui.canvas.themes import Look
from retrograde.tui.commands.command import group_title
from retrograde.tui.commands.keys import KeyRow
from retrograde.tui.screens.answering import AnsweringModal
from retrograde.tui.widgets.one_line import OneLine

if TYPE_CHECKING:
    from retrograde.tui.views.topics import Topic

EXAMPLES = (
    (":w5", N_("the value of w5 here; w5 after 3: after epoch 3")),
    (":2:1:17", N_("to epoch 2, iteration 1, step 17")),
    (":first E < 0.01", N_("to the first moment at which that is true")),
    (":set lr 5", N_("another learning rate from here on, on a branch")),
    (":help w1", N_("what a symbol, a sign, a command or a term is")),
)
"""Commands that are written, for the first page."""
SIDE_BY_SIDE = 60
"""Cells from which on the first keys are two columns."""


class _Entry(NamedTuple):
    """A row of the help: what stands at the left, and what is said of it."""

    left: str
    said: str


class _Section(NamedTuple):
    """A heading and its rows."""

    heading: str
    entries: tuple[_Entry, ...]
    columns: int = 1


def _sought_in(section: _Section, entry: _Entry) -> str:
    """What a search looks at: a heading stands for its rows."""
    return " ".join((section.heading, *entry)).casefold()


class HelpScreen(AnsweringModal[None]):
    """All that there is to know, the most important first; arrows scroll, / searches, most other keys close it.

    Args:
        look: the characters and colours.
        rows: the rows of the key table.
        topics: what was asked for; shown alone.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "leave", "close"),
        ("q,question_mark,enter,space", "dismiss", "close"),
        ("j,down", "scroll(1)", "down"),
        ("k,up", "scroll(-1)", "up"),
        ("slash", "search", "search"),
    ]

    def __init__(self, look: Look, rows: Sequence[KeyRow], topics: Sequence[Topic] = ()) -> None:
        super().__init__()
        self._look = look
        self._rows = rows
        self._topics = tuple(topics)
        self._sought = ""

    def compose(self) -> ComposeResult:
        """One text in a scrolling box, and the line of the search below it."""
        with VerticalScroll():
            yield Static(Text(), markup=False)
        yield OneLine(placeholder=_("search the help"), id="sought")

    def on_mount(self) -> None:
        """Lays the text out for the width."""
        self.query_one("#sought").display = False
        self.query_one(VerticalScroll).focus()

    def on_resize(self) -> None:
        """Lays the text out again."""
        self._lay_out()

    def _lay_out(self) -> None:
        self.query_one(Static).update(self.text(max(min(self.size.width * 96 // 100, 92) - 6, 10)))

    def action_scroll(self, by: int) -> None:
        """Scrolls by a row."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def action_search(self) -> None:
        """Asks for a text; what has it is shown while it is written."""
        line = self.query_one(Input)
        line.display = True
        line.focus()

    def action_leave(self) -> None:
        """Ends the search, or closes."""
        line = self.query_one(Input)
        if not line.display:
            self.dismiss()
            return
        line.value, line.display = "", False
        self.query_one(VerticalScroll).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Shows what has the text."""
        event.stop()
        self._sought = event.value
        self._lay_out()
        self.query_one(VerticalScroll).scroll_home(animate=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Leaves the line, so that the arrows scroll what was found."""
        event.stop()
        self.query_one(VerticalScroll).focus()

    # -- what is said

    def _sections(self) -> Iterator[_Section]:
        """All sections, the first page first."""
        if self._topics:
            for topic in self._topics:
                yield _Section(topic.title, tuple(_Entry(left, said) for left, said in topic.lines))
            return
        first = tuple(_Entry("/".join(row.groups[0]), row.first) for row in self._rows if row.first)
        yield _Section(_("The first keys"), first, columns=2)
        yield _Section(_("Written after :"), tuple(_Entry(left, _(said)) for left, said in EXAMPLES))
        group: list[_Entry] = []
        for number, row in enumerate(self._rows):
            group.append(_Entry(row.keys, joined((row.title, row.help), ". ")))
            if number + 1 == len(self._rows) or self._rows[number + 1].group is not row.group:
                yield _Section(group_title(row.group), tuple(group))
                group = []
        glyphs = self._look.glyphs
        yield _Section(_("Signs"), tuple(_Entry(sign.drawn(glyphs), _(sign.meaning)) for sign in SIGNS))
        english = language() == "en"
        yield _Section(
            _("Terms"), tuple(_Entry(term.english if english else term.chinese, _(term.meaning)) for term in TERMS)
        )

    def text(self, room: int) -> Text:
        """The help as styled text, ``room`` cells wide; of a search, what has its words."""
        style = self._look.palette.style
        text = Text(no_wrap=True)
        if not self._topics:
            text.append("Retrograde", _ink(style(Ink.BRAND)))
            text.append("  " + self._shown(_("a step debugger for backpropagation")) + "\n", _ink(style(Ink.DIM)))
            hint = _("/ searches · PgDn goes on: keys by task, signs, terms · :help WORD says what it is")
            for line in wrap(self._shown(hint), room):
                text.append(line + "\n", _ink(style(Ink.FAINT)))
        words = self._sought.casefold().split()
        for section in self._sections():
            entries = [one for one in section.entries if all(word in _sought_in(section, one) for word in words)]
            if entries:
                text.append("\n" + self._shown(section.heading) + "\n", _ink(style(Ink.TITLE_ON)))
                if section.columns > 1 and room >= SIDE_BY_SIDE:
                    self._append_pairs(text, entries, room)
                else:
                    self._append(text, entries, room)
        return text

    def _append(self, text: Text, entries: Sequence[_Entry], room: int) -> None:
        """Writes the rows of a section, with a column at the left that is as wide as they need."""
        style = self._look.palette.style
        column = min(max(width(self._shown(one.left)) for one in entries), max(room // 3, 4))
        for one in entries:
            left = self._shown(one.left)
            lines = wrap(self._shown(one.said), max(room - column - 3, 8)) or [""]
            text.append(" " + left + " " * max(column - width(left), 0) + "  ", _ink(style(Ink.KEY)))
            for number, line in enumerate(lines):
                if number or width(left) > column:
                    text.append("\n" + " " * (column + 3))
                text.append(line, _ink(style(Ink.TEXT)))
            text.append("\n")

    def _append_pairs(self, text: Text, entries: Sequence[_Entry], room: int) -> None:
        """Writes short rows two side by side, down the first column and then the second."""
        style = self._look.palette.style
        column = max(width(self._shown(one.left)) for one in entries)
        half = -(-len(entries) // 2)
        before = column + 3
        longest = max(width(self._shown(one.said)) for one in entries[:half])
        # The first column takes what its longest row needs, and a blank that keeps the columns apart.
        first = min(max(longest + 1, room // 2 - before), max(room - 2 * before - 1, 1))
        sizes = (first, max(room - 2 * before - first, 1))
        for pair in zip_longest(entries[:half], entries[half:]):
            for one, size in zip(pair, sizes, strict=True):
                left, said = ("", "") if one is None else (self._shown(one.left), self._shown(one.said))
                said = shorten(said, max(size - 1, 1), self._look.glyphs.ellipsis)
                text.append(" " + padded(left, column) + "  ", _ink(style(Ink.KEY)))
                text.append(padded(said, size), _ink(style(Ink.TEXT)))
            text.append("\n")

    def _shown(self, text: str) -> str:
        return plain(text) if self._look.glyphs.ascii else text


def _ink(style: object) -> str:
    """The foreground and weight of a style, so that the box keeps its own background."""
    from rich.style import Style

    assert isinstance(style, Style)
    colour = style.color.name if style.color else ""
    return ("bold " if style.bold else "") + colour
