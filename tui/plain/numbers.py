"""Numbers in texts and in JSON."""

from __future__ import annotations

import math


def shown(value: float) -> str:
    """A number for people: nine significant digits; a zero has no sign."""
    return f"{value:z.9g}"


def encoded(value: float) -> float | str:
    """A number for JSON: exact, with `"NaN"`, `"Infinity"` and `"-Infinity"` as strings."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
