"""Handing every widget that has a room its frozen view, and only what has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.timer import Timer
from textual.widget import Widget

from retrograde.engine.text import _
from retrograde.tui.commands.table import footer_keys
from retrograde.tui.debugger import rooms
from retrograde.tui.debugger.listing import Debugging
from retrograde.tui.records.marks import PanelEdge, PanelId
from retrograde.tui.records.views import FooterView
from retrograde.tui.widgets.panel import Drawn

if TYPE_CHECKING:
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.views import LossView, WeightsView


CHECK_SECONDS = 0.12
"""How long the cursor rests before the checks of its step are computed."""
NO_FRAME = PanelEdge(title=())


class _Arrangement(Layout):
    """Places the widgets where ``rooms`` says."""

    name = "rooms"

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        """The placements of the widgets that have a room; the others are not shown."""
        screen = cast(Painting, parent)
        places = screen.placed = screen.divide(size.width, size.height).places
        found = []
        for child in children:
            place = places.get(child.id or "")
            if child.id == "notice" and not places:
                place = rooms.Room(0, 0, size.width, size.height)
            if place is not None and place.width > 0 and place.height > 0:
                found.append(WidgetPlacement(Region(*place), NULL_OFFSET, NULL_SPACING, child))
        return found


_ARRANGEMENT = _Arrangement()


class Painting(Debugging):
    """The part of the screen that shows.

    Args:
        title: what is being opened, until there is a session.

    Attributes:
        placed: the rooms of the widgets as they lie now.
    """

    def __init__(self, title: str = "") -> None:
        super().__init__()
        self.placed: dict[str, rooms.Room] = {}
        self._opening = title
        self._parts: dict[str | None, Widget] = {}
        self._views: dict[str, tuple[tuple[object, ...], object]] = {}
        self._footer = footer_keys()
        self._check_timer: Timer | None = None
        self._tab = PanelId.WEIGHTS
        self._beside = PanelId.LOSS
        self._zoom = False
        self._rooms: tuple[object, rooms.Rooms] | None = None

    # -- rooms

    @property
    def layout(self) -> Layout:
        """The rooms, instead of a layout of the stylesheet."""
        return _ARRANGEMENT

    def divide(self, width: int, height: int) -> rooms.Rooms:
        """The rooms for a size, with the panel in front that has the focus."""
        key = (width, height, self._tab, self._focus, self._zoom, self._beside)
        if self._rooms is None or self._rooms[0] != key:
            made = rooms.arrange(
                width, height, tab=self._tab, front=self._front(), zoom=self._zoom, beside=self._beside
            )
            self._rooms = (key, made)
        return self._rooms[1]

    def _front(self) -> PanelId:
        return self._focus if self._focus is not PanelId.TIMELINE else self._tab

    def _bring(self, panel: PanelId) -> None:
        if panel in rooms.BELOW:
            self._tab = panel
        if panel in rooms.BESIDE:
            self._beside = panel
        self._rearrange()

    def _rearrange(self) -> None:
        """Shows what changed, and places the widgets anew where their places are others."""
        size = self.app.size
        if self.placed != self.divide(size.width, size.height).places:
            # A layout is forgotten when a child asks for it, not when its parent does.
            self._parts[rooms.HEADER].refresh(layout=True)
        self._show()

    # -- views

    def _show(self) -> None:
        """Hands every widget that has a room its view."""
        if not self.is_attached or not self._parts:
            return
        size = self.app.size
        divided = self.divide(size.width, size.height)
        if divided.tiny:
            self._give("notice", NO_FRAME, self._in_glyphs(self._tiny()))
            return
        self._show_footer()
        if self.reading is None or self._lens is None or self._parameters is None:
            self._show_empty(divided)
            return
        from retrograde.tui.views.equation import equation_view
        from retrograde.tui.views.network import network_view
        from retrograde.tui.views.status import header_view, timeline_view
        from retrograde.tui.views.weights import weights_view

        reading, lens, parameters = self.reading, replace(self._lens, focus=self._focus), self._parameters
        shown = divided.places
        self._give(rooms.HEADER, NO_FRAME, self._made(rooms.HEADER, (reading,), lambda: header_view(reading)))
        badges = self._badges.get(self._badge_key(), ())
        chosen = lens.weight if lens.focus is PanelId.WEIGHTS else -1
        before = self._weights_before
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
            PanelId.TIMELINE: ((reading, self._pins), lambda: timeline_view(reading, self._pins)),
        }
        for panel, (key, make) in views.items():
            made = self._made(panel, key, make)
            if panel is PanelId.WEIGHTS:
                self._weights_now = cast("WeightsView", made)
            if panel in shown:
                self._give(panel, rooms.frame(divided, panel, self._focus, self._glyphs), made)
        if PanelId.LOSS in shown:
            frame = rooms.frame(divided, PanelId.LOSS, self._focus, self._glyphs)
            self._give(PanelId.LOSS, frame, self._loss_view(reading))
        if PanelId.DEBUG in shown:
            frame = rooms.frame(divided, PanelId.DEBUG, self._focus, self._glyphs)
            self._give(PanelId.DEBUG, frame, self._made(PanelId.DEBUG, self._debug_key(), self._debug_view))

    def _made(self, part: str, key: tuple[object, ...], make: Callable[[], object]) -> object:
        """A view that was made before for the same key, else a new one; what is the same is not drawn again."""
        known = self._views.get(part)
        key = (*key, self._glyphs)
        if known is None or known[0] != key:
            known = self._views[part] = (key, self._in_glyphs(make()))
        return known[1]

    def _in_glyphs(self, made: Any) -> Any:
        """The view in the characters of the screen."""
        if not self._glyphs.ascii:
            return made
        from retrograde.tui.views.plain import in_ascii

        return in_ascii(made)

    def _show_footer(self) -> None:
        notice, bad = self._notice
        footer = FooterView(keys=self._footer, notice=notice, bad=bad)
        self._give(rooms.FOOTER, NO_FRAME, self._in_glyphs(footer))

    def _give(self, part: str, frame: PanelEdge, made: Any) -> None:
        cast("Drawn[Any]", self._parts[part]).show(self._in_glyphs(frame), made)

    def _show_empty(self, divided: rooms.Rooms) -> None:
        from retrograde.tui.records.views import HeaderView

        loading = _("reading {name} …").format(name=self._opening)
        header = HeaderView(scenario=self._opening, crumbs=(("", loading),), step="", loss=())
        self._give(rooms.HEADER, NO_FRAME, self._in_glyphs(header))
        for panel in PanelId:
            if panel in divided.places:
                frame = rooms.frame(divided, panel, self._focus, self._glyphs)
                self._give(panel, frame, None)

    def _tiny(self) -> str:
        return _("Retrograde needs {width} × {height} cells").format(width=rooms.LEAST_WIDTH, height=rooms.LEAST_HEIGHT)

    def _loss_view(self, reading: Reading) -> LossView:
        """The loss panel's view; the same object while nothing of it changes, so that it is not drawn again."""
        from retrograde.tui.views.loss import loss_so_far, loss_view

        assert self.session is not None
        other = self._other_branch()
        beside = None if other is None else (other.name, other.history.points())
        if self._run_view is not None:
            live = loss_view(reading, self._run_view.points, run=self._run_view, other=beside)
            return cast("LossView", self._in_glyphs(live))
        so_far = loss_so_far(reading)
        updates = self._updates()
        accuracy = self._accuracy[1] if self._accuracy[0] == updates else None
        furthest = reading.schedule.locate(reading.frontier)[0]
        # Until there is a curve, the outputs of the step are shown in its place.
        step = reading if furthest == 0 else None
        known = None if other is None else (other.name, other.history.count)
        key = (reading.iteration, furthest, so_far, self._outcome, accuracy, step, self.session.branch.name, known)
        if self.run_state is not None:
            # The worker has the session: what was shown stays.
            if self._loss is None:
                self._loss = (None, self._in_glyphs(loss_view(reading, _no_points(), run=None)))
            return self._loss[1]
        if self._loss is None or self._loss[0] != key:
            points = self.session.losses.points()
            made = loss_view(reading, points, run=None, message=self._outcome, accuracy=accuracy, other=beside)
            self._loss = (key, self._in_glyphs(made))
        return self._loss[1]

    # -- checks

    def _badge_key(self) -> int:
        reading = self.reading
        assert reading is not None
        return reading.position if not reading.term else -1

    def _schedule_check(self) -> None:
        if self._check_timer is not None:
            self._check_timer.stop()
            self._check_timer = None
        if self._badge_key() not in self._badges or self._accuracy[0] != self._updates():
            self._check_timer = self.set_timer(CHECK_SECONDS, self._check)

    def _check(self) -> None:
        """Holds the number on the screen against a finite difference and against published figures."""
        from retrograde.tui.debugger.badges import accuracy, badges

        if self.session is None or self.run_state is not None or self.reading is None:
            return
        key, updates, news = self._badge_key(), self._updates(), False
        if key >= 0 and key not in self._badges:
            if len(self._badges) > 1000:
                self._badges.clear()
            self._badges[key] = badges(self.session, self.reading)
            news = bool(self._badges[key])
        if self._accuracy[0] != updates:
            self._accuracy = (updates, accuracy(self.session))
            news = news or self._accuracy[1] is not None
        if news:
            self._show()

    def _updates(self) -> int:
        """How many iterations are complete at the cursor."""
        reading = self.reading
        assert reading is not None
        return reading.iteration + (reading.revealed == reading.program.steps)


def _no_points() -> Any:
    import numpy as np

    empty = np.empty(0)
    return empty, empty, empty
