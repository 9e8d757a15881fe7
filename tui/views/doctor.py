"""What the doctor says, as a list with lines about the selected alert: pure functions of a diagnosis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.engine.equations.ailments import AILMENTS
from retrograde.engine.text import _, joined, ngettext
from retrograde.tui.canvas.canvas import Line, Span, wrap
from retrograde.tui.canvas.glyphs import plain, width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.records.choices import ChoicesView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrograde.engine.explaining.detectors.records import Alert, Diagnosis
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.records.value_types import Floats

ALARM, NOTE, WELL = "✗", "○", "✓"
LOG_RATIO = 100.0
"""Losses that differ by more than this are drawn by their logarithms."""
MOST_CELLS = 60
"""Cells of the picture of the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorView:
    """A diagnosis on the screen.

    Attributes:
        choices: the list and the lines about the selected row.
        alerts: for each row its alert; None for one that is about none.
        folds: the row that folds or unfolds the consequences; None where there is none.
    """

    choices: ChoicesView
    alerts: tuple[Alert | None, ...]
    folds: int | None = None


def where(alert: Alert) -> str:
    """The first moment of an alert, in a word."""
    return _("start") if alert.address == "start" else alert.address


def title(alert: Alert) -> str:
    """What is wrong, in a few words."""
    return _(AILMENTS[alert.rule].title)


def doctor_view(
    found: Diagnosis,
    *,
    selected: int,
    unfolded: bool,
    losses: tuple[Floats, Floats, Floats],
    glyphs: Glyphs,
    room: int,
    height: int,
) -> DoctorView:
    """The list.

    Args:
        found: what the doctor says.
        selected: the selected row.
        unfolded: whether consequences have a row each.
        losses: first iteration, least and greatest loss of each bucket of the run on the screen; empty for none.
        glyphs: the characters of the screen.
        room: cells of a line.
        height: rows of the screen.
    """
    rows: list[Line] = []
    alerts: list[Alert | None] = []
    folds: int | None = None
    if found.headline is None:
        rows.append((Span(WELL, Ink.GOOD), Span(""), Span(_("nothing is wrong"), Ink.STRONG)))
        alerts.append(None)
    else:
        rows.append(_row(found.headline, Ink.STRONG))
        alerts.append(found.headline)
    if found.consequences:
        folds = len(rows)
        text = " · ".join(f"{title(alert)} {where(alert)}" for alert in found.consequences)
        rows.append((Span(""), Span(_("and so:"), Ink.DIM), Span("" if unfolded else text, Ink.TEXT)))
        alerts.append(None)
        for alert in found.consequences if unfolded else ():
            rows.append(_row(alert, Ink.TEXT))
            alerts.append(alert)
    for alert in found.notes:
        rows.append(_row(alert, Ink.DIM))
        alerts.append(alert)
    if found.not_judged:
        count = len(found.not_judged)
        text = ngettext("{count} rule could not be judged", "{count} rules could not be judged", count)
        rows.append((Span(NOTE, Ink.FAINT), Span(""), Span(text.format(count=count), Ink.DIM)))
        alerts.append(None)
    selected = min(max(selected, 0), len(rows) - 1)
    spark = _run(found, losses, glyphs, room) if height >= 16 else ()
    about = _about(found, alerts[selected], selected == folds, selected == len(rows) - 1, glyphs, room)
    space = max(height - 3 - min(len(rows), 6) - len(spark), 1)
    if len(about) > space:
        about = [*about[: space - 1], (Span("…", Ink.DIM),)]
    columns = tuple(max(width(plain(row[k].text) if glyphs.ascii else row[k].text) for row in rows) for k in range(2))
    return DoctorView(
        choices=ChoicesView(
            rows=tuple(rows),
            columns=columns,
            selected=selected,
            about=(*about, *spark),
            keys=_keys(alerts[selected], selected == folds),
        ),
        alerts=tuple(alerts),
        folds=folds,
    )


def _row(alert: Alert, ink: Ink) -> Line:
    mark = Span(NOTE, Ink.DIM) if alert.note else Span(ALARM, Ink.BAD)
    text = title(alert) + (f" ({_('a note')})" if alert.note else "")
    return (mark, Span(where(alert), Ink.KEY), Span(text, ink))


