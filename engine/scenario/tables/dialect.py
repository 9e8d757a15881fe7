"""How a text writes its table: separator, heading, and where the samples begin."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from retrograde.engine.scenario.tables.cells import missing, numeric

SEPARATORS = {"\t": "tab", ";": "semicolon", "|": "|", ",": "comma", " ": "blanks", "": "none"}
"""What separates cells, the likelier before the less likely where all else is the same; and its name."""
_ROWS = 100
_DECLARED = re.compile(r"sep=(.)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a text writes its table.

    Attributes:
        separator: what separates cells; a blank stands for any number of them, and of tabs.
        width: the number of columns.
        names: the heading, a name for each column; None where there is none.
        skipped: lines before the heading, or before the first row where there is none.
        first: lines before the first row.
    """

    separator: str
    width: int
    names: tuple[str, ...] | None
    skipped: int
    first: int

    def rows(self, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        """Yield each row with the number of its line, from 1, without the heading, comments and empty lines.

        Args:
            lines: all lines of the text.

        Raises:
            csv.Error: a cell is longer than any cell may be.
        """
        counted = islice(iter(lines), self.skipped, None)
        reader = _reader(counted, self.separator)
        if self.names is not None:
            next(reader, None)
        before = reader.line_num
        for row in reader:
            if any(map(str.strip, row)) and not remark(row, self.width):
                yield self.skipped + before + 1, row
            before = reader.line_num


def dialect_of(
    head: Sequence[str], *, skip: int = 0, separator: str | None = None, heading: bool | None = None
) -> Dialect:
    """Return how a text writes its table.

    Args:
        head: its first lines, whole.
        skip: lines before the heading and the samples.
        separator: what separates cells, None where the text has to say it.
        heading: whether it has a heading, None where the text has to say it.
    """
    while skip < len(head) and not head[skip].strip():
        skip += 1
    if skip < len(head) and (declared := _DECLARED.fullmatch(head[skip].strip("\r\n"))):
        separator, skip = separator or declared[1], skip + 1
    comments = skip
    while comments < len(head) and (head[comments].startswith("#") or not head[comments].strip()):
        comments += 1
    body = [line for line in head[comments : comments + _ROWS] if not remark([line], 1)]
    separator = _separator(body) if separator is None else separator
    width = _width(_parsed(body, separator))
    # A comment that names as many columns as there are is the heading, as np.savetxt writes it.
    if comments > skip and heading is not False:
        line = head[comments - 1]
        cells = next(iter(_parsed([line], separator)), [])
        bare = next(iter(_parsed([line.removeprefix("#").lstrip()], separator)), [])
        if (len(cells) == width or len(bare) == width) and not any(map(_valued, cells)):
            title = cells if len(cells) == width and cells[0].strip() == "#" else bare
            if len(title) == width:
                named = _names(title, width)
                return Dialect(separator=separator, width=width, names=named, skipped=comments - 1, first=comments)
    skip = comments if heading is False else _titled(head, comments, separator, width)
    reader = _reader(head[skip : skip + _ROWS], separator)
    first: list[str] = next(reader, [])
    rows = list(islice(_parsed(head[skip + reader.line_num : skip + reader.line_num + _ROWS], separator), _ROWS))
    rows = [row for row in rows if not remark(row, width)]
    if not (_is_heading(first, rows) if heading is None else heading):
        before = next(iter(_parsed(head[skip - 1 : skip], separator)), []) if skip and heading is None else []
        if len(before) == len(first) and _is_heading(before, [first, *rows]):
            # The heading was among the lines that are skipped.
            return Dialect(separator=separator, width=width, names=_names(before, width), skipped=skip - 1, first=skip)
        return Dialect(separator=separator, width=_width([first, *rows]), names=None, skipped=skip, first=skip)
    width = _width(rows) or len(first)
    names = _names(first, width)
    if len(first) == width - 1 and any(row[-1].strip() for row in rows if len(row) == width):
        # R leaves out the name of the column that holds the names of rows.
        names = _names(["", *first], width)
    return Dialect(separator=separator, width=width, names=names, skipped=skip, first=skip + reader.line_num)


def remark(cells: Sequence[str], width: int) -> bool:
    """Whether a row is a comment: it begins with # and a blank, or with # and has not the width of others."""
    first = cells[0].lstrip()
    return first.startswith("#") and (first[1:2] in {"", " ", "\t", "#", "!"} or len(cells) != width)


def _titled(head: Sequence[str], skip: int, separator: str, width: int) -> int:
    """Return how many lines stand before the heading, where what is above it is a title: no whole row, no number."""
    reader = _reader(head[skip : skip + _ROWS], separator)
    before = 0
    try:
        for row in reader:
            if len(row) == width and all(cell.strip() for cell in row[:-1]):
                rows = list(islice(_parsed(head[skip + reader.line_num :], separator), _ROWS))
                whole = [one for one in rows if len(one) == width]
                return skip + before if before and whole and _is_heading(row, whole) else skip
            if any(numeric(cell.strip()) for cell in row):
                return skip
            before = reader.line_num
    except csv.Error:
        pass
    return skip


def _names(cells: Sequence[str], width: int) -> tuple[str, ...]:
    found = [" ".join(cell.split()) for cell in cells[:width]]
    return (*found, *[""] * (width - len(found)))


def _is_heading(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether a first row names columns: no cell of it is a number, and some column below has nothing but numbers."""
    if any(numeric(cell.strip()) for cell in first) or not any(cell.strip() for cell in first):
        return False
    if not rows:
        return True
    for column, name in enumerate(first):
        below = [row[column].strip() for row in rows if column < len(row)]
        if not missing(name.strip()) and any(map(numeric, below)) and all(map(_valued, below)):
            return True
    return False


def _valued(text: str) -> bool:
    """Whether a cell is a number, or would be one if it were not missing."""
    text = text.strip()
    return numeric(text) or missing(text)


def _separator(lines: Sequence[str]) -> str:
    """Return what separates the cells of lines: what makes rows of one width, and cells that are numbers."""
    best, most = "", 0.0
    for separator in SEPARATORS:
        if not separator or not any(separator in line.strip() for line in lines):
            continue
        rows = list(_parsed(lines, separator))
        width = _width(rows)
        if width < 2:
            continue
        alike = sum(len(row) == width for row in rows) / len(rows)
        # The heading says nothing here.
        cells = [cell.strip() for row in (rows[1:] or rows) for cell in row]
        numbers = sum(map(numeric, cells)) / max(1, len(cells))
        score = alike * (0.25 + numbers)
        if score > most + 1e-12:
            best, most = separator, score
    return best


def _width(rows: Iterable[Sequence[str]]) -> int:
    counts = Counter(len(row) for row in rows)
    return max(counts, key=lambda width: counts[width], default=0)


def _reader(lines: Iterable[str], separator: str) -> csv._reader:  # type: ignore[name-defined]
    if separator == " ":
        lines = (line.replace("\t", " ").strip(" \n") + "\n" for line in lines)
    # A line has no NUL, so that nothing separates cells where nothing should.
    return csv.reader(lines, delimiter=separator or "\0", skipinitialspace=True)


def _parsed(lines: Iterable[str], separator: str) -> Iterator[list[str]]:
    """Yield the rows of lines that have cells; what the csv module cannot read ends them."""
    try:
        for row in _reader(lines, separator):
            if any(cell.strip() for cell in row):
                yield row
    except csv.Error:
        return
