"""A call of a tool: its arguments are checked, it is done, and what comes of it is bounded; an error is one line."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from retrograde.engine.errors import EngineError, FormulaError, ScenarioError, SearchCancelledError
from retrograde.engine.scenario.catalogue import folder
from retrograde.engine.text import _, brief, suggest
from retrograde.engine.within import only_within
from retrograde.tui.agents.desk import Desk
from retrograde.tui.agents.job import Job
from retrograde.tui.agents.tools import TOOLS, Tool
from retrograde.tui.plain.bounded import written

_MOST_PROBLEMS = 5
_MOST_ERROR = 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a call says.

    Attributes:
        text: an error in one line, or the record as JSON.
        record: plain values; None of an error.
    """

    text: str
    record: dict[str, Any] | None = None


def offered(desk: Desk) -> tuple[Tool, ...]:
    """The tools that an agent may call."""
    return tuple(tool for tool in TOOLS if desk.edits or not tool.changes)


def call(desk: Desk, name: str, given: Mapping[str, Any], job: Job) -> Said:
    """Calls a tool; whatever goes wrong is said in one line, and has changed nothing.

    Args:
        desk: the sessions.
        name: the tool.
        given: its arguments.
        job: how long it may take.
    """
    with desk.lock, only_within(desk.folder, folder()):
        try:
            tool = _tool(desk, name)
            if job.cancelled():
                raise job.unfinished()
            record = tool.run(desk, tool.arguments.model_validate(dict(given)), job)
            return Said(text=(both := written(record))[1], record=both[0])
        except ValidationError as error:
            return Said(text=_line(_misfits(name, error)))
        except (InterruptedError, SearchCancelledError):
            return Said(text=str(job.unfinished()))
        except EngineError as error:
            return Said(text=_line(_said(error)))
        except MemoryError:
            return Said(text=_("not enough memory"))
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            return Said(text=_line(where + (error.strerror or str(error))))
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the sessions
            text = _("a fault of Retrograde, in {tool}: {kind}: {reason}")
            line = _line(text.format(tool=name, kind=type(error).__name__, reason=error))
            print(line, file=sys.stderr)
            return Said(text=line)


def _tool(desk: Desk, name: str) -> Tool:
    for tool in TOOLS:
        if tool.name == name:
            if tool.changes and not desk.edits:
                message = _("{tool} changes values, which is not allowed: start it as `retrograde mcp --allow-edits`")
                raise EngineError(message.format(tool=name))
            return tool
    near = suggest(name, [tool.name for tool in offered(desk)], most=2, between=_(" or "))
    raise EngineError(_("there is no tool {name}").format(name=brief(name)) + near)


def _misfits(name: str, error: ValidationError) -> str:
    """What is wrong with arguments."""
    parts = []
    for one in error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_PROBLEMS]:
        where = ".".join(map(str, one["loc"]))
        parts.append(f"{where}: {one['msg']}" if where else one["msg"])
    return f"{name}: {'; '.join(parts)}"


def _said(error: EngineError) -> str:
    if isinstance(error, ScenarioError):
        problems = [str(problem) for problem in error.problems]
        if len(problems) > _MOST_PROBLEMS:
            more = len(problems) - _MOST_PROBLEMS
            problems[_MOST_PROBLEMS:] = [_("and {count} more").format(count=more)]
        return "; ".join(problems)
    if isinstance(error, FormulaError):
        return f"{error.text}: {error}"
    return str(error)


def _line(text: str) -> str:
    """A text in one line, of a bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= _MOST_ERROR else line[:_MOST_ERROR] + "…"
