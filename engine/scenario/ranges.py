"""Columns and rows by number, such as 1-4,7."""

from __future__ import annotations

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _


def ranges(text: str) -> list[tuple[int, int]]:
    """Return the pieces of `1-4,7` as (first, last), from 1, ends included.

    Raises:
        EngineError: a piece starts at 0 or runs backwards.
    """
    pieces = []
    for piece in text.split(","):
        first, dash, last = piece.partition("-")
        start = int(first)
        end = int(last) if dash else start
        if start < 1:
            raise EngineError(_("{piece}: counting starts at 1").format(piece=piece.strip()))
        if end < start:
            raise EngineError(_("{piece}: the end comes before the start").format(piece=piece.strip()))
        pieces.append((start, end))
    return pieces
