"""Weights alone become a scenario: that of another, with the weights of a file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrograde.engine.importing.matching import Match, Wanted, matched, wanted
from retrograde.engine.importing.toml_text import toml_text
from retrograde.engine.scenario.file import load_scenario, split_source
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.scenario.reading import data_file, find, read, toml
from retrograde.engine.scenario.settings import applied
from retrograde.engine.scenario.weights.files import open_tensors
from retrograde.engine.scenario.weights.tensors import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A scenario that is not written yet.

    Attributes:
        text: the text of its file.
        matches: where each layer gets its weights from.
        layers: the layers that take weights.
        left: the tensors that no layer takes.
    """

    text: str
    matches: tuple[Match, ...]
    layers: tuple[Wanted, ...]
    left: tuple[str, ...]


def import_weights(path: Path, like: str, given: Sequence[tuple[str, str]], target: Path) -> Imported:
    """Return a scenario with the weights of a file.

    Args:
        path: the file of weights.
        like: the name or the file of a scenario with the network that they are of.
        given: which prefix of the file, or which tensor, belongs to which layer, as the user says.
        target: the file that the scenario is going to be.

    Raises:
        EngineError: the weights do not fit, or could belong to several layers.
        ScenarioError: the scenario can not be used.
    """
    file = open_tensors(path)
    scenario = load_scenario(like)
    forms = scenario.forms
    layers = wanted(
        scenario.network.layers,
        {layer.name: [forms[name] for name in layer.inputs or ()] for layer in scenario.network.layers},
    )
    matches = matched(layers, file.tensors, given, shown(path))
    meant = split_source(like)
    content, _places = applied(toml(read(*find(meant.name)), str(meant.name)), meant.read_settings(), meant.variant)
    _put(content, scenario, matches, layers, os.path.relpath(path.resolve(), target.resolve().parent))
    _move(content, scenario, target)
    taken = {name for match in matches for name in match.tensors.values()}
    left = tuple(name for name in file.tensors if name not in taken and not name.endswith("num_batches_tracked"))
    return Imported(text=toml_text(content), matches=tuple(matches), layers=tuple(layers), left=left)


def _put(
    content: dict[str, Any], scenario: Scenario, matches: Sequence[Match], layers: Sequence[Wanted], file: str
) -> None:
    """Puts the weights into the tables of a scenario, in the place of those that it gives."""
    network = content["network"]
    network["weights_file"] = file.replace(os.sep, "/")
    known = {match.layer: match for match in matches}
    wanted_by = {one.name: one for one in layers}
    forms = scenario.forms
    for table, layer in zip(network["layers"], scenario.network.layers, strict=True):
        table.pop("weights_from", None)
        match = known.get(layer.name)
        if match is None:
            continue
        needed = {name for one in wanted_by[layer.name].tensors for name in one.parameters}
        rows = layer.parameters([forms[name] for name in layer.inputs or ()])
        for key in {row.key for row in rows if row.name in needed} | {"init", "forget_bias"}:
            table.pop(key, None)
        for one in wanted_by[layer.name].tensors:
            if one.key and one.name in match.tensors:
                table.pop(one.key, None)
        table["weights_from"] = _from(match, layer.name)
    # Figures that were published are of other weights.
    content.pop("expect", None)
    for variant in content.get("variants", ()):
        variant.pop("expect", None)


def _from(match: Match, layer: str) -> str | Mapping[str, str] | None:
    if match.prefix is None:
        return dict(match.tensors)
    return None if match.prefix == layer else match.prefix


def _move(content: dict[str, Any], scenario: Scenario, target: Path) -> None:
    """Lets the names of files of samples lead there from the folder of the new file."""
    for table in (content.get("data", {}), content.get("held_out", {})):
        for key in ("file", "target_file"):
            if isinstance(table.get(key), str):
                there = data_file(table[key], scenario.path)
                table[key] = os.path.relpath(there, target.resolve().parent).replace(os.sep, "/")
