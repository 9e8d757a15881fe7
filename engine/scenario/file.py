"""Scenario files: read, check and report everything that is wrong at once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from retrograde.engine.scenario.catalogue import shipped
from retrograde.engine.scenario.checking import parse
from retrograde.engine.scenario.models import (
    Scenario,
)
from retrograde.engine.scenario.reading import find, read

_VARIANT = re.compile(r"(.+):([A-Za-z][A-Za-z0-9_-]*)", re.DOTALL)


def load_scenario(source: str | Path, *, data: Path | None = None) -> Scenario:
    """Return a scenario, complete and checked, with its samples.

    Args:
        source: the name of a scenario that ships, or a file; the name of a variant may follow it: `race:adam`.
        data: a file of samples that replaces `data.file`; unlike that, it may be anywhere.

    Raises:
        ScenarioError: with every problem that was found.
    """
    source, variant = split_variant(source)
    path, shown = find(source)
    text = read(path, shown)
    name = path.stem if variant is None else f"{path.stem}:{variant}"
    return parse(text, name=name, shown=shown, path=path, override=data, variant=variant)


def split_variant(source: str | Path) -> tuple[str | Path, str | None]:
    """Return the name or file of a scenario, and the variant that follows it behind a colon, if one does."""
    match = None if isinstance(source, Path) else _VARIANT.fullmatch(source)
    if match is None or not (match[1] in shipped() or match[1].endswith(".toml")):
        return source, None
    return match[1], match[2]


def parse_scenario(text: str, *, name: str = "scenario", variant: str | None = None) -> Scenario:
    """Return the scenario that a TOML text describes, or a variant of it; its samples must be inline.

    Raises:
        ScenarioError: with every problem that was found.
    """
    return parse(text, name=name, shown=f"{name}.toml", variant=variant)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of scenario files, for editors."""
    found = Scenario.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **found,
        "title": "Retrograde scenario",
    }
