"""What a line of code may ask of what writes it."""

from __future__ import annotations

from typing import Protocol

from retrograde.engine.equations.array import Array
from retrograde.engine.errors import EngineError
from retrograde.engine.ops.base import Op
from retrograde.engine.writing.dialects import Dialect

Text = str | None
"""A right side; None where the equation itself is written."""


class Form(Protocol):
    """What a line may ask of what writes it."""

    @property
    def dialect(self) -> Dialect:
        """The library."""
        ...

    @property
    def helpers(self) -> set[str]:
        """The names of the functions of ``HELPERS`` that have been used."""
        ...

    @property
    def count(self) -> str:
        """How many samples there are."""
        ...

    def name(self, array: Array) -> str:
        """What an array is called."""
        ...

    def equation(self, op: Op, rows: tuple[int, int] | None = None) -> str:
        """The right side as it follows from the equation of an element."""
        ...

    def own(self, op: Op) -> EngineError:
        """That a library has no line for an op, because it does without."""
        ...

    def refusal(self, op: Op | None) -> EngineError:
        """That an op has no short form."""
        ...
