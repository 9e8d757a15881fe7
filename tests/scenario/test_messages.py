"""What a person reads about a scenario that is wrong: every problem, its place, and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrograde.engine.errors import Problem, ScenarioError
from retrograde.engine.scenario.file import load_scenario, parse_scenario

BASE = """\
format = 1
title = { en = "t", zh = "题" }

[network]
inputs = 2

[[network.layers]]
units = 3

[[network.layers]]
units = 2
activation = "softmax"

[data]
inputs = [[0, 1], [1, 0]]
targets = [[1, 0], [0, 1]]

[loss]
kind = "cross_entropy"

[training]
learning_rate = 0.5

[stop]
epochs = 10
"""


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, name="s")
    return caught.value.problems


def changed(old: str, new: str, text: str = BASE) -> str:
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def only(old: str, new: str) -> str:
    """The one problem of a file with one change."""
    found = problems(changed(old, new))
    assert len(found) == 1, [str(problem) for problem in found]
    return str(found[0])


class TestOneMistake:
    def test_the_base_is_valid(self) -> None:
        assert parse_scenario(BASE).topology == "2-3-2"

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("units = 3", "units = 0", "s.toml:8:9: network.layers[1].units: 0 is too small; the smallest is 1"),
            ("units = 3", "units = 2.5", "s.toml:8:9: network.layers[1].units: 2.5 is not a whole number"),
            ("units = 3", 'units = "3"', 's.toml:8:9: network.layers[1].units: "3" is not a whole number'),
            ("units = 3", "units = true", "s.toml:8:9: network.layers[1].units: true is not a whole number"),
            ("units = 3", "unit = 3", None),
            ("learning_rate = 0.5", "learning_rate = nan", "s.toml:22:17: training.learning_rate: nan is not finite"),
            ("learning_rate = 0.5", 'learning_rate = "a"', '22:17: training.learning_rate: "a" is not a number'),
            ("epochs = 10", "epochs = 10\nepoch = 3", "26:1: stop.epoch: there is no such key; did you mean epochs?"),
            ("epochs = 10", "epochs = 10\nzzz = 3", "26:1: stop.zzz: there is no such key; known here: epochs, loss_"),
            ("epochs = 10", "epochs = 10\nunits = 3", "26:1: stop.units: there is no such key here; it belongs in [["),
            ("epochs = 10", "", "s.toml:24:1: stop.epochs: missing: the most epochs"),
            (
                'kind = "cross_entropy"',
                'kind = "cross_entrpy"',
                "did you mean cross_entropy? Allowed: half_squared_error",
            ),
            ("format = 1", "format = 2", "s.toml:1:10: format: 2 is not known; allowed: 1"),
            ("format = 1", "", "s.toml:1:1: format: missing: put format = 1 at the top of the file"),
            ('en = "t", ', "", "s.toml:2:9: title.en: missing: the text in English"),
            ("[training]\nlearning_rate = 0.5", "", "s.toml:1:1: training: missing: the table [training]"),
            ("inputs = 2", 'inputs = 2\narithmetic = "fast"', '6:14: network.arithmetic: "fast" is not known; allowed'),
            ("inputs = 2", "inputs = 2\nseed = -1", "s.toml:6:8: network.seed: -1 is too small; the smallest is 0"),
            (
                "inputs = 2",
                "inputs = 2\ninput_shape = [2, 2]",
                "6:15: network.input_shape: an array of 2×2 does not have",
            ),
            (
                "inputs = [[0, 1], [1, 0]]",
                "inputs = [[0, 1], [1]]",
                "15:19: data.inputs[2]: row 2 has the width 1 where",
            ),
            (
                "inputs = [[0, 1], [1, 0]]",
                "inputs = [[0], [1]]",
                "data.inputs: inputs of 2×1 where the network needs 2×2",
            ),
            ("inputs = [[0, 1], [1, 0]]", "inputs = [[0, inf], [1, 0]]", "15:15: data.inputs[1][2]: inf is not finite"),
            (
                "inputs = [[0, 1], [1, 0]]",
                "inputs = [[0, 1]]",
                "16:11: data.targets: 2 rows of targets for 1 rows of inp",
            ),
            ("inputs = [[0, 1], [1, 0]]", "", "s.toml:14:1: data.inputs: missing: a row per sample, or a file"),
            (
                "[[1, 0], [0, 1]]",
                "[[1, 0], [0, 0.5]]",
                "16:20: data.targets[2]: the targets add up to 0.5; cross_entropy",
            ),
            ("[[1, 0], [0, 1]]", "[[1, 0], [-1, 2]]", "16:21: data.targets[2][1]: the target -1 is negative"),
            ("[[1, 0], [0, 1]]", "[0, 1]", "16:11: data.targets: a row per sample is needed, such as [[0.1], [0.9]]"),
            (
                "[[1, 0], [0, 1]]",
                "[0, 2]\nclasses = 2",
                "16:15: data.targets[2]: 2 is not a class index; with classes = 2",
            ),
            ("[[1, 0], [0, 1]]", "[0, 0.5]\nclasses = 2", "data.targets[2]: 0.5 is not a class index"),
            (
                "[[1, 0], [0, 1]]",
                "[0, 1]\nclasses = 3",
                "17:11: data.classes: 3 classes, but the last layer has 2 units",
            ),
            (
                '"cross_entropy"',
                '"cross_entropy"\ndelta = 1',
                "20:1: loss.delta: delta belongs to huber; this loss is cross",
            ),
            ("epochs = 10", "epochs = 10\n[[expect]]\nvalue = 'E'\nprinted = '1,5'", "28:11: expect[1].printed"),
            (
                "learning_rate = 0.5",
                "learning_rate = 0.5\nbatch_size = 3",
                "23:14: training.batch_size: a batch of 3 from 2",
            ),
            (
                "units = 3",
                "units = 3\nweights = [[1, 2], [3, 4]]",
                "9:11: network.layers[1].weights: weights of 2×2 where the",
            ),
            ("units = 3", "units = 3\nbiases = [1, 2]", "9:10: network.layers[1].biases: a list of 2 for 3 units"),
            (
                "units = 3",
                "units = 3\nbias = 'shared'\nbiases = [1, 2]",
                "10:10: network.layers[1].biases: a list of 2, but",
            ),
            (
                "units = 3",
                "units = 3\nbias = 'none'\nbiases = 1",
                "10:1: network.layers[1].biases: this layer has no bias",
            ),
            ("units = 3", "units = 3\nslope = 0.1", "9:1: network.layers[1].slope: slope belongs to leaky_relu; this"),
            ("units = 3", "units = 3\nname = 'o'", "layer 1 is called o too; names are unique"),
            (
                "units = 3",
                "units = 3\nname = 'E'",
                "9:8: network.layers[1].name: E means something else in Retrograde (a loss)",
            ),
            ("units = 3", "units = 3\nname = 'h-1'", 'network.layers[1].name: "h-1" is not a name; use Latin letters'),
            (
                "units = 3",
                "units = 3\nname = 'o2'",
                "network.layers[1].name: o2 is also what a neuron of layer o is called",
            ),
            (
                "units = 3",
                "units = 3\nfrozen = ['bias', 'weight']",
                "9:19: network.layers[1].frozen[2]: this layer has no parameter weight; it has weights, bias; did you",
            ),
            (
                "units = 3",
                "units = 3\nnumbering = [['a', 'b'], ['c', 'a'], ['e', 'f']]",
                "9:32: network.layers[1].numbering[2][2]: two weights are called a",
            ),
            (
                "units = 3",
                "units = 3\nnumbering = [['a', 'b'], ['c', 'd'], ['e', 'f g']]",
                '9:44: network.layers[1].numbering[3][2]: "f g" is not a name',
            ),
            (
                "units = 3",
                "units = 3\ninit = { kind = 'uniform', low = 1, high = 0 }",
                "9:44: network.layers[1].init.high: high is 0.0, which is below low, 1.0",
            ),
            ("inputs = 2", "inputs = 2\ninit = { kind = 'normal' }", "6:17: network.init.kind: normal needs std"),
            (
                "inputs = 2",
                "inputs = 2\ninit.mean = 3",
                "6:6: network.init.mean: glorot_uniform has no mean; it takes no",
            ),
        ],
    )
    def test_it_is_named_with_its_place(self, old: str, new: str, said: str | None) -> None:
        if said is None:
            found = [str(problem) for problem in problems(changed(old, new))]
            assert found == [
                "s.toml:7:1: network.layers[1].units: missing: number of neurons",
                "s.toml:8:1: network.layers[1].unit: there is no such key; did you mean units?",
            ]
        else:
            assert said in only(old, new)

    def test_a_turned_table_of_weights_is_recognised(self) -> None:
        said = only("units = 3", "units = 3\nweights = [[1, 2, 3], [4, 5, 6]]")
        assert "weights of 2×3 where the network needs 3×2" in said
        assert "transpose the table" in said


class TestAllAtOnce:
    def test_every_problem_of_a_file_in_its_order(self) -> None:
        text = changed("units = 3", "units = 3\nweights = [\n  [1, 2],\n  [3, nan],\n  [5, 6],\n]")
        text = changed("learning_rate = 0.5", "learning_rate = 0.5\nl1 = -0.5\nbatch_size = 9", text)
        text = changed("[[1, 0], [0, 1]]", "[[1, 0], [0, 7]]", text)
        text = changed("epochs = 10", "epoch = 10", text)
        found = [str(problem).rpartition("; ")[0] or str(problem) for problem in problems(text)]
        assert found == [
            "s.toml:11:7: network.layers[1].weights[2][2]: nan is not finite",
            "s.toml:21:20: data.targets[2]: the targets add up to 7",
            "s.toml:28:6: training.l1: -0.5 is too small",
            "s.toml:29:14: training.batch_size: a batch of 9 from 2 samples",
            "s.toml:32:1: stop.epoch: there is no such key",
        ]

    def test_a_wrong_key_does_not_hide_rules_about_the_others(self) -> None:
        text = changed("units = 3", "units = 3\nactivaton = 'relu'\nbiases = [1]")
        assert [problem.key for problem in problems(text)] == [
            "network.layers[1].activaton",
            "network.layers[1].biases",
        ]

    def test_a_wrong_key_does_not_raise_rules_about_itself(self) -> None:
        text = changed("units = 3", "units = 'x'\nweights = [[1, 2], [3, 4]]\nbiases = [1]")
        text = changed('activation = "softmax"', 'activation = "sofmax"', text)
        assert [problem.key for problem in problems(text)] == [
            "network.layers[1].units",
            "network.layers[2].activation",
        ]

    def test_a_thousand_problems_are_counted(self) -> None:
        text = changed("[[0, 1], [1, 0]]", "[" + "['a'], " * 1000 + "]")
        found = problems(text)
        assert len(found) == 101
        assert found[-1].message.startswith("and ")

    def test_the_exception_says_them_all(self) -> None:
        with pytest.raises(ScenarioError, match=r"(?s)units.*epochs"):
            parse_scenario(changed("units = 3", "units = 0", changed("epochs = 10", "epochs = 0")))


class TestNoToml:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("a = 1\nb = = 2\n", "s.toml:2:5: this is not TOML: invalid value"),
            ("a = [1, 2\n", "s.toml:1:10: this is not TOML: unclosed array"),
            ("a = 1\na = 2\n", "s.toml:2:6: this is not TOML: cannot overwrite a value"),
            ("x = " + "[" * 5000, "s.toml:1:5: brackets are nested too deeply"),
            ("x = " + "9" * 5000, "s.toml:1:5: this number has 400 digits or more"),
            ("a" + ".a" * 5000 + " = 1", "s.toml:1:1: this key has more than 11 dots"),
            ("d = 2024-02-30\n", "s.toml:1:5: this is not TOML: invalid date"),
        ],
    )
    def test_the_place_is_named(self, text: str, said: str) -> None:
        (problem,) = problems(text)
        assert said in str(problem)

    def test_an_empty_file_misses_everything(self) -> None:
        keys = [problem.key for problem in problems("")]
        assert sorted(keys) == ["data", "format", "loss", "network", "stop", "title", "training"]

    def test_bytes_that_are_not_text(self, tmp_path: Path) -> None:
        file = tmp_path / "s.toml"
        file.write_bytes(b'format = 1\nsource = "\xe9"\n')
        with pytest.raises(ScenarioError, match=r"s\.toml:2:11: this byte is not UTF-8"):
            load_scenario(file)

    def test_windows_files(self, tmp_path: Path) -> None:
        file = tmp_path / "s.toml"
        file.write_bytes(b"\xef\xbb\xbf" + changed("units = 3", "units = 0").replace("\n", "\r\n").encode())
        with pytest.raises(ScenarioError, match=r"s\.toml:8:9: network"):
            load_scenario(file)


class TestSources:
    def test_an_unknown_name_names_the_nearest(self) -> None:
        with pytest.raises(ScenarioError, match="mazr: there is no such scenario; did you mean mazur"):
            load_scenario("mazr")

    def test_a_name_that_is_near_nothing(self) -> None:
        with pytest.raises(ScenarioError, match="retrograde list"):
            load_scenario("qqqqqqqq")

    @pytest.mark.parametrize("source", ["nowhere/x.toml", "nowhere.toml", "a\0b", "x" * 5000 + ".toml"])
    def test_files_that_are_not_there(self, source: str) -> None:
        with pytest.raises(ScenarioError):
            load_scenario(source)

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(ScenarioError, match="this is not a file"):
            load_scenario(tmp_path)

    def test_a_large_file(self, tmp_path: Path) -> None:
        file = tmp_path / "s.toml"
        file.write_text(BASE + "#" * 2**20)
        with pytest.raises(ScenarioError, match="more than 1 MiB"):
            load_scenario(file)

    def test_name_and_path(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.toml"
        file.write_text(BASE, encoding="utf-8")
        scenario = load_scenario(str(file))
        assert (scenario.name, scenario.path) == ("mine", file)
        assert load_scenario("mazur").name == "mazur"


class TestSizes:
    def test_the_figure_is_named(self) -> None:
        said = only("units = 3", "units = 9000000")
        assert "network.layers: the values of one iteration would take about 3.4 GiB (45,000,002 parameters" in said
        assert "the limit is 384 MiB" in said

    def test_a_wide_class_is_refused_before_its_rows_are_made(self) -> None:
        found = problems(changed("[[1, 0], [0, 1]]", "[0, 1]\nclasses = 10000000"))
        assert [problem.key for problem in found] == ["data.classes"]

    def test_huge_integers(self) -> None:
        said = only("units = 3", "units = 1" + "0" * 300)
        assert "a number with 301 digits is too large; the largest is 10,000,000" in said
        said = only("learning_rate = 0.5", "learning_rate = 1" + "0" * 350)
        assert "is not" in said


class TestOneHot:
    @pytest.mark.parametrize("width", [2, 3])
    def test_rows_of_one_hot_targets_need_no_classes(self, width: int) -> None:
        text = changed("targets = [[1, 0], [0, 1]]", f"targets = [[1, 0], [0, 1]]\nclasses = {width}")
        said = [problem.message for problem in problems(text)]
        assert any("leave out classes" in message for message in said), said
