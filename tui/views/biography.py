"""The biography of a weight as a table: pure functions of what was found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from retrograde.engine.explaining.ledger_lines import By, LedgerLine, bucket_lines, ledger_lines, span_text, way
from retrograde.engine.text import N_, _, joined, ngettext
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.glyphs import width
from retrograde.tui.canvas.inks import Ink, signed
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.records.table_view import Column, TableView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrograde.engine.explaining.biography import Bucket, Ledger
    from retrograde.tui.canvas.glyphs import Glyphs

BAR, MOST_BAR = 16, 60
"""Cells of the longest bar: where there is little room, and where there is much."""
BESIDE = 64
"""Cells that the other columns take."""
NAMED = 3
"""Pieces of time that are named beside their picture."""

BY_WORDS = {By.ROW: N_("row"), By.EPOCH: N_("epoch"), By.CAUSE: N_("cause"), By.ITERATION: N_("iteration")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is known of a span of a biography.

    Attributes:
        start: the first iteration.
        stop: the iteration behind the last.
        by: what it is told apart by.
        by_size: the largest first; else in the order of time, or of the data set.
        buckets: its pieces in time.
        ledger: its ledger; None while it was not made.
        seconds: how long that takes.
        part: whether it is a piece of the whole story.
    """

    start: int
    stop: int
    by: By
    by_size: bool
    buckets: tuple[Bucket, ...]
    ledger: Ledger | None
    seconds: float
    part: bool = False

    @property
    def finite(self) -> bool:
        """Whether the weight is a number all the time."""
        return bool(self.buckets) and all(
            math.isfinite(value) for bucket in self.buckets for value in (bucket.before, bucket.after)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A biography as a table, with what its rows lead to.

    Attributes:
        table: the table.
        lines: for each row its line; None for the start and the end.
    """

    table: TableView
    lines: tuple[LedgerLine | None, ...]


def biography_story(
    told: Told,
    *,
    per_epoch: int,
    whole: int,
    selected: int,
    notice: str,
    glyphs: Glyphs,
    room: int,
    rank: int = 0,
) -> Story:
    """The table.

    Args:
        told: what is known.
        per_epoch: iterations of an epoch.
        whole: iterations of the whole story.
        selected: the selected row, from 0.
        notice: what is said above the table: how far a replay is, or why there is none.
        glyphs: the characters of the screen.
        room: cells of a line.
        rank: its place among the weights that moved furthest in the span, from 1; 0 where that is not known.
    """
    lines = _head(told, per_epoch, whole, glyphs, room)
    if rank and lines:
        lines[0] = (*lines[0], Span("   " + _place(rank), Ink.ACCENT))
    if notice:
        lines.append((Span(notice, Ink.CHANGED),))
    if told.by.of_time and told.finite:
        texts = [span_text(bucket, per_epoch) for bucket in told.buckets]
        made = bucket_lines(told.buckets, texts, by_size=told.by_size)
    elif told.ledger is not None:
        made = ledger_lines(told.ledger, by=told.by, by_size=told.by_size)
    else:
        table = TableView(
            columns=(), rows=(), first=0, count=0, selected=0, lines=tuple(lines), empty=_offer(told), keys=_keys(told)
        )
        return Story(table=table, lines=())
    found: list[LedgerLine | None] = [None, *made.lines, None]
    largest = float(max((abs(line.at_once) for line in made.lines), default=0)) or 1.0
    longest = min(max(room - BESIDE, BAR), MOST_BAR)
    rows = [_row(line, longest, largest, per_epoch, glyphs) for line in made.lines]
    rows.insert(0, _end(_("start"), made.start))
    rows.append(_end(_("now"), made.now))
    columns = [
        Column(title=_(BY_WORDS[told.by]), width=_widest(rows, 0)),
        Column(title=_("at once") if made.two_columns else _("moved"), width=_widest(rows, 1), right=True),
        Column(title=_("in all"), width=_widest(rows, 2), right=True, rank=1),
        Column(title="", width=longest, rank=3),
        Column(title=_("most at"), width=max(_widest(rows, 4), 1), rank=2),
    ]
    drop = {*(() if made.two_columns else (2,)), *((4,) if told.by.of_time else ())}
    table = TableView(
        columns=tuple(column for number, column in enumerate(columns) if number not in drop),
        rows=tuple(tuple(cell for number, cell in enumerate(row) if number not in drop) for row in rows),
        first=0,
        count=len(rows),
        selected=min(selected, len(rows) - 1),
        lines=tuple(lines),
        keys=_keys(told),
    )
    return Story(table=table, lines=tuple(found))


def _widest(rows: Sequence[Line], column: int) -> int:
    return max((width(row[column].text) for row in rows), default=1)


def _end(text: str, value: str) -> Line:
    blank = Span("", Ink.FAINT)
    return (Span(text, Ink.STRONG), Span(value, Ink.STRONG), Span(value, Ink.STRONG), blank, blank)


def _row(line: LedgerLine, longest: int, largest: float, per_epoch: int, glyphs: Glyphs) -> Line:
    once, whole = float(line.at_once), float(line.in_all)
    bar = glyphs.bar * math.ceil(longest * abs(once) / largest - 1e-9)
    place = "" if line.iteration is None else f"{line.iteration // per_epoch + 1:,}:{line.iteration % per_epoch + 1}"
    return (
        Span(line.text, Ink.TEXT),
        Span(line.shown[0], signed(once)),
        Span(line.shown[1], signed(whole)),
        Span(bar, signed(once)),
        Span(place, Ink.DIM),
    )


def _number(value: float) -> str:
    return typeset(f"{value:.9g}")


def _head(told: Told, per_epoch: int, whole: int, glyphs: Glyphs, room: int) -> list[Line]:
    """From where to where, which span it is, the picture of time, and the way in a sentence."""
    if not told.buckets:
        return []
    count = told.stop - told.start
    iterations = ngettext("{count} iteration", "{count} iterations", count).format(count=f"{count:,}")
    head = [
        Span(f"{_number(told.buckets[0].before)} → {_number(told.buckets[-1].after)}", Ink.STRONG),
        Span(f"   {iterations}", Ink.DIM),
    ]
    if count < whole:
        span = told.buckets[0]._replace(stop=told.stop)
        text = _("{span} of {count}").format(span=span_text(span, per_epoch), count=f"{-(-whole // per_epoch):,}")
        head.append(Span(f"   {text}", Ink.ACCENT))
    lines: list[Line] = [tuple(head)]
    if told.finite and len(told.buckets) > 1:
        lines.append(_spark(told.buckets, per_epoch, glyphs, room))
    if told.ledger is not None:
        lines.append((Span(way(told.ledger), Ink.TEXT),))
    return lines


def _place(rank: int) -> str:
    """How a weight stands among the others by how far it moved."""
    if rank == 1:
        return _("no weight moved further")
    return ngettext("{count} weight moved further", "{count} weights moved further", rank - 1).format(count=rank - 1)


def _spark(buckets: Sequence[Bucket], per_epoch: int, glyphs: Glyphs, room: int) -> Line:
    """How far the weight moved in each piece of time, and the pieces where it moved most."""
    named = sorted(buckets, key=lambda bucket: (-abs(bucket.change), bucket.start))[:NAMED]
    labels = ["   " + joined((span_text(one, per_epoch), _moved(one)), ": ") for one in named]
    cells = max(min(len(buckets), room - width(labels[0])), 8)
    edges = [len(buckets) * cell // cells for cell in range(cells + 1)]
    sizes = [abs(float(sum(one.change for one in buckets[a:b]))) for a, b in pairwise(edges) if a < b]
    largest, steps = max(sizes) or 1.0, len(glyphs.levels) - 1
    text = "".join(glyphs.levels[max(1, math.ceil(steps * size / largest))] for size in sizes)
    spans, used = [Span(text, Ink.ACCENT)], width(text)
    for label in labels:
        used += width(label)
        if used > room:
            break
        spans.append(Span(label, Ink.DIM))
    return tuple(spans)


def _moved(bucket: Bucket) -> str:
    return typeset(f"{float(bucket.change):+.2g}")


def _offer(told: Told) -> str:
    """What is said in place of rows that were not made."""
    from retrograde.tui.views.loss import duration

    if not told.buckets:
        return _("replaying …")
    if not told.finite:
        return _("it is not a finite number all the time; a piece of time before that has rows")
    return _("to split {count} iterations takes about {time}: Enter does it, Esc cancels").format(
        count=f"{told.stop - told.start:,}", time=duration(told.seconds)
    )


def _keys(told: Told) -> tuple[tuple[str, str], ...]:
    offered = told.ledger is None and not told.by.of_time
    first = ("Enter", _("split it")) if offered else ("Enter", _("go"))
    found = [first]
    if told.by.of_time:
        found.append(("→", _("open")))
    if told.part:
        found.append(("←", _("close")))
    found += [("m", _("most moved")), ("r e c i", _("row epoch cause iter"))]
    found += [
        ("s", (_("by time") if told.by.of_time else _("in order")) if told.by_size else _("by size")),
        ("Esc", _("back")),
    ]
    return tuple(found)
