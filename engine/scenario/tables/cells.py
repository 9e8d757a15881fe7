"""One cell of a table: the number that it is, in the ways in which people write numbers; or that it is missing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?", "-", "–", "."})
"""What a cell says, in small letters, where there is no value."""
_TRUTH = {"true": 1.0, "false": 0.0}
_GROUPS = {".": "[,'’\u00a0\u202f\u2009 ]", ",": "[.'’\u00a0\u202f\u2009 ]"}
_CURRENCY = "[$€£¥₹]"
_PATTERNS = {
    decimal: re.compile(
        rf"(?:{_CURRENCY}[ \u00a0]?)?(?P<sign>[+-]?)(?:{_CURRENCY}[ \u00a0]?)?"
        rf"(?P<whole>[1-9]\d{{0,2}}(?P<group>{group})\d{{3}}(?:(?P=group)\d{{3}})*+|\d+)?"
        rf"(?:{re.escape(decimal)}(?P<part>\d*))?(?:[eEdD](?P<power>[+-]?\d{{1,6}}))?"
        rf"(?:[ \u00a0]?(?:(?P<percent>%)|{_CURRENCY}))?",
        re.ASCII,
    )
    for decimal, group in _GROUPS.items()
}


def missing(text: str) -> bool:
    """Whether a cell, without blanks around it, says that there is no value."""
    return text.lower() in MISSING


def number(text: str, decimal: str = ".") -> float | None:
    """Return the number that a cell is, None where it is none.

    Args:
        text: the cell, without blanks around it.
        decimal: the sign before its decimals, a point or a comma; the other one groups thousands.
    """
    if decimal == "." and text.isascii() and "_" not in text:
        try:
            return float(text)
        except ValueError:
            pass
    truth = _TRUTH.get(text.lower())
    if truth is not None:
        return truth
    match = _match(text, decimal)
    if match is None:
        return math.nan if text.lower() == "nan" else _infinity(text)
    power = int(match["power"] or 0) - (2 if match["percent"] else 0)
    whole = re.sub(r"\D", "", match["whole"] or "")
    # One reading of all digits: a division by 100 would round a second time.
    return float(f"{match['sign']}{whole or '0'}.{match['part'] or '0'}e{power}")


def _match(text: str, decimal: str) -> re.Match[str] | None:
    match = _PATTERNS[decimal].fullmatch(text.replace("−", "-"))
    return match if match is not None and (match["whole"] or match["part"]) else None


def _infinity(text: str) -> float | None:
    plain = text.lower().lstrip("+-")
    return None if plain not in {"inf", "infinity"} else -math.inf if text[0] == "-" else math.inf


def numeric(text: str) -> bool:
    """Whether a cell is a number in one of the ways of writing."""
    return number(text) is not None or _match(text, ",") is not None


class Signs:
    """What the cells of a table say about its decimal sign.

    A cell such as 5,1 can only have a decimal comma, 5.1 or 1,234.5 only a decimal point, and 1,234 may be either.

    Attributes:
        comma: the first cell that only a decimal comma explains, with its row; None where there is none.
        point: the first cell that only a decimal point explains.
        either: the first cell with a comma that both explain.
    """

    __slots__ = ("comma", "either", "point")

    def __init__(self) -> None:
        self.comma: tuple[int, str] | None = None
        self.point: tuple[int, str] | None = None
        self.either: tuple[int, str] | None = None

    def look(self, cells: Iterable[str], row: int) -> None:
        """Take in the cells of a row; of a cell with one comma alone nothing is learnt once a comma was decimal."""
        for cell in cells:
            if "." in cell or (commas := cell.count(",")) > 1 or (commas and self.comma is None):
                self._look(cell.strip(), row)

    def _look(self, text: str, row: int) -> None:
        point, comma = _match(text, "."), _match(text, ",")
        if point is None and comma is None:
            return
        if comma is None:
            self.point = self.point or (row, text)
        elif point is None:
            self.comma = self.comma or (row, text)
        elif "," in text:
            self.either = self.either or (row, text)

    def decimal(self, separator: str) -> str | None:
        """Return the decimal sign, None where the cells leave it open.

        Args:
            separator: what separates the cells: commas around them leave it to the point, and semicolons are there
                because the comma is taken.
        """
        if self.point or not (self.comma or self.either):
            return "."
        if self.comma or separator == ";":
            return ","
        return "." if separator == "," else None
