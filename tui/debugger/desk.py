"""What the parts of the debugger share: the session, what was read of it, and what the person at the keyboard chose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from retrograde.engine.text import joined
from retrograde.tui.records.marks import PanelId
from retrograde.tui.views.lens import Lens

if TYPE_CHECKING:
    from textual.message import Message
    from textual.screen import Screen
    from textual.timer import Timer

    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.explaining.step import Operand
    from retrograde.engine.session.session import Session
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.commands.keys import KeyRow
    from retrograde.tui.debugger.arrangement import Arrangement
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.status import TourView
    from retrograde.tui.screens.jump import Spot
    from retrograde.tui.views.parameters import Parameters
    from retrograde.tui.views.topics import Topic

Action = Callable[[], None]


class Host(Protocol):
    """What the parts ask of the terminal's side: Textual's screen in the app."""

    @property
    def glyphs(self) -> Glyphs:
        """The characters to draw with."""

    @property
    def cells(self) -> tuple[int, int]:
        """Columns and rows of the terminal."""

    def lay_out(self) -> None:
        """Places the widgets anew where their places are others."""

    def ask(self, screen: Screen[Any], answered: Callable[[Any], None] | None = None) -> None:
        """Puts another screen in front.

        Args:
            screen: the screen.
            answered: takes what it is closed with.
        """

    def after(self, seconds: float, action: Action) -> Timer:
        """Does something once, later, on the screen's thread."""

    def post_message(self, message: Message) -> bool:
        """Takes a message from any thread."""

    def in_thread(self, work: Action) -> None:
        """Does work in a thread; what it raises is reported."""

    def choose(self) -> None:
        """Chooses another scenario."""

    def debug(self, session: Session, said: str, left: Callable[[None], None]) -> None:
        """Opens another session over this one.

        Args:
            session: the session.
            said: what is said there; empty for nothing.
            left: called when it is left, and this one is on the screen again.
        """

    def open_source(self, source: str) -> None:
        """Opens another scenario.

        Args:
            source: the scenario, by its name or file.
        """

    def recover(self) -> None:
        """Lists the unsaved work of programs that have ended."""

    def speak(self, wanted: str = "") -> None:
        """Changes the language of every text.

        Args:
            wanted: the language; empty for the next one.
        """

    def quit(self) -> None:
        """Leaves."""

    def show_tour(self, view: TourView | None) -> None:
        """Shows a stop of the tour, or that it is over.

        Args:
            view: the stop.
        """

    def show_help(self, rows: Sequence[KeyRow], topics: Sequence[Topic] = ()) -> None:
        """Shows the help.

        Args:
            rows: the rows of the key table.
            topics: what was asked for; shown alone.
        """

    def announce(self, text: str) -> None:
        """Shows a text for a moment, in a corner."""

    def marked(self) -> str:
        """The text that the mouse has marked; empty for none."""

    def copy(self, text: str) -> None:
        """Gives the terminal a text to be pasted elsewhere."""

    def spots(self) -> tuple[Spot, ...]:
        """The panels and rows on the screen, each with its place."""

    def edit(self, command: list[str]) -> int:
        """Gives the terminal to an editor until it ends, and returns its exit code.

        Args:
            command: the command and its arguments.

        Raises:
            EngineError: the terminal can not be given away here.
        """


class Said(NamedTuple):
    """A notice in place of the footer's keys; empty for none."""

    text: str = ""
    bad: bool = False


NOTHING_SAID = Said()
PARAMETER_EDGES = 2
"""Rows of the table of parameters beside theirs: its edge and its heading."""


