"""The one way in which subcommands load a scenario: what is odd in it is said on stderr, once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retrograde.engine.text import ngettext
from retrograde.tui.cli.support.recordings import refuse_recording
from retrograde.tui.cli.support.streams import complain

if TYPE_CHECKING:
    from retrograde.engine.errors import Problem
    from retrograde.engine.scenario.models import Scenario

MOST = 10
"""Warnings of one file that are printed; the app and `run --json` list all."""


def load(source: str | Path, *, data: Path | None = None, said: tuple[Problem, ...] = ()) -> Scenario:
    """Return a scenario, complete and checked, with its samples; print its warnings on stderr.

    Args:
        source: as of ``load_scenario``.
        data: a file of samples that replaces `data.file`.
        said: the warnings that were printed before, as of the scenario whose variant is loaded.

    Raises:
        ScenarioError: with every problem that was found.
    """
    from retrograde.engine.scenario.file import load_scenario

    refuse_recording(source)
    scenario = load_scenario(source, data=data)
    found = [warning for warning in scenario.warnings if warning not in said]
    for warning in found[:MOST]:
        complain(str(warning), name=False)
    if (more := len(found) - MOST) > 0:
        complain(ngettext("and {count} more warning", "and {count} more warnings", more).format(count=more))
    return scenario
