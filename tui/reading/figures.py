"""How numbers and phases are written on the screen."""

from __future__ import annotations

from retrograde.engine.equations.array import Phase
from retrograde.engine.text import _
from retrograde.tui.canvas.typesetting import typeset


def show(value: float | None, digits: int = 9) -> str:
    """A number as text: the number that was computed, rounded for the eye only."""
    if value is None:
        return "·"
    if digits >= 17:
        text = repr(value)
    else:
        # A zero has no sign, but where all bits are shown.
        text = f"{value or 0.0:.{digits}g}"
        if "e" not in text and "." in text and abs(value) < 1:
            text = f"{value:.{digits}f}".rstrip("0").rstrip(".") if abs(value) >= 1e-3 else text
    return typeset(text).replace("-", "−").replace("inf", "∞").replace("nan", "NaN")


def show_signed(value: float, digits: int = 9) -> str:
    """The same with a sign always."""
    text = show(value, digits)
    return text if text.startswith("−") else f"+{text}"


def phase_word(phase: Phase) -> str:
    """A phase for people."""
    return {
        Phase.FORWARD: _("forward"),
        Phase.LOSS: _("loss"),
        Phase.BACKWARD: _("backward"),
        Phase.UPDATE: _("update"),
    }[phase]
