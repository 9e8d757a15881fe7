"""Text in aligned columns, where a Chinese character is two columns wide."""

from __future__ import annotations

import re
from unicodedata import combining, east_asian_width

_PIECES = re.compile(
    r"(?:[\u300a\uff08]*[\u2e80-\uffef]|[^\s\u2e80-\uffef]+)[\u3001\u3002\u300b\uff01\uff09\uff0c\uff1a\uff1b\uff1f\u2019\u201d]*|\s+"
)
"""What a line breaks between: words, single Chinese characters and blanks; a mark stays with what it follows."""


def width(text: str) -> int:
    """The columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1 for character in text)


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """The text with spaces up to a number of columns; `right` puts the text at the right."""
    space = " " * max(columns - width(text), 0)
    return space + text if right else text + space


def cut(text: str, columns: int) -> str:
    """The text, shortened with … where it does not fit."""
    if width(text) <= columns:
        return text
    kept = ""
    for character in text:
        if width(kept) + width(character) > columns - 1:
            break
        kept += character
    return kept + "…"


def table(rows: list[list[str]], *, right: frozenset[int] = frozenset()) -> list[str]:
    """The rows as aligned lines; the columns in `right` have their text at the right."""
    widths = [max(width(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(padded(text, widths[column], right=column in right) for column, text in enumerate(row)).rstrip()
        for row in rows
    ]


def wrapped(text: str, columns: int, indent: str = "") -> list[str]:
    """A text as indented lines of at most so many columns; between Chinese characters it may break."""
    lines = [indent]
    for piece in _PIECES.findall(text):
        if width(lines[-1] + piece.rstrip()) > columns and lines[-1].strip():
            lines.append(indent)
        lines[-1] += (" " if piece.isspace() else piece) if lines[-1].strip() else piece.lstrip()
    return [line.rstrip() for line in lines]
