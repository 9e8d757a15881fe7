"""The scenarios that ship, and what a list of them shows; cheap, since it only reads TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a list shows of a scenario.

    Attributes:
        name: the name of a scenario that ships, else the file's name without `.toml`.
        path: its file.
        title: the title by language (`en`, `zh`).
        teaches: one line by language.
        topology: the widths from the inputs to the outputs, `2-2-2`; of layers that are not dense, their kind.
        source: the address or citation, empty without one.
        variants: the titles of its variants by their name, each by language.
    """

    name: str
    path: Path
    title: Mapping[str, str]
    teaches: Mapping[str, str]
    topology: str
    source: str
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def folder() -> Path:
    """Return the folder of the scenarios that ship."""
    return Path(str(files("retrograde.scenarios")))


@cache
def _names(place: Path) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in place.glob("*.toml")))


def shipped() -> list[str]:
    """Return the names of the scenarios that ship, sorted."""
    return list(_names(folder()))


def summary(name: str) -> Summary:
    """Return what a list shows of a scenario that ships.

    Raises:
        EngineError: there is no such scenario, or its file cannot be read.
    """
    if name not in _names(folder()):
        raise EngineError(_("no scenario is called {name}").format(name=name))
    return summary_of(folder() / f"{name}.toml")


def summary_of(path: Path) -> Summary:
    """Return what a list shows of any scenario file; parts that are not there are empty.

    Raises:
        EngineError: the file cannot be read as TOML.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EngineError(_("{path} cannot be read: {reason}").format(path=path, reason=error)) from error
    source = content.get("source")
    return Summary(
        name=path.stem,
        path=path,
        title=_texts(content.get("title")),
        teaches=_texts(content.get("teaches")),
        topology=_topology(content.get("network")),
        source=source if isinstance(source, str) else "",
        variants=_variants(content.get("variants")),
    )


def _variants(tables: Any) -> dict[str, dict[str, str]]:
    found = [table for table in tables if isinstance(table, dict)] if isinstance(tables, list) else []
    return {str(table.get("name", "")): _texts(table.get("title")) for table in found}


def _texts(table: Any) -> dict[str, str]:
    if not isinstance(table, dict):
        return {"en": "", "zh": ""}
    english = str(table.get("en", ""))
    return {"en": english, "zh": str(table.get("zh") or english)}


def _topology(network: Any) -> str:
    if not isinstance(network, dict):
        return ""
    layers = network.get("layers")
    tables = [layer for layer in layers if isinstance(layer, dict)] if isinstance(layers, list) else []
    dense = "dense"
    words = (layer.get("units", "?") if layer.get("kind", dense) == dense else layer.get("kind") for layer in tables)
    # A network without inputs begins with its first layer.
    widths = [*([network["inputs"]] if "inputs" in network else []), *words]
    return "-".join(str(width) for width in widths)
