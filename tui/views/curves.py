"""Losses as curves: a mean over an epoch before the single losses, another branch beside, what happened below."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from retrograde.engine.text import _
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.curves import DASHED, CurveEvent, CurvePlot, Series

if TYPE_CHECKING:
    from collections.abc import Iterable

    from retrograde.engine.explaining.detectors.records import Alert
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.calendar import Schedule
    from retrograde.tui.records.loss import Losses

EPOCHS_FROM = 3
"""Epochs in sight from which on the axis counts epochs."""
ALERT, HIT = "alert", "hit"
SIGNS = {ALERT: ("!", Ink.BAD), HIT: ("●", Ink.CHANGED)}
"""How what happened is shown; a mark by its letter."""


class Window(NamedTuple):
    """The iterations in sight, by their numbers from 1."""

    start: float
    stop: float


UNEQUAL = 4
"""How many times as long as the shortest training of a race the longest is, for them to share a logarithmic axis."""


def series_of(losses: Losses, name: str = "", *, other: bool = False) -> list[Series]:
    """The curves of the losses of a branch, what is behind first.

    Args:
        losses: the losses.
        name: the name of the branch; empty for the only one.
        other: whether it is another branch than the one on the screen.
    """
    if not len(losses.first):
        return []
    ink = Ink.ACCENT if other else Ink.POSITIVE
    if losses.over <= 1:
        return [
            Series(
                name=name, x=losses.first + 1, low=losses.low, high=losses.high, ink=ink, dashes=DASHED if other else ()
            )
        ]
    mean = _("mean of {count} iterations").format(count=f"{losses.over:,}")
    found = [
        Series(
            name=name or mean,
            x=losses.ends + 1,
            low=losses.means,
            high=losses.means,
            ink=ink,
            dashes=DASHED if other else (),
        )
    ]
    if not other:
        quiet = Series(
            name=_("each iteration"), x=losses.first + 1, low=losses.low, high=losses.high, ink=Ink.EDGE_POSITIVE,
            behind=True,
        )  # fmt: skip
        found.insert(0, quiet)
    return found


def unit_of(per_epoch: int, window: Window) -> tuple[int, str]:
    """How many iterations the unit of the axis has, and its word."""
    if per_epoch == 1 or window.stop - window.start >= EPOCHS_FROM * per_epoch:
        return per_epoch, _("epoch")
    return 1, _("iteration")


def moment(number: int, per_epoch: int) -> str:
    """An iteration by its number, in words; as epoch and iteration where an epoch has several."""
    if per_epoch == 1:
        return _("epoch {number}").format(number=f"{number:,}")
    epoch, within = divmod(number - 1, per_epoch)
    return f"{epoch + 1:,}:{within + 1:,}"


def loss_plot(
    losses: Losses,
    *,
    iterations: int,
    per_epoch: int,
    cursor: int,
    events: tuple[CurveEvent, ...] = (),
    others: Iterable[tuple[str, Losses]] = (),
    name: str = "",
    race: Iterable[Series] = (),
) -> CurvePlot | None:
    """The curves of a branch and of others; None where there is no loss.

    Args:
        losses: the losses of the branch.
        iterations: how many iterations there are.
        per_epoch: iterations in an epoch.
        cursor: the number of the cursor's iteration, from 1; 0 for none.
        events: what happened.
        others: the names and the losses of other branches.
        name: the name of the branch; empty for the only one.
        race: the curves of variants.
    """
    series: list[Series] = [*race]
    ends = [float(one.x[-1]) for one in series]
    for other, its in others:
        series += series_of(its, other, other=True)
    series += series_of(losses, name)
    if not series:
        return None
    window = Window(1, max(iterations, *(int(one.x[-1]) for one in series)))
    per_unit, unit = unit_of(per_epoch, window)
    return CurvePlot(
        series=tuple(series),
        start=window.start,
        stop=window.stop,
        per_unit=per_unit,
        unit=unit,
        cursor=cursor,
        cursor_text=moment(cursor, per_epoch) if per_unit > 1 else "",
        events=events,
        stretched=bool(ends) and window.stop > UNEQUAL * min(ends),
    )


def events_of(
    session: Session, schedule: Schedule, alerts: Iterable[Alert], hits: Iterable[int] = ()
) -> tuple[CurveEvent, ...]:
    """What happened on the branch on the screen: hits of breakpoints, alerts of the doctor, marks.

    Args:
        session: the session.
        schedule: its iterations.
        alerts: the alerts; remarks are left out.
        hits: the iterations, from 0, in which a breakpoint is hit.
    """
    sign, ink = SIGNS[HIT]
    found = [CurveEvent(number=hit + 1, sign=sign, ink=ink) for hit in hits]
    sign, ink = SIGNS[ALERT]
    found += [CurveEvent(number=one.iteration + 1, sign=sign, ink=ink) for one in alerts if not one.note]
    found += [
        CurveEvent(number=schedule.locate(position)[0] + 1, sign=letter, ink=Ink.KEY)
        for letter, (branch, position) in sorted(session.marks.items())
        if branch == session.branch.name
    ]
    return tuple(found)
