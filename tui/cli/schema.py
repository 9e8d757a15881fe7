"""`retrograde schema`: the JSON Schema of scenario files, for editors."""

from __future__ import annotations

import json

from retrograde.engine.scenario.file import schema


def write_schema() -> int:
    """Print the schema and return the exit code."""
    print(json.dumps(schema(), indent=2, ensure_ascii=False))
    return 0
