"""Handing every widget that has a room its frozen view, and only what has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from retrograde.engine.text import _, language
from retrograde.tui.canvas.canvas import wrap
from retrograde.tui.canvas.glyphs import plain, width
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.debugger import rooms
from retrograde.tui.debugger.desk import Said
from retrograde.tui.debugger.panelled import NO_FRAME
from retrograde.tui.records.status import FooterView
from retrograde.tui.widgets.bars import FOOTER_ENDS

if TYPE_CHECKING:
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.panelled import PanelledScreen
    from retrograde.tui.debugger.panels.panel import PanelPart
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.records.loss import RunView

MOST_FOOTER = 4
"""Of so many rows of the screen the footer takes one at most, for what is said."""


class Painting:
    """The part that shows.

    Args:
        desk: the desk.
        screen: the widgets.
        working: how far a run is.
        panels: the panels, by their ids.
        footer: the keys of the footer.
    """

    def __init__(
        self,
        desk: Desk,
        screen: PanelledScreen,
        working: Working,
        panels: Mapping[str, PanelPart],
        footer: Callable[[], FooterView],
    ) -> None:
        self._desk = desk
        self._screen = screen
        self._working = working
        self._panels = panels
        self._keys = footer
        self._views: dict[str, tuple[tuple[object, ...], object]] = {}
        self._noticed: Said = desk.notice
        self._was_busy = False
        desk.paint, desk.paint_footer = self.paint, self.paint_footer

    # -- views

    def paint(self) -> None:
        """Hands every widget that has a room its view."""
        self._make_room()
        divided = self._screen.shown
        if divided is None:
            return
        self.paint_footer()
        self._guarded(self._paint_header)
        for name in self._panels:
            self._guarded(partial(self._paint_panel, name, divided))

    def _guarded(self, paint: Callable[[], None]) -> None:
        """Paints a part; where that fails, the others are painted all the same."""
        try:
            paint()
        except Exception as error:  # noqa: BLE001 - reported
            self._screen.owner.report(error)

    def _paint_header(self) -> None:
        from retrograde.tui.views.status import header_view

        reading = self._desk.reading
        header = self._made(rooms.HEADER, (reading,), lambda: header_view(reading))
        self._screen.give(rooms.HEADER, NO_FRAME, header)

    def _paint_panel(self, name: str, divided: rooms.Rooms) -> None:
        """Hands a panel its view, if it is shown."""
        panel, room = self._panels[name], divided.places.get(name)
        if room is None and not panel.always:
            return
        height = 0 if room is None else room.height
        made = self._made(name, panel.depends(height), lambda: panel.view(height))
        if room is not None:
            self._screen.give(name, self._screen.frame(divided, name), made)

    def _made(self, part: str, key: tuple[object, ...], make: Callable[[], object]) -> object:
        """A view that was made before for the same key, else a new one; what is the same is not drawn again."""
        known = self._views.get(part)
        key = (*key, self._screen.glyphs, language())
        if known is None or known[0] != key:
            known = self._views[part] = (key, self._screen.in_glyphs(make()))
        return known[1]

    def paint_footer(self) -> None:
        """Shows the keys or the notice."""
        if self._make_room():
            # The panels lie elsewhere.
            self.paint()
        elif self._screen.shown is not None:
            self._guarded(self._paint_footer)

    def _make_room(self) -> bool:
        """Gives the footer the rows that a notice takes; says whether they are others than before."""
        if self._screen.shown is None:
            return False
        text, room, most = self._notice, self._desk.host.cells[0] - FOOTER_ENDS, self._most
        rows = min(len(wrap(text, room)), most) if width(text) > room > 0 else 1
        arrangement = self._desk.arrangement
        if self._busy and self._was_busy:
            # How far a run is changes its length all the time.
            rows = min(max(rows, arrangement.footer), most)
        if rows == arrangement.footer:
            return False
        arrangement.footer = rows
        self._desk.host.lay_out()
        return True

    @property
    def _most(self) -> int:
        """The rows that the footer may take."""
        return max(self._desk.host.cells[1] // MOST_FOOTER, 1)

    @property
    def _notice(self) -> str:
        """What is said in place of the keys, in the characters of the screen."""
        text = self._desk.notice.text
        return plain(text) if self._desk.host.glyphs.ascii else text

    @property
    def _busy(self) -> bool:
        """Whether it is said how far work is; keys but that which ends it are of no use."""
        return bool(self._desk.notice.text) and self._working.work is not None

    def _paint_footer(self) -> None:
        notice, busy = self._desk.notice, self._busy
        if notice is not self._noticed and not busy:
            host, text = self._desk.host, self._notice
            if len(wrap(text, max(host.cells[0] - FOOTER_ENDS, 1))) > self._most:
                # What the footer has no room for is said in a corner, in full.
                host.announce(text)
        self._noticed, self._was_busy = notice, busy
        view = replace(FooterView(keys=()) if busy else self._keys(), notice=notice.text, bad=notice.bad)
        self._screen.give_footer(view)

    # -- a run
    def show_progress(self, view: RunView) -> None:
        """Shows how far a run or a seek is, in the panels that show it and in place of the keys.

        Args:
            view: how far it is.
        """
        working, desk = self._working, self._desk
        if working.work is None:
            return
        working.progress = view
        divided = self._screen.shown
        if divided is None:
            return
        for name, panel in self._panels.items():
            if panel.live:
                self._guarded(partial(self._paint_panel, name, divided))
        text = _("epoch {epoch} of {epochs} · E {loss} · {rate} epochs/s · Space pauses").format(
            epoch=f"{view.epoch:,}",
            epochs=f"{view.epochs:,}",
            loss=typeset(f"{view.loss:.6g}"),
            rate=f"{view.rate:,.0f}",
        )
        if working.work.where is not None:
            from retrograde.tui.views.loss import duration

            text = _("{time} left").format(time=duration(view.seconds_left)) + " · " + text
        if view.alerts:
            text = f"✗ {view.alerts[-1]} · {text}"
        desk.notice = Said(text)
        self.paint_footer()
