"""Scenario files: read, check and report everything that is wrong at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrograde.engine.scenario.catalogue import shipped
from retrograde.engine.scenario.checking import parse
from retrograde.engine.scenario.models import (
    Scenario,
)
from retrograde.engine.scenario.reading import find, read
from retrograde.engine.scenario.settings import NONE, Settings, read_settings

_BEHIND = re.compile(r"(?P<variant>[A-Za-z][A-Za-z0-9_-]*)?(?:(?:^|:)(?P<settings>[^=:]+=.*))?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A scenario as it is called: its name or file, and what may follow behind colons.

    Attributes:
        name: the name or the file.
        variant: the variant.
        settings: the text of the settings: `seed=17,learning_rate=0.3`.
    """

    name: str | Path
    variant: str | None = None
    settings: str | None = None

    @property
    def called(self) -> str:
        """The name with the variant."""
        return str(self.name) if self.variant is None else f"{self.name}:{self.variant}"

    @property
    def whole(self) -> str:
        """All of it, as it is written."""
        return self.called if self.settings is None else f"{self.called}:{self.settings}"

    def read_settings(self) -> Settings:
        """What is other than in the file.

        Raises:
            ScenarioError: a setting can not be read.
        """
        return NONE if self.settings is None else read_settings(self.settings, self.called)


def load_scenario(source: str | Path, *, data: Path | None = None) -> Scenario:
    """Return a scenario, complete and checked, with its samples.

    Args:
        source: the name of a scenario that ships, or a file; the name of a variant may follow it, `race:adam`, and
            then values that are other than in the file, `race:adam:seed=17,learning_rate=0.3`; see ``settings``.
        data: a file of samples that replaces `data.file`; unlike that, it may be anywhere.

    Raises:
        ScenarioError: with every problem that was found.
    """
    meant = split_source(source)
    path, shown = find(meant.name)
    settings = meant.read_settings()
    text = read(path, shown)
    name = ":".join(part for part in (path.stem, meant.variant, str(settings)) if part)
    return parse(text, name=name, shown=shown, path=path, override=data, variant=meant.variant, settings=settings)


def split_source(source: str | Path) -> Source:
    """Take apart how a scenario is called; a colon of a file's own name, as of a drive, is no mark."""
    at = -1 if isinstance(source, Path) else source.find(":")
    while not isinstance(source, Path) and at >= 0:
        name, behind = source[:at], source[at + 1 :]
        match = _BEHIND.fullmatch(behind) if name in shipped() or name.endswith(".toml") else None
        if match is not None and behind:
            return Source(name=name, variant=match["variant"], settings=match["settings"])
        at = source.find(":", at + 1)
    return Source(name=source)


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
