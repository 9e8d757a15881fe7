"""What is on the screen of the place of the cursor: the line at the top, the timeline, the line at the bottom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from retrograde.tui.canvas.canvas import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineSegment:
    """A stretch of the timeline: a phase, how many steps it has, how many are revealed, and whether it is here."""

    label: str
    steps: int
    done: int
    here: bool = False
    start: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What stands on the timeline.

    Attributes:
        marks: letters and their steps in the iteration, from 1.
        hits: steps in the iteration at which a breakpoint is hit, from 1.
        far: letters of marks elsewhere, and their share of the run.
        chapters: signs of chapters and their steps in the iteration, from 1.
        alerts: what the doctor found: its share of the run, a word, and whether it begins in this iteration.
    """

    marks: tuple[tuple[str, int], ...] = ()
    hits: tuple[int, ...] = ()
    far: tuple[tuple[str, float], ...] = ()
    chapters: tuple[tuple[str, int], ...] = ()
    alerts: tuple[tuple[float, str, bool], ...] = ()


NO_PINS = Pins()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineView:
    """The iteration of the cursor as a bar.

    Attributes:
        segments: the phases around the cursor, in order.
        before: what comes before the segments, such as the sample.
        run: share of the frontier that the cursor has reached, None where there is nothing ahead.
        run_label: the whole run in words.
        pins: marks and breakpoints.
    """

    segments: tuple[TimelineSegment, ...]
    before: str = ""
    run: float | None = None
    run_label: str = ""
    pins: Pins = NO_PINS


class Crumb(NamedTuple):
    """A part of where the cursor is.

    Attributes:
        word: what it counts, before it where there is room.
        value: it.
        brief: both in little room: e1 for epoch 1.
        rank: crumbs with the highest ranks give way where there is no room for all.
    """

    word: str
    value: str
    brief: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderView:
    """The top line: the scenario, where the cursor is, and E.

    Attributes:
        scenario: its name, and behind a dot between blanks what it is.
        crumbs: where the cursor is, the finest last.
        step: the step, and of how many.
        loss: E.
        brief_step: the step in little room.
        brief_loss: E in little room.
        brief_scenario: the scenario in little room.
    """

    scenario: str
    crumbs: tuple[Crumb, ...]
    step: str
    loss: Line
    brief_step: str = ""
    brief_loss: Line = ()
    brief_scenario: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FooterView:
    """The bottom line: a notice, or the keys.

    Attributes:
        keys: keys and what they do, the most important first.
        brief: the same where there is little room.
        kept: the number, from 0, of the one that is never left out; -1 for none.
        grey: the numbers, from 0, of those that are not possible now.
        notice: what is said in place of the keys.
        bad: whether it says what is wrong.
        box: whether it closes the panels above.
    """

    keys: tuple[tuple[str, str], ...]
    brief: tuple[tuple[str, str], ...] = ()
    kept: int = -1
    grey: frozenset[int] = frozenset()
    notice: str = ""
    bad: bool = False
    box: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TourView:
    """A stop of the tour.

    Attributes:
        title: which one it is.
        key: the key that goes on.
        text: what is said.
        leave: how the tour is ended.
    """

    title: str
    key: str
    text: str
    leave: str