@dataclass(slots=True, kw_only=True, eq=False)
class Desk:
    """A session on the screen.

    Attributes:
        host: the terminal's side.
        session: the session.
        reading: what was read of it last.
        parameters: the rows of the table of weights.
        lens: what is selected, and how it is shown.
        arrangement: which panels are shown, and which has the focus.
        notice: what is said in place of the keys.
        outcome: how the last run ended, in words.
        goal: the step that the notice is about, where Enter goes next; None for none.
        stopped: the position at which a breakpoint was hit last, -1 for none.
        told: whether a chapter of the scenario is told here.
        paint: hands every widget its view.
        paint_footer: shows the keys or the notice.
        slot: finds the slot that is selected in the panel with the focus.
        readers: called after a motion and before the paint: what reads the session beside the reading.
        resters: called after a motion and its paint: what begins once the cursor rests.
        forgetters: called when another session or branch is shown: what forgets what was shown of the one before.
        beginners: called when another session is shown: what begins anew with it.
    """

    host: Host
    session: Session
    reading: Reading
    parameters: Parameters
    arrangement: Arrangement
    lens: Lens = field(default_factory=Lens)
    notice: Said = NOTHING_SAID
    outcome: str = ""
    goal: int | None = None
    stopped: int = -1
    told: bool = False
    paint: Action = lambda: None
    paint_footer: Action = lambda: None
    slot: Callable[[], Ref | None] = lambda: None
    readers: list[Action] = field(default_factory=list)
    resters: list[Action] = field(default_factory=list)
    forgetters: list[Action] = field(default_factory=list)
    beginners: list[Action] = field(default_factory=list)

    @classmethod
    def of(cls, session: Session, host: Host, arrangement: Arrangement) -> Desk:
        """The desk of a session.

        Args:
            session: the session.
            host: the terminal's side.
            arrangement: which panels are shown.
        """
        from retrograde.tui.reading.reading import Reading
        from retrograde.tui.views.parameters import Parameters

        reading = Reading.of(session)
        parameters = Parameters(reading)
        arrangement.needed = len(parameters) + PARAMETER_EDGES
        return cls(host=host, session=session, reading=reading, parameters=parameters, arrangement=arrangement)

    def begin(self, session: Session) -> None:
        """Shows another session; the focus and the number of digits stay."""
        from retrograde.tui.reading.reading import Reading
        from retrograde.tui.views.parameters import Parameters

        self.session = session
        self.reading = Reading.of(session)
        self.parameters = Parameters(self.reading)
        self.arrangement.needed = len(self.parameters) + PARAMETER_EDGES
        self.lens = Lens(digits=self.lens.digits, library=self.lens.library)
        self.notice, self.outcome, self.goal, self.stopped = NOTHING_SAID, "", None, -1
        self.forget()
        for begins in self.beginners:
            begins()
        self.moved(follow=False)

    def forget(self) -> None:
        """Forgets what was shown of another session or branch."""
        for forgets in self.forgetters:
            forgets()

    # -- which panels are shown

    @property
    def focus(self) -> str:
        """The panel in which the arrows move."""
        return self.arrangement.focus

    def focus_on(self, panel: str) -> None:
        """Gives a panel the focus."""
        self.arrangement.focus = panel
        self.bring(panel)

    def bring(self, panel: str) -> None:
        """Brings a panel to the front where it is a tab; the focus stays."""
        self.arrangement.bring(panel)
        self.rearrange()

    def rearrange(self) -> None:
        """Places the panels anew and shows what changed."""
        self.host.lay_out()
        self.paint()

    # -- what is said and shown

    def say(self, text: str, *, bad: bool = False) -> None:
        """Shows a notice in place of the keys."""
        self.notice = Said(text, bad)
        self.paint()

    def add(self, text: str) -> None:
        """Says something besides what is said already."""
        self.say(joined((self.notice.text, text), " · ") if self.notice.text else text, bad=self.notice.bad)

    def reread(self) -> None:
        """Reads the session again where it stands, and shows what is new of it."""
        from retrograde.tui.reading.reading import Reading

        self.reading = Reading.of(self.session)
        self.paint()

    def moved(self, *, follow: bool = True) -> None:
        """Reads the session after a motion and shows what it reads.

        Args:
            follow: whether the table of weights goes to the parameter that the step is about.
        """
        from retrograde.tui.reading.reading import Reading

        self.reading = Reading.of(self.session)
        for reads in self.readers:
            reads()
        weight = self.lens.weight
        if follow and self.focus != PanelId.WEIGHTS and not self.lens.kept:
            weight = self._row_of_step(weight)
        self.lens = replace(self.lens, operand=-1, weight=weight)
        self.paint()
        self.rest()

    def rest(self) -> None:
        """Begins what is done while the cursor rests."""
        for rests in self.resters:
            rests()

    def _row_of_step(self, otherwise: int) -> int:
        """The row of the parameter that the step is about."""
        step = self.reading.step
        if step is None:
            return otherwise
        row = self.parameters.find(step.target)
        recording = self.reading.recording
        if row is None and (recording is None or not recording.silence(step.place.op)):
            from retrograde.engine.equations.expression import refs

            found = (self.parameters.find(ref) for ref in refs(step.equation))
            row = next((each for each in found if each is not None), None)
        return otherwise if row is None else row

    # -- what is selected

    @property
    def operands(self) -> Sequence[Operand]:
        """The operands of the step on the screen, in the order of their rows."""
        from retrograde.tui.views.operands import operands_of

        return operands_of(self.reading)

    @property
    def operand(self) -> Operand | None:
        """The operand that is selected, if one is."""
        operands = self.operands
        return operands[self.lens.operand] if 0 <= self.lens.operand < len(operands) else None

    @property
    def selected(self) -> Ref | None:
        """The slot that is selected in the panel with the focus, if one is."""
        return self.slot()
