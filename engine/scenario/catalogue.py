"""The scenarios that ship, and what a list of them shows; cheap, since it only reads TOML."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any

from retrograde.engine.errors import EngineError
from retrograde.engine.scenario.groups import group_heading, group_rank
from retrograde.engine.text import _

MOST_ALIKE = 2
"""Equal layers in a row that are written out."""


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
        about: a few sentences by language.
        group: the group that it is listed in, a key of ``GROUPS``; empty for none.
        figures: how many published figures it has, those of its variants included.
    """

    name: str
    path: Path
    title: Mapping[str, str]
    teaches: Mapping[str, str]
    topology: str
    source: str
    variants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    figures: int = 0

    @property
    def size(self) -> str:
        """The topology with equal layers in a row as one: ``2-16×10-1``."""
        first, *rest = self.topology.split("-")
        found = [first]
        for word, run in groupby(rest):
            count = len(list(run))
            found += [f"{word}×{count}"] if count > MOST_ALIKE else [word] * count
        return "-".join(found)


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
    source, group = content.get("source"), content.get("group")
    return Summary(
        name=path.stem,
        path=path,
        title=_texts(content.get("title")),
        teaches=_texts(content.get("teaches")),
        topology=_topology(content.get("network")),
        source=source if isinstance(source, str) else "",
        variants={str(table.get("name", "")): _texts(table.get("title")) for table in _tables(content, "variants")},
        about=_texts(content.get("about")),
        group=group if isinstance(group, str) else "",
        figures=sum(len(_tables(table, "expect")) for table in (content, *_tables(content, "variants"))),
    )


def by_group(known: Iterable[Summary]) -> list[tuple[str, list[Summary]]]:
    """The scenarios under the headings of their groups; each group in the order that they came in."""
    found = sorted(known, key=lambda one: group_rank(one.group))
    return [(heading, list(inside)) for heading, inside in groupby(found, lambda one: group_heading(one.group))]


def _tables(content: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The tables of an array of tables; none where it is something else."""
    tables = content.get(key)
    return [table for table in tables if isinstance(table, dict)] if isinstance(tables, list) else []


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
