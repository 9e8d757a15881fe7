"""One step of a training that ran elsewhere, as it was recorded: every op, its values, and its equation.

A file of this kind (`.rgrec`) is written by ``retrograde.torch`` and read here, without PyTorch. What is shown is what
was recorded; the equations say what should have been computed, and ``checking`` holds the one to the other.
"""

from __future__ import annotations

from os import PathLike, fspath

SUFFIX = ".rgrec"
"""How the name of a recording ends; known here so that nobody need load what opens one."""


def is_recording(source: str | PathLike[str]) -> bool:
    """Whether a source is a recording, by its name."""
    return fspath(source).endswith(SUFFIX)
