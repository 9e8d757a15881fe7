"""What turns out to be wrong with a scenario after it was loaded, at its place in the file."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrograde.engine.errors import Problem, ScenarioError, Violation
from retrograde.engine.scenario.catalogue import folder
from retrograde.engine.scenario.reading import read
from retrograde.engine.scenario.report import Report, key_text

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Scenario


def refusal(scenario: Scenario, violations: Sequence[Violation]) -> ScenarioError:
    """Return an error with what is wrong in a scenario; with lines where its file can still be read.

    Args:
        scenario: the scenario, or a variant of one.
        violations: what is wrong, with paths from the top of the scenario or of the variant.
    """
    name, _colon, variant = scenario.name.partition(":")
    path = scenario.path
    shown = f"{name}.toml" if path is None or path.parent == folder() else str(path)
    try:
        text = "" if path is None else read(path, shown).replace("\r\n", "\n")
        found = [one.get("name") for one in tomllib.loads(text).get("variants", ())]
    except (ScenarioError, ValueError):
        text, found = "", []
    if variant in found:
        violations = [one.below("variants", found.index(variant)) for one in violations]
    if not text:
        return ScenarioError(Problem(path=shown, key=key_text(one.path), message=one.message) for one in violations)
    report = Report(text, shown)
    report.extend(violations)
    return report.error()
