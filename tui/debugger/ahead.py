"""Keys that are typed while a scenario is read: they are kept, and done in their order once it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.events import Key

from retrograde.tui.debugger.loading import LoadingScreen
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.debugger.table import commands

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.screen import Screen

MOST_KEYS = 1000
LINES = frozenset({"colon", "slash", "e"})
"""Keys after which letters may be text."""


class Ahead:
    """The keys that wait.

    Attributes:
        waiting: whether keys for the debugger's screen wait: it is not there yet, or others are before them.
        behind: whether every key waits, behind those that were typed after the end of a line.
    """

    def __init__(self) -> None:
        self.waiting = False
        self.behind = False
        self._keys: list[Key] = []
        self._behind: list[Key] = []
        self._text = False
        self._early = {key for row in commands() if row.early is not None for key in row.keys}

    def takes(self, screen: Screen[object], event: Key) -> bool:
        """Takes a key that has to wait; says whether it does.

        Args:
            screen: the screen that it would come to.
            event: the key.
        """
        loading = isinstance(screen, LoadingScreen)
        if not loading and not (self.waiting and isinstance(screen, DebuggerScreen)):
            return False
        if loading and event.key in self._early and not self._text:
            # Help, quitting, the look: they need not wait, and nothing that waits is another thing after them.
            return False
        if event.key.startswith("ctrl+") and event.key not in {"ctrl+j", "ctrl+h", "ctrl+i", "ctrl+m"}:
            return False
        self.waiting = True
        if len(self._keys) < MOST_KEYS:
            self._keys.append(event)
            self._text = event.key in LINES or (self._text and event.key not in {"enter", "escape"})
        return True

    def follow(self, keys: Iterable[Key]) -> None:
        """Keeps keys that are for whatever screen is in front once a line has been obeyed.

        Args:
            keys: the keys, in their order.
        """
        self.behind = True
        self._behind.extend(Key(key.key, key.character) for key in keys)

    def followed(self) -> list[Key]:
        """Those keys, in their order; none waits any more."""
        keys, self._behind = self._behind, []
        self.behind = False
        return keys

    def taken(self) -> list[Key]:
        """The keys, in their order; none waits any more."""
        keys, self._keys = self._keys, []
        self.waiting = self._text = False
        return keys
