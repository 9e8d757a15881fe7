"""What the screen of branches answers with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Switch:
    """Go to a branch."""

    name: str


@dataclass(frozen=True, slots=True)
class Visit:
    """Go to a step."""

    number: int
