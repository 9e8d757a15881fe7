"""What a watch found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of a watch.

    Attributes:
        step: the step that went wrong, counted from 1.
        reason: what was found at it, in words.
        path: the file in which it is recorded.
        reproducible: whether the steps before it ran the same when they ran again.
        op: the op that did it, as the file names it: `aten.sqrt.default`; empty where none did.
        node: its node of the backward pass; empty elsewhere.
        lines: the verdict in words.
    """

    step: int
    reason: str
    path: Path
    reproducible: bool
    op: str
    node: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return "\n  ".join(self.lines)


class BadStepError(RuntimeError):
    """A step of the training went wrong.

    Attributes:
        report: what was found.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(report.lines[0])
        self.report = report
