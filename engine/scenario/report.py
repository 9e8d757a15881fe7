"""Everything that is wrong or odd in a file, with its place in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from retrograde.engine.errors import KeyPath, Problem, ScenarioError, Violation
from retrograde.engine.scenario.locate import LocateError, Positions, locate
from retrograde.engine.text import _, visible

MAX_PROBLEMS = 100
"""Problems, and warnings, of one file that are reported one by one."""


class Report:
    """Everything that is wrong, or odd, with its place in the file."""

    def __init__(self, text: str, shown: str, settings: Mapping[KeyPath, str] | None = None) -> None:
        """Makes an empty report.

        Args:
            text: the text of the file.
            shown: how problems name it.
            settings: what was set besides, as it was written, by the path that it stands at.
        """
        self.shown = shown
        self.impossible: set[str | int] = set()
        """Figures of the file, from 0, that can not be with what was set besides; that is no mistake."""
        self._settings = settings or {}
        self.problems: list[Problem] = []
        self._text = text
        self._violations: list[Violation] = []

    def add(self, violation: Violation) -> None:
        """Note one thing that is wrong, or odd."""
        if self._settings and violation.path[:1] == ("expect",) and len(violation.path) > 1:
            self.impossible.add(violation.path[1])
        else:
            self._violations.append(violation)

    def extend(self, violations: Iterable[Violation]) -> None:
        """Note several things that are wrong, or odd."""
        for violation in violations:
            self.add(violation)

    @property
    def broken(self) -> bool:
        """Whether anything is wrong."""
        faults = [one for one in self._violations if not one.warning]
        return bool(faults) or any(not one.warning for one in self.problems)

    @property
    def too_large(self) -> bool:
        """Whether the scenario would not fit in memory."""
        large = {("network", "layers"), ("data",)}
        return any(violation.path in large and not violation.warning for violation in self._violations)

    def concerns(self, *path: str) -> bool:
        """Whether something in a table, or below a key, is wrong."""
        return any(one.path[: len(path)] == path and not one.warning for one in self._violations)

    def error(self) -> ScenarioError:
        """Return everything that is wrong as an error, in the order of the file."""
        return ScenarioError(self._ordered(warnings=False))

    def warnings(self, variant: int | None) -> tuple[Problem, ...]:
        """Return everything that is odd, in the order of the file.

        Args:
            variant: the number of the variant that is loaded; what is odd in others is not said.
        """
        return tuple(self._ordered(warnings=True, variant=variant))

    def _ordered(self, *, warnings: bool, variant: int | None = None) -> list[Problem]:
        chosen = [
            one
            for one in self._violations
            if one.warning == warnings and not (warnings and one.path[0] == "variants" and one.path[1] != variant)
        ]
        problems = [problem for problem in self.problems if problem.warning == warnings]
        problems += self._located(chosen) if chosen else ()
        problems.sort(key=lambda problem: (problem.path != self.shown, problem.line or 0, problem.column or 0))
        if len(problems) > MAX_PROBLEMS:
            message = _("and {count} more").format(count=len(problems) - MAX_PROBLEMS)
            problems = [*problems[:MAX_PROBLEMS], Problem(path=self.shown, message=message, warning=warnings)]
        return problems

    def _located(self, violations: Iterable[Violation]) -> Iterator[Problem]:
        try:
            positions = locate(self._text)
        except (LocateError, RecursionError):
            positions = Positions(self._text)
        for violation in dict.fromkeys(violations):
            said = next((said for path, said in self._settings.items() if violation.path[: len(path)] == path), None)
            if said is not None:
                yield Problem(
                    path=said, key=key_text(violation.path), message=violation.message, warning=violation.warning
                )
                continue
            place = positions.find(violation.path, key=violation.key) or (1, 1)
            yield Problem(
                path=self.shown,
                line=place[0],
                column=place[1],
                key=key_text(violation.path),
                message=violation.message if violation.warning else self._with_settings(violation.message),
                warning=violation.warning,
            )

    def _with_settings(self, message: str) -> str:
        """What is wrong with a key of the file, which may be right without what was set besides."""
        if not self._settings:
            return message
        said = ", ".join(dict.fromkeys(self._settings.values()))
        return _("{message}, with {settings}").format(message=message, settings=said)


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
