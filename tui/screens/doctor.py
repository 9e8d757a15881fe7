"""The screen of the doctor: what is wrong with the run, the cause first, and where each thing began."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message

from retrograde.engine.text import _, ngettext
from retrograde.tui.canvas.canvas import Span
from retrograde.tui.canvas.glyphs import Glyphs
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.choices import ChoicesView
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.screens.answering import AnsweringModal
from retrograde.tui.screens.goals import Mend, Visit
from retrograde.tui.views.plain import in_ascii
from retrograde.tui.widgets.choices import Choices
from retrograde.tui.work.pace import between

if TYPE_CHECKING:
    from retrograde.engine.explaining.detectors.records import Alert, Diagnosis
    from retrograde.engine.session.session import Session
    from retrograde.tui.views.doctor import DoctorView
    from retrograde.tui.work.jobs import Job

Work: TypeAlias = Callable[[str, Callable[["Job"], object], Callable[[Any], None], Callable[[], None]], None]
Judge: TypeAlias = Callable[["Job", Callable[[float], None]], "Diagnosis"]


class DoctorScreen(AnsweringModal[Visit | Mend | None]):
    """Says what is wrong with a run; answers with a moment to go to, an edit to try, or None.

    Args:
        session: the session, which is lent to the screen.
        glyphs: the characters of the screen.
        found: what is known already; None to judge the run now.
        judge: judges the run, in the worker.
        took: takes what was found.
        work: does work off the screen's thread: a title, the work, what takes its result, and what follows a cancel.
        stop: asks the work to end.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,D", "leave", "leave"),
        ("j,down", "move(1)", "down"),
        ("k,up", "move(-1)", "up"),
        ("pagedown", "move(10)", "further down"),
        ("pageup", "move(-10)", "further up"),
        ("right,l,o", "fold(False)", "unfold"),
        ("left,h", "fold(True)", "fold"),
        ("enter", "choose", "choose"),
        ("t", "try", "try it"),
        ("r", "judge", "judge again"),
    ]

    class Judged(Message):
        """How far it is."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(
        self,
        session: Session,
        glyphs: Glyphs,
        found: Diagnosis | None,
        judge: Judge,
        took: Callable[[Diagnosis], None],
        work: Work,
        stop: Callable[[], None],
    ) -> None:
        super().__init__()
        self._session = session
        self._glyphs = glyphs
        self._found = found
        self._judge = judge
        self._took = took
        self._work = work
        self._stop = stop
        self._working = False
        self._notice = ""
        self._row = 0
        self._unfolded = False
        self._posted = 0.0
        self._shown: DoctorView | None = None

    def compose(self) -> ComposeResult:
        """The list."""
        yield Choices(id="doctor")

    def on_mount(self) -> None:
        """Judges the run, where that was not done."""
        if self._found is None:
            # The screen is painted first: the work takes the processor from it.
            self._working, self._notice = True, _("the run is judged …")
            self.call_after_refresh(self._begin)
        self._show()

    def on_resize(self) -> None:
        """Lines are as long as there is room."""
        self._show()

    # -- judging

    def action_judge(self) -> None:
        """Judges the run."""
        if not self._working:
            self._working, self._notice = True, _("the run is judged …")
            self._show()
            self._begin()

    def _begin(self) -> None:
        def task(job: Job) -> Diagnosis:
            return self._judge(job, self._say_share)

        self._work(_("judging the run"), task, self._judged, self._cancelled)

    def _say_share(self, share: float) -> None:
        """Says how far it is, from the worker."""
        now = time.perf_counter()
        if now - self._posted >= between():
            self._posted = now
            text = _("the run is judged: {percent} %; Esc cancels").format(percent=int(100 * share))
            self.post_message(self.Judged(text))

    def on_doctor_screen_judged(self, message: Judged) -> None:
        """Shows how far it is."""
        if self._working:
            self._notice = message.text
            self._show()

    def _judged(self, found: Diagnosis) -> None:
        self._working, self._notice, self._found, self._row = False, "", found, 0
        self._took(found)
        self._show()

    def _cancelled(self) -> None:
        self._working, self._notice = False, _("cancelled; r begins again")
        self._show()

    # -- showing

    def _show(self) -> None:
        if not self.is_attached:
            return
        from retrograde.engine.equations.ailments import AILMENTS
        from retrograde.tui.views.doctor import doctor_view

        session = self._session
        text = _("doctor: {name}").format(name=session.name)
        if self._found is None or self._notice:
            self._shown = None
            view = ChoicesView(rows=(), columns=(), selected=-1, empty=self._notice)
        else:
            count = self._found.iterations
            iterations = ngettext("{count} iteration", "{count} iterations", count).format(count=f"{count:,}")
            text += " · " + _("{count} rules").format(count=len(AILMENTS)) + " · " + iterations
            self._shown = doctor_view(
                self._found,
                selected=self._row,
                unfolded=self._unfolded,
                losses=session.losses.points(),
                glyphs=self._glyphs,
                room=max(self.size.width - 6, 8),
                height=self.size.height,
            )
            view = self._shown.choices
            self._row = view.selected
        frame = PanelEdge(title=(Span(text, Ink.TITLE_ON),), corners=self._glyphs.corners, bottom=True)
        if self._glyphs.ascii:
            frame, view = in_ascii(frame), in_ascii(view)
        self.query_one(Choices).show(frame, view)

    # -- what the keys do

    @property
    def _alert(self) -> Alert | None:
        return None if self._shown is None else self._shown.alerts[self._row]

    def action_move(self, by: int) -> None:
        """Moves the selection."""
        self._row = max(self._row + by, 0)
        self._show()

    def action_fold(self, fold: bool) -> None:
        """Gives each consequence a row of its own, or not."""
        if self._shown is None or self._shown.folds is None:
            return
        if fold and self._unfolded:
            self._row = min(self._row, self._shown.folds)
        self._unfolded = not fold
        self._show()

    def action_choose(self) -> None:
        """Goes to the first moment of the selected alert."""
        alert = self._alert
        if alert is not None:
            start = self._session.schedule.start(alert.iteration)
            self.dismiss(Visit(start if alert.step is None else alert.step))
        elif self._shown is not None and self._row == self._shown.folds:
            self.action_fold(self._unfolded)

    def action_try(self) -> None:
        """Makes the edit of the selected alert, on a branch."""
        alert = self._alert
        if alert is not None and alert.edit:
            self.dismiss(Mend(self._session.schedule.start(alert.iteration), alert.edit))

    def action_leave(self) -> None:
        """Cancels the judging; without it, leaves."""
        if self._working:
            self._stop()
        else:
            self.dismiss(None)

    def on_choices_clicked(self, event: Choices.Clicked) -> None:
        """Selects with the mouse."""
        self.action_move(event.row - self._row)
