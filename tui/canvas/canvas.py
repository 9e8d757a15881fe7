"""A canvas of character cells: text, boxes, and lines of braille dots, made into strips.

Pure drawing: it knows nothing of widgets or of the engine. Everything is clipped, so any size draws without an
error.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import compress, groupby, pairwise
from operator import ne
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual.cache import FIFOCache
from textual.strip import Strip

from retrograde.tui.canvas.glyphs import Glyphs, plain, single, width
from retrograde.tui.canvas.inks import GREY, HEAT_POSITIVE, MARKED, Ink
from retrograde.tui.canvas.themes import Painting


class Span(NamedTuple):
    """A piece of text in one ink."""

    text: str
    ink: int = Ink.TEXT


Line = tuple[Span, ...]

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of a braille dot, by row and column in its cell."""

_TOP = 0x01 | 0x08 | 0x02 | 0x10
_BOTTOM = 0x04 | 0x20 | 0x40 | 0x80


def measure(spans: Iterable[Span]) -> int:
    """The cells that a line takes."""
    return sum([width(text) for text, _ink in spans])


def shorten(text: str, limit: int, ellipsis: str = "…") -> str:
    """The text, cut to a number of cells with an ellipsis at its end."""
    if width(text) <= limit:
        return text
    room = limit - width(ellipsis)
    if room <= 0:
        return ellipsis[: max(limit, 0)]
    kept, used = [], 0
    for character in text:
        used += width(character)
        if used > room:
            break
        kept.append(character)
    return "".join(kept) + ellipsis


def middle(text: str, limit: int, ellipsis: str = "…") -> str:
    """The text, cut to a number of cells in its middle: what tells long names apart stands at their ends."""
    room = limit - width(ellipsis)
    if width(text) <= limit or room < 4:
        return shorten(text, limit, ellipsis)
    tail = text[-1]
    for character in text[-2::-1]:
        if width(character + tail) > room * 3 // 4:
            break
        tail = character + tail
    return shorten(text, limit - width(tail), ellipsis) + tail


def whole(line: Line, limit: int, ellipsis: str = "…") -> Line:
    """The parts of a line that fit in a number of cells; the last give way, and a first one that is too long is cut."""
    kept: list[Span] = []
    used = 0
    for span in line:
        if used + width(span.text) > limit:
            return tuple(kept) or (Span(shorten(span.text, limit, ellipsis), span.ink),)
        kept.append(span)
        used += width(span.text)
    return line


def wrap(text: str, limit: int) -> list[str]:
    """Lines of at most ``limit`` cells; words stay whole where they can, wide characters break anywhere."""
    return list(_wrapped(text, max(limit, 1)))


@lru_cache(maxsize=256)
def _wrapped(text: str, limit: int) -> tuple[str, ...]:
    """The same, kept: a sentence stays where it is from key to key, and is tried in several rooms."""
    lines: list[str] = []
    line, used = "", 0
    for word in _words(text):
        size = width(word)
        if used + size > limit and used:
            lines.append(line.rstrip())
            line, used = "", 0
            word = word.lstrip()
            size = width(word)
        while size > limit:
            head, taken = "", 0
            for character in word:
                if taken + width(character) > limit and head:
                    break
                head += character
                taken += width(character)
            lines.append(head)
            word = word[len(head) :]
            size = width(word)
        line += word
        used += size
    if line.strip():
        lines.append(line.rstrip())
    return tuple(lines)


def wrapped(line: Line, limit: int) -> list[Line]:
    """A line in lines of at most ``limit`` cells, broken as by ``wrap``; every character keeps its ink."""
    if measure(line) <= limit:
        return [line]
    inks = [ink for text, ink in line for _character in text]
    whole, at, found = "".join(text for text, _ink in line), 0, []
    for part in wrap(whole, limit):
        at = whole.index(part, at)
        runs = groupby(range(at, at + len(part)), key=inks.__getitem__)
        found.append(tuple(Span("".join(whole[k] for k in run), ink) for ink, run in runs))
        at += len(part)
    return found


