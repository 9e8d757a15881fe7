"""docs/attention.md is true: it names every key, every parameter and every array of these layers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retrograde.engine.layers.base import Form, Layer
from retrograde.engine.layers.table import KINDS
from retrograde.engine.network.network import Network
from retrograde.engine.scenario.file import load_scenario

TEXT = (Path(__file__).parent.parent.parent / "docs" / "attention.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"`([A-Za-z_]+)`", TEXT))
COMMON = set(Layer.model_fields) | {"activation", "slope", "alpha", "lambd"}


@pytest.mark.parametrize("kind", ["embedding", "position", "attention", "layer_norm", "linear"])
def test_every_key_and_every_parameter_is_named(kind: str) -> None:
    model = KINDS[kind]
    assert set(model.model_fields) - COMMON <= NAMED, kind
    keys = {"embedding": {"vocabulary": 3, "units": 2}, "linear": {"units": 2}, "position": {"encoding": "learned"}}
    layer = model.model_validate({"kind": kind, **keys.get(kind, {})})
    parameters = layer.parameters([Form((3,)) if kind == "embedding" else Form((3, 4))])
    assert parameters
    assert {one.name for one in parameters} <= NAMED
    assert {one.key for one in parameters} <= NAMED


def test_every_array_of_attention_is_named() -> None:
    program = Network(load_scenario("tiny-transformer")).program(2)
    stems = {op.target.stem for op in program.ops if op.layer == "att" and op.target.of is None} - {"out"}
    assert stems
    assert all(re.search(rf"`{stem}(\[[a-z,]+\])?`", TEXT) for stem in stems), stems


def test_the_scenarios_that_are_named_ship() -> None:
    for name in re.findall(r"`([a-z]+(?:-[a-z]+)+)`", TEXT):
        load_scenario(name)
