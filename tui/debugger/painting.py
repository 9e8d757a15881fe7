"""Handing every widget that has a room its frozen view, and only what has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from retrograde.engine.text import _
from retrograde.tui.debugger import rooms
from retrograde.tui.debugger.desk import Said
from retrograde.tui.debugger.panelled import NO_FRAME
from retrograde.tui.records.marks import PanelId
from retrograde.tui.records.views import FooterView

if TYPE_CHECKING:
    from retrograde.tui.debugger.badges import Badges
    from retrograde.tui.debugger.beside import Beside
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.listing import Listing
    from retrograde.tui.debugger.panelled import PanelledScreen
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.views import LossView, RunView, WeightsView


class Painting:
    """The part that shows.

    Args:
        desk: the desk.
        screen: the widgets.
        working: who has the session, and how far a run is.
        listing: the debug panel.
        badges: the checks of the step.
        beside: the branch that is shown beside this one.
        footer: the keys of the footer.
    """

    def __init__(
        self,
        desk: Desk,
        screen: PanelledScreen,
        working: Working,
        listing: Listing,
        badges: Badges,
        beside: Beside,
        footer: Callable[[], FooterView],
    ) -> None:
        self._desk = desk
        self._screen = screen
        self._working = working
        self._listing = listing
        self._badges = badges
        self._beside = beside
        self._keys = footer
        self._views: dict[str, tuple[tuple[object, ...], object]] = {}
        self._weights_now: WeightsView | None = None
        self._weights_before: WeightsView | None = None
        self._loss: tuple[object, LossView] | None = None
        desk.paint, desk.paint_footer = self.paint, self.paint_footer
        desk.readers.append(self._keep_weights)
        desk.forgetters.append(self._forget_loss)
        desk.beginners.append(self._forget_weights)

    def _keep_weights(self) -> None:
        """What the table shows now is what it marks changes against after a motion."""
        self._weights_before = self._weights_now

    def _forget_loss(self) -> None:
        self._loss = None

    def _forget_weights(self) -> None:
        self._weights_now = self._weights_before = None

    # -- views

    def paint(self) -> None:
        """Hands every widget that has a room its view."""
        divided = self._screen.shown
        if divided is None:
            return
        self.paint_footer()
        from retrograde.tui.views.equation import equation_view
        from retrograde.tui.views.network import network_view
        from retrograde.tui.views.status import header_view, timeline_view
        from retrograde.tui.views.weights import weights_view

        desk, screen, shown = self._desk, self._screen, divided.places
        reading, lens, parameters = desk.reading, replace(desk.lens, focus=desk.focus), desk.parameters
        screen.give(rooms.HEADER, NO_FRAME, self._made(rooms.HEADER, (reading,), lambda: header_view(reading)))
        badges, pins, before = self._badges.here, self._listing.pins, self._weights_before
        chosen = lens.weight if lens.focus is PanelId.WEIGHTS else -1
        # As many rows on either side of the selected one as the panel may show.
        window = max(shown[PanelId.WEIGHTS].height - 2, 1) if PanelId.WEIGHTS in shown else 1
        views: dict[PanelId, tuple[tuple[object, ...], Callable[[], object]]] = {
            PanelId.NETWORK: (
                (reading, chosen, lens.node, lens.digits),
                lambda: network_view(reading, parameters, lens),
            ),
            PanelId.EQUATION: (
                (reading, badges, lens.operand, lens.digits),
                lambda: equation_view(reading, lens, badges),
            ),
            PanelId.WEIGHTS: (
                (reading, before, lens.weight, lens.search, lens.digits, window),
                lambda: weights_view(reading, parameters, lens, before, window=window),
            ),
            PanelId.TIMELINE: ((reading, pins), lambda: timeline_view(reading, pins)),
        }
        for panel, (key, make) in views.items():
            made = self._made(panel, key, make)
            if panel is PanelId.WEIGHTS:
                self._weights_now = cast("WeightsView", made)
            if panel in shown:
                screen.give(panel, screen.frame(divided, panel), made)
        if PanelId.LOSS in shown:
            screen.give(PanelId.LOSS, screen.frame(divided, PanelId.LOSS), self._loss_view(reading))
        if PanelId.DEBUG in shown:
            made = self._made(PanelId.DEBUG, self._listing.key, self._listing.view)
            screen.give(PanelId.DEBUG, screen.frame(divided, PanelId.DEBUG), made)

    def _made(self, part: str, key: tuple[object, ...], make: Callable[[], object]) -> object:
        """A view that was made before for the same key, else a new one; what is the same is not drawn again."""
        known = self._views.get(part)
        key = (*key, self._screen.glyphs)
        if known is None or known[0] != key:
            known = self._views[part] = (key, self._screen.in_glyphs(make()))
        return known[1]

    def paint_footer(self) -> None:
        """Shows the keys or the notice."""
        if self._screen.shown is None:
            return
        notice = self._desk.notice
        view = FooterView(keys=(), notice=notice.text, bad=notice.bad) if notice.text else self._keys()
        self._screen.give_footer(view)

    # -- the loss

    def show_progress(self, view: RunView) -> None:
        """Shows the live loss curve, and how far a run or a seek is.

        Args:
            view: how far it is.
        """
        working, desk, screen = self._working, self._desk, self._screen
        if working.work is None:
            return
        working.progress = view
        divided = screen.shown
        if divided is None:
            return
        if PanelId.LOSS in divided.places:
            screen.give(PanelId.LOSS, screen.frame(divided, PanelId.LOSS), self._loss_view(desk.reading))
        text = _("epoch {epoch} of {epochs} · E {loss} · {rate} epochs/s · Space pauses").format(
            epoch=f"{view.epoch:,}", epochs=f"{view.epochs:,}", loss=f"{view.loss:.6g}", rate=f"{view.rate:,.0f}"
        )
        if working.work.where is not None:
            from retrograde.tui.views.loss import duration

            text = _("{time} left").format(time=duration(view.seconds_left)) + " · " + text
        desk.notice = Said(text)
        self.paint_footer()

    def _loss_view(self, reading: Reading) -> LossView:
        """The loss panel's view; the same object while nothing of it changes, so that it is not drawn again."""
        from retrograde.tui.views.loss import loss_so_far, loss_view

        desk, working = self._desk, self._working
        other = self._beside.branch
        beside = None if other is None else (other.name, other.history.points())
        if working.progress is not None:
            live = loss_view(reading, working.progress.points, run=working.progress, other=beside)
            return cast("LossView", self._screen.in_glyphs(live))
        so_far, accuracy = loss_so_far(reading), self._badges.accuracy
        furthest = reading.schedule.locate(reading.frontier)[0]
        # Until there is a curve, the outputs of the step are shown in its place.
        step = reading if furthest == 0 else None
        known = None if other is None else (other.name, other.history.count)
        here = (reading.iteration, furthest, so_far, desk.outcome, accuracy, step, desk.session.branch.name, known)
        key = (*here, working.ended)
        if working.work is not None:
            # The worker has the session: what was shown stays.
            if self._loss is None:
                made = loss_view(reading, _no_points(), run=None)
                self._loss = (None, cast("LossView", self._screen.in_glyphs(made)))
            return self._loss[1]
        if self._loss is None or self._loss[0] != key:
            points = desk.session.losses.points()
            made = loss_view(reading, points, run=None, message=desk.outcome, accuracy=accuracy, other=beside)
            self._loss = (key, cast("LossView", self._screen.in_glyphs(made)))
        return self._loss[1]


def _no_points() -> Any:
    import numpy as np

    empty = np.empty(0)
    return empty, empty, empty
