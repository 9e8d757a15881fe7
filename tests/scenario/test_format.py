"""The format: what a file may leave out, the schema, and the list of shipped scenarios."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from retrograde.engine.errors import EngineError, ScenarioError
from retrograde.engine.scenario.catalogue import folder, shipped, summary, summary_of
from retrograde.engine.scenario.file import load_scenario, parse_scenario, schema
from retrograde.engine.scenario.models import layer_names

BASE = """\
format = 1
title = { en = "t", zh = "题" }
[network]
inputs = 1
[[network.layers]]
units = 1
LAYER
[data]
inputs = [[1]]
targets = [[1]]
[loss]
kind = "KIND"
[training]
learning_rate = 0.5
[stop]
epochs = 10
"""


class TestWhatAFileMayLeaveOut:
    @pytest.mark.parametrize(
        ("kind", "layer", "outputs", "batch"),
        [
            ("half_squared_error", "", "sum", "sum"),
            ("squared_error", "", "sum", "sum"),
            ("mean_squared_error", "", "mean", "mean"),
            ("mean_absolute_error", "", "mean", "mean"),
            ("huber", "", "mean", "mean"),
            ("binary_cross_entropy", "", "mean", "mean"),
            ("binary_cross_entropy_logits", 'activation = "identity"', "mean", "mean"),
        ],
    )
    def test_reductions(self, kind: str, layer: str, outputs: str, batch: str) -> None:
        loss = parse_scenario(BASE.replace("KIND", kind).replace("LAYER", layer)).loss
        assert (loss.over_outputs, loss.over_batch) == (outputs, batch)
        assert loss.delta == (1.0 if kind == "huber" else None)

    def test_cross_entropy_sums_over_outputs_and_takes_the_mean_of_samples(self) -> None:
        loss = load_scenario("iris").loss
        assert (loss.over_outputs, loss.over_batch) == ("sum", "mean")

    def test_parameters_of_activations(self) -> None:
        text = BASE.replace("KIND", "squared_error")
        assert parse_scenario(text.replace("LAYER", 'activation = "leaky_relu"')).network.layers[0].slope == 0.01
        assert parse_scenario(text.replace("LAYER", 'activation = "elu"')).network.layers[0].alpha == 1.0
        assert parse_scenario(text.replace("LAYER", "")).network.layers[0].slope is None

    @pytest.mark.parametrize(
        ("given", "names"),
        [
            ([""], ["o"]),
            (["", ""], ["h", "o"]),
            (["", "", ""], ["h1", "h2", "o"]),
            (["", "x", ""], ["h1", "x", "o"]),
            (["a", "b"], ["a", "b"]),
        ],
    )
    def test_names_of_layers(self, given: list[str], names: list[str]) -> None:
        assert layer_names(given) == names

    def test_everything_is_frozen(self) -> None:
        scenario = load_scenario("mazur")
        with pytest.raises(ValueError, match="frozen"):
            scenario.title = scenario.title
        assert isinstance(scenario.network.layers[0].weights, tuple)


class TestSchema:
    def test_it_is_json_and_every_field_is_described(self) -> None:
        found = schema()
        assert json.loads(json.dumps(found)) == found
        for name, table in found["$defs"].items():
            for field, entry in table["properties"].items():
                assert entry.get("description"), f"{name}.{field}"
            assert table["additionalProperties"] is False

    def test_the_properties_are_the_keys_of_a_file(self) -> None:
        assert set(schema()["properties"]) == {
            *(
                "format",
                "group",
                "source",
                "title",
                "teaches",
                "about",
                "network",
                "doctor",
                "data",
                "held_out",
                "loss",
                "losses",
                "training",
            ),
            *("stop", "expect", "variants", "chapter"),
        }


class TestShipped:
    @pytest.mark.parametrize("name", shipped())
    def test_it_loads(self, name: str) -> None:
        scenario = load_scenario(name)
        found = summary(name)
        assert scenario.name == found.name == name
        assert scenario.topology == found.topology
        assert scenario.title.en == found.title["en"]
        assert scenario.title.zh == found.title["zh"]

    def test_a_list_loads_neither_pydantic_nor_numpy(self) -> None:
        code = (
            "import sys; from retrograde.engine.scenario.catalogue import shipped, summary;"
            " [summary(n) for n in shipped()];"
            " print(sorted({'pydantic', 'numpy', 'textual'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"

    def test_unknown_and_broken_files(self, tmp_path: Path) -> None:
        with pytest.raises(EngineError, match="no scenario is called"):
            summary("../mazur")
        file = tmp_path / "x.toml"
        for text in ("= 1", "x = " + "[" * 5000):
            file.write_text(text)
            with pytest.raises(EngineError, match="cannot be read"):
                summary_of(file)
        for text in ("", "network = 1\ntitle = 2", "[network]\nlayers = [1, {}]"):
            file.write_text(text)
            assert summary_of(file).name == "x"

    def test_each_lies_in_the_package_with_its_data(self) -> None:
        for path in folder().glob("*.toml"):
            file: Any = tomllib.loads(path.read_text(encoding="utf-8")).get("data", {}).get("file")
            assert file is None or (folder() / file).is_file()


def test_cross_checks_of_names_with_counted_weights() -> None:
    text = BASE.replace("KIND", "squared_error").replace("LAYER", 'numbering = [["w1"]]')
    assert parse_scenario(text).network.layers[0].numbering == (("w1",),)
    two = text.replace("[data]", "[[network.layers]]\nunits = 1\n[data]")
    with pytest.raises(ScenarioError, match="w1 is also counted in a layer without a table of names"):
        parse_scenario(two)