def _about(found: Diagnosis, alert: Alert | None, folds: bool, last: bool, glyphs: Glyphs, room: int) -> list[Line]:
    """What is said of the selected row."""
    if alert is None:
        if folds:
            return _wrapped(_("what follows from it; → gives each a row of its own"), glyphs, room, Ink.DIM)
        if last and found.not_judged:
            return _not_judged(found, glyphs, room)
        judged = ngettext("{count} moment", "{count} moments", found.moments).format(count=f"{found.moments:,}")
        of = ngettext("{count} iteration", "{count} iterations", found.iterations).format(count=f"{found.iterations:,}")
        text = _("{rules} rules looked at {moment} of {span}")
        said = text.format(rules=len(AILMENTS) - len(found.not_judged), moment=judged, span=of)
        return _wrapped(said, glyphs, room, Ink.TEXT)
    lines = _wrapped(typeset(alert.cause), glyphs, room, Ink.TEXT)
    if math.isfinite(alert.value):
        measured = _("measured {value}, limit {threshold}")
        text = measured.format(value=f"{alert.value:.4g}", threshold=f"{alert.threshold:.4g}")
        lines.append((Span(typeset(text), Ink.DIM),))
    lines += _wrapped(typeset(_("do: {advice}").format(advice=alert.advice)), glyphs, room, Ink.GOOD)
    return lines


def _not_judged(found: Diagnosis, glyphs: Glyphs, room: int) -> list[Line]:
    """The rules that could not be judged, those with one reason together."""
    by_reason: dict[str, list[str]] = {}
    for rule, reason in found.not_judged.items():
        by_reason.setdefault(reason, []).append(_(AILMENTS[rule].title))
    return [
        line
        for reason, rules in by_reason.items()
        for line in _wrapped(joined((reason, joined(rules, ", ")), ": "), glyphs, room, Ink.DIM)
    ]


def _wrapped(text: str, glyphs: Glyphs, room: int, ink: Ink) -> list[Line]:
    # Plain characters are longer, and lines are broken as they are drawn.
    text = plain(text) if glyphs.ascii else text
    return [(Span(line, ink),) for line in wrap(text, room)]


def _run(found: Diagnosis, losses: tuple[Floats, Floats, Floats], glyphs: Glyphs, room: int) -> tuple[Line, ...]:
    """The loss over the run as a row of levels, with a cross where an alarm begins."""
    first, low, _high = losses
    label = _("run") + " "
    cells = min(room - width(label) - 2, MOST_CELLS)
    if len(first) < 2 or cells < 8 or not found.iterations:
        return ()
    values = [float(value) for value in low]
    columns = [values[min(cell * len(values) // cells, len(values) - 1)] for cell in range(cells)]
    finite = [value for value in columns if math.isfinite(value)]
    if finite and min(finite) > 0 and max(finite) > LOG_RATIO * min(finite):
        columns = [math.log(value) if math.isfinite(value) else value for value in columns]
        finite = [value for value in columns if math.isfinite(value)]
    bottom, top = min(finite, default=0.0), max(finite, default=1.0)
    steps = len(glyphs.levels) - 1
    text = [
        glyphs.levels[1 + round((steps - 1) * (value - bottom) / (top - bottom)) if top > bottom else 1]
        if math.isfinite(value)
        else glyphs.levels[-1]
        for value in columns
    ]
    spans: list[Span] = [Span(label, Ink.DIM), Span(glyphs.left_target, Ink.DIM)]
    marks = {
        min(alert.iteration * cells // max(found.iterations, 1), cells - 1) for alert in found.alerts if not alert.note
    }
    for cell, character in enumerate(text):
        spans.append(Span(ALARM, Ink.BAD) if cell in marks else Span(character, Ink.ACCENT))
    spans.append(Span(glyphs.right_target, Ink.DIM))
    return (tuple(spans),)


def _keys(alert: Alert | None, folds: bool) -> tuple[tuple[str, str], ...]:
    """The keys of the selected row; the last is the way out."""
    found: list[tuple[str, str]] = []
    if alert is not None:
        found.append(("Enter", _("its first moment")))
        if alert.edit:
            values = joined((typeset(f"{name} = {value:g}") for name, value in alert.edit), ", ")
            found.append(("t", _("try {values} on a branch").format(values=values)))
    if folds:
        found.append(("→ ←", _("unfold, fold")))
    return (*found, ("r", _("judge again")), ("Esc", _("back")))


def alert_pins(alerts: Sequence[Alert], iterations: int, here: int) -> tuple[tuple[float, str, bool], ...]:
    """Where alarms stand on the timeline: their share of the run, a word, and whether they are in this iteration."""
    return tuple(
        (min(alert.iteration / max(iterations, 1), 1.0), title(alert), alert.iteration == here)
        for alert in alerts
        if not alert.note
    )
