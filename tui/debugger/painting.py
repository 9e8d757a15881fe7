"""Handing every widget that has a room its frozen view, and only what has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from retrograde.engine.text import _, language
from retrograde.tui.canvas.glyphs import plain, width
from retrograde.tui.debugger import rooms
from retrograde.tui.debugger.desk import Said
from retrograde.tui.debugger.panelled import NO_FRAME
from retrograde.tui.records.status import FooterView

if TYPE_CHECKING:
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.panelled import PanelledScreen
    from retrograde.tui.debugger.panels.panel import PanelPart
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.records.loss import RunView

FOOTER_ENDS = 6
"""Cells of the footer that a notice leaves at its ends."""


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
        desk.paint, desk.paint_footer = self.paint, self.paint_footer

    # -- views

    def paint(self) -> None:
        """Hands every widget that has a room its view."""
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
        if self._screen.shown is None:
            return
        self._guarded(self._paint_footer)

    def _paint_footer(self) -> None:
        notice = self._desk.notice
        # While there is work, keys but that which ends it are of no use.
        busy = bool(notice.text) and self._working.work is not None
        if notice is not self._noticed and not busy:
            # What the footer has no room for is said in a corner, in full.
            host = self._desk.host
            text = plain(notice.text) if host.glyphs.ascii else notice.text
            if width(text) > host.cells[0] - FOOTER_ENDS:
                host.announce(text)
        self._noticed = notice
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
            epoch=f"{view.epoch:,}", epochs=f"{view.epochs:,}", loss=f"{view.loss:.6g}", rate=f"{view.rate:,.0f}"
        )
        if working.work.where is not None:
            from retrograde.tui.views.loss import duration

            text = _("{time} left").format(time=duration(view.seconds_left)) + " · " + text
        if view.alerts:
            text = f"✗ {view.alerts[-1]} · {text}"
        desk.notice = Said(text)
        self.paint_footer()
