"""The loss curve, and E of the iteration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from retrograde.engine.equations.expression import Ref
from retrograde.engine.late import late
from retrograde.engine.network.program import unravel
from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.glyphs import padded, width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.reading.figures import show
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.loss import LossView
from retrograde.tui.views.curves import loss_plot
from retrograde.tui.views.slots import class_of, outputs_of, place_name, size_of, time_of

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.session.race import Lap
    from retrograde.tui.records.curves import CurveEvent
    from retrograde.tui.records.loss import Losses, RunView
    from retrograde.tui.views import race as racing
    from retrograde.tui.views import recorded
else:
    racing = late("retrograde.tui.views.race")
    recorded = late("retrograde.tui.views.recorded")

MOST_OUTPUTS = 10
"""Outputs up to which all of them are listed."""


def loss_view(
    reading: Reading,
    losses: Losses,
    *,
    run: RunView | None,
    message: str = "",
    accuracy: tuple[int, int] | None = None,
    other: tuple[str, Losses] | None = None,
    events: tuple[CurveEvent, ...] = (),
    race: tuple[Lap, ...] = (),
) -> LossView:
    """The loss curve up to the furthest moment, or of a run that is under way.

    Args:
        reading: the reading.
        losses: the losses.
        run: a run that is under way.
        message: how the last run ended.
        accuracy: how many samples are classified rightly, and of how many.
        other: the name and the losses of a branch to show beside this one.
        events: what happened.
        race: the variants that were trained beside it.
    """
    if reading.recording is not None:
        return LossView(lines=recorded.loss_lines(reading, reading.recording, loss_label(reading, 9)))
    if run is not None:
        losses = run.losses
    briefer: list[Line] = []
    if run is None:
        lines, briefer = _said(reading, len(losses.first), message, accuracy)
        iterations = reading.schedule.locate(reading.frontier)[0] + (reading.frontier > 0)
        cursor, progress = reading.iteration + 1, None
    else:
        lines = _said_of_run(run)
        iterations, cursor, progress = run.iterations, 0, run.epoch / max(run.epochs, 1)
    plot = loss_plot(
        losses,
        iterations=iterations,
        per_epoch=reading.schedule.per_epoch,
        cursor=cursor,
        events=events,
        others=() if other is None else (other,),
        name="" if other is None else reading.branch,
        race=racing.race_series(race) if race and other is None else (),
    )
    if race and plot is not None and other is None:
        lines += racing.race_legend(race, reading.scenario.name)
        lines[-1] = (*lines[-1], Span("  R " + _("table"), Ink.DIM))
    return LossView(plot=plot, lines=tuple(lines), briefer=tuple(briefer), progress=progress)


def _said_of_run(run: RunView) -> list[Line]:
    """How far a run has come, and how long it still takes."""
    epochs = _("epoch {epoch} of {epochs}").format(epoch=f"{run.epoch:,}", epochs=f"{run.epochs:,}")
    rate = _("{rate} epochs/s").format(rate=f"{run.rate:,.0f}" if run.rate >= 10 else f"{run.rate:.1f}")
    left = _("at most {time} left").format(time=duration(run.seconds_left))
    return [
        (Span(epochs, Ink.STRONG), Span(f"   E {show(run.loss, 6)}", Ink.TEXT)),
        (
            Span(rate, Ink.DIM),
            Span("   " + left, Ink.DIM),
            Span("   Space ", Ink.KEY),
            Span(_("pauses"), Ink.DIM),
        ),
    ]


def _said(
    reading: Reading, points: int, message: str, accuracy: tuple[int, int] | None
) -> tuple[list[Line], list[Line]]:
    """How the last run ended, E, how many samples are right, and in place of a curve the outputs; and all briefer."""
    lines: list[Line] = [(Span(message, Ink.STRONG),)] if message else []
    briefer = list(lines)
    label, brief = loss_label(reading, 9), loss_label(reading, 5, brief=True)
    if accuracy is not None:
        right, count = accuracy
        share = f"{100 * right / count:.1f}"
        text = _("right: {right} of {count}, {percent} %").format(right=f"{right:,}", count=f"{count:,}", percent=share)
        label = (*label, Span("   " + text, Ink.GOOD))
        text = _("right: {right}/{count}").format(right=f"{right:,}", count=f"{count:,}")
        brief = (*brief, Span("   " + text, Ink.GOOD), Span(f"  {share} %", Ink.GOOD))
    lines.append(label)
    briefer.append(brief)
    if not points:
        lines.append((Span(_("The curve begins with the first E; r runs on."), Ink.DIM),))
    if points < 2:
        lines += _outputs(reading)
    return lines, briefer


def _outputs(reading: Reading) -> list[Line]:
    """Each output beside its target, with its share of E: what there is to see before there is a curve."""
    found: list[tuple[str, str, float | None, float | None, float | None]] = []
    for loss in reading.network.losses:
        name = loss.layer or reading.network.layers[-1].name
        arrays = outputs_of(reading.program, name)
        time = _time_shown(reading, len(arrays))
        if not arrays or len(found) + size_of(arrays[time]) > MOST_OUTPUTS:
            continue
        array, goal = arrays[time], reading.program.named.get(f"t_{name}")
        losses = reading.program.named.get(f"E_{name}" if array.time is None else f"E_{name}@{array.time}")
        if losses is not None and losses.element_shape != array.element_shape:
            losses = None
        for flat in range(size_of(array)):
            index = unravel(flat, array.element_shape)
            slot = Ref(array, (reading.sample, *index))
            target = None
            if goal is not None:
                at = (time, *index) if array.time is not None else index
                target = reading.frame.value(Ref(goal, (reading.sample, *at))) if _fits(goal, at) else None
            error = None if losses is None else reading.visible(Ref(losses, slot.index))
            found.append((place_name(reading, slot), class_of(reading, slot), reading.visible(slot), target, error))
    size = max((width(name) for name, *_rest in found), default=0)
    words = max((width(kind) for _name, kind, *_rest in found), default=0)
    errors = [f"E_{name} {show(error, 5)}" for name, *_rest, error in found]
    most = max(map(width, errors), default=0)
    return [
        (
            Span(padded(name, max(size + 1, 5)), Ink.STRONG),
            *((Span(padded(kind, words + 2), Ink.TEXT),) if words else ()),
            Span(padded(_("out {value}").format(value=show(out, 5)), 14), Ink.FAINT if out is None else Ink.TEXT),
            Span(padded(_("target {value}").format(value=show(target, 5)), 14), Ink.DIM),
            Span(padded(shown, most), Ink.FAINT if error is None else Ink.ACCENT),
        )
        for (name, kind, out, target, error), shown in zip(found, errors, strict=True)
    ]


def _time_shown(reading: Reading, count: int) -> int:
    """Which of the time steps is shown, from 0: that of the step on the screen, else the last."""
    time = None if reading.step is None else time_of(reading.step.target)
    return (count if time is None else min(time, count)) - 1


def _fits(array: Array, index: tuple[int, ...]) -> bool:
    shape = array.element_shape
    return len(index) == len(shape) and all(part < length for part, length in zip(index, shape, strict=True))


def loss_so_far(reading: Reading) -> tuple[str, float, int] | None:
    """E of the iteration as far as it is added up, with its symbol and the number of samples in it; None before that.

    Where E has penalties, which come after the samples, L is the loss of the samples until then.
    """
    for name in ("E", "loss"):
        array = reading.program.named.get(name)
        ref = None if array is None else Ref(array, (0,) * len(array.shape))
        found = None if ref is None else reading.partial(ref)
        if ref is not None and found is not None:
            return (reading.symbol(ref), *found)
    return None


def loss_label(reading: Reading, digits: int, *, brief: bool = False) -> Line:
    """E of the iteration: the sum so far with its label, never an old one."""
    found = loss_so_far(reading)
    if found is None:
        return (Span("E ", Ink.DIM), Span("·", Ink.FAINT))
    symbol, value, done = found
    spans = [Span(f"{symbol} ", Ink.DIM), Span(show(value, digits), Ink.STRONG if math.isfinite(value) else Ink.BAD)]
    if done < reading.program.batch:
        text = f"{done}/{reading.program.batch}"
        if not brief:
            text = _("{done} of {count} samples").format(done=done, count=reading.program.batch)
        spans.append(Span(f" ({text})", Ink.CHANGED))
    return tuple(spans)


def duration(seconds: float) -> str:
    """A time for people, in its largest unit."""
    if not math.isfinite(seconds):
        return "…"
    if seconds < 1:
        return _("1 s")
    if seconds < 90:
        return _("{count} s").format(count=round(seconds))
    if seconds < 5400:
        return _("{count} min").format(count=round(seconds / 60))
    return _("{count} h").format(count=round(seconds / 3600))
