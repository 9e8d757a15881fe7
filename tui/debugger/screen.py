"""The debugger's screen: the widgets, and the desk whose parts they show."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.binding import BindingType
from textual.errors import NoWidget
from textual.geometry import Offset
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _
from retrograde.tui.debugger.arrangement import Arrangement
from retrograde.tui.debugger.desk import Action, Desk
from retrograde.tui.debugger.doing import Doing, bindings, rebind
from retrograde.tui.debugger.painting import Painting
from retrograde.tui.debugger.panelled import PanelledScreen
from retrograde.tui.widgets.panel import Drawn, Panel
from retrograde.tui.work.unsaved import Keeper

if TYPE_CHECKING:
    from retrograde.engine.session.saving import SessionFile
    from retrograde.engine.session.session import Session
    from retrograde.tui.debugger.table import Row
    from retrograde.tui.screens.jump import Spot
    from retrograde.tui.work.jobs import JobEnded, JobProgress
    from retrograde.tui.work.runner import RunEnded, RunProgress
    from retrograde.tui.work.unsaved import Leftover

KEEP_SECONDS = 0.5
"""How often the session is looked at for something new that is worth keeping."""


class DebuggerScreen(PanelledScreen):
    """Steps through a training: it hands events to the parts, and gives the parts what they ask of the terminal.

    Args:
        session: the session.
        arrangement: which panels are shown.
        keeper: keeps what was not saved.
        file: the file that the session was opened from.
        leftover: the unsaved work that it was opened from.

    Attributes:
        desk: the session on the screen, what is selected, what is said.
        parts: the parts, which do the commands.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings()

    def __init__(
        self,
        session: Session,
        arrangement: Arrangement,
        keeper: Keeper,
        *,
        file: SessionFile | None = None,
        leftover: Leftover | None = None,
    ) -> None:
        super().__init__(arrangement)
        rebind(self._bindings)
        self.desk = Desk.of(session, self, arrangement)
        self._doing = Doing(self.desk, self, keeper)
        self.parts = parts = self._doing.parts
        self._painting = Painting(self.desk, self, parts.working, parts.panels, self._doing.footer)
        parts.keeping.begin(file, leftover)

    @property
    def session(self) -> Session:
        """The session."""
        return self.desk.session

    def on_mount(self) -> None:
        """Shows the session where it stands."""
        super().on_mount()
        self.set_interval(KEEP_SECONDS, self.parts.keeping.keep)
        self.desk.moved(follow=False)
        if not self.desk.notice.text:
            self.parts.moving.offer_break()

    def paint(self) -> None:
        """Hands every widget its view."""
        self.desk.paint()

    def reword(self) -> None:
        """Shows the same moment in another language."""
        super().reword()
        self.parts.touring.show()
        self.desk.rest()

    # -- what the parts ask

    def ask(self, screen: Screen[Any], answered: Callable[[Any], None] | None = None) -> None:
        """Puts another screen in front; what was said in a corner would hide a part of it."""
        self.app.clear_notifications()
        self.app.push_screen(screen, answered)

    def debug(self, session: Session, said: str, left: Callable[[None], None]) -> None:
        """Opens another session over this one."""
        arrangement = Arrangement(self.arrangement.panels)
        # Nothing is kept of it against a crash: the file is of the session below.
        screen = DebuggerScreen(session, arrangement, Keeper())
        if said:
            screen.desk.say(said)
        self.ask(screen, left)

    def quit(self) -> None:
        """Leaves: a variant for the session below, else the app."""
        if self.session.original:
            self.dismiss(None)
        else:
            super().quit()

    def after(self, seconds: float, action: Action) -> Timer:
        """Does something once, later, on the screen's thread."""
        return self.set_timer(seconds, action)

    def in_thread(self, work: Action) -> None:
        """Does work in a thread; what it raises is reported."""
        self.run_worker(work, thread=True, exit_on_error=True, group="run")

    def announce(self, text: str) -> None:
        """Shows a text for a moment, in a corner."""
        self.notify(text, markup=False)

    def marked(self) -> str:
        """The text that the mouse has marked; empty for none."""
        return (self.get_selected_text() or "").strip("\n")

    def copy(self, text: str) -> None:
        """Gives the terminal a text to be pasted elsewhere."""
        self.app.copy_to_clipboard(text)
        self.clear_selection()

    def spots(self) -> tuple[Spot, ...]:
        """The panels and rows on the screen, each with its place."""
        from retrograde.tui.screens.jump import Spot

        found = []
        for panel in self.query(Panel):
            region = panel.region
            if panel.id is None or panel.id not in self.placed or not region.area:
                continue
            found.append(Spot(region.x + 1, region.y, panel.id, None))
            seen = set()
            for row in range(region.height - 2):
                item = panel.item_at(row)
                if item is not None and item not in seen:
                    seen.add(item)
                    found.append(Spot(region.x, region.y + 1 + row, panel.id, item))
        return tuple(found)

    def edit(self, command: list[str]) -> int:
        """Gives the terminal to an editor until it ends, and returns its exit code.

        Args:
            command: the command and its arguments.

        Raises:
            EngineError: the terminal can not be given away here.
        """
        import subprocess

        from textual.app import SuspendNotSupported

        try:
            with self.app.suspend():
                return subprocess.run(command, check=False).returncode
        except SuspendNotSupported:
            raise EngineError(_("an editor needs a terminal of its own")) from None

    def end(self) -> None:
        """Leaves nothing to be lost before an ending that nobody asked for with a key."""
        self.parts.leaving.end()

    def get_widget_and_offset_at(self, x: int, y: int) -> tuple[Widget | None, Offset | None]:
        """The widget at a cell, and where marking begins or ends in it."""
        try:
            widget, region = self.get_widget_at(x, y)
        except NoWidget:
            return None, None
        if isinstance(widget, Drawn):
            return widget, widget.cell_at(x - region.x, y - region.y)
        return super().get_widget_and_offset_at(x, y)

    # -- events

    def on_text_selected(self) -> None:
        """Copies what was marked, as terminals do, when the button is let go."""
        if marked := self.marked():
            self.app.copy_to_clipboard(marked)

    def action_command(self, name: str) -> None:
        """Does the command with an id of the table."""
        self.do(name)

    def do(self, name: str, *, sure: bool = False) -> None:
        """Does a command.

        Args:
            name: its id.
            sure: at once, even where its key has to be pressed twice.
        """
        self._doing.do(name, sure=sure)

    def why_not(self, row: Row) -> str:
        """Why a command is not possible now; empty where it is.

        Args:
            row: its row.
        """
        return self._doing.why_not(row)

    def on_resize(self, event: events.Resize) -> None:
        """Frames change with the layout."""
        self.desk.paint()

    def on_panel_pressed(self, message: Panel.Pressed) -> None:
        """Gives a panel the focus, and selects what was pressed."""
        self.parts.selecting.press(message.panel, message.item)

    def on_panel_wheeled(self, message: Panel.Wheeled) -> None:
        """Scrolls by moving the selection."""
        self.parts.selecting.wheel(message.panel, message.by)

    def on_run_progress(self, message: RunProgress) -> None:
        """Shows how far a run is."""
        self._painting.show_progress(message.view)

    def on_run_ended(self, message: RunEnded) -> None:
        """Takes the session back from a run."""
        self.parts.working.end_run(message)

    def on_job_progress(self, message: JobProgress) -> None:
        """Shows how far a search is."""
        self.parts.working.show_search(message)

    def on_job_ended(self, message: JobEnded) -> None:
        """Takes the session back from a search."""
        self.parts.working.end_job(message.job)
