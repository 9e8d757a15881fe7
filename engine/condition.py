"""Conditions such as `E < 0.01 and epoch > 10`, read into a plain structure; nothing is run as code.

    condition  = all of {"or" all of}
    all of     = comparison {"and" comparison}
    comparison = NAME ("<" | "<=" | ">" | ">=" | "==" | "!=") NUMBER

A name is one of the network's (`w5`, `E_epoch`, `grad(w5)`, `W_h[2,1]`), looked up by whoever asks whether
the condition holds. A comparison with NaN is false, except `!=`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_SPELLINGS = {"≤": "<=", "≥": ">=", "≠": "!="}
_BRACKETS = r"\[[^\[\]]*\]|\([^()]*\)|\{[^{}]*\}"
_TOKEN = re.compile(
    rf"(?P<operator>[<>=!]=?|[≤≥≠])|(?P<word>(?:[^\s<>=!≤≥≠\[\](){{}}]|(?<=\S)(?:{_BRACKETS}))+)|(?P<other>\S)"
)


class ConditionError(EngineError):
    """A condition that can not be read.

    Attributes:
        text: The whole condition.
        column: Where it goes wrong, from 1.
    """

    def __init__(self, text: str, column: int, message: str) -> None:
        super().__init__(_("condition, column {column}: {message}").format(column=column, message=message))
        self.text = text
        self.column = column


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One value compared with a constant; `column`, from 1, is where the name stands."""

    name: str
    operator: str
    number: float
    column: int

    def __str__(self) -> str:
        return f"{self.name} {self.operator} {self.number!r}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition: true when every comparison of at least one of its alternatives is.

    Attributes:
        text: As it was written.
        alternatives: What `or` joins; each is what `and` joins, which binds tighter.
    """

    text: str
    alternatives: tuple[tuple[Comparison, ...], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it reads, each once, in the order in which they are written."""
        return tuple(dict.fromkeys(part.name for every in self.alternatives for part in every))

    def holds(self, lookup: Callable[[str], float]) -> bool:
        """Return whether it is true of the values that `lookup` gives for its names."""
        return any(
            all(OPERATORS[part.operator](lookup(part.name), part.number) for part in every)
            for every in self.alternatives
        )

    def __str__(self) -> str:
        return " or ".join(" and ".join(map(str, every)) for every in self.alternatives)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    kind: str
    text: str
    column: int


def parse(text: str) -> Condition:
    """Read a condition.

    Raises:
        ConditionError: It can not be read; says where and what was expected.
    """
    tokens = [
        _Token(kind=match.lastgroup or "other", text=match[0], column=match.start() + 1)
        for match in _TOKEN.finditer(text)
    ]
    tokens.append(_Token(kind="end", text="", column=len(text) + 1))
    alternatives: list[tuple[Comparison, ...]] = []
    every: list[Comparison] = []
    at = 0
    while True:
        every.append(_comparison(text, tokens, at))
        joint = tokens[at + 3]
        at += 4
        if joint.kind == "word" and joint.text.lower() == "and":
            continue
        alternatives.append(tuple(every))
        every = []
        if joint.kind == "end":
            return Condition(text=text.strip(), alternatives=tuple(alternatives))
        if not (joint.kind == "word" and joint.text.lower() == "or"):
            message = _("expected `and`, `or` or the end, found `{found}`").format(found=joint.text)
            raise ConditionError(text, joint.column, message)


def _comparison(text: str, tokens: list[_Token], at: int) -> Comparison:
    """Return the comparison that starts at a token.

    Raises:
        ConditionError: There is none.
    """
    name = tokens[at]
    if name.kind != "word" or name.text.lower() in {"and", "or"} or _number(name.text) is not None:
        message = _("expected a name such as `E` or `grad(w5)`, found {found}").format(found=_shown(name))
        raise ConditionError(text, name.column, message)
    sign = tokens[at + 1]
    spelling = _SPELLINGS.get(sign.text, sign.text)
    if spelling not in OPERATORS:
        hint = _("write == for “equals”") if sign.text == "=" else " ".join(OPERATORS)
        message = _("expected a comparison ({hint}), found {found}").format(hint=hint, found=_shown(sign))
        raise ConditionError(text, sign.column, message)
    constant = tokens[at + 2]
    number = _number(constant.text) if constant.kind == "word" else None
    if number is None:
        message = _("expected a number such as 0.01 or 1e-9, found {found}").format(found=_shown(constant))
        raise ConditionError(text, constant.column, message)
    return Comparison(name=name.text, operator=spelling, number=number, column=name.column)


def _number(text: str) -> float | None:
    """Return the number that a word is, None when it is none; NaN is none, as nothing compares with it."""
    try:
        number = float(text)
    except ValueError:
        return None
    return None if number != number else number


def _shown(token: _Token) -> str:
    """Return how a message names a token."""
    return _("the end") if token.kind == "end" else f"`{token.text}`"
