"""The headless debugger: networks, their training steps, and a cursor over them.

The public names are loaded when they are first asked for, so that a command that needs only some of them
does not wait for NumPy and pydantic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from retrograde.engine.catalogue import Summary, shipped, summary
    from retrograde.engine.check import Finding
    from retrograde.engine.errors import EngineError, FormulaError, Problem, ScenarioError
    from retrograde.engine.formula.tree import Formula
    from retrograde.engine.program import Granularity
    from retrograde.engine.scenario import Scenario, load_scenario, schema
    from retrograde.engine.session import Session, trace

_HOMES = {
    "catalogue": ("Summary", "shipped", "summary"),
    "check": ("Finding",),
    "formula.tree": ("Formula",),
    "errors": ("EngineError", "FormulaError", "Problem", "ScenarioError"),
    "program": ("Granularity",),
    "scenario": ("Scenario", "load_scenario", "schema"),
    "session": ("Session", "trace"),
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
    "load_scenario",
    "schema",
    "shipped",
    "summary",
    "trace",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
