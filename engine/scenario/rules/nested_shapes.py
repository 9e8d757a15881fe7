"""The shapes of nested lists, as the rules compare and say them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.layers.layouts import OTHER_LAYOUT
from retrograde.engine.text import _


def shape(rows: Sequence[Any]) -> str:
    """Return the shape of a table as a person reads it: `2×3`, or `2 rows of 3, 2` if they differ."""
    widths = [len(row) for row in rows]
    if len(set(widths)) <= 1:
        return f"{len(rows)}×{widths[0] if widths else 0}"
    listed = ", ".join(str(width) for width in widths[:8]) + (", …" if len(widths) > 8 else "")
    return _("{rows} rows of {widths}").format(rows=len(rows), widths=listed)


def nested_shape(value: Any) -> tuple[int, ...] | None:
    """The shape of numbers in nested lists; None where the lists of one level have different lengths."""
    if not isinstance(value, list | tuple):
        return ()
    inner = {nested_shape(part) for part in value}
    if len(inner) > 1:
        return None
    rest = inner.pop() if inner else ()
    return None if rest is None else (len(value), *rest)


def flat_rows(rows: Sequence[Any]) -> list[Any]:
    """Return a table whose rows may be nested lists with the numbers of each row in one list."""
    return [list(_numbers(row)) if isinstance(row, list | tuple) else row for row in rows]


def _numbers(row: Sequence[Any]) -> Iterator[Any]:
    for part in row:
        if isinstance(part, list | tuple):
            yield from _numbers(part)
        else:
            yield part


def axes(found: tuple[int, ...] | None) -> str:
    """Return a shape as a person reads it: `2×3`."""
    if found is None:
        return _("lists of different lengths instead of")
    return "×".join(map(str, found)) or "1"


def shape_rules(
    rows: Sequence[Sequence[Any]],
    wanted: tuple[int, int] | None,
    path: KeyPath,
    what: str,
    meaning: str,
    before: int | None,
    *,
    layout: str = "",
) -> Iterator[Violation]:
    """Yield a table that has another shape than the network; both shapes are named."""
    found = shape(rows)
    if wanted is not None:
        fits = len(rows) == wanted[0] and all(len(row) == wanted[1] for row in rows)
        if not fits:
            message = _("{what} of {found} where the network needs {units}×{before} ({meaning})")
            text = message.format(what=what, found=found, units=wanted[0], before=before, meaning=meaning)
            turned = {len(row) for row in rows} == {wanted[0]} and len(rows) == wanted[1]
            if turned and layout == OTHER_LAYOUT["inputs_first"]:
                text += _('; a column belongs to a unit of this layer: layout = "outputs_first" reads this table')
            elif turned:
                text += _("; a row belongs to a unit of this layer: transpose the table")
                text += _(', or say layout = "inputs_first"') if layout else ""
            yield Violation(path=path, message=text)
    elif len({len(row) for row in rows}) > 1:
        message = _("{what} of {found}: every row needs the same length")
        yield Violation(path=path, message=message.format(what=what, found=found))
