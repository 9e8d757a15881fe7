"""The debug panel and the timeline's pins: from the session and what was found in it to frozen views."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.reading.figures import phase_word, show
from retrograde.tui.records.debug import DebugRow, DebugView
from retrograde.tui.records.status import Pins

if TYPE_CHECKING:
    from retrograde.engine.formulas.tree import Formula
    from retrograde.engine.session.breakpoints import Breakpoint
    from retrograde.engine.session.session import Here, LogEntry, Session
    from retrograde.engine.travel.calendar import Schedule

MOST_MOMENTS = 10_000
"""Moments of a query, and lines of a logpoint, that are kept."""
MOST_POINTED = 1000
"""Moments of a query about an array that are kept."""
HEAVY_SLOTS = 64
"""Slots that a watch may read at every key."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a query has found.

    Attributes:
        title: the query as it was written.
        branch: the branch that was searched.
        steps: the moments, by the number of their steps.
        text: what is said beside the title: how many, or a value.
        more: whether there are more moments than are kept.
        told: for each moment what decided it, where that is an element of an array; empty for none.
    """

    title: str
    branch: str
    steps: tuple[int, ...]
    text: str
    more: bool = False
    told: tuple[str, ...] = ()


@dataclass(slots=True)
class Lines:
    """The lines of a logpoint on a branch.

    Attributes:
        branch: the branch.
        entries: the lines, in order.
        upto: the step up to which was looked.
    """

    branch: str
    entries: list[LogEntry] = field(default_factory=list)
    upto: int = 0


@dataclass(frozen=True, slots=True)
class ValueChange:
    """The last change of a watch, as it was at a position: its step, None where it was not looked for further."""

    branch: str
    position: int
    step: int | None


@dataclass(slots=True)
class Ledger:
    """What the debug panel shows besides the session's own lists.

    Attributes:
        found: the last query.
        lines: the lines of the logpoints, by their number.
        curves: the small curve of each watch by its text, with the branch and the frontier it was made for.
        changes: the last change of each watch by its text.
        values: the values of watches that take long, by their texts, with the place where they were looked at.
    """

    found: Found | None = None
    lines: dict[int, Lines] = field(default_factory=dict)
    curves: dict[str, tuple[str, int, tuple[float, ...]]] = field(default_factory=dict)
    changes: dict[str, ValueChange] = field(default_factory=dict)
    values: dict[str, tuple[Here, float | bool | None]] = field(default_factory=dict)


Item = tuple[str, int]
"""A row that can be selected: what it is, and its number, letter code, place or step."""


class Rows:
    """The rows of the debug panel by number; only those that are asked for are made.

    Args:
        session: the session, which no other thread may be using.
        ledger: what was found.
    """

    def __init__(self, session: Session, ledger: Ledger) -> None:
        self._session = session
        self._ledger = ledger
        branch = session.branch.name
        self._lines = sorted(
            (entry.step, number, place)
            for number, lines in ledger.lines.items()
            if lines.branch == branch and number in session.breakpoints
            for place, entry in enumerate(lines.entries)
        )
        found = ledger.found
        titles = (
            (_("breakpoints"), "break", len(session.breakpoints)),
            (_("watches"), "watch", len(session.watches)),
            (_("marks"), "mark", len(session.marks)),
            (_("log"), "log", len(self._lines)),
            ("" if found is None else found.title, "moment", 0 if found is None else len(found.steps)),
        )
        self._sections = tuple(
            section for section in titles if section[2] or (section[1] == "moment" and found is not None)
        )

    def __len__(self) -> int:
        """How many rows there are, titles included."""
        return sum(1 + count for _title, _kind, count in self._sections)

    def first_of(self, kind: str) -> int:
        """The number of the first row of a section; -1 where there is none."""
        number = 0
        for _title, each, count in self._sections:
            if each == kind:
                return number + 1
            number += 1 + count
        return -1

    def _locate(self, number: int) -> tuple[str, str, int] | None:
        for title, kind, count in self._sections:
            if number <= count:
                return title, kind, number - 1
            number -= 1 + count
        return None

    def item(self, number: int) -> Item | None:
        """What can be done with a row; None for a title."""
        at = self._locate(number) if number >= 0 else None
        if at is None or at[2] < 0:
            return None
        _title, kind, index = at
        session, found = self._session, self._ledger.found
        match kind:
            case "break":
                return kind, list(session.breakpoints)[index]
            case "mark":
                return kind, ord(sorted(session.marks)[index])
            case "log":
                return "moment", self._lines[index][0]
            case "moment":
                return (kind, found.steps[index]) if found is not None and index < len(found.steps) else None
        return kind, index

    def step(self, selected: int, by: int) -> int:
        """The selection after moving it; titles are passed over."""
        count = len(self)
        if not count:
            return -1
        place = selected if 0 <= selected < count else (0 if by > 0 else count)
        place = min(max(place + by, 0), count - 1)
        if self.item(place) is None:
            onward = 1 if by > 0 else -1
            while 0 <= place < count and self.item(place) is None:
                place += onward
            if not 0 <= place < count:
                place = selected if 0 <= selected < count else -1
        return place

    def row(self, number: int, digits: int) -> DebugRow:
        """A row as it is drawn."""
        at = self._locate(number)
        assert at is not None
        title, kind, index = at
        session = self._session
        if index < 0:
            return DebugRow(left=self._title(title, kind), heading=True)
        match kind:
            case "break":
                return self._breakpoint(list(session.breakpoints.values())[index])
            case "watch":
                return self._watch(session.watches[index], digits)
            case "mark":
                letter = sorted(session.marks)[index]
                branch, position = session.marks[letter]
                place = address(session.schedule, position)
                if branch != session.branch.name:
                    place = f"{branch} {place}"
                return DebugRow(left=(Span(f"◆ {letter}", Ink.ACCENT),), right=(Span(place, Ink.DIM),))
            case "log":
                return self._line(*self._lines[index], digits)
            case _:
                return self._moment(index)

    def _title(self, title: str, kind: str) -> Line:
        line: Line = (Span(title, Ink.TITLE),)
        found = self._ledger.found
        if kind == "moment" and found is not None:
            line = (Span(title, Ink.STRONG), Span("  " + found.text, Ink.DIM))
        return line

    @staticmethod
    def _breakpoint(point: Breakpoint) -> DebugRow:
        if point.log:
            dot, ink = "≡ " if point.enabled else "○ ", Ink.TEXT
        else:
            dot, ink = ("● ", Ink.BAD) if point.enabled else ("○ ", Ink.DIM)
        what = point.text
        if point.log:
            values = ", ".join(formula.text for formula in point.log)
            joint = " " if point.text.startswith("at ") else _(" if ")
            what = values + joint + point.text
        notes = []
        if point.once:
            notes.append(_("once"))
        if point.from_hit > 1:
            notes.append(_("from hit {number}").format(number=point.from_hit))
        if point.after is not None:
            notes.append(_("after {number}").format(number=point.after))
        if not point.log:
            notes.append(_("hits {count}").format(count=point.count))
        return DebugRow(
            left=(
                Span(dot, ink),
                Span(f"{point.number} ", Ink.KEY),
                Span(what, Ink.TEXT if point.enabled else Ink.DIM),
            ),
            right=(Span(" · ".join(notes), Ink.DIM),) if notes else (),
        )

    def _watch(self, formula: Formula, digits: int) -> DebugRow:
        session = self._session
        value: float | bool | str | None
        known_at, value = self._ledger.values.get(formula.text, (None, None))
        if not heavy(formula):
            value = session.look(formula)
        elif known_at != session.here:
            value = "…"
        if isinstance(value, str):
            now = Span(value, Ink.FAINT)
        elif value is None:
            now = Span("·", Ink.FAINT)
        elif isinstance(value, bool):
            now = Span(_("true") if value else _("false"), Ink.STRONG)
        else:
            now = Span(show(float(value), digits), Ink.STRONG)
        change = self._ledger.changes.get(formula.text)
        when = ""
        if change is not None and change.step is not None and change.branch == session.branch.name:
            when = _("changed {place}").format(place=address(session.schedule, change.step))
        known = self._ledger.curves.get(formula.text)
        curve = known[2] if known is not None and known[0] == session.branch.name else ()
        gap = Span(" " * max(2, 20 - width(when)), Ink.DIM)
        right = (now, gap, Span(when, Ink.DIM)) if when else (now,)
        return DebugRow(left=(Span(formula.text, Ink.TEXT),), right=right, curve=curve)

    def _line(self, step: int, number: int, place: int, digits: int) -> DebugRow:
        point = self._session.breakpoints[number]
        entry = self._ledger.lines[number].entries[place]
        spans: list[Span] = [Span(f"{number} ", Ink.KEY)]
        for formula, value in zip(point.log, entry.values, strict=True):
            spans.append(Span(f"{formula.text} ", Ink.DIM))
            spans.append(Span(show(value, digits) + "  ", Ink.TEXT))
        return DebugRow(left=tuple(spans), right=(Span(address(self._session.schedule, step), Ink.DIM),))

    def _moment(self, index: int) -> DebugRow:
        found = self._ledger.found
        assert found is not None
        step = found.steps[index]
        session = self._session
        iteration, within = session.schedule.locate(step)
        program = session.schedule.program(iteration)
        place = program.place(within - 1)
        symbol = session.notation.symbol(program.target(place))
        word = phase_word(program.ops[place.op].phase)
        told = found.told[index] if found.told else ""
        named = told.startswith(f"{symbol} = ")
        return DebugRow(
            left=(
                Span(address(session.schedule, step), Ink.STRONG),
                Span("" if named else f"  {symbol}", Ink.TEXT),
                Span(f"  {told}" if told else "", Ink.TEXT if named else Ink.DIM),
            ),
            right=(Span(word, Ink.DIM),),
        )


def heavy(formula: Formula) -> bool:
    """Whether an expression reads so much that its value waits until the cursor rests."""
    return formula.size > HEAVY_SLOTS


def debug_view(rows: Rows, selected: int, digits: int, *, window: int) -> DebugView:
    """The debug panel around its selection.

    Args:
        rows: its rows.
        selected: the selected row, -1 for none.
        digits: significant digits.
        window: rows that the panel may have.
    """
    count = len(rows)
    first = max(0, max(selected, 0) - window)
    last = min(count, max(selected, 0) + window)
    return DebugView(
        rows=tuple(rows.row(number, digits) for number in range(first, last)),
        first=first,
        count=count,
        selected=selected if selected < count else -1,
        hint=() if count else _hint(),
    )


def _hint() -> tuple[Line, ...]:
    keys = (
        ("b", _("break at this step")),
        ("x", _("break when this value changes")),
        ("a", _("watch an expression")),
        ("m", _("mark this moment")),
        (":break E < 0.01", _("stop there")),
        (":log w5, E if E < 0.1", _("print values")),
        (":first E < 0.01", _("when was that")),
    )
    # Keys are short and commands long: either kind has a column of its own, so that there is room for what they do.
    rooms = {kind: max(width(key) for key, _text in keys if (key[0] == ":") is kind) + 2 for kind in (False, True)}
    return tuple(
        (Span(key + " " * (rooms[key[0] == ":"] - width(key)), Ink.KEY), Span(text, Ink.DIM)) for key, text in keys
    )


def address(schedule: Schedule, position: int) -> str:
    """A position as epoch, iteration and step, from 1; in a recording the step alone."""
    if schedule.alone:
        return str(position)
    iteration, step = schedule.locate(position)
    epoch, within = divmod(iteration, schedule.per_epoch)
    return f"{epoch + 1}:{within + 1}:{step}"


def pins_of(session: Session, hits: Sequence[int]) -> Pins:
    """The marks of the branch and the hits of breakpoints around the cursor.

    Args:
        session: the session.
        hits: the steps of the cursor's iteration at which a breakpoint is hit.
    """
    start = session.schedule.start(session.iteration)
    steps = session.program.steps
    near: list[tuple[str, int]] = []
    far: list[tuple[str, float]] = []
    for letter, (branch, position) in sorted(session.marks.items()):
        if branch != session.branch.name:
            continue
        if start < position <= start + steps or position == start == 0:
            near.append((letter, max(position - start, 1)))
        far.append((letter, min(position / max(session.frontier, 1), 1.0)))
    return Pins(marks=tuple(near), hits=tuple(step - start for step in hits), far=tuple(far))


def normal(values: Sequence[float]) -> tuple[float, ...]:
    """Values between 0 and 1, for a small curve; what is not finite is NaN."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ()
    low, high = min(finite), max(finite)
    reach = high - low
    return tuple(
        ((value - low) / reach if reach and math.isfinite(reach) else 0.5) if math.isfinite(value) else math.nan
        for value in values
    )
