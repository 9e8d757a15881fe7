"""Asks whether to go on with work that was not saved when the program ended."""

from __future__ import annotations

import time
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from retrograde.engine.text import _, ngettext
from retrograde.tui.canvas.canvas import Span
from retrograde.tui.canvas.glyphs import Glyphs
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.records.table_view import TableView
from retrograde.tui.views.plain import in_ascii
from retrograde.tui.widgets.table import Table
from retrograde.tui.work.unsaved import Leftover


class OfferScreen(ModalScreen[bool | None]):
    """One key: yes, no, or another time (None).

    Args:
        leftover: what was left behind.
        glyphs: the characters of the screen.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("y,Y,enter", "answer('yes')", "go on with it"),
        ("n,N", "answer('no')", "forget it"),
        ("escape,q", "answer('later')", "ask again next time"),
    ]

    def __init__(self, leftover: Leftover, glyphs: Glyphs) -> None:
        super().__init__()
        self._leftover = leftover
        self._glyphs = glyphs

    def compose(self) -> ComposeResult:
        """The question."""
        yield Table(id="offer")

    def on_mount(self) -> None:
        """Shows the question."""
        left = self._leftover
        edits = ngettext("{count} edit", "{count} edits", left.edits).format(count=left.edits)
        others = ngettext(
            "{count} breakpoint, watch, mark or note", "{count} breakpoints, watches, marks and notes", left.others
        )
        said = [edits] if left.edits else []
        said += [others.format(count=left.others)] if left.others else []
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(left.time))
        view = TableView(
            columns=(),
            rows=(),
            first=0,
            count=0,
            selected=0,
            lines=(
                (Span(_("Work on {name} was not saved when the program ended.").format(name=left.scenario)),),
                (Span(f"{when} · {', '.join(said)}", Ink.STRONG),),
                (),
            ),
            empty=_("Go on with it?"),
            keys=(("y", _("yes")), ("n", _("no, forget it")), ("Esc", _("ask again next time"))),
        )
        frame = PanelEdge(title=(Span(_("unsaved work"), Ink.TITLE_ON),), corners=self._glyphs.corners[:2])
        if self._glyphs.ascii:
            frame, view = in_ascii(frame), in_ascii(view)
        self.query_one(Table).show(frame, view)

    def action_answer(self, word: str) -> None:
        """Answers."""
        self.dismiss({"yes": True, "no": False}.get(word))
