"""Options: the keys of a scenario file that belong to a row of a table, such as an optimiser or an activation.

A key is stated here and nowhere else: its field in the models that read a file, its bounds, its text in the schema and
the documentation, and its sign on the screen all come from its ``Option``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Value = float | bool | str | tuple[float, ...]
"""What an option may hold."""

OptionKind = Literal["number", "whole", "flag", "word", "pair", "places"]
"""What the value of an option is; a whole number counts units of time, and places are a list of such."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A key of a scenario file that belongs to some rows of a table.

    Attributes:
        key: the key.
        text: what it is, for the schema and the documentation.
        kind: what its value is.
        words: the words that it may be, if it is a word.
        sign: how it is written on the screen, where that is not its key.
        least: the smallest value that is allowed; of a list, of each entry.
        above: what the value has to be larger than.
        most: the largest value that is allowed.
        below: what the value has to be smaller than.
        wrong: says what else is wrong with a value, if anything is.
    """

    key: str
    text: str
    kind: OptionKind = "number"
    words: tuple[str, ...] = ()
    sign: str = ""
    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None
    wrong: Callable[[Any], str | None] = lambda _value: None

    @property
    def bounds(self) -> str:
        """The range as people write it: ``[0, 1)``; empty where any number will do."""
        if self.least is None and self.above is None and self.most is None and self.below is None:
            return ""
        low = f"({self.above:g}" if self.above is not None else f"[{self.least:g}" if self.least is not None else "(−∞"
        high = f"{self.below:g})" if self.below is not None else f"{self.most:g}]" if self.most is not None else "∞)"
        return f"{low}, {high}"

    def allows(self, value: float) -> bool:
        """Whether a number is in the range."""
        return (
            (self.least is None or value >= self.least)
            and (self.above is None or value > self.above)
            and (self.most is None or value <= self.most)
            and (self.below is None or value < self.below)
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parametric:
    """A row of a table of formulas that have one parameter or none.

    Attributes:
        name: the name in scenario files.
        formula: the textbook formula.
        parameter: the key, beside the name in the file, that gives its parameter, if it has one.
        default: the parameter's default.
        source: where the definition comes from.
    """

    name: str
    formula: str
    parameter: Option | None = None
    default: float = 0.0
    source: str = ""

    def given(self, table: object) -> float:
        """The parameter, as a table of a file gives it or leaves it out."""
        found = None if self.parameter is None else getattr(table, self.parameter.key)
        return self.default if found is None else found

    def completed(self, table: object) -> dict[str, float]:
        """The parameter by its key; nothing where there is none."""
        return {} if self.parameter is None else {self.parameter.key: self.given(table)}
