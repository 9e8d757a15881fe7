"""Everything that is wrong with a file, with its place in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from retrograde.engine.errors import KeyPath, Problem, ScenarioError, Violation
from retrograde.engine.scenario.locate import LocateError, Positions, locate
from retrograde.engine.text import _

MAX_PROBLEMS = 100
"""Problems of one file that are reported one by one."""


class Report:
    """Everything that is wrong, with its place in the file."""

    def __init__(self, text: str, shown: str) -> None:
        self.shown = shown
        self.problems: list[Problem] = []
        self._text = text
        self._positions: Positions | None = None
        self._findings: list[Violation] = []

    def add(self, finding: Violation) -> None:
        """Note one thing that is wrong."""
        self._findings.append(finding)

    def extend(self, findings: Iterable[Violation]) -> None:
        """Note several things that are wrong."""
        for finding in findings:
            self.add(finding)

    @property
    def broken(self) -> bool:
        """Whether anything is wrong."""
        return bool(self._findings or self.problems)

    @property
    def too_large(self) -> bool:
        """Whether the scenario would not fit in memory."""
        return any(finding.path in {("network", "layers"), ("data",)} for finding in self._findings)

    def concerns(self, *path: str) -> bool:
        """Whether something in a table, or below a key, is wrong."""
        return any(finding.path[: len(path)] == path for finding in self._findings)

    def fail(self) -> None:
        """Raise if anything is wrong."""
        if not self.broken:
            return
        problems = self.problems + list(self._located())
        problems.sort(key=lambda problem: (problem.path != self.shown, problem.line or 0, problem.column or 0))
        if len(problems) > MAX_PROBLEMS:
            message = _("and {count} more").format(count=len(problems) - MAX_PROBLEMS)
            problems = [*problems[:MAX_PROBLEMS], Problem(path=self.shown, message=message)]
        raise ScenarioError(problems)

    def _located(self) -> Iterator[Problem]:
        try:
            positions = locate(self._text)
        except (LocateError, RecursionError):
            positions = Positions(self._text)
        for finding in dict.fromkeys(self._findings):
            place = positions.find(finding.path, key=finding.key) or (1, 1)
            yield Problem(
                path=self.shown,
                line=place[0],
                column=place[1],
                key=key_text(finding.path),
                message=finding.message,
            )


def key_text(path: KeyPath) -> str:
    """Return a key path as a person reads it, counted from 1: `network.layers[1].units`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            name = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else repr(part[:60])
            text += f".{name}" if text else name
    return text
