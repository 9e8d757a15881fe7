"""Tables from files of text: CSV, TSV, and whatever else separates cells.

A file of plain numbers goes through NumPy's own reader; as soon as a line has more to it than that, the file is read
again with Python's csv module, which knows quotes, and each cell by itself. Both make the same numbers.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from operator import methodcaller
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import Problem, ScenarioError
from retrograde.engine.scenario import limits
from retrograde.engine.scenario.picking import too_large, unreadable
from retrograde.engine.scenario.tables.cells import Signs, missing, number
from retrograde.engine.scenario.tables.decoding import encoding_of, older_encoding, stranger, text_of
from retrograde.engine.scenario.tables.dialect import Dialect, dialect_of
from retrograde.engine.scenario.tables.table import Column, Table, Wanted
from retrograde.engine.text import _

_BLOCK = 2**20
_HEAD = 2**16
_LONG_POWER = re.compile(r"[eE][+-]?\d{7}")
_CELLS = 2**16
"""Cells whose numbers are read together."""
MAX_PROBLEMS = 20
"""Problems of one file that are reported one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a file of text is to be read; None stands for what the file has to say itself.

    Attributes:
        skip: lines before the heading and the samples.
        separator: what separates cells.
        decimal: the sign before decimals.
        heading: whether the first line names the columns.
        most: the most rows that are of use.
        gaps: whether rows in which a cell is missing are of no use, and do not count.
        upto: the last row that is read.
    """

    skip: int = 0
    separator: str | None = None
    decimal: str | None = None
    heading: bool | None = None
    most: int | None = None
    gaps: bool = False
    upto: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """A file of text, and how it writes its table."""

    path: Path
    shown: str
    encoding: str
    dialect: Dialect
    reading: Reading
    chosen: tuple[int, ...]

    def blocks(self) -> Iterator[list[str]]:
        with text_of(self.path, self.encoding, self.shown) as stream:
            yield from _blocks(stream, self.shown)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        lines = (line + "\n" for block in self.blocks() for line in block)
        return islice(self.dialect.rows(lines), self.reading.upto)

    def starts(self, cells: Sequence[tuple[int, int]]) -> list[int | None]:
        """Return where cells begin in their lines, from 1; None where quotes make it hard to tell."""
        wanted = {line for line, _column in cells}
        texts: dict[int, str] = {}
        number = 0
        for block in self.blocks():
            texts.update({n: line for n, line in enumerate(block, start=number + 1) if n in wanted})
            number += len(block)
            if number >= max(wanted):
                break
        return [self._start(texts.get(line, '"'), column) for line, column in cells]

    def _start(self, line: str, column: int) -> int | None:
        if '"' in line:
            return None
        if self.dialect.separator == " ":
            words = list(re.finditer(r"\S+", line))
            return words[column].start() + 1 if column < len(words) else None
        at = -1
        for _cell in range(column):
            at = line.find(self.dialect.separator, at + 1)
        return at + 2

    def useless(self, cells: Sequence[str]) -> bool:
        """Whether a row does not count, since a cell that is asked for is missing."""
        return self.reading.gaps and any(missing(cells[place].strip()) for place in self.chosen if place < len(cells))

    def check(self, count: int) -> None:
        """Refuse more rows than are of use, or than any file may have."""
        most = limits.MAX_ROWS if self.reading.most is None else min(self.reading.most, limits.MAX_ROWS)
        if count > most:
            message = _("more than {most} rows, which this network and its limits have no room for; use fewer rows")
            text = message.format(most=f"{most:,}")
            raise ScenarioError([Problem(path=self.shown, key="data.file", message=text)])


def read_delimited(path: Path, shown: str, wanted: Wanted, reading: Reading) -> tuple[Table, Dialect, str]:
    """Return the table of a file of text, how it is written, and its encoding.

    Args:
        path: the file; one that ends in `.gz` is decompressed.
        shown: how problems name it.
        wanted: which columns are asked for.
        reading: how it is to be read.

    Raises:
        ScenarioError: it cannot be read, has no rows, or rows of different widths.
    """
    try:
        return _read(path, shown, wanted, reading)
    except ScenarioError:
        raise
    except UnicodeError as error:
        raise unreadable(shown, _("its bytes are no text in the encoding that it begins with")) from error
    except csv.Error as error:
        raise unreadable(shown, error) from error
    except Exception as error:
        raise unreadable(shown, error) from error


def _read(path: Path, shown: str, wanted: Wanted, reading: Reading) -> tuple[Table, Dialect, str]:
    if reason := stranger(path):
        raise unreadable(shown, reason)
    encoding = encoding_of(path)
    try:
        head = _head(path, encoding, shown, reading.skip)
        return _read_as(path, shown, wanted, reading, encoding, head)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            raise
    encoding = older_encoding(path)
    head = _head(path, encoding, shown, reading.skip)
    return _read_as(path, shown, wanted, reading, encoding, head)


def _read_as(
    path: Path, shown: str, wanted: Wanted, reading: Reading, encoding: str, head: list[str]
) -> tuple[Table, Dialect, str]:
    if any("\0" in line for line in head):
        raise unreadable(shown, _("it is not a text"))
    dialect = dialect_of(head, skip=reading.skip, separator=reading.separator, heading=reading.heading)
    if not dialect.width:
        message = _("there are no samples in the file after {skip} skipped lines")
        message = message if reading.skip else _("the file is empty")
        text = message.format(skip=reading.skip)
        raise ScenarioError([Problem(path=shown, key="data.file", message=text)])
    source = _Source(
        path=path,
        shown=shown,
        encoding=encoding,
        dialect=dialect,
        reading=reading,
        chosen=tuple(dict.fromkeys(wanted(dialect.names, dialect.width))),
    )
    table = _plain(source)
    return table or _written(source), dialect, encoding


def _head(path: Path, encoding: str, shown: str, skip: int) -> list[str]:
    """Return the first lines of a file."""
    lines: list[str] = []
    size = 0
    with text_of(path, encoding, shown) as stream:
        for block in _blocks(stream, shown):
            for line in block:
                lines.append(line + "\n")
                size += len(line) + 1 if len(lines) > skip else 0
                if size > _HEAD or len(lines) > skip + 1000:
                    return lines
    return lines


def _blocks(stream: io.TextIOWrapper, shown: str) -> Iterator[list[str]]:
    """Yield the lines of a text, many at once, without their ends."""
    rest = ""
    blank = 0
    while piece := stream.read(_BLOCK):
        lines = (rest + piece).split("\n")
        rest = lines.pop()
        if len(rest) > limits.MAX_LINE:
            raise ScenarioError([too_large(shown)])
        blank += lines.count("") + sum(map(str.isspace, lines))
        if blank > limits.MAX_BLANK_LINES:
            message = _("more than {most} lines are blank").format(most=f"{limits.MAX_BLANK_LINES:,}")
            raise ScenarioError([Problem(path=shown, key="data.file", message=message)])
        if lines:
            yield lines
    if rest:
        yield [rest]


def _plain(source: _Source) -> Table | None:
    """Return the table of a file with nothing but plain numbers where they are asked for; None of another."""
    dialect = source.dialect
    if not source.chosen or source.reading.decimal == ",":
        return None
    whole = len(source.chosen) == dialect.width
    count_separators = methodcaller("count", dialect.separator)
    parts: list[NDArray[np.float64]] = []
    lines: list[NDArray[np.int64]] = []
    first, skip, total, whole_numbers, last = 1, dialect.first, 0, True, False
    for block in source.blocks():
        kept, numbers = _kept(block[skip:], first + min(skip, len(block)))
        first, skip = first + len(block), max(0, skip - len(block))
        if source.reading.upto is not None and total + len(kept) >= source.reading.upto:
            kept, numbers, last = kept[: source.reading.upto - total], numbers[: source.reading.upto - total], True
        if not kept:
            continue
        source.check(total := total + len(kept))
        if total * len(source.chosen) > limits.MAX_DATA_BYTES // 8:
            raise ScenarioError([too_large(source.shown)])
        text = "\n".join(kept)
        if '"' in text or "_" in text or "#" in text or (dialect.separator == " " and not whole):
            return None
        if not whole and dialect.separator and set(map(count_separators, kept)) != {dialect.width - 1}:
            return None
        # Whole numbers are read several times faster as such; what has a sign before a zero is none of them.
        whole_numbers = whole_numbers and not any(sign in text for sign in (".", "e", "E", "n", "N", "-0"))
        found = _numbers(kept, source, whole_numbers)
        if found is None:
            return None
        parts.append(found)
        lines.append(numbers)
        if last:
            break
    if not parts:
        return None
    values = np.concatenate(parts)
    columns = {column: Column(numbers=values[:, place]) for place, column in enumerate(source.chosen)}
    return Table(
        names=dialect.names, width=dialect.width, count=len(values), columns=columns, lines=np.concatenate(lines)
    )


def _kept(lines: list[str], first: int) -> tuple[list[str], NDArray[np.int64]]:
    """Return the lines that are not blank, and their numbers."""
    numbers = np.arange(first, first + len(lines))
    blank = [place for place, line in enumerate(lines) if not line or line.isspace()]
    if not blank:
        return lines, numbers
    mask = np.ones(len(lines), dtype=bool)
    mask[blank] = False
    return [line for line in lines if line and not line.isspace()], numbers[mask]


def _numbers(lines: list[str], source: _Source, whole_numbers: bool) -> NDArray[np.float64] | None:
    """Return the numbers of lines, (rows, chosen columns); None where NumPy finds something else."""
    dialect = source.dialect
    every = source.chosen == tuple(range(dialect.width))
    for kind in (np.int64, np.float64) if whole_numbers else (np.float64,):
        try:
            found = np.loadtxt(
                lines,
                dtype=kind,
                comments=None,
                delimiter=None if dialect.separator in {" ", ""} else dialect.separator,
                usecols=None if every else source.chosen,
                ndmin=2,
            )
        except (ValueError, OverflowError):
            continue
        if found.shape == (len(lines), len(source.chosen)) and np.isfinite(found).all():
            return found.astype(np.float64)
    return None


class _Growing:
    """A column while it is read."""

    __slots__ = ("numbers", "odd")

    def __init__(self) -> None:
        self.numbers = array("d")
        self.odd: dict[int, str] = {}

    def extend(self, cells: Sequence[str], decimal: str, odd: dict[str, tuple[str, float]]) -> None:
        """Take in cells that follow each other; ``odd`` has those that are no finite numbers, the same label once."""
        plain = _plain_numbers(cells, decimal)
        if plain is not None:
            self.numbers.frombytes(plain.tobytes())
            return
        for cell in cells:
            text = cell.strip()
            if (known := odd.get(text)) is None:
                value = number(text, decimal)
                if value is not None and value - value == 0:
                    self.numbers.append(value)
                    continue
                known = odd[text] = (text, float("nan") if value is None else value)
            self.odd[len(self.numbers)] = known[0]
            self.numbers.append(known[1])


def _plain_numbers(cells: Sequence[str], decimal: str) -> NDArray[np.float64] | None:
    """Return the numbers of cells that Python reads as the same finite numbers as `number`; None of others."""
    text = "\n".join(cells)
    if "_" in text or not text.isascii():
        return None
    if decimal == ",":
        # With points in it a number is grouped; of its power no more than six digits are read.
        if "." in text or _LONG_POWER.search(text):
            return None
        cells = [cell.replace(",", ".") for cell in cells]
    try:
        found = np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
    except ValueError:
        return None
    return found if np.isfinite(found).all() else None


def _written(source: _Source) -> Table:
    """Return the table of any file, cell by cell."""
    decimal = source.reading.decimal or _decimal(source)
    dialect = source.dialect
    growing = [_Growing() for _column in source.chosen]
    lines = array("q")
    problems: list[Problem] = []
    odd: dict[str, tuple[str, float]] = {}
    waiting: list[list[str]] = []
    gaps = 0

    def take_in() -> None:
        for column, place in zip(growing, source.chosen, strict=True):
            column.extend([row[place] for row in waiting], decimal, odd)
        waiting.clear()

    for line, row in source.rows():
        gaps += source.useless(row)
        source.check(len(lines) + 1 - gaps)
        if len(lines) * max(1, len(source.chosen)) > limits.MAX_DATA_BYTES // 8:
            raise ScenarioError([too_large(source.shown)])
        lines.append(line)
        if (fault := _misfit(row, source, line, len(lines))) is not None:
            problems.append(fault)
            if len(problems) > MAX_PROBLEMS:
                break
        elif not problems:
            waiting.append(row)
            if len(waiting) * len(row) >= _CELLS:
                take_in()
    if problems:
        raise ScenarioError(shown_first(problems, source.shown))
    take_in()
    if not lines:
        raise ScenarioError([Problem(path=source.shown, key="data.file", message=_("there are no rows in the file"))])
    columns = {
        place: Column(numbers=np.frombuffer(column.numbers, dtype=np.float64), odd=column.odd)
        for place, column in zip(source.chosen, growing, strict=True)
    }
    return Table(
        names=dialect.names,
        width=dialect.width,
        count=len(lines),
        columns=columns,
        lines=np.frombuffer(lines, dtype=np.int64),
        decimal=decimal,
        locate=source.starts,
    )


def _misfit(row: Sequence[str], source: _Source, line: int, number: int) -> Problem | None:
    """Return what is wrong with the width of a row; empty cells at its end do not count."""
    width = source.dialect.width
    if len(row) == width or (len(row) > width and not any(cell.strip() for cell in row[width:])):
        return None
    message = _("row {row} has {found} columns, where others have {wanted}")
    text = message.format(row=number, found=len(row), wanted=width)
    return Problem(path=source.shown, line=line, key="data.file", message=text)


def _decimal(source: _Source) -> str:
    """Return the decimal sign of a file.

    Raises:
        ScenarioError: its numbers leave it open.
    """
    if source.dialect.separator == "," and not any('"' in line or "." in line for b in source.blocks() for line in b):
        return "."
    signs = Signs()
    row = gaps = 0
    for row, (_line, cells) in enumerate(source.rows(), start=1):
        gaps += source.useless(cells)
        source.check(row - gaps)
        text = "".join(cells)
        if "," in text or "." in text:
            signs.look([cells[place] for place in source.chosen if place < len(cells)], row)
        if signs.point is not None:
            break
    found = signs.decimal(source.dialect.separator)
    if found is None and signs.either is not None:
        message = _(
            "row {row}: {text} may be a number with decimals or with thousands, and so may all others; say"
            ' decimal = "," or decimal = "."'
        )
        text = message.format(row=signs.either[0], text=repr(signs.either[1]))
        raise ScenarioError([Problem(path=source.shown, key="data.file", message=text)])
    return found or "."


def shown_first(problems: Iterable[Problem], shown: str) -> list[Problem]:
    """Return the first problems of a file, and that there may be more."""
    found = list(problems)
    if len(found) > MAX_PROBLEMS:
        message = _("there may be more; the first {count} are shown").format(count=MAX_PROBLEMS)
        return list(chain(found[:MAX_PROBLEMS], [Problem(path=shown, key="data.file", message=message)]))
    return found
