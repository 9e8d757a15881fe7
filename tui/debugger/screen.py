"""The debugger's screen: it owns the session, and after each change hands every widget its frozen view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from retrograde.engine.text import _
from retrograde.tui.canvas.look import Glyphs
from retrograde.tui.commands.table import commands
from retrograde.tui.debugger import rooms
from retrograde.tui.debugger.breakpoints import Breakpoints
from retrograde.tui.debugger.editing import Editing
from retrograde.tui.debugger.keeping import Keeping
from retrograde.tui.debugger.moving import Moving
from retrograde.tui.debugger.painting import Painting
from retrograde.tui.debugger.querying import Querying
from retrograde.tui.debugger.running import Running
from retrograde.tui.debugger.selecting import Selecting
from retrograde.tui.debugger.visiting import Visiting
from retrograde.tui.debugger.writing import Writing, command_words
from retrograde.tui.records.marks import PanelId
from retrograde.tui.widgets.bars import Breadcrumb, Footer, Notice
from retrograde.tui.widgets.debug import DebugPanel
from retrograde.tui.widgets.equation import EquationPanel
from retrograde.tui.widgets.loss import LossPanel
from retrograde.tui.widgets.network import NetworkPanel
from retrograde.tui.widgets.panel import HasLook
from retrograde.tui.widgets.timeline import TimelinePanel
from retrograde.tui.widgets.weights import WeightsPanel

if TYPE_CHECKING:
    from retrograde.engine.session.session import Here, Session
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.equation import Badge
    from retrograde.tui.records.views import LossView, RunView, WeightsView
    from retrograde.tui.views.lens import Lens
    from retrograde.tui.views.parameters import Parameters
    from retrograde.tui.work.runner import TrainingWork
    from retrograde.tui.work.unsaved import Leftover


class MainScreen(Editing, Keeping, Breakpoints, Querying, Visiting, Running, Moving, Selecting, Writing, Painting):
    """Steps through a training. Until it is given a session it shows empty panels."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(command.keys), f"command('{command.id}')", show=False)
        for command in commands()
        if command.keys
    ]

    def __init__(self, title: str = "") -> None:
        super().__init__(title)
        self.session: Session | None = None
        self.reading: Reading | None = None
        self.run_state: TrainingWork | None = None
        self._lens: Lens | None = None
        self._parameters: Parameters | None = None
        self._run_view: RunView | None = None
        self._after_run: Callable[[], None] | None = None
        self._origin: Here | None = None
        self._weights_now: WeightsView | None = None
        self._weights_before: WeightsView | None = None
        self._loss: tuple[object, LossView] | None = None
        self._badges: dict[int, tuple[Badge, ...]] = {}
        self._accuracy: tuple[int, tuple[int, int] | None] = (-1, None)
        self._pending_g = False
        self._notice = ("", False)
        self._outcome = ""
        self._focus = PanelId.EQUATION

    def compose(self) -> ComposeResult:
        """The widgets; where they lie is worked out for each size."""
        yield Breadcrumb(id=rooms.HEADER)
        yield NetworkPanel(id=PanelId.NETWORK.value)
        yield EquationPanel(id=PanelId.EQUATION.value)
        yield WeightsPanel(id=PanelId.WEIGHTS.value)
        yield LossPanel(id=PanelId.LOSS.value)
        yield TimelinePanel(id=PanelId.TIMELINE.value)
        yield DebugPanel(id=PanelId.DEBUG.value)
        yield Footer(id=rooms.FOOTER)
        yield Notice(id="notice")

    def on_mount(self) -> None:
        """Takes over the layout, and shows empty panels."""
        self._parts = {child.id: child for child in self.children}
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        """Frames change with the layout."""
        self._show()

    @property
    def _glyphs(self) -> Glyphs:
        return cast(HasLook, self.app).look.glyphs

    # -- the session

    def begin(self, session: Session, *, file: Path | None = None, leftover: Leftover | None = None) -> None:
        """Shows a session, from its initial state or from where it was left.

        Args:
            session: the session.
            file: the file that it was opened from.
            leftover: the unsaved work that it was opened from.
        """
        from retrograde.tui.reading.reading import Reading
        from retrograde.tui.views.lens import Lens
        from retrograde.tui.views.parameters import Parameters

        self.session = session
        digits = self._lens.digits if self._lens is not None else 9
        self._lens = Lens(focus=self._focus, digits=digits)
        self.reading = Reading.of(session)
        self._parameters = Parameters(self.reading)
        self._origin = None
        self._forget_debugging()
        self._badges.clear()
        self._accuracy = (-1, None)
        self._weights_now = self._weights_before = None
        self._loss = None
        self._outcome = ""
        self._notice = ("", False)
        self._begin_keeping(file, leftover)
        self._moved(follow=False)

    def warn(self, text: str) -> None:
        """Says what is not as it should be."""
        self._say(text, bad=True)

    def _moved(self, *, follow: bool = True) -> None:
        """Reads the session after a motion and shows what it reads."""
        from retrograde.tui.reading.reading import Reading

        session = self.session
        assert session is not None
        assert self._lens is not None
        self.reading = Reading.of(session)
        self._read_pins()
        self._weights_before = self._weights_now
        weight = self._lens.weight
        if follow and self._focus is not PanelId.WEIGHTS:
            weight = self._followed(self.reading, weight)
        self._lens = replace(self._lens, operand=-1, weight=weight)
        self._show()
        self._schedule_check()
        self._schedule_parent()
        self._schedule_rest()

    def _followed(self, reading: Reading, weight: int) -> int:
        """The row of the parameter that the step is about, so that the table follows the cursor."""
        step = reading.step
        if step is None or self._parameters is None:
            return weight
        row = self._parameters.find(step.target)
        if row is None:
            from retrograde.engine.equations.expression import refs

            for ref in refs(step.equation):
                row = self._parameters.find(ref)
                if row is not None:
                    break
        return weight if row is None else row

    def _switched(self) -> None:
        self._badges.clear()
        self._accuracy = (-1, None)
        self._loss = None

    # -- commands

    def action_command(self, name: str) -> None:
        """Does the command with an id of the table."""
        self.do(name)

    def do(self, name: str) -> None:
        """Does the command with an id of the table."""
        if self.run_state is not None:
            self.run_state.hold()
        pending, self._pending_g = self._pending_g, False
        self._asked, self._asking = self._asking, ""
        if self._notice[0]:
            self._notice = ("", False)
            if self.run_state is None and not self.divide(*self.app.size).tiny:
                self._show_footer()
        if name == "start" and not pending:
            self._pending_g = True
            return
        if name.startswith("panel_") and name[6:].isdigit():
            self._focus_on(list(PanelId)[int(name[6:]) - 1])
            return
        if self.session is None and name not in {"quit", "help", "palette", "open", "theme"}:
            return
        motion, back = name.removesuffix("_back"), name.endswith("_back")
        if motion in {"step", "term", "layer", "phase", "sample", "iteration", "epoch"}:
            self._motion(motion, back=back)
            return
        action = getattr(self, f"do_{name}", None)
        if action is None:
            self._write(f"{command_words()[name]} ")
        else:
            action()

    def _say(self, text: str, *, bad: bool = False) -> None:
        self._notice = (text, bad)
        self._show()

    def do_zoom(self) -> None:
        """Enlarges the panel with the focus, or shows all again."""
        self._zoom = not self._zoom
        self._rearrange()

    def do_precision(self) -> None:
        """Changes how many digits are shown."""
        assert self._lens is not None
        digits = {9: 17, 17: 5, 5: 9}[self._lens.digits]
        self._lens = replace(self._lens, digits=digits)
        self._say(
            {
                9: _("nine digits"),
                17: _("all digits: exactly the float64 that was computed"),
                5: _("five digits"),
            }[digits]
        )

    def do_theme(self) -> None:
        """Changes between dark and light."""
        cast(Any, self.app).toggle_look()

    def do_open(self) -> None:
        """Chooses another scenario."""
        if self._when_idle(self.do_open) and self._sure("open", _("unsaved edits: :save keeps them, o again opens")):
            cast(Any, self.app).choose()

    def do_help(self) -> None:
        """Shows all keys."""
        from retrograde.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(cast(HasLook, self.app).look))

    def do_palette(self) -> None:
        """Opens the command palette."""
        self.app.action_command_palette()

    def do_quit(self) -> None:
        """Leaves; a run is cancelled first."""
        self._leave(self._exit)

    def line_quit(self, rest: str) -> None:
        """Leaves; without asking after an exclamation mark."""
        self._leave(self._exit, forced=rest.startswith("!"))

    def _exit(self) -> None:
        if self.run_state is not None:
            self.run_state.cancel()
        self.app.exit(0)
