"""What screens answer with."""

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


@dataclass(frozen=True, slots=True)
class Try:
    """Go to a step, and give slots other values there, in another branch."""

    number: int
    values: tuple[tuple[str, float], ...]
