"""The screen while a scenario is read: empty panels, and the few keys that need no session."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.binding import BindingType

from retrograde.engine.text import _
from retrograde.tui.debugger import rooms
from retrograde.tui.debugger.arrangement import Arrangement
from retrograde.tui.debugger.doing import Rows, bindings, rebind
from retrograde.tui.debugger.panelled import NO_FRAME, PanelledScreen
from retrograde.tui.debugger.panels.table import PANELS
from retrograde.tui.debugger.table import Row
from retrograde.tui.records.status import Crumb, HeaderView

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrograde.engine.session.session import Session


class LoadingScreen(PanelledScreen):
    """Empty panels. A key that needs a session does nothing.

    Args:
        title: what is being opened.

    Attributes:
        session: the session, once it was read: it waits until no other screen is in front.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings()

    def __init__(self, title: str) -> None:
        super().__init__(Arrangement([row.seated for row in PANELS]))
        rebind(self._bindings)
        self._title = title
        self._rows = Rows()
        self._begin: Callable[[], None] | None = None
        self.session: Session | None = None

    def on_mount(self) -> None:
        """Shows empty panels."""
        super().on_mount()
        self.paint()

    def on_resize(self, event: events.Resize) -> None:
        """Frames change with the layout."""
        self.paint()

    def paint(self) -> None:
        """Says what is being read, above empty panels."""
        if self.shown is None:
            return
        self.give_footer(self._rows.footer(self.why_not))
        header = HeaderView(scenario=self._title, crumbs=(Crumb("", self._reading, _("reading …")),), step="", loss=())
        self.give(rooms.HEADER, NO_FRAME, self.in_glyphs(header))
        super().paint()

    @property
    def _reading(self) -> str:
        return _("reading {name} …").format(name=self._title)

    def action_command(self, name: str) -> None:
        """Does the command with an id of the table."""
        self.do(name)

    def do(self, name: str, *, sure: bool = True) -> None:
        """Does a command, if it needs no session.

        Args:
            name: its id.
            sure: at once, even where its key has to be pressed twice.
        """
        early = self._rows.by_id[name].early
        if early is not None:
            early(self)

    def why_not(self, row: Row) -> str:
        """Why a command is not possible now; empty where it is.

        Args:
            row: its row.
        """
        return "" if row.early is not None else self._reading

    # -- the session has come

    def give_way(self, session: Session, begin: Callable[[], None]) -> None:
        """Gives way to the debugger's screen, now or when no other screen is in front any more.

        Args:
            session: the session.
            begin: shows the debugger's screen in place of this one.
        """
        self.session, self._begin = session, begin
        self._give_way()

    def on_screen_resume(self) -> None:
        """The screen in front was left."""
        self._give_way()

    def _give_way(self) -> None:
        begin = self._begin
        if begin is not None and self.app.screen_stack[-1:] == [self]:
            self._begin = None
            begin()
