"""The top line and the timeline."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from retrograde.engine.equations.expression import (
    Ref,
)
from retrograde.engine.text import _, language
from retrograde.tui.canvas.canvas import shorten
from retrograde.tui.reading.figures import phase_word
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.status import NO_PINS, Crumb, HeaderView, Pins, TimelineSegment, TimelineView
from retrograde.tui.views.loss import loss_label
from retrograde.tui.views.slots import time_of

if TYPE_CHECKING:
    from retrograde.engine.network.network import Network

LONGEST_TOPOLOGY = 28
"""Cells that the widths of the layers take at most, where there is not room for all of them."""


def header_view(reading: Reading) -> HeaderView:
    """The top line."""
    epoch, iteration = divmod(reading.iteration, reading.schedule.per_epoch)
    count = f"{iteration + 1:,}"
    crumbs = [
        Crumb(_("epoch"), f"{epoch + 1:,}", _("e{number}").format(number=f"{epoch + 1:,}"), 1),
        Crumb(_("iteration"), count, _("i{number}").format(number=count), 1),
    ]
    if reading.recording is not None:
        crumbs = []
    if reading.branch:
        crumbs.insert(0, Crumb(_("branch"), reading.branch, reading.branch, 1))
    step = reading.step
    if step is None:
        crumbs.append(Crumb("", _("initial state")))
    else:
        moment = step.moment
        if moment.sample is not None:
            number = str(moment.sample + 1)
            crumbs.append(Crumb(_("sample"), number, _("s{number}").format(number=number), 1))
        crumbs.append(Crumb("", phase_word(moment.phase), rank=2))
        target, of = step.target, step.target.array.of
        time = time_of(target)
        if moment.layer:
            crumbs.append(Crumb("", moment.layer if time is None else f"{moment.layer}@{time}", rank=3))
        shown = target if of is None or reading.recording is not None else Ref(of, target.index)
        crumbs.append(Crumb("", reading.symbol(shown) if shown.index else reading.symbol(target)))
    place, steps = f"{reading.revealed:,}", f"{reading.program.steps:,}"
    text = _("step {number} of {count}").format(number=place, count=steps)
    if reading.term:
        place = f"{reading.revealed + 1:,}"
        text = _("term {term} of step {number} of {count}").format(term=reading.term, number=place, count=steps)
    return HeaderView(
        scenario=_title(reading),
        brief_scenario=_title(reading, LONGEST_TOPOLOGY),
        crumbs=tuple(crumbs),
        step=text,
        loss=loss_label(reading, 9),
        brief_step=f"{place}/{steps}",
        brief_loss=loss_label(reading, 5, brief=True),
    )


def _title(reading: Reading, limit: int | None = None) -> str:
    """What is on the screen: the scenario with the widths of its layers, or the file of a recording.

    Args:
        reading: the session at its position.
        limit: cells that the widths take at most.
    """
    recording = reading.recording
    if recording is not None:
        return f"{recording.file.path.name} · PyTorch {recording.records.torch.partition('+')[0]}"
    return _named(reading.network, limit, language())


@lru_cache(maxsize=2)
def _named(network: Network, limit: int | None, spoken: str) -> str:
    """The name of a scenario with the widths of its layers."""
    del spoken
    topology = network.scenario.topology
    return f"{network.name} · {topology if limit is None else shorten(topology, limit)}"


def timeline_view(reading: Reading, pins: Pins = NO_PINS) -> TimelineView:
    """The iteration as a bar of phases; of several samples, those of the shown one."""
    program, revealed = reading.program, reading.revealed
    runs = program.runs(reading.sample if program.batch > 1 else None)
    at = max(revealed - 1, 0) if not reading.term else revealed
    segments = tuple(
        TimelineSegment(
            label=phase_word(run.phase),
            steps=run.stop - run.start,
            done=min(max(revealed - run.start, 0), run.stop - run.start),
            here=reading.step is not None and run.start <= at < run.stop,
            start=run.start,
        )
        for run in runs
    )
    before = ""
    if program.batch > 1:
        before = _("sample {number} of {count}").format(number=reading.sample + 1, count=program.batch)
        if reading.step is not None and reading.step.place.sample is None:
            before = _("{count} samples").format(count=program.batch)
    return TimelineView(
        segments=segments,
        before=before,
        run=reading.position / reading.frontier if reading.frontier else None,
        run_label=_("run: {reached} of {steps} steps").format(
            reached=f"{reading.position:,}", steps=f"{reading.frontier:,}"
        ),
        pins=pins,
    )
