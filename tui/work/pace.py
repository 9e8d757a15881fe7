"""How often what moves by itself is shown anew: seldom where a person has asked for little motion."""

from __future__ import annotations

OFTEN, SELDOM = 0.1, 1.0
"""Seconds between two pictures of a run that goes on."""

_between = OFTEN


def between() -> float:
    """Seconds between two pictures of what goes on by itself."""
    return _between


def calm(wanted: bool) -> None:
    """Shows what goes on by itself seldom, or often.

    Args:
        wanted: seldom.
    """
    global _between  # noqa: PLW0603 - one pace for the process, as one language
    _between = SELDOM if wanted else OFTEN
