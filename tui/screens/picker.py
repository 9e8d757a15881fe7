"""The scenario picker: a list that is searched by typing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from retrograde.engine.errors import EngineError
from retrograde.engine.scenario.catalogue import Summary, shipped, summary
from retrograde.engine.text import _, language
from retrograde.tui.canvas.canvas import Line, Span, shorten, wrap
from retrograde.tui.canvas.glyphs import Glyphs, plain, width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.choices import ChoicesView
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.screens.answering import Answering
from retrograde.tui.widgets.choices import Choices
from retrograde.tui.widgets.one_line import OneLine

LONGEST_TOPOLOGY = 22
"""Cells that the widths of a network's layers take at most."""


class PickerScreen(Answering[str | None]):
    """Asks for a scenario; answers with its name, a path, or None.

    Args:
        glyphs: the glyphs of the frame.
        problems: what is wrong with the scenario that was chosen before; shown until something is typed.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("pagedown", "move(8)", show=False, priority=True),
        Binding("pageup", "move(-8)", show=False, priority=True),
        Binding("escape", "leave", show=False),
        Binding("ctrl+c", "leave", show=False, priority=True),
    ]

    def __init__(self, glyphs: Glyphs, problems: Sequence[str] = ()) -> None:
        super().__init__()
        self._glyphs = glyphs
        self._problems = list(problems)
        self._known: list[Summary] = []
        self._found: list[Summary] = []
        self._selected = 0

    def compose(self) -> ComposeResult:
        """The search line above the list."""
        yield OneLine(placeholder=_("type to search, Enter opens"), id="search")
        yield Choices(id="choices")

    def on_mount(self) -> None:
        """Shows the list; the files are read after the first paint."""
        self.query_one(Input).focus()
        self._show()
        self.call_after_refresh(self._read)

    def _read(self) -> None:
        for name in shipped():
            try:
                one = summary(name)
            except EngineError:
                continue
            self._known.append(one)
            for variant, title in one.variants.items():
                texts = title if title["en"] else one.title
                self._known.append(replace(one, name=f"{name}:{variant}", title=texts, variants={}))
        self._search(self.query_one(Input).value)

    def on_resize(self, event: events.Resize) -> None:
        """Gives the list more room where there is little."""
        self.set_class(event.size.height < 14, "-short")
        self._show()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Searches."""
        event.stop()
        self._problems = []
        self._search(event.value)

    def _search(self, text: str) -> None:
        words = text.casefold().split()
        self._found = [one for one in self._known if all(word in _haystack(one) for word in words)]
        self._selected = 0
        self._show()

    def _show(self) -> None:
        chosen = language()
        clean = plain if self._glyphs.ascii else str
        rows: list[Line] = [
            (
                Span(one.name, Ink.STRONG),
                Span(shorten(one.topology, LONGEST_TOPOLOGY, self._glyphs.ellipsis), Ink.ACCENT),
                Span(clean(one.title.get(chosen) or one.title["en"]), Ink.TEXT),
            )
            for one in self._found
        ]
        columns = (
            max([width(one.name) for one in self._known] + [8]),
            min(max([width(one.topology) for one in self._known] + [5]), LONGEST_TOPOLOGY),
        )
        about: list[Line] = []
        if 0 <= self._selected < len(self._found):
            one = self._found[self._selected]
            room = max(self.size.width - 8, 10)
            about = [
                (Span(line, Ink.TEXT),) for line in wrap(clean(one.teaches.get(chosen) or one.teaches["en"]), room)[:2]
            ]
            about.append((Span(clean(one.source[:room]), Ink.FAINT),))
            about += [()] * (3 - len(about))
        if self._problems:
            room = max(self.size.width - 8, 10)
            lines = [clean(_("this scenario can not be used:")), *map(clean, self._problems)]
            about = [(Span(line, Ink.BAD),) for text in lines for line in wrap(text, room)]
            about = about[: max(self.size.height - 12, 3)]
        title = (
            Span("Retrograde", Ink.BRAND),
            Span("  " + clean(_("a step debugger for backpropagation")), Ink.TITLE),
        )
        empty = _("nothing found; Enter opens a file of that name") if self._known else clean(_("reading …"))
        view = ChoicesView(
            rows=tuple(rows),
            columns=columns,
            selected=self._selected if rows else -1,
            about=tuple(about),
            empty=empty,
        )
        self.query_one(Choices).show(PanelEdge(title=title, corners=self._glyphs.corners), view)

    def action_move(self, by: int) -> None:
        """Moves the selection."""
        self._selected = min(max(self._selected + by, 0), max(len(self._found) - 1, 0))
        self._show()

    def action_leave(self) -> None:
        """Leaves without an answer."""
        self.dismiss(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Opens the selected scenario, or the file that was named."""
        event.stop()
        if self._found:
            self.dismiss(self._found[self._selected].name)
        elif event.value.strip():
            self.dismiss(event.value.strip())

    def on_choices_clicked(self, event: Choices.Clicked) -> None:
        """Opens with the mouse."""
        self.dismiss(self._found[event.row].name)


def _haystack(one: Summary) -> str:
    return " ".join((one.name, one.topology, *one.title.values(), *one.teaches.values())).casefold()
