"""A screen of panels whose places are worked out for each size: empty while a scenario is read, then the debugger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

from textual.app import ComposeResult
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.screen import Screen
from textual.widget import Widget

from retrograde.engine.text import _
from retrograde.tui.canvas.glyphs import Glyphs
from retrograde.tui.commands.keys import KeyRow
from retrograde.tui.debugger import rooms
from retrograde.tui.debugger.arrangement import Arrangement
from retrograde.tui.debugger.panels.table import PANELS
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.records.status import FooterView, TourView
from retrograde.tui.widgets.bars import Breadcrumb, Footer, Notice, Tour
from retrograde.tui.widgets.panel import Drawn, HasLook
from retrograde.tui.work.unsaved import Keeper

if TYPE_CHECKING:
    from retrograde.tui.views.topics import Topic


class Owner(HasLook, Protocol):
    """What a screen of panels asks of its app."""

    keeper: Keeper

    def choose(self) -> None:
        """Asks which scenario to open."""

    def open(self, source: str) -> None:
        """Opens another scenario.

        Args:
            source: the scenario, by its name or file.
        """

    def recover(self) -> None:
        """Lists the unsaved work of programs that have ended."""

    def toggle_look(self) -> None:
        """Changes between the dark and the light theme."""

    def speak(self, wanted: str = "") -> None:
        """Changes the language of every text.

        Args:
            wanted: the language; empty for the next one.
        """


NO_FRAME = PanelEdge(title=())
NOTICE, TOUR = "notice", "tour"
TOUR_ROWS = 4
"""Rows of a stop of the tour, below the footer."""


class _Rooms(Layout):
    """Places the widgets where ``rooms`` says."""

    name = "rooms"

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        """The placements of the widgets that have a room; the others are not shown."""
        screen = cast(PanelledScreen, parent)
        foot = screen.foot(size.height)
        places = screen.placed = screen.arrangement.divide(size.width, size.height - foot).places
        found = []
        for child in children:
            place = places.get(child.id or "")
            if child.id == TOUR and foot:
                place = rooms.Room(0, size.height - foot, size.width, foot)
            if child.id == NOTICE and not places:
                place = rooms.Room(0, 0, size.width, size.height)
            if place is not None and place.width > 0 and place.height > 0:
                found.append(WidgetPlacement(Region(*place), NULL_OFFSET, NULL_SPACING, child))
        return found


_ROOMS = _Rooms()


class PanelledScreen(Screen[None]):
    """A screen with a header, the panels and a footer.

    Args:
        arrangement: which panels are shown.

    Attributes:
        arrangement: which panels are shown.
        touring: whether a stop of the tour is shown.
        placed: the rooms of the widgets as they lie now.
        pieces: the widgets by their ids; none before they are there.
    """

    def __init__(self, arrangement: Arrangement) -> None:
        super().__init__()
        self.arrangement = arrangement
        self.touring = False
        self.placed: dict[str, rooms.Room] = {}
        self.pieces: dict[str | None, Widget] = {}

    def compose(self) -> ComposeResult:
        """The widgets; where they lie is worked out for each size."""
        yield Breadcrumb(id=rooms.HEADER)
        yield from (row.widget(id=row.id) for row in PANELS)
        yield Footer(id=rooms.FOOTER)
        yield Tour(id=TOUR)
        yield Notice(id=NOTICE)

    def on_mount(self) -> None:
        """Takes over the layout."""
        self.pieces = {child.id: child for child in self.children}

    @property
    def layout(self) -> Layout:
        """The rooms, instead of a layout of the stylesheet."""
        return _ROOMS

    def lay_out(self) -> None:
        """Places the widgets anew where their places are others."""
        if self.placed != self.arrangement.divide(*self.cells).places:
            # A layout is forgotten when a child asks for it, not when its parent does.
            self.pieces[rooms.HEADER].refresh(layout=True)

    def focus_on(self, panel: str) -> None:
        """Gives a panel the focus."""
        self.arrangement.focus = panel
        self.arrangement.bring(panel)
        self.lay_out()
        self.paint()

    def paint(self) -> None:
        """Shows empty panels."""
        divided = self.shown
        if divided is not None:
            for panel in divided.tabs:
                self.give(panel, self.frame(divided, panel), None)

    def reword(self) -> None:
        """Shows the same in another language."""
        self.paint()

    # -- what is of the app

    @property
    def owner(self) -> Owner:
        """The app."""
        return cast(Owner, self.app)

    def choose(self) -> None:
        """Chooses another scenario."""
        self.owner.choose()

    def open_source(self, source: str) -> None:
        """Opens another scenario."""
        self.owner.open(source)

    def recover(self) -> None:
        """Lists the unsaved work of programs that have ended."""
        self.owner.recover()

    def change_look(self) -> None:
        """Changes between dark and light."""
        self.owner.toggle_look()

    def speak(self, wanted: str = "") -> None:
        """Changes the language of every text.

        Args:
            wanted: the language; empty for the next one.
        """
        self.owner.speak(wanted)

    def show_help(self, rows: Sequence[KeyRow], topics: Sequence[Topic] = ()) -> None:
        """Shows the help.

        Args:
            rows: the rows of the key table.
            topics: what was asked for; shown alone.
        """
        from retrograde.tui.screens.help import HelpScreen

        self.app.clear_notifications()
        self.app.push_screen(HelpScreen(self.owner.look, rows, topics))

    def show_palette(self) -> None:
        """Opens the command palette."""
        self.app.action_command_palette()

    def suspend(self) -> None:
        """Gives the terminal to the shell for a while."""
        self.app.action_suspend_process()

    def quit(self) -> None:
        """Leaves."""
        self.app.exit(0)

    # -- what the parts ask

    @property
    def glyphs(self) -> Glyphs:
        """The characters to draw with."""
        return self.owner.look.glyphs

    @property
    def cells(self) -> tuple[int, int]:
        """Columns and rows of the terminal."""
        size = self.app.size
        return size.width, size.height - self.foot(size.height)

    def foot(self, height: int) -> int:
        """The rows below the footer.

        Args:
            height: the rows of the terminal.
        """
        rows = min(TOUR_ROWS, height - rooms.LEAST_HEIGHT) if self.touring else 0
        return rows if rows > 1 else 0

    def show_tour(self, view: TourView | None) -> None:
        """Shows a stop of the tour, or that it is over.

        Args:
            view: the stop.
        """
        self.touring = view is not None
        if view is not None:
            self.give(TOUR, NO_FRAME, self.in_glyphs(view))
        self.lay_out()
        self.paint()

    @property
    def shown(self) -> rooms.Rooms | None:
        """The rooms of the panels; None while nothing is there to be painted, or too little room for it."""
        if not self.is_attached or not self.pieces:
            return None
        divided = self.arrangement.divide(*self.cells)
        if divided.tiny:
            needed = _("Retrograde needs {width} × {height} cells")
            text = needed.format(width=rooms.LEAST_WIDTH, height=rooms.LEAST_HEIGHT)
            self.give(NOTICE, NO_FRAME, self.in_glyphs(text))
            return None
        return divided

    def frame(self, divided: rooms.Rooms, panel: str) -> PanelEdge:
        """The edge of a panel."""
        return self.arrangement.frame(divided, panel, self.glyphs)

    def give(self, part: str, frame: PanelEdge, made: Any) -> None:
        """Hands a widget its frame and its view, None for nothing yet."""
        cast("Drawn[Any]", self.pieces[part]).show(self.in_glyphs(frame), made)

    def give_footer(self, view: FooterView) -> None:
        """Shows the keys or the notice."""
        self.give(rooms.FOOTER, NO_FRAME, self.in_glyphs(view))

    def in_glyphs(self, made: Any) -> Any:
        """A view in the characters of the screen."""
        if not self.glyphs.ascii:
            return made
        from retrograde.tui.views.plain import in_ascii

        return in_ascii(made)
