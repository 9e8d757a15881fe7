"""The screen of a biography: what moved a weight, by row, cause or time, down to one iteration."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message

from retrograde.engine.explaining.ledger_lines import By
from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Span
from retrograde.tui.canvas.glyphs import Glyphs
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.screens.answering import AnsweringModal
from retrograde.tui.screens.goals import Visit
from retrograde.tui.views.biography import BY_WORDS, Story, Told, biography_story
from retrograde.tui.views.plain import in_ascii
from retrograde.tui.widgets.table import Table
from retrograde.tui.work.pace import between

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.explaining.biography import Biography, Ledger
    from retrograde.engine.session.session import Session
    from retrograde.tui.work.jobs import Job

Work: TypeAlias = Callable[[str, Callable[["Job"], object], Callable[[Any], None], Callable[[], None]], None]
FURTHEST = 100
"""Weights that are gone through by how far they moved."""


class BiographyScreen(AnsweringModal[Visit | None]):
    """Tells what moved a weight; answers with a step to go to, or None.

    Args:
        session: the session, which nobody else is using.
        story: the biography.
        glyphs: the characters of the screen.
        work: does work off the screen's thread: a title, the work, what takes its result, and what follows a cancel.
        stop: asks the work to end.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,B", "leave", "leave"),
        ("backspace,left,h", "close", "the span around"),
        ("right,l,o", "open", "open the piece"),
        ("j,down", "move(1)", "down"),
        ("k,up", "move(-1)", "up"),
        ("pagedown", "move(10)", "further down"),
        ("pageup", "move(-10)", "further up"),
        ("home", "move(-1000000000)", "first"),
        ("end", "move(1000000000)", "last"),
        ("enter", "choose", "choose"),
        ("s", "order", "order"),
        ("m", "most(1)", "what moved furthest"),
        ("M", "most(-1)", "what moved further"),
        *((word[0], f"by('{word}')", word) for word in By),
    ]

    class Replayed(Message):
        """How far a replay is."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(
        self, session: Session, story: Biography, glyphs: Glyphs, work: Work, stop: Callable[[], None]
    ) -> None:
        super().__init__()
        self._session = session
        self._story = story
        self._glyphs = glyphs
        self._work = work
        self._stop = stop
        self._spans: list[tuple[int, int]] = [(0, story.stop)]
        self._by = By.ROW
        self._by_size = True
        self._row = 0
        self._working = False
        self._fresh = True
        self._rank = 0
        self._furthest: dict[tuple[int, int], tuple[Ref, ...]] = {}
        self._notice = ""
        self._ledgers: dict[tuple[int, int], Ledger] = {}
        self._made: dict[tuple[int, int, bool], Told] = {}
        self._shown: Story | None = None
        self._posted = self._began = 0.0

    @property
    def told(self) -> Told:
        """What is known of the span on the screen."""
        start, stop = self._spans[-1]
        known = self._made.get((start, stop, self._by is By.ITERATION))
        return Told(
            start=start,
            stop=stop,
            by=self._by,
            by_size=self._by_size,
            buckets=() if known is None else known.buckets,
            ledger=self._ledgers.get((start, stop)),
            seconds=0.0 if known is None else known.seconds,
            part=len(self._spans) > 1,
        )

    def compose(self) -> ComposeResult:
        """The table."""
        yield Table(id="biography")

    def on_mount(self) -> None:
        """Begins with the whole story."""
        self._load()

    def on_resize(self) -> None:
        """The picture of time has as much room as there is."""
        self._show()

    # -- finding out

    def _load(self, *, split: bool = False) -> None:
        """Finds out about the span what is not known yet; splits it where that is soon done, or is wanted."""
        start, stop = self._spans[-1]
        by, story, per_epoch = self._by, self._story, self._session.schedule.per_epoch
        unit = 1 if by is By.ITERATION or stop - start <= per_epoch else per_epoch
        known = self._made.get((start, stop, by is By.ITERATION))
        if known is not None and (by.of_time or (start, stop) in self._ledgers or (known.seconds and not split)):
            self._show()
            return

        def task(job: Job) -> tuple[Told, Ledger | None]:
            def progress(done: int, total: int) -> bool:
                self._say_progress(job, done, total)
                return job.asked()

            buckets = story.buckets(start, stop, unit=unit, on_progress=progress) if known is None else known.buckets
            seconds = 0.0 if by.of_time else story.seconds(start, stop)
            told = Told(start=start, stop=stop, by=by, by_size=True, buckets=buckets, ledger=None, seconds=seconds)
            wanted = not by.of_time and told.finite and (split or story.at_once(start, stop))
            return told, story.ledger(start, stop, progress) if wanted else None

        self._working, self._began = True, time.perf_counter()
        self._show()
        self._work(_("splitting"), task, self._loaded, self._cancelled)

    def _say_progress(self, job: Job, done: int, total: int) -> None:
        """Says how far a replay is, from the worker."""
        now = time.perf_counter()
        if now - self._posted < between():
            return
        from retrograde.tui.views.loss import duration

        self._posted = now
        left = (now - self._began) * (total - done) / max(done, 1)
        text = _("replaying: {percent} %, {time} left; Esc cancels")
        self.post_message(self.Replayed(text.format(percent=100 * done // max(total, 1), time=duration(left))))

    def on_biography_screen_replayed(self, message: Replayed) -> None:
        """Shows how far a replay is."""
        if self._working:
            self._notice = message.text
            self._show()

    def _loaded(self, found: tuple[Told, Ledger | None]) -> None:
        from retrograde.tui.views.loss import duration

        told, ledger = found
        self._working, self._notice = False, ""
        self._made[told.start, told.stop, told.by is By.ITERATION] = told
        if ledger is not None:
            self._ledgers[told.start, told.stop] = ledger
        elif not told.by.of_time and told.finite and self._fresh:
            # What can be told at once comes first.
            self._notice = _("by row it takes about {time}: r").format(time=duration(told.seconds))
            self._by, self._by_size = By.EPOCH, False
        self._fresh = False
        self._show()

    def _cancelled(self) -> None:
        self._working, self._notice = False, _("cancelled; r begins again, e tells it by time")
        self._show()

    # -- showing

    @property
    def _place(self) -> int:
        """The place of the weight among those that moved furthest in the span, from 1; 0 where that was not asked."""
        known = self._furthest.get(self._spans[-1], ())
        return known.index(self._story.parameter) + 1 if self._story.parameter in known else 0

    def _show(self) -> None:
        if not self.is_attached:
            return
        session, story = self._session, self._story
        self._shown = biography_story(
            self.told,
            per_epoch=session.schedule.per_epoch,
            whole=story.stop,
            selected=self._row,
            rank=self._place,
            notice=self._notice,
            glyphs=self._glyphs,
            room=max(self.size.width - 4, 8),
        )
        self._row = self._shown.table.selected
        name = session.notation.symbol(story.parameter)
        title = _("biography of {name} by {what}").format(name=name, what=_(BY_WORDS[self._by]))
        frame = PanelEdge(title=(Span(title, Ink.TITLE_ON),), corners=self._glyphs.corners[:2], bottom=True)
        table = self._shown.table
        if self._glyphs.ascii:
            frame, table = in_ascii(frame), in_ascii(table)
        self.query_one(Table).show(frame, table)

    # -- what the keys do

    def action_move(self, by: int) -> None:
        """Moves the selection."""
        count = 0 if self._shown is None else self._shown.table.count
        self._row = min(max(self._row + by, 0), max(count - 1, 0))
        self._show()

    def action_by(self, what: str) -> None:
        """Tells the movement apart by something else."""
        if self._working:
            return
        self._by = By(what)
        self._by_size = not self._by.of_time
        self._row = 0
        self._notice = ""
        self._load()

    def action_order(self) -> None:
        """The largest first, or in the order of time."""
        self._by_size = not self._by_size
        self._show()

    def action_most(self, by: int) -> None:
        """Turns to the weight that moved furthest in the span; again, to the next."""
        if self._working:
            return
        span = self._spans[-1]
        known = self._furthest.get(span)
        if known is None:
            known = self._furthest[span] = self._story.furthest(*span, FURTHEST)
            self._rank = 0
        self._rank = min(max(self._rank + by, 1), len(known))
        self._story = self._session.biography(known[self._rank - 1])
        self._made, self._ledgers, self._row = {}, {}, 0
        self._load()

    def action_open(self) -> None:
        """Opens the selected piece of time."""
        line = self._line
        if self._working or line is None or line.iteration is None or line.stop is None:
            return
        if line.stop - line.iteration == 1:
            return
        if (line.iteration, line.stop) == self._spans[-1]:
            self._by = By.ITERATION
        else:
            self._spans.append((line.iteration, line.stop))
            per_epoch = self._session.schedule.per_epoch
            if line.stop - line.iteration <= per_epoch:
                self._by = By.ITERATION
        self._row = 0
        self._load()

    def action_close(self) -> None:
        """Goes back to the span around."""
        if self._working or len(self._spans) < 2:
            return
        self._spans.pop()
        self._row = 0
        self._load()

    @property
    def _line(self) -> Any:
        lines = () if self._shown is None else self._shown.lines
        return lines[self._row] if self._row < len(lines) else None

    def action_choose(self) -> None:
        """Goes to the moment of the selected row; splits the span where that was offered."""
        told, shown = self.told, self._shown
        if self._working or shown is None:
            return
        if not shown.lines:
            if told.finite and told.ledger is None and not told.by.of_time:
                self._load(split=True)
            return
        line = self._line
        if line is not None and line.iteration is None:
            return
        last = self._row == len(shown.lines) - 1
        iteration = told.stop - 1 if last else told.start if line is None else line.iteration
        self.dismiss(Visit(self._moment(iteration)))

    def _moment(self, iteration: int) -> int:
        """The step of an iteration that gives the weight its new value."""
        from retrograde.engine.equations.expression import Ref

        schedule, parameter = self._session.schedule, self._story.parameter
        program = schedule.program(iteration)
        step = program.produced(Ref(program.named[f"new({parameter.array.name})"], parameter.index))
        return schedule.start(iteration) + (0 if step is None else step + 1)

    def action_leave(self) -> None:
        """Cancels a replay; without one, leaves."""
        if self._working:
            self._stop()
        else:
            self.dismiss(None)

    def on_table_clicked(self, event: Table.Clicked) -> None:
        """Selects with the mouse."""
        self.action_move(event.row - self._row)

    def on_table_wheeled(self, event: Table.Wheeled) -> None:
        """Scrolls with the wheel."""
        self.action_move(event.by)
