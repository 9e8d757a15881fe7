"""Marking: an answer as it was typed, held against the right value and against the known mistakes."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from retrograde.engine.errors import EngineError
from retrograde.engine.quizzing.kinds import RANK
from retrograde.engine.quizzing.mistakes import Mistake
from retrograde.engine.text import _

LEAST_DIGITS, MOST_DIGITS = 3, 6
"""Significant digits that are compared: as many as were typed, between these."""
MOST_CHARACTERS = 40
"""Characters of an answer."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A number as it was typed.

    Attributes:
        text: the text, with a plain sign.
        value: the number.
        digits: the significant digits that are compared.
    """

    text: str
    value: Decimal
    digits: int

    def fits(self, value: float) -> bool:
        """Whether the text may be a value, rounded to the digits that are compared."""
        if not self.value or not math.isfinite(value):
            return value == 0 and not self.value
        half = Decimal(5).scaleb(self.value.adjusted() - self.digits)
        return abs(Decimal(value) - self.value) <= half


def typed(text: str) -> Typed:
    """Reads a number as people type it.

    Raises:
        EngineError: it is none, or one that no step can have.
    """
    plain = unicodedata.normalize("NFKC", text).strip().replace("−", "-").replace(" ", "")
    if not plain:
        raise EngineError(_("nothing was written: a number, such as -0.0413"))
    try:
        if "_" in plain or len(plain) > MOST_CHARACTERS:
            raise InvalidOperation
        over, bar, under = plain.replace("⁄", "/").partition("/")
        if bar and any(unicodedata.category(letter) == "No" for letter in text.strip().lstrip("+-−")[1:]):
            # 2½ would be read as 21/2.
            raise InvalidOperation
        value = Decimal(over) / Decimal(under) if bar else Decimal(plain)
        # Far beyond float64 the arithmetic of decimals is slow, and no step gets there.
        size = abs(float(value))
        if not math.isfinite(size) or (value and size == 0):
            raise InvalidOperation
    except (ArithmeticError, ValueError):
        shown = text.strip()
        shown = shown if len(shown) <= MOST_CHARACTERS else shown[:MOST_CHARACTERS] + "…"
        raise EngineError(_("{text!r} is not a number, such as -0.0413").format(text=shown)) from None
    # A fraction says all its digits.
    written = MOST_DIGITS if bar else len(value.as_tuple().digits)
    return Typed(plain, value, min(max(written, LEAST_DIGITS), MOST_DIGITS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of an answer.

    Attributes:
        answer: the answer, as it was written.
        right: whether it is right.
        mistakes: the known mistakes that give it, the most frequent first; of a right answer those that its digits do
            not rule out.
    """

    answer: str
    right: bool
    mistakes: tuple[Mistake, ...] = ()


def marked(answer: Typed, value: float, mistakes: Sequence[Mistake], own: Mapping[str, int] | None = None) -> Verdict:
    """Marks a typed number.

    Args:
        answer: the number.
        value: the right value.
        mistakes: the known mistakes.
        own: how often each kind of mistake was made before, by its name.
    """
    fitting = sorted(
        (one for one in mistakes if answer.fits(one.value)),
        key=lambda one: (-(own or {}).get(one.kind.name, 0), RANK[one.kind.name]),
    )
    return Verdict(answer=answer.text, right=answer.fits(value), mistakes=tuple(fitting))
