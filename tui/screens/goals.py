"""What the screens over the debugger answer with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.forensics.deviations import Deviation


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
    """Give slots other values at a position, and go to the step that makes another slot then."""

    position: int
    values: tuple[tuple[Ref, float], ...]
    then: Ref


@dataclass(frozen=True, slots=True)
class Vary:
    """Open the variant with some deviations, at the step that makes the slot with a name; empty for its start."""

    deviations: tuple[Deviation, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Mend:
    """Go to a step, and give slots, by their names, other values there, in another branch."""

    number: int
    values: tuple[tuple[str, float], ...]
