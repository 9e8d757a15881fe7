"""Keys that were typed so fast that they came to the screen below the one that takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from textual.events import Key


@runtime_checkable
class TakesLate(Protocol):
    """A screen that takes keys from before it was there."""

    def take_late(self, event: Key) -> bool:
        """Takes a key; says whether it was one for this screen."""
        ...


class TypesBehind(Protocol):
    """An app that does keys which were typed behind the end of a line."""

    def type_behind(self, keys: Iterable[Key]) -> None:
        """Does them, in their order."""
