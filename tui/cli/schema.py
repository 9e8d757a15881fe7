"""`retrograde schema`: the JSON Schema of scenario files, for editors."""

from __future__ import annotations

import json

from retrograde.engine.text import N_
from retrograde.tui.cli.support.subcommand import Subcommand


def write_schema() -> int:
    """Print the schema and return the exit code."""
    from retrograde.engine.scenario.file import schema

    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0


COMMAND = Subcommand(
    name="schema",
    help=N_("print the JSON Schema of scenario files"),
    run=lambda given: write_schema(),
    page="scenarios.md",
)
