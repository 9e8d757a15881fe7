"""Where blocks lie: columns by depth, each block in the best form that leaves room for the others.

Pure arithmetic. If all blocks can be seen whole, the picture is the same whatever the step is about; else the block of
the step comes first, then those around it, and of a network with too many columns only those around it are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from retrograde.tui.drawing.blocks import BlockForm, Needs, forms_of
from retrograde.tui.drawing.sheets import WHOLE

LEAST_GAP, MOST_GAP = 2, 14
"""Columns between two columns of blocks."""
MOST_LANES = 4
"""Rows above the blocks for lines that lead past columns."""
HALF = WHOLE / 2
"""The score of a form that shows half of the cells."""
MOST_SHARE = 0.45
"""The share of the columns that the block of the step takes at most, until those around it are seen too."""
LEVELS = (1.0, 2.5, HALF, 7.5, *(WHOLE + step / 2 for step in range(12)))
"""The scores that blocks are brought to one after the other."""

Link = tuple[int, int]
"""The numbers of two blocks: the one that is read, and the one that reads it."""


class Spot(NamedTuple):
    """Where a block lies, and the row at which lines reach it."""

    x: int
    y: int
    form: BlockForm
    port: int


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where all blocks and lines lie.

    Attributes:
        places: the blocks in sight.
        first: the first column of blocks in sight.
        last: the column after the last one.
        count: how many columns of blocks there are.
        gaps: (first, stop) of the columns of cells after each column of blocks in sight, by its depth.
        lanes: the row of the lines that lead past columns, by the block that they come from.
        tracks: the column of the upright part of a line, by gap and by the block that it comes from.
    """

    places: dict[int, Spot]
    first: int
    last: int
    count: int
    gaps: dict[int, tuple[int, int]]
    lanes: dict[int, int]
    tracks: dict[tuple[int, int], int]


@lru_cache(maxsize=64)
def layout(
    needs: tuple[Needs, ...],
    depths: tuple[int, ...],
    links: tuple[Link, ...],
    active: int,
    columns: int,
    rows: int,
) -> Layout:
    """Places blocks in a room.

    Args:
        needs: what the forms of each block depend on.
        depths: the column of each block, from 0.
        links: what reads what.
        active: the block of the step, -1 for none.
        columns: columns of the room.
        rows: rows of the room.
    """
    lanes = _lanes(depths, links, rows)
    high = max(rows - max(lanes.values(), default=-1) - 1, 1)
    packer = _Packer(needs, depths, links, columns, high)
    if not packer.whole():
        packer.around(max(active, 0))
    return packer.settle(lanes, rows)


