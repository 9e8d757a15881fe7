"""A sheet in one markup: its mathematics set, its numbers written, ready for a template."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from retrograde.engine.equations.expression import Const, Ref
from retrograde.engine.explaining.step import shown
from retrograde.engine.text import _
from retrograde.engine.writing.markup import Spelling
from retrograde.engine.writing.mathematics import pieces, symbol
from retrograde.engine.writing.sheet import Factor, Grid, Mark, Note, Section, Sheet, SheetStep

MOST_PIECES = 40
"""Terms of a sum that are all written."""
MOST_COLUMNS = 8
"""Columns of a table of samples, as wide as a page."""
FIRST, LAST = 24, 3
"""Of a longer sum, how many stand before and after the dots."""


_RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def figure(value: float, digits: int = 9) -> str:
    """A number for people, with a power of ten as one; a zero has no sign.

    Args:
        value: the number.
        digits: its significant digits.
    """
    written, _mark, power = plain(value, digits).replace("inf", "∞").replace("nan", "NaN").partition("e")
    raised = f"×10{str(int(power)).translate(_RAISED)}" if power else ""
    return written.replace("-", "−") + raised


def plain(value: float, digits: int = 9) -> str:
    """The same in plain characters, as mathematics is set from it."""
    return shown(value or 0.0, digits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number: as it is written, and with all its digits."""

    text: str
    exact: str


