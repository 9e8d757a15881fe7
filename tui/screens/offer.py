"""Asks whether to go on with work that was not saved when the program ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from retrograde.engine.text import _, joined, ngettext
from retrograde.tui.canvas.canvas import Span
from retrograde.tui.canvas.glyphs import Glyphs, plain
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.records.table_view import TableView
from retrograde.tui.screens.answering import AnsweringModal
from retrograde.tui.screens.choosing import ChoiceScreen
from retrograde.tui.views.plain import in_ascii
from retrograde.tui.widgets.table import Table
from retrograde.tui.work.unsaved import Leftover


def _said(left: Leftover) -> str:
    """When work was left behind, and how much it is."""
    edits = ngettext("{count} edit", "{count} edits", left.edits).format(count=left.edits)
    kept = {
        "breakpoints": ngettext("{count} breakpoint", "{count} breakpoints", left.kept["breakpoints"]),
        "watches": ngettext("{count} watch", "{count} watches", left.kept["watches"]),
        "marks": ngettext("{count} mark", "{count} marks", left.kept["marks"]),
        "notes": ngettext("{count} note", "{count} notes", left.kept["notes"]),
    }
    said = [edits] if left.edits else []
    said += [text.format(count=left.kept[kind]) for kind, text in kept.items() if left.kept[kind]]
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(left.time))
    return f"{when} · {joined(said, ', ')}"


def _short(path: str | None) -> str:
    """A file as seen from the folder at hand, or from home."""
    if path is None:
        return ""
    for start, shown in ((Path.cwd, ""), (Path.home, "~/")):
        with suppress(ValueError, OSError, RuntimeError):
            return f"{shown}{Path(path).relative_to(start())}"
    return path


class RecoverScreen(ChoiceScreen):
    """Asks which unsaved work to go on with; answers with its row.

    Args:
        found: what was left behind.
        glyphs: the characters of the screen.
    """

    def __init__(self, found: Sequence[Leftover], glyphs: Glyphs) -> None:
        clean = plain if glyphs.ascii else str
        rows = tuple((clean(left.scenario), clean(_said(left)), clean(_short(left.source))) for left in found)
        super().__init__(_("unsaved work: Enter goes on with it, Esc leaves it"), rows, glyphs)


class OfferScreen(AnsweringModal[bool | None]):
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
        self._sure = False

    def compose(self) -> ComposeResult:
        """The question."""
        yield Table(id="offer")

    def on_mount(self) -> None:
        """Shows the question."""
        self._show()

    def _show(self) -> None:
        left = self._leftover
        view = TableView(
            columns=(),
            rows=(),
            first=0,
            count=0,
            selected=0,
            lines=(
                (Span(_("Work on {name} was not saved when the program ended.").format(name=left.scenario)),),
                (Span(_said(left), Ink.STRONG),),
                (),
            ),
            empty=_("n once more forgets it for good.") if self._sure else _("Go on with it?"),
            keys=(("y", _("yes")), ("n n", _("no, forget it")), ("Esc", _("ask again next time"))),
        )
        frame = PanelEdge(title=(Span(_("unsaved work"), Ink.TITLE_ON),), corners=self._glyphs.corners[:2])
        if self._glyphs.ascii:
            frame, view = in_ascii(frame), in_ascii(view)
        self.query_one(Table).show(frame, view)

    def action_answer(self, word: str) -> None:
        """Answers; to forget takes the key twice, which elsewhere goes to the next layer and may have been meant so."""
        if word == "no" and not self._sure:
            self._sure = True
            self._show()
            return
        self.dismiss({"yes": True, "no": False}.get(word))
