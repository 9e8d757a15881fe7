"""The quiz over the panels: a step with its result hidden, a line for the answer, and then the step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Label

from retrograde.engine.errors import EngineError
from retrograde.engine.quizzing.round import ask
from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Span
from retrograde.tui.canvas.glyphs import plain
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.equation import EquationView
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.screens.answering import AnsweringModal
from retrograde.tui.screens.goals import Visit
from retrograde.tui.views.plain import in_ascii
from retrograde.tui.views.quiz import question_view, quiz_title
from retrograde.tui.widgets.equation import EquationPanel
from retrograde.tui.widgets.one_line import OneLine
from retrograde.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from retrograde.engine.quizzing.questions import Question
    from retrograde.engine.quizzing.round import Round
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.reading.reading import Reading


class QuizScreen(AnsweringModal[Visit | None]):
    """Asks the questions of a round; answers with the step to go to, or None.

    Args:
        going: the round.
        reading: the reading of the session.
        glyphs: the characters of the screen.
        digits: digits of the numbers.
        answered: called when an answer was counted, with how many there were before.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "leave", "leave"),
        ("q,Q", "leave", "leave"),
        ("enter,space", "next", "next question"),
        ("t", "visit", "to the step"),
    ]

    def __init__(
        self, going: Round, reading: Reading, glyphs: Glyphs, *, digits: int, answered: Callable[[int], None]
    ) -> None:
        super().__init__()
        self._going = going
        self._reading = reading
        self._glyphs = glyphs
        self._digits = digits
        self._counted = answered
        self._question = going.question
        self._told: Sequence[str] = ()
        self._revealed = False

    def compose(self) -> ComposeResult:
        """The step, what is said, and the line."""
        yield EquationPanel(id="asked")
        with Vertical(id="below"):
            yield Label("", id="says", markup=False)
            with Horizontal():
                yield Label(" ? ", id="prompt", markup=False)
                yield OneLine("", placeholder=_("Enter answers, Esc leaves"), id="line")

    def on_mount(self) -> None:
        """Asks the first question."""
        self._show()

    def _show(self) -> None:
        """Shows the question that is open, or the step once it was answered."""
        if not self.is_attached:
            return
        question = self._question
        heading = "" if question is None else self._going.heading(question)
        frame = PanelEdge(title=quiz_title(heading), corners=self._glyphs.corners[:2], bottom=True)
        view = EquationView(prose=tuple((Span(line, Ink.TEXT),) for line in self._going.summary()))
        if question is not None:
            view = question_view(self._reading, question, digits=self._digits, revealed=self._revealed)
        if self._glyphs.ascii:
            frame, view = in_ascii(frame), in_ascii(view)
        self.query_one(EquationPanel).show(frame, view)
        text = "\n".join(self._lines(question))
        self.query_one("#says", Label).update(plain(text) if self._glyphs.ascii else text)
        line = self.query_one(OneLine)
        open_ = question is not None and not self._revealed
        line.disabled = not open_
        line.parent.display = open_  # type: ignore[union-attr]
        if open_:
            line.focus()
        else:
            self.set_focus(None)

    def _lines(self, question: Question | None) -> list[str]:
        """What stands above the line."""
        if question is None:
            return [_("Esc leaves")]
        if self._revealed:
            return [*self._told, "", _("Enter: on · t: to this step · Esc: leave")]
        return [*self._told, *(self._going.asked() if self._going.deciding else [ask(question)])]

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Takes an answer, or which mistake it was."""
        event.stop()
        before = len(self._going.results)
        try:
            self._told = self._going.take(event.value)
        except EngineError as error:
            self._told = [str(error)]
            event.input.value = ""
            self._show()
            return
        event.input.value = ""
        self._revealed = len(self._going.results) > before
        if self._revealed:
            self._counted(before)
            # The panel shows the step itself.
            self._told = self._told[:-1]
        self._show()

    def action_next(self) -> None:
        """Goes on to the next question, or leaves after the last."""
        if self._question is None:
            self.dismiss(None)
        elif self._revealed:
            self._question, self._told, self._revealed = self._going.question, (), False
            self._show()

    def action_visit(self) -> None:
        """Goes to the step that was asked about."""
        if self._question is not None and self._revealed:
            self.dismiss(Visit(self._question.step.number))

    def action_leave(self) -> None:
        """Leaves; an answer of which it is open what it was is counted."""
        before = len(self._going.results)
        self._going.leave()
        if len(self._going.results) > before:
            self._counted(before)
        self.dismiss(None)

    def on_panel_pressed(self, event: Panel.Pressed) -> None:
        """The step has nothing to select here."""
        event.stop()

    def on_panel_wheeled(self, event: Panel.Wheeled) -> None:
        """The step has nothing to scroll here."""
        event.stop()