def number(value: float) -> Number:
    """A number to be written."""
    return Number(text=figure(value), exact=repr(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSum:
    """How far a sum over samples is: its symbol, its value, and the words around them."""

    symbol: str
    said: str
    value: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStep:
    """A step; what is mathematics is set.

    Attributes:
        number: its number on the sheet.
        address: its address.
        symbol: what it makes.
        lines: the equation in symbols: its chain rule first, where it has one.
        numbers: the same in numbers; none in a blank sheet.
        result: the result.
        so_far: of a sum over samples.
        notes: what was noted.
    """

    number: int
    address: str
    symbol: str
    lines: tuple[str, ...]
    numbers: tuple[str, ...]
    result: Number
    so_far: SetSum | None
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetGroup:
    """The steps of a layer."""

    layer: str
    steps: tuple[SetStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSection:
    """The steps of a phase; ``iteration`` where another one begins."""

    iteration: str
    title: str
    groups: tuple[SetGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetGrid:
    """A picture of a sample, as a matrix."""

    sample: int
    formula: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTable:
    """A table of samples; ``wide`` where it would not fit on a page, so that each sample is a list."""

    heading: tuple[str, ...]
    rows: tuple[tuple[Number, ...], ...]
    left_out: str
    wide: bool
    grids: tuple[SetGrid, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMark:
    """A published figure, with what it is about set."""

    symbol: str
    figure: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class SetSheet:
    """A sheet in one markup."""

    sheet: Sheet
    subtitle: str
    data: tuple[SetTable, ...]
    given: tuple[tuple[str, Number], ...]
    given_left_out: str
    sections: tuple[SetSection, ...]
    figures: tuple[SetMark, ...]
    noted: tuple[tuple[str, Note], ...]

    @property
    def steps(self) -> Iterable[SetStep]:
        """The steps of all sections."""
        return (step for section in self.sections for group in section.groups for step in group.steps)


class Setter:
    """Sets a sheet.

    Args:
        spelling: the markup of mathematics.
        mark: makes a text of markup that a template leaves as it is.
        broken: whether a formula is several ones, between which a line may end: a browser breaks none.
    """

    def __init__(self, spelling: Spelling, mark: Callable[[str], str], *, broken: bool) -> None:
        self._spelling = spelling
        self._mark = mark
        self._broken = broken

    def sheet(self, sheet: Sheet) -> SetSheet:
        """A sheet in this markup."""
        sections: list[SetSection] = []
        several = len({section.iteration for section in sheet.sections}) > 1
        before = ""
        for section in sheet.sections:
            sections.append(self._section(section, sheet, several and section.iteration != before))
            before = section.iteration
        return SetSheet(
            sheet=sheet,
            subtitle=_subtitle(sheet),
            data=tuple(
                SetTable(
                    heading=tuple(map(self.symbol, table.heading)),
                    rows=tuple(tuple(map(number, row)) for row in table.rows),
                    left_out=_left_out(table.left_out),
                    wide=len(table.heading) > MOST_COLUMNS,
                    grids=tuple(SetGrid(sample=grid.sample, formula=self._matrix(grid)) for grid in table.grids),
                )
                for table in sheet.data
            ),
            given=tuple((self.symbol(name), number(value)) for name, value in sheet.given),
            given_left_out=_left_out(sheet.given_left_out),
            sections=tuple(sections),
            figures=tuple(SetMark(symbol=self.symbol(one.name), figure=one) for one in sheet.figures),
            noted=tuple((self.symbol(note.symbol) if note.symbol else "", note) for note in sheet.notes),
        )

    def symbol(self, text: str) -> str:
        """A symbol as a formula."""
        return self._mark(self._spelling.whole(symbol(text, self._spelling)))

    def _matrix(self, grid: Grid) -> str:
        """A picture: its symbol, and its numbers in rows."""
        spelling = self._spelling
        rows = [[symbol(plain(value), spelling) for value in row] for row in grid.rows]
        parts = symbol(grid.symbol, spelling), spelling.sign("="), spelling.matrix(rows)
        return self._mark(spelling.whole(spelling.row(parts)))

    def _section(self, section: Section, sheet: Sheet, begins: bool) -> SetSection:
        groups = tuple(
            SetGroup(layer=group.layer, steps=tuple(self._step(step, sheet.blank) for step in group.steps))
            for group in section.groups
        )
        said = _("Iteration {moment}").format(moment=section.iteration) if begins else ""
        return SetSection(iteration=said, title=section.title, groups=groups)

    def _step(self, step: SheetStep, blank: bool) -> SetStep:
        spelling = self._spelling
        left = symbol(step.symbol, spelling)
        lines, numbers = [], []
        if step.ways:
            lines.append(self._line(self._ways(step.ways, self._derivative, "·")))
            numbers.append(self._line(self._ways(step.ways, self._worth, "×")))
        lines.append(self._line(_shortened(pieces(step.equation, step.symbols.__getitem__, spelling), spelling)))
        # What is only handed on is its own result.
        if not isinstance(step.equation, Ref | Const):
            in_numbers = pieces(step.equation, lambda ref: plain(step.values[ref]), spelling, times="×")
            numbers.append(self._line(_shortened(in_numbers, spelling)))
        so_far = None
        if step.so_far is not None:
            name, value, done, of = step.so_far
            said = _("so far, {done} of {of} samples") if done < of else _("of all {of} samples")
            so_far = SetSum(symbol=self.symbol(name), said=said.format(done=done, of=of), value=number(value))
        return SetStep(
            number=step.number,
            address=step.address,
            symbol=self._mark(spelling.whole(left)),
            lines=tuple(lines),
            numbers=() if blank else tuple(_unlike(numbers)),
            result=number(step.result),
            so_far=so_far,
            notes=step.notes,
        )

    def _line(self, parts: Sequence[str]) -> str:
        """An equals sign and the pieces of a right side."""
        spelling = self._spelling
        first, *rest = parts
        found = [spelling.row((spelling.sign("="), first)), *rest]
        if not self._broken:
            return self._mark(spelling.whole("".join(found)))
        return self._mark(" ".join(map(spelling.whole, found)))

    def _ways(self, ways: Sequence[Sequence[Factor]], factor: Callable[[Factor], str], times: str) -> list[str]:
        """The ways of a gradient, with a plus sign between them."""
        spelling = self._spelling
        found: list[str] = []
        for number_of_way, way in enumerate(ways):
            for place, one in enumerate(way):
                sign = times if place else "+" if number_of_way else ""
                found.append(spelling.row((*((spelling.sign(sign),) if sign else ()), factor(one))))
        return found

    def _derivative(self, factor: Factor) -> str:
        return symbol(f"∂{factor.above}/∂{factor.below}", self._spelling)

    def _worth(self, factor: Factor) -> str:
        text = plain(factor.value)
        found = symbol(text, self._spelling)
        return self._spelling.fenced(found, "(", ")") if text.startswith("-") else found


def _unlike(lines: Iterable[str]) -> Iterable[str]:
    """The lines without those that say the same as one before, whatever their pieces are."""
    return {re.sub(r"<[^>]+>|\s", "", line): line for line in reversed([*lines])}.values().__reversed__()


def _shortened(parts: list[str], spelling: Spelling) -> list[str]:
    """The terms of a sum; of a very long one its first and last, with dots between them."""
    if len(parts) <= MOST_PIECES:
        return parts
    return [*parts[:FIRST], spelling.row((spelling.sign("+"), spelling.sign("⋯"))), *parts[-LAST:]]


def _subtitle(sheet: Sheet) -> str:
    said = _("Worksheet") if sheet.blank else _("Worked solution")
    return said if sheet.seed is None else _("{kind}, numbers of seed {seed}").format(kind=said, seed=sheet.seed)


def _left_out(count: int) -> str:
    return _("and {count} more").format(count=f"{count:,}") if count else ""
