"""Everything that is wrong with a file, with its place in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from retrograde.engine.errors import KeyPath, Problem, ScenarioError, Violation
from retrograde.engine.scenario.locate import LocateError, Positions, locate
from retrograde.engine.text import _, visible

MAX_PROBLEMS = 100
"""Problems of one file that are reported one by one."""


class Report:
    """Everything that is wrong, with its place in the file."""

    def __init__(self, text: str, shown: str) -> None:
        self.shown = shown
        self.problems: list[Problem] = []
        self._text = text
        self._violations: list[Violation] = []

    def add(self, violation: Violation) -> None:
        """Note one thing that is wrong."""
        self._violations.append(violation)

    def extend(self, violations: Iterable[Violation]) -> None:
        """Note several things that are wrong."""
        self._violations.extend(violations)

    @property
    def broken(self) -> bool:
        """Whether anything is wrong."""
        return bool(self._violations or self.problems)

    @property
    def too_large(self) -> bool:
        """Whether the scenario would not fit in memory."""
        return any(violation.path in {("network", "layers"), ("data",)} for violation in self._violations)

    def concerns(self, *path: str) -> bool:
        """Whether something in a table, or below a key, is wrong."""
        return any(violation.path[: len(path)] == path for violation in self._violations)

    def error(self) -> ScenarioError:
        """Return everything that is wrong as an error, in the order of the file."""
        problems = self.problems + list(self._located())
        problems.sort(key=lambda problem: (problem.path != self.shown, problem.line or 0, problem.column or 0))
        if len(problems) > MAX_PROBLEMS:
            message = _("and {count} more").format(count=len(problems) - MAX_PROBLEMS)
            problems = [*problems[:MAX_PROBLEMS], Problem(path=self.shown, message=message)]
        return ScenarioError(problems)

    def _located(self) -> Iterator[Problem]:
        try:
            positions = locate(self._text)
        except (LocateError, RecursionError):
            positions = Positions(self._text)
        for violation in dict.fromkeys(self._violations):
            place = positions.find(violation.path, key=violation.key) or (1, 1)
            yield Problem(
                path=self.shown,
                line=place[0],
                column=place[1],
                key=key_text(violation.path),
                message=violation.message,
            )


def key_text(path: KeyPath) -> str:
    """Return a key path as a person reads it, counted from 1: `network.layers[1].units`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            name = part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else f'"{visible(part[:60])}"'
            text += f".{name}" if text else name
    return text
