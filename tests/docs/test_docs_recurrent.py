"""docs/recurrent.md is true: it names every key and every parameter, and its gate orders are those of the layers."""

from __future__ import annotations

import re
from pathlib import Path

from retrograde.engine.layers.base import Form, Layer
from retrograde.engine.layers.gru import GruLayer
from retrograde.engine.layers.lstm import LstmLayer
from retrograde.engine.layers.recurrent import GivenStart, RecurrentLayer
from retrograde.engine.layers.rnn import RnnLayer
from retrograde.engine.scenario.models import Data, LossTable

TEXT = (Path(__file__).parent.parent.parent / "docs" / "recurrent.md").read_text(encoding="utf-8")
LAYERS: tuple[type[RecurrentLayer], ...] = (RnnLayer, GruLayer, LstmLayer)


def first_cells(title: str) -> set[str]:
    """The quoted texts in the first cell of each row of a section's table."""
    section = TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row[0])}


def test_every_key_is_described_and_exists() -> None:
    keys = {key for layer in LAYERS for key in layer.model_fields} - set(Layer.model_fields) - {"reverse"}
    given = {*GivenStart.model_fields, "c0", "peephole_weights"}
    assert first_cells("Keys") == keys - given
    assert all(f"`{key}`" in TEXT for key in given)
    for model, names in (
        (Data, ("lengths", "length_column", "length_key", "text", "stride")),
        (LossTable, ("over_time",)),
    ):
        assert all(name in model.model_fields and re.search(rf"`(data\.)?{name}\b", TEXT) for name in names)


def test_every_parameter_is_described() -> None:
    layer = LstmLayer(kind="lstm", units=2, bias="both", peepholes=True, name="h")
    found = layer.parameters([Form((3, 4))])
    assert first_cells("Parameters") == {one.name for one in found}
    shapes = {one.name: one.shape for one in found}
    assert shapes == {"W": (8, 4), "U": (8, 2), "b": (8,), "bu": (8,), "P": (6,), "h0": (2,), "c0": (2,)}


def test_the_orders_of_the_gates_are_those_of_the_page() -> None:
    orders = re.findall(r"\*\*(\w(?:, \w)+)\*\*", TEXT.replace("\n", " "))
    assert [tuple(order.split(", ")) for order in orders] == [LstmLayer.gates, GruLayer.gates]
