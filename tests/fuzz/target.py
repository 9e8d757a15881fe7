"""What a kind of input states."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

Beat = Callable[[], None]
"""Called between the parts of a case: the clock of the next part begins."""


class Target(Protocol):
    """A kind of input and what is done with it; made in the process that does it, in a folder of its own."""

    def __init__(self, home: Path) -> None: ...

    def made(self, seed: int) -> bytes:
        """The input of a seed, the same at each call."""
        ...

    def run(self, content: bytes, beat: Beat) -> bool:
        """Does with an input what a user would; says whether it was taken, and prints why it was not."""
        ...

    @staticmethod
    def file(content: bytes) -> tuple[str, bytes]:
        """The file that a person needs to see it again: how its name ends, and what is in it."""
        ...
