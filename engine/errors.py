"""What can go wrong, as exceptions that say what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from retrograde.engine.text import _, brief, visible


class EngineError(Exception):
    """A call that cannot be carried out; it has changed nothing, and its text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, or odd, in a scenario or in its data.

    Attributes:
        path: the file, as a person would name it.
        line: the line, from 1; None where a file has no lines, or does not exist.
        column: the character in the line, from 1.
        key: the key path in the scenario, counted from 1 (`network.layers[1].units` is of the first layer);
            empty for the file as a whole.
        message: what is wrong and what is allowed.
        warning: whether it is odd, but can be computed: the scenario is loaded.
    """

    path: str
    line: int | None = None
    column: int | None = None
    key: str = ""
    message: str
    warning: bool = False

    def __post_init__(self) -> None:
        """What a file holds stands in its messages: that stays visible, short and on one line."""
        object.__setattr__(self, "key", brief(self.key))
        object.__setattr__(self, "message", brief(self.message))

    def __str__(self) -> str:
        place = visible(self.path)
        if self.line is not None:
            place += f":{self.line}"
            if self.column is not None:
                place += f":{self.column}"
        severity = _("warning") if self.warning else ""
        return ": ".join(part for part in (place, severity, self.key, self.message) if part)


class ScenarioError(EngineError):
    """A scenario that cannot be used, with everything that is wrong in it.

    Attributes:
        problems: every problem that was found, in the order of the file.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class FormulaError(EngineError):
    """A formula that cannot be used.

    Attributes:
        text: the whole formula.
        column: where it goes wrong, from 1.
        message: what is wrong, without the column.
    """

    def __init__(self, text: str, column: int, message: str) -> None:
        super().__init__(_("column {column}: {message}").format(column=column, message=message))
        self.text = text
        self.column = column
        self.message = message


class OnlyReadError(EngineError):
    """Something was asked of a recording that only a training which runs here can do."""


class SearchCancelledError(Exception):
    """A search was cancelled by its caller."""


KeyPath = tuple[str | int, ...]
"""The keys, and the places in lists, that lead to a value of a scenario file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One thing that is wrong, or odd, in a scenario, before anybody knows where that stands in its file.

    Attributes:
        path: where it is.
        message: what is wrong.
        key: whether with the key itself, rather than with its value.
        warning: whether it is odd, but can be computed: the scenario is loaded.
    """

    path: KeyPath
    message: str
    key: bool = False
    warning: bool = False

    def below(self, *path: str | int) -> Violation:
        """The same in a table that lies at a path."""
        return replace(self, path=(*path, *self.path))
