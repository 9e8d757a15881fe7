"""The headless debugger: networks, their training steps, and a cursor over them.

Fifteen rooms, each built on those below it only:

    importing    what was trained elsewhere becomes a scenario
    quizzing     questions about the steps, and what is said of a wrong answer
    sweeping     many trainings over seeds and settings, here or on a cluster
    writing      programs of other libraries, worked solutions
    session      the debugger: a cursor that travels, stops, edits, saves
    recording    a step that ran elsewhere, read from a file
    explaining   one step, and everything that explains or checks it
    travel       states, replay, branches, runs, search through time
    executor     the ways to compute a frame
    formulas     the language of conditions, watches and queries
    network      a scenario becomes one program
    scenario     a file becomes a checked, complete record
    layers       the kinds of layer
    ops          the kinds of op: equation, gradient, kernel
    equations    numbers, arrays, expressions, and the tables of formulas

The public names are loaded when they are first asked for, so that a command that needs only some of them
does not wait for NumPy and pydantic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrograde.engine.errors import EngineError, FormulaError, Problem, ScenarioError
    from retrograde.engine.formulas.tree import Formula
    from retrograde.engine.network.program import Granularity
    from retrograde.engine.scenario.catalogue import Summary, shipped, summary
    from retrograde.engine.scenario.file import load_scenario, schema
    from retrograde.engine.scenario.models import Scenario
    from retrograde.engine.session.published import Finding
    from retrograde.engine.session.session import Session, trace
    from retrograde.engine.sweeping.sweeping import Sweep, sweep

_HOMES = {
    "errors": ("EngineError", "FormulaError", "Problem", "ScenarioError"),
    "formulas.tree": ("Formula",),
    "network.program": ("Granularity",),
    "scenario.catalogue": ("Summary", "shipped", "summary"),
    "scenario.file": ("load_scenario", "schema"),
    "scenario.models": ("Scenario",),
    "session.published": ("Finding",),
    "session.session": ("Session", "trace"),
    "sweeping.sweeping": ("Sweep", "sweep"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "EngineError",
    "Finding",
    "Formula",
    "FormulaError",
    "Granularity",
    "Problem",
    "Scenario",
    "ScenarioError",
    "Session",
    "Summary",
    "Sweep",
    "load_scenario",
    "schema",
    "shipped",
    "summary",
    "sweep",
    "trace",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
