"""The picture of the loss: over the whole run or a part of it, with what is held out, accuracy, and what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

from retrograde.engine.text import N_, _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.reading.figures import show
from retrograde.tui.records.curves import DASHED, CurvePlot, Series
from retrograde.tui.records.fields import PictureView
from retrograde.tui.records.loss import Losses
from retrograde.tui.screens.picturing import Picture, Room, Surroundings, Then
from retrograde.tui.views.curves import Window, events_of, moment, series_of, unit_of

if TYPE_CHECKING:
    from retrograde.engine.explaining.courses import EpochCourse
    from retrograde.engine.session.session import Session
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.records.curves import CurveEvent
    from retrograde.tui.records.value_types import Floats

MOST_HITS = 2000
"""Hits of breakpoints that are looked for."""
MOST_EXACT = 50_000
"""Iterations in sight up to which their losses are computed again, where a bucket has several."""
LEAST_WINDOW = 4
"""Iterations that are in sight at least."""
PAN = 0.25
"""The part of what is in sight that it moves by at its edge."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossReading:
    """What is soon read of the losses."""

    losses: Losses
    others: tuple[tuple[str, Losses], ...]
    name: str
    iterations: int
    cursor: int
    per_epoch: int
    events: tuple[CurveEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossStudy:
    """What takes longer: forward passes at the ends of epochs, hits of breakpoints, each loss of what is in sight."""

    course: EpochCourse | None
    hits: tuple[int, ...]
    exact: tuple[int, Floats] | None


class LossPicture(Picture):
    """The losses of the branch on the screen and of the others."""

    name = "loss"
    title = N_("loss")
    keys: ClassVar[tuple[tuple[str, str], ...]] = (
        ("← →", N_("point")),
        ("Enter", N_("go there")),
        ("+ -", N_("scale")),
        ("0", N_("whole run")),
        ("l", N_("log or linear")),
        ("s", N_("mean")),
        ("a", N_("accuracy")),
    )

    def __init__(self, session: Session, around: Surroundings) -> None:
        super().__init__(session, around)
        self._found: LossReading | None = None
        self._studied = LossStudy(course=None, hits=(), exact=None)
        self._window: Window | None = None
        self._logarithmic: bool | None = None
        self._shown_logarithmic = False
        self._over: int | None = None
        self._accuracy = False
        self._pointer = 0

    # -- reading

    def read(self, room: Room, asked: Callable[[], bool]) -> LossReading:
        """The losses as far as they are known."""
        session = self.session
        per_epoch = session.schedule.per_epoch
        mine = session.losses
        others = tuple(
            (branch.name, Losses.of(branch.history, per_epoch, self._over))
            for branch in session.branches
            if branch is not session.branch and len(branch.history)
        )
        return LossReading(
            losses=Losses.of(mine, per_epoch, self._over),
            others=others,
            name=session.branch.name if others else "",
            iterations=max(len(mine), 1),
            cursor=session.iteration + 1,
            per_epoch=per_epoch,
            events=events_of(session, session.schedule, self.around.alerts),
        )

    def study(self, room: Room, asked: Callable[[], bool], tell: Callable[[Any], None]) -> LossStudy:
        """Forward passes at the ends of epochs, hits of breakpoints, and each loss of what is in sight."""
        from retrograde.engine.explaining.courses import epoch_course, moments_of

        session, known = self.session, self._studied
        timeline, per_epoch = session.timeline, session.schedule.per_epoch
        first, count, buckets = self._spread
        exact = known.exact
        if buckets > 1 and count <= MOST_EXACT and (exact is None or exact[0] != first or len(exact[1]) != count):
            exact = (first, self._exact(first, count, asked))
            tell(replace(known, exact=exact))
        hits = self._hits(asked)
        found = LossStudy(course=known.course, hits=hits, exact=exact if buckets > 1 and count <= MOST_EXACT else None)
        tell(found)
        done = len(session.branch.history)
        moments = moments_of(per_epoch, per_epoch, done)
        if moments and (known.course is None or known.course.updates.tolist() != moments):
            course = epoch_course(timeline, moments, lambda _done, _count: asked())
            found = replace(found, course=course)
        return found

    @property
    def _spread(self) -> tuple[int, int, int]:
        """The first iteration in sight, from 0, how many are, and how many iterations a bucket of losses has."""
        found = self._found
        if found is None:
            return 0, 0, 1
        window = self._in_sight(found)
        first = max(int(window.start) - 1, 0)
        width = int(found.losses.first[1] - found.losses.first[0]) if len(found.losses.first) > 1 else 1
        return first, min(int(window.stop), found.iterations) - first, width

    def _exact(self, first: int, count: int, asked: Callable[[], bool]) -> Floats:
        """The losses of some iterations, computed again."""
        import numpy as np

        timeline = self.session.timeline
        losses: list[float] = []
        state = timeline.state(first)
        piece = max(int(0.05 / timeline.iteration_seconds), 1)
        while len(losses) < count:
            if asked():
                raise InterruptedError
            start = first + len(losses)
            state = timeline.advance(state, start, min(piece, count - len(losses)), losses)
        return np.array(losses)

    def _hits(self, asked: Callable[[], bool]) -> tuple[int, ...]:
        """The iterations in which a breakpoint is hit."""
        session = self.session
        found: set[int] = set()
        for point in session.breakpoints.values():
            # A place is passed in every iteration.
            if not point.enabled or point.log or point.place is not None:
                continue
            for step in islice(session.hits(point, on_progress=lambda _done, _total: asked()), MOST_HITS):
                found.add(session.schedule.locate(step)[0])
                if asked():
                    raise InterruptedError
        return tuple(sorted(found))

    def take(self, found: Any) -> None:
        """Takes what was read."""
        if isinstance(found, LossStudy):
            self._studied = found
            return
        before = self._found
        self._found = found
        if before is not None and before.cursor != found.cursor:
            self._pointer = 0
            self._follow(found)

    def _follow(self, found: LossReading) -> None:
        """Brings the cursor into sight."""
        window = self._window
        if window is not None and not window.start <= found.cursor <= window.stop:
            self._move(found, found.cursor - (window.start + window.stop) / 2)

    # -- what is in sight

    def _in_sight(self, found: LossReading) -> Window:
        whole = self._whole(found)
        if self._window is None:
            return whole
        return Window(max(self._window.start, whole.start), min(self._window.stop, whole.stop))

    @staticmethod
    def _whole(found: LossReading) -> Window:
        """The whole run, as far as any branch goes."""
        ends = (int(one.ends[-1]) + 1 for _name, one in found.others if len(one.ends))
        return Window(1, max([found.iterations, *ends]))

    def _move(self, found: LossReading, by: float) -> None:
        """Moves what is in sight, as far as the run goes."""
        window = self._in_sight(found)
        whole = self._whole(found)
        by = min(max(by, whole.start - window.start), whole.stop - window.stop)
        self._window = Window(window.start + by, window.stop + by)

    def _zoom(self, found: LossReading, factor: float) -> Then:
        """Shows less, or more, around what is pointed at."""
        window, whole = self._in_sight(found), self._whole(found)
        size = min(max((window.stop - window.start) * factor, LEAST_WINDOW), whole.stop - whole.start)
        if size >= whole.stop - whole.start:
            self._window = None
            return Then.READ
        middle: float = self._pointed(found)
        middle = middle if window.start <= middle <= window.stop else (window.start + window.stop) / 2
        share = (middle - window.start) / max(window.stop - window.start, 1)
        start = min(max(middle - share * size, 1), whole.stop - size)
        self._window = Window(start, start + size)
        return Then.READ

    def _pointed(self, found: LossReading) -> int:
        return self._pointer or found.cursor

    def do(self, action: str, room: Room) -> Then:
        """Points, zooms, changes the axis, the mean, and what is shown."""
        found = self._found
        if found is None:
            return Then.NOTHING
        match action:
            case "left" | "right" | "up" | "down":
                return self._point(found, room, -1 if action in {"left", "down"} else 1, action in {"up", "down"})
            case "in" | "out":
                return self._zoom(found, 0.5 if action == "in" else 2.0)
            case "whole":
                self._window, self._pointer = None, 0
                return Then.READ
            case "log":
                self._logarithmic = not self._shown_logarithmic
                return Then.SHOW
            case "smooth":
                self._over = self._next_mean(found)
                return Then.READ
            case "accuracy":
                self._accuracy = not self._accuracy
                return Then.SHOW
        return Then.NOTHING

    def _next_mean(self, found: LossReading) -> int:
        """The next mean: none, an epoch, 4, 16 ... of them, up to a quarter of the run."""
        now, epoch = found.losses.over, max(found.per_epoch, 4)
        if now <= 1:
            return epoch
        return now * 4 if now * 4 <= found.iterations / 4 else 1

    def _point(self, found: LossReading, room: Room, by: int, far: bool) -> Then:
        """Points at an iteration further to a side: by a column, or an eighth of what is in sight."""
        window = self._in_sight(found)
        size = window.stop - window.start
        step: float = max(size / 8 if far else size / max(room.columns - 12, 1), 1.0)
        whole = self._whole(found)
        at = round(min(max(self._pointed(found) + by * step, whole.start), whole.stop))
        self._pointer = at
        if self._window is not None and not window.start <= at <= window.stop:
            self._move(found, by * max(size * PAN, abs(at - (window.stop if by > 0 else window.start))))
            return Then.READ
        return Then.SHOW

    @property
    def step(self) -> int | None:
        """The end of the iteration that is pointed at."""
        return self._end(self._pointer) if self._pointer else None

    def _end(self, number: int) -> int:
        schedule = self.session.schedule
        return schedule.start(number - 1) + schedule.program(number - 1).steps

    def pick(self, number: int, place: tuple[float, float] | None) -> int | None:
        """Goes to the iteration that was pressed."""
        found = self._found
        if not number or found is None:
            return None
        self._pointer = 0
        return self._end(min(number, found.iterations))

    # -- showing

    def view(self, room: Room, glyphs: Glyphs) -> PictureView:
        """The curves."""
        found = self._found
        if found is None or not len(found.losses.first):
            text = _("The curve begins with the first E; r runs on.")
            return PictureView(lines=((Span(text, Ink.DIM),),))
        window = self._in_sight(found)
        per_unit, unit = unit_of(found.per_epoch, window)
        accuracy = self._accuracy and self._right is not None
        series = self._of_accuracy() if accuracy else self._of_losses(found)
        logarithmic: bool | None = False if accuracy else self._logarithmic
        plot = CurvePlot(
            series=tuple(series),
            start=window.start,
            stop=window.stop,
            per_unit=per_unit,
            unit=unit,
            logarithmic=logarithmic,
            low=0.0 if accuracy else None,
            high=100.0 if accuracy else None,
            cursor=found.cursor,
            pointer=self._pointer,
            cursor_text=moment(found.cursor, found.per_epoch),
            pointer_text=moment(self._pointer, found.per_epoch) if self._pointer else "",
            events=self._events(found),
        )
        from retrograde.tui.drawing.curves import plot_area

        area = plot_area(plot, room.columns, 0, room.rows)
        self._shown_logarithmic = area is not None and area.axis.logarithmic
        return PictureView(plot=plot, lines=(self._said(found),))

    def _events(self, found: LossReading) -> tuple[CurveEvent, ...]:
        from retrograde.tui.records.curves import CurveEvent
        from retrograde.tui.views.curves import HIT, SIGNS

        sign, ink = SIGNS[HIT]
        return (*(CurveEvent(number=hit + 1, sign=sign, ink=ink) for hit in self._studied.hits), *found.events)

    @property
    def _right(self) -> Any:
        course = self._studied.course
        return None if course is None else course.right

    def _of_accuracy(self) -> list[Series]:
        """How many samples are right, as a share."""
        course = self._studied.course
        assert course is not None
        assert course.right is not None
        found = []
        if course.held_right is not None:
            found.append(
                _line(_("held out, % right"), course.updates, 100 * course.held_right, Ink.ACCENT, dashed=True)
            )
        found.append(_line(_("% right"), course.updates, 100 * course.right, Ink.GOOD))
        return found

    def _of_losses(self, found: LossReading) -> list[Series]:
        """The losses, of others first."""
        series: list[Series] = []
        for name, losses in found.others:
            series += series_of(losses, name, other=True)
        own = series_of(found.losses, found.name)
        exact = self._studied.exact
        if exact is not None:
            import numpy as np

            x = exact[0] + 1 + np.arange(len(exact[1]), dtype=np.float64)
            own[0] = replace(own[0], x=x, low=exact[1], high=exact[1])
        series += own
        course = self._studied.course
        if course is not None and course.held_out is not None:
            if not own[-1].name:
                series[-1] = replace(own[-1], name=_("training"))
            series.append(_line(_("held out"), course.updates, course.held_out, Ink.NEGATIVE, dashed=True))
        return series

    def _said(self, found: LossReading) -> Line:
        """The numbers of the iteration that is pointed at."""
        number = min(self._pointed(found), found.iterations)
        spans = [
            Span(_("iteration {number}").format(number=f"{number:,}"), Ink.STRONG),
            Span(f" ({moment(number, found.per_epoch)})   ", Ink.DIM),
        ]
        spans += self._loss_at(found, number)
        losses = found.losses
        if losses.over > 1:
            import numpy as np

            at = int(np.searchsorted(losses.ends, number - 1))
            if at < len(losses.ends) and losses.ends[at] == number - 1:
                count = min(losses.over, number)
                text = _("mean of {count} iterations").format(count=f"{count:,}")
                spans.append(Span(f"   {text} {show(float(losses.means[at]), 6)}", Ink.DIM))
        course = self._studied.course
        if course is not None and number in course.updates:
            at = course.updates.tolist().index(number)
            for word, values in ((_("held out"), course.held_out),):
                if values is not None:
                    spans.append(Span(f"   {word} {show(float(values[at]), 6)}", Ink.NEGATIVE))
            for word, values in ((_("% right"), course.right), (_("held out, % right"), course.held_right)):
                if values is not None:
                    spans.append(Span(f"   {100 * float(values[at]):.1f} {word}", Ink.GOOD))
        return tuple(spans)

    def _loss_at(self, found: LossReading, number: int) -> list[Span]:
        """E of an iteration; of a bucket of several what is known of all of them."""
        import numpy as np

        exact = self._studied.exact
        if exact is not None and exact[0] <= number - 1 < exact[0] + len(exact[1]):
            return [Span("E ", Ink.DIM), Span(show(float(exact[1][number - 1 - exact[0]]), 9), Ink.STRONG)]
        losses = found.losses
        at = int(np.searchsorted(losses.first, number - 1, side="right")) - 1
        if at < 0:
            return []
        low, high = float(losses.low[at]), float(losses.high[at])
        if low == high or (low != low and high != high):
            return [Span("E ", Ink.DIM), Span(show(low, 9), Ink.STRONG)]
        return [Span(_("E from {low} to {high}").format(low=show(low, 6), high=show(high, 6)), Ink.TEXT)]


def _line(name: str, x: Floats, values: Floats, ink: int, *, dashed: bool = False) -> Series:
    return Series(
        name=name,
        x=x,
        low=values,
        high=values,
        ink=ink,
        dashes=DASHED if dashed else (),
        dotted=len(x) < 24 and not dashed,
    )
