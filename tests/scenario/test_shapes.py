"""What is known of a network of which parts are not valid is what is so of the whole one; tables are where they are."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.layers.table import KINDS
from retrograde.engine.scenario.catalogue import folder, shipped
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.scenario.shapes import INPUT_LAYER
from retrograde.engine.scenario.toml_tables import homes, model_at

SHAPES = {name: load_scenario(name).shapes for name in shipped()}


@pytest.mark.parametrize("name", shipped())
def test_a_whole_network_is_known_wholly(name: str) -> None:
    scenario, shapes = load_scenario(name), SHAPES[name]
    assert None not in shapes.forms
    assert None not in shapes.sources
    assert scenario.forms == {INPUT_LAYER: shapes.input_form, **dict(zip(shapes.names, shapes.forms, strict=True))}
    assert scenario.goals == tuple(shapes.goals or ())


@given(name=st.sampled_from(shipped()), data=st.data())
def test_what_is_known_of_a_part_is_so_of_the_whole(name: str, data: st.DataObject) -> None:
    whole = SHAPES[name]
    numbers = st.sets(st.integers(0, len(whole.layers) - 1), min_size=1, max_size=3)
    lost = data.draw(numbers, label="layers that are not valid")
    doubtful = data.draw(numbers, label="layers with a key that is wrong")
    layers = [None if number in lost else layer for number, layer in enumerate(whole.layers)]
    part = replace(whole, layers=layers, doubtful=doubtful, complete=False)
    for number, (found, form) in enumerate(zip(part.forms, whole.forms, strict=True)):
        assert number not in lost or found is None
        # A dense layer has its units whatever comes before it; how many steps of them is known only then.
        assert found is None or (form is not None and found.shape == form.shape)


def tables(table: dict[str, Any], path: KeyPath = ()) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """Every table of a file, with its path."""
    yield path, table
    for key, value in table.items():
        for place, inner in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(inner, dict):
                yield from tables(inner, (*path, key) if place is None else (*path, key, place))


@pytest.mark.parametrize("name", shipped())
def test_each_table_of_a_file_has_a_model_with_its_keys(name: str) -> None:
    content = tomllib.loads((folder() / f"{name}.toml").read_text(encoding="utf-8"))
    for path, table in tables(content):
        layer = path[:2] == ("network", "layers")
        kind = content["network"]["layers"][path[2]].get("kind", "dense") if layer else "dense"
        model = model_at(path, KINDS[kind])
        if model is None:
            # Keys that the file chooses itself.
            assert path[-1] in {"training", "values"}
            continue
        assert set(table) <= set(model.model_fields)
        if kind == "dense":
            assert all(any(key in home.model_fields for _name, home in homes(key)) for key in table)


def test_a_violation_keeps_what_it_says_below_a_path() -> None:
    found = Violation(path=("units",), message="m", key=True).below("network", "layers", 2)
    assert found == Violation(path=("network", "layers", 2, "units"), message="m", key=True)
