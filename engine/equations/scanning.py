"""Scanning: the tokens of the small languages, and what a recursive descent over them asks again and again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from retrograde.engine.text import _

MAX_DEPTH = 40
"""Brackets inside each other."""

SPELLINGS = {"≤": "<=", "≥": ">=", "≠": "!=", "−": "-", "·": "*", "×": "*"}
"""Other ways to write an operator."""

ErrorAt = Callable[[int, str], Exception]
"""Makes the error of a language from a column, from 1, and what is wrong there."""


class Token(NamedTuple):
    """A word of a text: its kind is a group of the language's pattern, or ``end``; columns count from 1."""

    kind: str
    text: str
    column: int

    @property
    def shown(self) -> str:
        """The token as it is named in a message."""
        return _("the end") if self.kind == "end" else f"`{self.text}`"


class Scanner:
    """The tokens of a text, from the first to the last.

    Args:
        text: the text.
        pattern: matches one token; the last group that matches is its kind.
        error: makes the error that is raised where the text goes wrong.
        limit: characters that a text may have.
        too_long: what is said of a text that has more.
        longest: characters that a name or a quoted text may have; None for any number.
        advice: what is said of a sign that means nothing, where there is better to say.

    Raises:
        Exception: that of ``error``, where a sign means nothing or something is too long.
    """

    def __init__(
        self,
        text: str,
        pattern: re.Pattern[str],
        error: ErrorAt,
        *,
        limit: int,
        too_long: str,
        longest: int | None = None,
        advice: Mapping[str, str] | None = None,
    ) -> None:
        if len(text) > limit:
            raise error(limit + 1, too_long.format(limit=limit))
        self._error = error
        self._depth = 0
        self._at = 0
        self._tokens: list[Token] = []
        at = 0
        while text[at:].strip():
            match = pattern.match(text, at)
            if match is None:
                column = at + len(text[at:]) - len(text[at:].lstrip()) + 1
                sign = text[column - 1]
                known = (advice or {}).get(sign)
                raise error(column, known or _("`{found}` means nothing here").format(found=sign))
            kind = match.lastgroup or ""
            word, column = match[kind], match.start(kind) + 1
            if longest is not None and kind in {"name", "text"} and len(word) > longest:
                raise error(column, _("this word is too long"))
            self._tokens.append(Token(kind, SPELLINGS.get(word, word), column))
            at = match.end()
        self._tokens.append(Token("end", "", len(text) + 1))

    def peek(self) -> Token:
        """The next token, which stays the next one."""
        return self._tokens[self._at]

    def next(self) -> Token:
        """The next token; the end is there as often as it is asked for."""
        token = self._tokens[self._at]
        self._at += token.kind != "end"
        return token

    def take(self, *texts: str) -> Token | None:
        """The next token where it is an operator or a word of this text; else None, and it stays the next one."""
        token = self.peek()
        return self.next() if token.kind in {"op", "name"} and token.text in texts else None

    def expect(self, text: str) -> Token:
        """The next token, which has to be this one."""
        token = self.take(text)
        if token is None:
            message = _("expected `{wanted}`, found {found}")
            raise self._error(self.peek().column, message.format(wanted=text, found=self.peek().shown))
        return token

    def expect_end(self) -> None:
        """Nothing more may follow."""
        token = self.peek()
        if token.kind != "end":
            message = _("expected an operator or the end, found {found}")
            raise self._error(token.column, message.format(found=token.shown))

    @contextmanager
    def deeper(self, column: int) -> Iterator[None]:
        """One bracket further in, which begins at a column; there may be ``MAX_DEPTH``."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error(column, _("more than {limit} brackets inside each other").format(limit=MAX_DEPTH))
        yield
        self._depth -= 1
