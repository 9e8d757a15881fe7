"""Printed figures, as forensics sees them: where in a frame each is, and whether a value is what was printed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.network.notation import Notation
from retrograde.engine.network.program import Program, unravel
from retrograde.engine.scenario.models import FIGURE
from retrograde.engine.session.published import AFTER_UPDATES, FULL_PRECISION, compare
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Expectation

_SLACK = 1e-4
"""Part of a unit within which of a border the quick test leaves it to the exact one."""

_COARSE = 1e-11
"""Units that are a larger part of a figure than this are told apart in float64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """One printed figure.

    Attributes:
        name: what it is a figure of.
        updates: how many updates come before.
        printed: the figure.
        factor: it is ``factor`` times the value.
        wrong: whether the scenario says that its source is wrong.
    """

    name: str
    updates: int = 0
    printed: str
    factor: float = 1.0
    wrong: bool = False

    def agrees(self, value: float) -> bool:
        """Whether a value is the figure, rounded or cut off at its last digit."""
        whole = AFTER_UPDATES if self.updates else FULL_PRECISION
        return any(
            compare(self.printed, value, factor=self.factor, mode=mode, whole=whole).matches
            for mode in ("round", "truncate")
        )

    def above(self, value: float) -> int:
        """By how many units of its last digit the figure is larger in size than a value."""
        return compare(self.printed, value, factor=self.factor).above


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """A figure with its place in the frame of its iteration.

    Attributes:
        figure: the figure.
        ref: the slot.
        value: the figure as a number, in the measure of the slot.
        unit: one unit of its last digit, in that measure.
        digits: its significant digits.
        term: which term of the slot's equation it is; None for the value of the slot.
    """

    figure: Printed
    ref: Ref
    value: float
    unit: float
    digits: int
    term: int | None = None

    @property
    def measured(self) -> bool:
        """Whether distances from it can be told in float64: not from NaN, infinity, or what is as large or as small."""
        return math.isfinite(self.value) and 0.0 < self.unit < math.inf

    def fits(self, value: float) -> bool:
        """Whether a value is the figure."""
        if not (math.isfinite(value) and self.measured):
            return self.figure.agrees(value)
        # Rounding and cutting both leave less than one unit. Decimal arithmetic is for what is near a border alone.
        off = (value - self.value) / self.unit
        if not abs(off) <= 1.0 + _SLACK:
            return False
        if self.unit > _COARSE * abs(self.value):
            away = math.copysign(off, off * self.value)
            if abs(off) < 0.5 - _SLACK or _SLACK < away < 1.0 - _SLACK:
                return True
        return self.figure.agrees(value)


def printed(expects: Iterable[Expectation]) -> Iterator[Printed]:
    """The published figures of a scenario, of an array one for each number.

    Raises:
        EngineError: what is printed of an array is none.
    """
    for expect in expects:
        wrong = expect.verdict == "source_wrong"
        common = {"updates": expect.updates, "factor": expect.factor, "wrong": wrong}
        if not expect.printed.startswith("["):
            yield Printed(name=expect.value, printed=expect.printed, **common)  # type: ignore[arg-type]
            continue
        try:
            table = json.loads(re.sub(r"[^\[\],\s]+", r'"\g<0>"', expect.printed))
        except ValueError:
            raise EngineError(_("the figures of {name} are no array").format(name=expect.value)) from None
        for index, text in _entries(table, ()):
            name = f"{expect.value}[{','.join(str(place + 1) for place in index)}]"
            yield Printed(name=name, printed=text, **common)  # type: ignore[arg-type]


def _entries(table: object, index: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], str]]:
    if isinstance(table, list):
        for place, part in enumerate(table):
            yield from _entries(part, (*index, place))
    else:
        yield index, str(table)


def sought(figure: Printed, notation: Notation, program: Program) -> Sought:
    """A figure with its place.

    Raises:
        EngineError: it is no number, or no slot has its name.
    """
    try:
        number = Decimal(figure.printed if re.fullmatch(FIGURE, figure.printed) else "")
    except InvalidOperation:
        raise EngineError(_("{printed} is no number").format(printed=figure.printed)) from None
    whole_or_term = notation.resolve_term(figure.name, program)
    ref, term = whole_or_term or (notation.resolve(figure.name, program), None)
    _sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        return Sought(figure=figure, ref=ref, value=float(number), unit=0.0, digits=1, term=term)
    significant = len(str(int("".join(map(str, digits)))))
    if len(digits) >= FULL_PRECISION:
        whole = AFTER_UPDATES if figure.updates else FULL_PRECISION
        exponent = number.adjusted() - whole + 1
        significant = whole
    factor = figure.factor or 1.0
    return Sought(
        figure=figure,
        ref=ref,
        value=float(number) / factor,
        unit=float(Decimal((0, (1,), exponent))) / abs(factor),
        digits=significant,
        term=term,
    )


def ref_at(program: Program, offset: int) -> Ref:
    """The slot at a place of the flat memory of a frame."""
    array: Array = next(a for a in program.arrays if program.offsets[a] <= offset < program.offsets[a] + a.size)
    return Ref(array, unravel(offset - program.offsets[array], array.shape))
