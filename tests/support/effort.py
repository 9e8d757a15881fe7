"""How many examples a property test draws: fewer where they are the same at each run than of fresh ones."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

FEWER = 6
"""How many times fewer examples there are when they are the same at each run."""


def examples(count: int, *, least: int = 4, **options: Any) -> settings:
    """Settings of a property test.

    Args:
        count: examples that are drawn with fresh seeds; with fixed ones a sixth of them.
        least: how many there are at least; fewer where a test is of each of many kinds.
        options: further settings.
    """
    if settings.get_current_profile_name() != "fresh":
        count = max(min(count, least), count // FEWER)
    return settings(max_examples=count, deadline=None, **options)