def _lanes(depths: tuple[int, ...], links: tuple[Link, ...], rows: int) -> dict[int, int]:
    """The row of each block whose output leads past columns; where there are too few rows, some share one."""
    ends: dict[int, int] = {}
    for source, target in links:
        if depths[target] > depths[source] + 1:
            ends[source] = max(ends.get(source, 0), depths[target])
    most = min(MOST_LANES, max(rows // 5, 0))
    if not most:
        return {}
    free: list[int] = []
    found: dict[int, int] = {}
    for source in sorted(ends, key=lambda one: (depths[one], one)):
        row = next((lane for lane, stop in enumerate(free) if stop <= depths[source]), len(free))
        if row == len(free) < most:
            free.append(0)
        row = min(row, most - 1)
        free[row] = ends[source]
        found[source] = row
    return found


class _Packer:
    """Chooses a form for each block."""

    def __init__(
        self, needs: Sequence[Needs], depths: Sequence[int], links: Sequence[Link], columns: int, rows: int
    ) -> None:
        self.needs, self.depths, self.links = needs, depths, links
        self.columns, self.rows = columns, rows
        self.count = 1 + max(depths, default=0)
        self.members: list[list[int]] = [[] for _depth in range(self.count)]
        for block, depth in enumerate(depths):
            self.members[depth].append(block)
        self._order_members()
        self.first, self.last = 0, self.count
        self.turns = self._turns()
        self.forms: list[BlockForm] = []
        self._reset()

    def _order_members(self) -> None:
        """Puts the blocks of a column in the order of what they read, so that lines cross little."""
        height = [0.0] * len(self.needs)
        for members in self.members:
            for block in members:
                before = [height[source] for source, target in self.links if target == block]
                height[block] = sum(before) / len(before) if before else 0.0
            members.sort(key=lambda block: (height[block], block))
            for place, block in enumerate(members):
                height[block] = (place + 0.5) / len(members)

    def _turns(self) -> list[int]:
        """How many upright lines stand beside each other in each gap, by about where the blocks are."""
        at: dict[int, float] = {}
        for members in self.members:
            for place, block in enumerate(members):
                at[block] = (place + 0.5) / len(members)
        found = [1] * self.count
        above = dict.fromkeys(range(len(self.needs)), -1.0)
        for depth, spans in upright(self.depths, self.links, at, above).items():
            found[depth] = 1 + max(tracks_of(spans, 0.05).values(), default=0)
        return found

    def _reset(self) -> None:
        self.forms = [forms_of(needs, self.columns, self.rows)[0] for needs in self.needs]

    def _gap(self, depth: int) -> int:
        return LEAST_GAP + max(self.turns[depth] - 1, 0)

    def _wide(self, depth: int, *, changed: int = -1, form: BlockForm | None = None) -> int:
        return max(
            form.width if form is not None and block == changed else self.forms[block].width
            for block in self.members[depth]
        )

    def _total(self) -> int:
        shown = range(self.first, self.last)
        return sum(self._wide(depth) for depth in shown) + sum(self._gap(depth) for depth in shown[:-1]) + 2

    def _fits(self, block: int, form: BlockForm) -> bool:
        """Whether there is room for another form of a block."""
        depth = self.depths[block]
        members = self.members[depth]
        high = sum(form.height if one == block else self.forms[one].height for one in members) + len(members) - 1
        if high > self.rows:
            return False
        now = self._wide(depth)
        return self._total() + self._wide(depth, changed=block, form=form) - now <= self.columns

    def _raise(self, block: int, level: float) -> None:
        """Gives a block the narrowest form of a score, where there is room for one."""
        if self.forms[block].score >= level:
            return
        better = (form for form in forms_of(self.needs[block], self.columns, self.rows) if form.score >= level)
        for form in sorted(better, key=lambda one: (one.width, -one.score)):
            if self._fits(block, form):
                self.forms[block] = form
                return

    def whole(self) -> bool:
        """Brings all blocks to their best together; says whether each can be seen whole."""
        if self._total() > self.columns:
            return False
        blocks = range(len(self.needs))
        for level in LEVELS:
            for block in blocks:
                self._raise(block, level)
            if level == WHOLE and any(self.forms[block].score < WHOLE for block in blocks):
                return False
        self._finish(blocks)
        return True

    def around(self, active: int) -> None:
        """Brings the block of the step to its best first, then those around it; leaves out far columns."""
        self._reset()
        depth = self.depths[active]
        self.first, self.last = depth, depth + 1
        for level in LEVELS[: LEVELS.index(HALF) + 1]:
            self._raise(active, level)
        if self.forms[active].width > self.columns * MOST_SHARE:
            self.forms[active] = forms_of(self.needs[active], int(self.columns * MOST_SHARE), self.rows)[-1]
        distance = self._distances(active)
        self._widen(depth, 1)
        near = self._shown(distance, 1)
        for level in (*LEVELS[:3], WHOLE):
            for block in near:
                self._raise(block, level)
        self._widen(depth, self.count)
        near, order = self._shown(distance, 1), self._shown(distance, len(self.needs))
        rounds = ((near, LEVELS[:3]), (order, LEVELS[:2]), (near, (WHOLE,)), (order, (WHOLE,)), (order, LEVELS))
        for those, levels in rounds:
            for level in levels:
                for block in those:
                    self._raise(block, level)
        self._finish(order)

    def _widen(self, depth: int, most: int) -> None:
        """Takes in columns around a depth, in turns, as long as their names fit, at most so many on each side."""
        while (self.first, self.last) != (0, self.count):
            # What is read is as near as what reads.
            left = self.first > 0 and (self.last == self.count or depth - self.first <= self.last - 1 - depth)
            kept = self.first, self.last
            self.first, self.last = (self.first - 1, self.last) if left else (self.first, self.last + 1)
            if self._total() > self.columns or max(depth - self.first, self.last - 1 - depth) > most:
                self.first, self.last = kept
                break

    def _shown(self, distance: list[int], most: int) -> list[int]:
        """The blocks in sight that are at most so many links away, the nearest first."""
        blocks = (block for block in range(len(self.needs)) if self.first <= self.depths[block] < self.last)
        return sorted((block for block in blocks if distance[block] <= most), key=lambda one: (distance[one], one))

    def _finish(self, order: Sequence[int]) -> None:
        """Gives each block the best form that there is still room for."""
        for block in order:
            better = (form for form in forms_of(self.needs[block], self.columns, self.rows))
            for form in sorted(better, key=lambda one: (-one.score, one.width)):
                if form.score <= self.forms[block].score:
                    break
                if self._fits(block, form):
                    self.forms[block] = form
                    break

    def _distances(self, active: int) -> list[int]:
        """How many links away each block is."""
        found = [len(self.needs)] * len(self.needs)
        found[active], waiting = 0, [active]
        while waiting:
            block = waiting.pop(0)
            for pair in self.links:
                for one, other in (pair, pair[::-1]):
                    if one == block and found[other] > found[block] + 1:
                        found[other] = found[block] + 1
                        waiting.append(other)
        return found

    def settle(self, lanes: dict[int, int], rows: int) -> Layout:
        """Gives every block in sight its place."""
        shown = list(range(self.first, self.last))
        top = max(lanes.values(), default=-1) + 1
        spare = max(self.columns - self._total(), 0)
        extra = min(spare // max(len(shown) - 1, 1), MOST_GAP - LEAST_GAP) if len(shown) > 1 else 0
        x = 1 + max((self.columns - self._total() - extra * (len(shown) - 1)) // 2, 0)
        middle = top + (rows - top) // 2
        places: dict[int, Spot] = {}
        gaps: dict[int, tuple[int, int]] = {}
        for depth in shown:
            wide = self._wide(depth)
            self._stack(depth, x, wide, top, rows, middle, places)
            gap = self._gap(depth) + extra
            gaps[depth] = (x + wide, x + wide + gap)
            x += wide + gap
        return Layout(places, self.first, self.last, self.count, gaps, lanes, self._tracks(gaps, places, lanes))

    def _stack(self, depth: int, x: int, wide: int, top: int, rows: int, middle: int, places: dict[int, Spot]) -> None:
        """Places the blocks of a column below each other, with what room is left between them."""
        members = self.members[depth]
        high = sum(self.forms[block].height for block in members)
        spare = max(rows - top - high, 0)
        between = min(spare // (len(members) + 1), 3) if len(members) > 1 else 0
        between = max(between, 1) if high + len(members) - 1 <= rows - top else between
        high += between * (len(members) - 1)
        y = max(min(middle - high // 2, rows - high), top)
        for block in members:
            form = self.forms[block]
            first, last = y + form.caption, y + form.height - 1
            port = middle if len(members) == 1 and first <= middle <= last else (first + last) // 2
            places[block] = Spot(x + (wide - form.width) // 2, y, form, port)
            y += form.height + between

    def _tracks(
        self, gaps: dict[int, tuple[int, int]], places: dict[int, Spot], lanes: dict[int, int]
    ) -> dict[tuple[int, int], int]:
        """The column of the upright part of each line: its own, as long as there is room."""
        ports = {block: float(place.port) for block, place in places.items()}
        found: dict[tuple[int, int], int] = {}
        above = {block: float(row) for block, row in lanes.items()}
        for depth, spans in upright(self.depths, self.links, ports, above).items():
            if depth not in gaps:
                continue
            first, stop = gaps[depth]
            tracks = tracks_of(spans, 0.5)
            room = max(stop - first - 1, 1)
            count = min(1 + max(tracks.values(), default=0), room)
            left = first + max((stop - first - count) // 2, 0)
            for block, first_of in shared(self.links).items():
                if first_of in tracks:
                    found[depth, block] = left + tracks[first_of] % count
        return found


Spans = dict[int, tuple[float, float]]
"""By block that lines come from: the rows between which its upright line stands."""


def upright(
    depths: Sequence[int], links: Sequence[Link], rows: dict[int, float], lanes: dict[int, float]
) -> dict[int, Spans]:
    """The upright lines in each gap, by the depth before it.

    Lines that only lead to the same block share one: it is that of the first of them.

    Args:
        depths: the column of each block.
        links: what reads what.
        rows: the rows at which lines reach the blocks; of blocks that are not in sight none.
        lanes: the rows of the lines that lead past columns, by the block that they come from.
    """
    found: dict[int, Spans] = {}
    firsts = shared(links)
    for source, target in links:
        first, last = depths[source], depths[target]
        if last == first + 1:
            if source in rows and target in rows and rows[source] != rows[target]:
                _widen(found, first, firsts[source], rows[source], rows[target])
        elif source in lanes:
            if source in rows:
                _widen(found, first, firsts[source], rows[source], lanes[source])
            if target in rows:
                _widen(found, last - 1, firsts[source], rows[target], lanes[source])
    return found


def shared(links: Sequence[Link]) -> dict[int, int]:
    """For each block that is read the first of those that are read by the same one block alone, else itself."""
    readers: dict[int, set[int]] = {}
    for source, target in links:
        readers.setdefault(source, set()).add(target)
    first: dict[int, int] = {}
    found: dict[int, int] = {}
    for source, targets in readers.items():
        found[source] = first.setdefault(min(targets), source) if len(targets) == 1 else source
    return found


def _widen(found: dict[int, Spans], depth: int, block: int, *ends: float) -> None:
    spans = found.setdefault(depth, {})
    low, high = spans.get(block, (min(ends), max(ends)))
    spans[block] = (min(low, *ends), max(high, *ends))


def tracks_of(spans: Spans, apart: float) -> dict[int, int]:
    """The number of the track of each upright line; two that would touch have different ones."""
    found: dict[int, int] = {}
    ends: list[float] = []
    for block, (low, high) in sorted(spans.items(), key=lambda item: (item[1], item[0])):
        track = next((number for number, end in enumerate(ends) if end + apart <= low), len(ends))
        if track == len(ends):
            ends.append(high)
        ends[track] = high
        found[block] = track
    return found