def _words(text: str) -> Iterable[str]:
    word = ""
    for character in text:
        if character == " ":
            if word:
                yield word
            word = " "
        elif not character.isascii() and cell_len(character) == 2:
            # Closing punctuation stays with what it closes.
            if character in "，。、；：？！）」』”":
                yield word + character
                word = ""
            else:
                if word:
                    yield word
                word = character
        else:
            word += character
    if word:
        yield word


@lru_cache(maxsize=4096)
def _line_cells(x0: int, y0: int, x1: int, y1: int, gaps: int, thick: bool) -> tuple[tuple[int, int, int], ...]:
    """The cells of a line of dots, each with its bits; see ``Canvas.line``."""
    cells: dict[tuple[int, int], int] = {}
    dx, dy = x1 - x0, y1 - y0
    steps = max(abs(dx), abs(dy), 1)
    for step in range(steps + 1):
        if gaps and (step // 2) % gaps == gaps - 1:
            continue
        px = x0 + round(dx * step / steps)
        py = y0 + round(dy * step / steps)
        for row in (py, py + 1) if thick else (py,):
            cell = (px >> 1, row >> 2)
            cells[cell] = cells.get(cell, 0) | DOTS[row & 3][px & 1]
    return tuple((x, y, bits) for (x, y), bits in cells.items())


_PLAIN_STRIP = Strip(())


class RowStrip(Strip):
    """A row of a canvas: what Textual keeps beside a strip is made when it is asked for.

    A strip that is divided where it ends keeps itself, and would stay until the collector of garbage comes.
    """

    __slots__ = ()

    def __init__(self, segments: list[Segment], cells: int) -> None:
        self._segments = segments
        self._cell_length = cells

    def __getattr__(self, name: str) -> Any:
        """What every strip has and this one was not asked for yet."""
        value = getattr(_PLAIN_STRIP, name)
        if isinstance(value, FIFOCache):
            value = FIFOCache(value._maxsize)
        setattr(self, name, value)
        return value

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """The strips between the cuts."""
        cuts = [cut for cut in cuts if cut <= self.cell_length]
        return [self] if cuts == [self.cell_length] else super().divide(cuts)


class Canvas:
    """``width`` × ``height`` cells, each a character and an ink."""

    __slots__ = ("_chars", "_dots", "_inks", "_strokes", "glyphs", "height", "width")

    def __init__(self, width: int, height: int, glyphs: Glyphs) -> None:
        self.width = max(width, 0)
        self.height = max(height, 0)
        self.glyphs = glyphs
        self._chars = [[" "] * self.width for _ in range(self.height)]
        self._inks = [[int(Ink.TEXT)] * self.width for _ in range(self.height)]
        self._dots: dict[tuple[int, int], tuple[int, int]] = {}
        self._strokes: dict[tuple[int, int], str] = {}

    def put(self, x: int, y: int, text: str, ink: int = Ink.TEXT, limit: int | None = None) -> int:
        """Writes a text and returns the column after it; stops before column ``limit`` or the edge."""
        if self.glyphs.ascii and not text.isascii():
            text = plain(text)
        end = self.width if limit is None else min(limit, self.width)
        if not 0 <= y < self.height:
            return x + width(text)
        chars, inks = self._chars[y], self._inks[y]
        if text.isascii() or single(text):
            first, last = max(-x, 0), min(len(text), end - x)
            if first < last:
                chars[x + first : x + last] = (text if text.isprintable() else plain_controls(text))[first:last]
                inks[x + first : x + last] = [ink] * (last - first)
            return x + len(text)
        start = max(x, 0)
        for character in text:
            size = cell_len(character)
            if size == 0:
                # An accent belongs to the letter before it.
                if unicodedata.combining(character) and start < x <= end:
                    chars[x - 1] += character
                continue
            if x >= 0 and x + size <= end:
                chars[x] = character
                inks[x] = ink
                if size == 2:
                    chars[x + 1] = ""
                    inks[x + 1] = ink
            x += size
        return x

    def spans(self, x: int, y: int, spans: Iterable[Span], limit: int | None = None) -> int:
        """Writes a line of spans and returns the column after it."""
        for text, ink in spans:
            x = self.put(x, y, text, ink, limit)
        return x

    def cells(self, x: int, y: int, characters: Sequence[str], inks: Sequence[int]) -> None:
        """Writes characters of one cell, each in an ink of its own."""
        if not 0 <= y < self.height:
            return
        first, last = max(-x, 0), min(len(characters), self.width - x)
        if first < last:
            self._chars[y][x + first : x + last] = characters[first:last]
            self._inks[y][x + first : x + last] = inks[first:last]

    def fill(self, x: int, y: int, count: int, character: str, ink: int) -> None:
        """Repeats a character of one cell."""
        if count > 0:
            self.put(x, y, character * count, ink)

    def flag(self, y: int, x0: int, x1: int, flag: int) -> None:
        """Adds a flag, such as ``SELECTED``, to the inks of a stretch of a row."""
        if 0 <= y < self.height:
            inks = self._inks[y]
            for x in range(max(x0, 0), min(x1, self.width)):
                inks[x] |= flag

    def dot(self, px: int, py: int, ink: int) -> None:
        """Sets a dot; there are 2 × 4 in a cell. The last dot set owns the ink of its cell."""
        x, y = px >> 1, py >> 2
        if 0 <= x < self.width and 0 <= y < self.height and px >= 0 and py >= 0:
            bits = self._dots.get((x, y), (0, 0))[0]
            self._dots[x, y] = (bits | DOTS[py & 3][px & 1], ink)

    def cell(self, x: int, y: int, character: str, ink: int) -> None:
        """Writes a character of one cell, as it is."""
        if 0 <= y < self.height and 0 <= x < self.width:
            self._chars[y][x] = character
            self._inks[y][x] = ink

    def mark(self, x: int, y: int, character: str) -> None:
        """Writes a character of one cell in the ink that is there; on a picture's cell so that it is seen."""
        if 0 <= y < self.height and 0 <= x < self.width:
            self._chars[y][x] = character
            ink = self._inks[y][x]
            if GREY <= ink < HEAT_POSITIVE:
                self._inks[y][x] = ink - GREY + MARKED

    def recolour(self, y: int, x0: int, x1: int, ink: int) -> None:
        """Gives a stretch of a row another ink."""
        if 0 <= y < self.height:
            for x in range(max(x0, 0), min(x1, self.width)):
                self._inks[y][x] = ink

    def clear_dots(self, y: int, x0: int, x1: int) -> None:
        """Removes the dots of a stretch of a row, so that a label stands clear of the lines."""
        for x in range(x0, x1):
            self._dots.pop((x, y), None)

    def line(self, x0: int, y0: int, x1: int, y1: int, ink: int, *, gaps: int = 0, thick: bool = False) -> None:
        """Draws a line of dots, in dot coordinates.

        Args:
            x0: first column.
            y0: first row.
            x1: last column.
            y1: last row.
            ink: the ink.
            gaps: every how many dots one is left out, 0 for a whole line.
            thick: two dots high.
        """
        if max(abs(x1 - x0), abs(y1 - y0)) > 32 * (self.width + self.height + 2):
            return
        width, height, dots = self.width, self.height, self._dots
        stroke = self._stroke(x1 - x0, y1 - y0) if self.glyphs.ascii else ""
        for x, y, bits in _line_cells(x0, y0, x1, y1, gaps, thick):
            if 0 <= x < width and 0 <= y < height:
                known = dots.get((x, y))
                dots[x, y] = (bits if known is None else bits | known[0], ink)
                if stroke:
                    self._strokes[x, y] = stroke

    @staticmethod
    def _stroke(dx: int, dy: int) -> str:
        if abs(dy) * 3 < abs(dx):
            return "-"
        if abs(dx) * 3 < abs(dy):
            return "|"
        return "\\" if (dx > 0) == (dy > 0) else "/"

    def _settle(self) -> None:
        ascii_only = self.glyphs.ascii
        for (x, y), (bits, ink) in self._dots.items():
            if self._chars[y][x] != " ":
                continue
            if not ascii_only:
                character = chr(0x2800 + bits)
            elif (x, y) in self._strokes:
                character = self._strokes[x, y]
            else:
                character = ":" if bits & _TOP and bits & _BOTTOM else "'" if bits & _TOP else "."
            self._chars[y][x] = character
            self._inks[y][x] = ink
        self._dots.clear()
        self._strokes.clear()

    def frame(self, *, title: Iterable[Span], ink: int, corners: str, bottom: bool, joints: Iterable[int] = ()) -> None:
        """Draws the top edge with a title, the sides and, if asked, the bottom edge.

        Args:
            title: spans within the top edge.
            ink: the ink of the lines.
            corners: the two characters at the ends of the top edge.
            bottom: whether there is a bottom edge; otherwise the panel below provides it.
            joints: columns where verticals of the panels above end.
        """
        g = self.glyphs
        self.fill(0, 0, self.width, g.horizontal, ink)
        for joint in joints:
            self.put(joint, 0, g.tees[2], ink)
        for y in range(1, self.height):
            self.cell(0, y, g.vertical, ink)
            self.cell(self.width - 1, y, g.vertical, ink)
        self.put(0, 0, corners[0], ink)
        self.put(self.width - 1, 0, corners[1], ink)
        if bottom and self.height > 1:
            self.fill(0, self.height - 1, self.width, g.horizontal, ink)
            self.put(0, self.height - 1, g.corners[2], ink)
            self.put(self.width - 1, self.height - 1, g.corners[3], ink)
        spans = tuple(title)
        if spans and self.width > 6:
            x = self.put(1, 0, " ", ink)
            x = self.spans(x, 0, spans, self.width - 2)
            self.put(x, 0, " ", ink, self.width - 1)

    def paste(self, x: int, y: int, other: Canvas) -> None:
        """Copies another canvas into this one, at a place where it fits."""
        other._settle()
        for row in range(min(other.height, self.height - y)):
            self._chars[y + row][x : x + other.width] = other._chars[row]
            self._inks[y + row][x : x + other.width] = other._inks[row]

    def text(self) -> list[str]:
        """The rows as plain text, for tests."""
        self._settle()
        return ["".join(row) for row in self._chars]

    def inks(self) -> list[list[int]]:
        """The ink of every cell, for tests."""
        self._settle()
        return [list(row) for row in self._inks]

    def strips(self, palette: Painting, before: tuple[Canvas, Sequence[Strip]] | None = None) -> list[Strip]:
        """The rows as strips in the styles of a palette.

        Args:
            palette: the styles.
            before: a canvas of the same size and its strips in the same styles; those of equal rows are taken over.
        """
        self._settle()
        if before is None or len(before[1]) != self.height or before[0].width != self.width:
            return [self._strip(y, palette) for y in range(self.height)]
        known, strips = before
        return [
            strips[y]
            if self._chars[y] == known._chars[y] and self._inks[y] == known._inks[y]
            else self._strip(y, palette)
            for y in range(self.height)
        ]

    def _strip(self, y: int, palette: Painting) -> Strip:
        """A row as a strip: a segment for each stretch in one ink."""
        chars, inks, style = self._chars[y], self._inks[y], palette.style
        cuts = [0, *compress(range(1, self.width), map(ne, inks, inks[1:])), self.width]
        return RowStrip(
            [Segment("".join(chars[start:end]), style(inks[start])) for start, end in pairwise(cuts) if start < end],
            self.width,
        )


def plain_controls(text: str) -> str:
    """The text with control characters replaced, so that none reaches the terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)
