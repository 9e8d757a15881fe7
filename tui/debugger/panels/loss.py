"""The panel of the loss curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.text import N_, language
from retrograde.tui.debugger.panels.panel import Colleagues, PanelPart, PanelRow
from retrograde.tui.debugger.rooms import Seat
from retrograde.tui.records.marks import PanelId
from retrograde.tui.widgets.loss import LossPanel

if TYPE_CHECKING:
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.records.loss import LossView


class LossPart(PanelPart):
    """The curve, of a run while one is under way; the arrows move by an iteration."""

    live = True
    wheeled = False

    def __init__(self, desk: Desk, colleagues: Colleagues) -> None:
        super().__init__(desk, colleagues)
        self._shown: LossView | None = None
        self._made: tuple[object, LossView] | None = None
        desk.forgetters.append(self._forget)

    def _forget(self) -> None:
        self._made = None

    def depends(self, height: int) -> tuple[object, ...]:
        """The view itself, which is the same object while nothing of it changes."""
        self._shown = self._view()
        return (self._shown,)

    def view(self, height: int) -> LossView:
        """The curve up to the furthest moment, beside that of another branch where one was chosen."""
        return self._view() if self._shown is None else self._shown

    def _view(self) -> LossView:
        from retrograde.tui.records.loss import Losses
        from retrograde.tui.views.curves import events_of
        from retrograde.tui.views.loss import loss_so_far, loss_view

        desk, working, reading = self.desk, self.colleagues.working, self.desk.reading
        other = self.colleagues.beside.branch
        per_epoch = reading.schedule.per_epoch
        beside = None if other is None else (other.name, Losses.of(other.history, per_epoch))
        if working.progress is not None:
            return loss_view(reading, working.progress.losses, run=working.progress, other=beside)
        so_far, accuracy = loss_so_far(reading), self.colleagues.badges.accuracy
        furthest = reading.schedule.locate(reading.frontier)[0]
        # Until there is a curve, the outputs of the step are shown in its place.
        step = reading if furthest == 0 else None
        known = None if other is None else (other.name, other.history.count)
        alerts = self.colleagues.doctoring.alerts
        race = self.colleagues.racing.variants
        happened = (alerts, tuple(desk.session.marks.items()), len(race))
        here = (reading.iteration, furthest, so_far, desk.outcome, accuracy, step, desk.session.branch.name, known)
        key = (*here, *happened, working.ended, language())
        if working.work is not None:
            # The worker has the session: what was shown stays.
            if self._made is None:
                self._made = (None, loss_view(reading, Losses.none(), run=None))
        elif self._made is None or self._made[0] != key:
            self._made = (
                key,
                loss_view(
                    reading,
                    Losses.of(desk.session.losses, per_epoch),
                    run=None,
                    message=desk.outcome,
                    accuracy=accuracy,
                    other=beside,
                    events=events_of(desk.session, reading.schedule, alerts),
                    race=race,
                ),
            )
        return self._made[1]

    def point(self, item: int) -> None:
        """Goes to the end of the iteration that was pressed; the first press only gives the panel the focus."""
        if self.desk.focus == PanelId.LOSS:
            schedule = self.desk.reading.schedule
            self.colleagues.moving.seek(schedule.start(item - 1) + schedule.program(item - 1).steps)

    def select(self, by: int) -> None:
        """Moves by an iteration."""
        self.colleagues.moving.motion("iteration", back=by < 0)


LOSS = PanelRow(
    id=PanelId.LOSS,
    key="4",
    title=N_("loss"),
    command=N_("loss panel"),
    seat=Seat.BESIDE,
    widget=LossPanel,
    part=LossPart,
)
