"""Going to every chapter of a scenario, as `retrograde check` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError, Violation
from retrograde.engine.scenario.refusing import refusal
from retrograde.engine.session.chapters import one_line
from retrograde.engine.session.session import Session
from retrograde.engine.text import LANGUAGES

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Scenario


def check_chapters(scenario: Scenario) -> int:
    """Goes to every chapter of a scenario and fills in its numbers; says how many there are.

    Raises:
        ScenarioError: a moment does not come, or a number is not computed there.
    """
    if not scenario.chapter:
        return 0
    session = Session(scenario)
    violations: list[Violation] = []
    for number, chapter in enumerate(scenario.chapter):
        path: tuple[str | int, ...] = ("chapter", number, "at")
        try:
            session.seek(session.chapters.find(number))
            for language in LANGUAGES:
                key = language if language in chapter.text.model_fields_set else "en"
                path = ("chapter", number, "text", key)
                session.chapters.text(number, language, repr)
        except EngineError as error:
            violations.append(Violation(path=path, message=one_line(error)))
    if violations:
        raise refusal(scenario, violations)
    return len(scenario.chapter)
