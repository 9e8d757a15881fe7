"""`retrograde run`, `trace` and `check` print what the engine computed, in full where they say so."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from retrograde.engine import Session, load_scenario, trace
from retrograde.engine.scenario import catalogue
from retrograde.engine.scenario.catalogue import shipped
from retrograde.tui.cli.main import main

XOR = """
format = 1
[title]
en = "x"
zh = "x"
[network]
inputs = 2
[[network.layers]]
units = 1
activation = "sigmoid"
weights = [[0.5, -0.5]]
biases = [0.1]
[data]
inputs = [[0, 1], [1, 1], [1, 0]]
targets = [[1], [0], [1]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = {rate}
batch_size = 2
[stop]
epochs = 50
"""

ROOT = """
format = 1
[title]
en = "x"
zh = "x"
[network]
inputs = 1
[[network.layers]]
name = "d"
kind = "graph"
inputs = ["i"]
values = { w1 = 0.4 }
assign = ["u = w1*i1", "s = u*u", "r = sqrt(s)"]
[data]
inputs = [[0]]
targets = [[0]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 10
"""

WIDE = """
format = 1
[title]
en = "x"
zh = "x"
[network]
inputs = 2
[[network.layers]]
units = 300
activation = "tanh"
[[network.layers]]
units = 1
[data]
inputs = [[0, 1], [1, 1]]
targets = [[1], [0]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 2
"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "small.toml"
    file.write_text(XOR.format(rate=0.5), encoding="utf-8")
    return file


def output(arguments: list[str], capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    assert main(arguments) == code, capsys.readouterr().err
    return capsys.readouterr().out


class TestRun:
    def test_json_is_exact(self, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
        result = json.loads(output(["run", str(small), "--json"], capsys))
        session = Session(load_scenario(small))
        outcome = session.run()
        assert result["epochs"] == 50
        assert result["rule"] == outcome.rule
        assert result["loss_last_epoch"] == outcome.loss
        assert result["loss_end"] == session.value("E_data")
        names = ("w1", "w2", "b_o1")
        assert result["parameters"] == {name: session.measure(name, outcome.iterations) for name in names}
        assert result["loss_end"] != result["loss_last_epoch"]

    def test_text_says_the_same(self, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
        result = json.loads(output(["run", str(small), "--json"], capsys))
        text = output(["run", str(small)], capsys)
        assert f"{result['loss_last_epoch']:.9g}" in text
        assert f"{result['loss_end']:.9g}" in text
        assert result["message"] in text
        for name, value in result["parameters"].items():
            assert f"{name:4}  {value:.9g}" in text

    def test_epochs_and_conditions_stop_it(self, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert json.loads(output(["run", str(small), "--epochs", "7", "--json"], capsys))["epochs"] == 7
        until = ["run", str(small), "--json", "--until"]
        assert json.loads(output([*until, "epoch >= 5"], capsys))["epochs"] == 5
        assert json.loads(output([*until, "epoch >= 5 and w1 > 1e9 or epoch == 9"], capsys))["epochs"] == 9
        whole = [json.loads(output(["run", str(small), "--epochs", str(n), "--json"], capsys)) for n in (3, 4)]
        bound = (whole[0]["loss_last_epoch"] + whole[1]["loss_last_epoch"]) / 2
        assert json.loads(output([*until, f"E_epoch < {bound!r}"], capsys))["epochs"] == 4

    def test_a_data_file_on_the_command_line_may_be_anywhere(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        inside, outside = tmp_path / "inside", tmp_path / "outside"
        inside.mkdir()
        outside.mkdir()
        text = XOR.format(rate=0.5)
        start, end = text.index("inputs = [["), text.index("[loss]")
        columns = 'file = "own.csv"\ninput_columns = "1-2"\ntarget_columns = "3"\n'
        (inside / "s.toml").write_text(text[:start] + columns + text[end:], encoding="utf-8")
        (inside / "own.csv").write_text("0,1,1\n1,1,0\n", encoding="utf-8")
        (outside / "other.csv").write_text("0,1,1\n1,1,1\n", encoding="utf-8")
        base = ["run", str(inside / "s.toml"), "--json"]
        own = json.loads(output(base, capsys))
        other = json.loads(output([*base, "--data", str(outside / "other.csv")], capsys))
        assert own["parameters"] != other["parameters"]
        assert main([*base, "--data", str(outside / "missing.csv")]) == 2
        assert capsys.readouterr().err.count("\n") == 1

    @pytest.mark.parametrize(
        ("condition", "column"),
        [("E <", 4), ("nosuch < 1", 1), ("E < 1 and w99 < 1", 11), ("E < 1 &", 7), ("w1 + 1", 1)],
    )
    def test_a_bad_condition_is_shown_with_a_caret(
        self, condition: str, column: int, small: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["run", str(small), "--until", condition]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        message, text, caret = err.splitlines()
        assert f"column {column}" in message
        assert text == f"  {condition}"
        assert caret == " " * (column + 1) + "^"

    def test_no_condition_is_one_line(self, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["run", str(small), "--until", ""]) == 2
        assert capsys.readouterr().err.count("\n") == 1

    @pytest.mark.parametrize(
        "until",
        [
            "abs(grad(w1)) < 0.1",
            "max(abs(grad(W_o))) < 0.05 or E_data < 0.3",
            "sign(w2) != sign(prev(w2)) or norm(W_o) > 0.9",
            "E < 0.9 * prev(E) and epoch > 2",
        ],
    )
    def test_until_is_the_language_of_formulas(
        self, until: str, small: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        result = json.loads(output(["run", str(small), "--json", "--until", until], capsys))
        session = Session(load_scenario(small))
        outcome = session.run(until=until)
        assert (result["rule"], result["epochs"]) == (outcome.rule, outcome.epoch)
        assert result["rule"] == "condition"
        assert 1 <= result["epochs"] < 50

    def test_a_diverging_run_is_a_result(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "small.toml"
        text = XOR.format(rate=1e200).replace('"sigmoid"', '"identity"')
        file.write_text(text, encoding="utf-8")
        result = json.loads(output(["run", str(file), "--json"], capsys))
        assert result["rule"] == "diverged"
        assert isinstance(result["loss_end"], str) or isinstance(result["loss_last_epoch"], str)
        assert "diverged" in output(["run", str(file)], capsys)

    def test_a_divergence_says_where_it_begins_and_how_to_go_there(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "root.toml"
        file.write_text(ROOT, encoding="utf-8")
        text = output(["run", str(file)], capsys)
        assert "stopped: diverged in epoch 1, first at ∂E/∂s = nan in step 1:1:7" in text
        assert text.rstrip().endswith(f"there: retrograde {file}, then :1:1:7")
        result = json.loads(output(["run", str(file), "--json"], capsys))
        assert result["diverged"] == {"name": "∂E/∂s", "value": "NaN", "address": "1:1:7", "step": 7}
        assert result["epochs"] == 2
        there = Session(load_scenario(file))
        there.seek(result["diverged"]["address"])
        step = there.step_at(there.position)
        assert step.symbol == "∂E/∂s"
        assert all(math.isfinite(there.step_at(number).result) for number in range(1, there.position))

    def test_a_network_of_many_parameters_is_summed_up(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "wide.toml"
        file.write_text(WIDE, encoding="utf-8")
        result = json.loads(output(["run", str(file), "--json"], capsys))
        assert result["parameters"] is None
        every = json.loads(output(["run", str(file), "--json", "--values"], capsys))["parameters"]
        assert len(every) == sum(math.prod(array["shape"]) for array in result["arrays"].values()) == 1201
        text = output(["run", str(file)], capsys)
        assert len(text.splitlines()) < 15
        assert "1,201 parameters; --values prints each of them" in text
        weights = [value for name, value in every.items() if not name.startswith("b_")]
        hidden = result["arrays"]["W_h"]
        assert (hidden["min"], hidden["max"]) == (min(weights[:600]), max(weights[:600]))
        assert hidden["norm"] == pytest.approx(math.sqrt(sum(value**2 for value in weights[:600])))
        assert hidden["rms"] == pytest.approx(hidden["norm"] / math.sqrt(600))
        assert next(line.split() for line in text.splitlines() if line.startswith("W_h"))[1:] == [
            "300×2",
            *(f"{hidden[key]:.6g}" for key in ("min", "max", "rms", "norm")),
        ]
        text = output(["run", str(file), "--values"], capsys)
        assert all(f"{value:.9g}" in text for value in every.values())

    @pytest.mark.parametrize("over", ["sum", "mean"])
    @pytest.mark.parametrize("penalty", ["", "l2 = 0.01"])
    def test_the_two_losses_of_a_training_that_stands_still_are_equal(
        self, over: str, penalty: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "still.toml"
        text = XOR.format(rate=1e-15).replace("half_squared_error", f'half_squared_error"\nover_batch = "{over}')
        text = text.replace("batch_size = 2", f"batch_size = 1\n{penalty}")
        file.write_text(text, encoding="utf-8")
        result = json.loads(output(["run", str(file), "--json"], capsys))
        assert result["loss_end_as_iteration"] == pytest.approx(result["loss_last_epoch"], abs=1e-12)
        text = output(["run", str(file)], capsys)
        first, second = (line.split()[5] for line in text.splitlines() if line.startswith("loss of the"))
        assert float(first) == pytest.approx(float(second))
        assert f"E_data: the {over} over all 3 samples" in text

    def test_losses_of_which_one_is_a_sum_have_no_common_unit(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        file = tmp_path / "two.toml"
        other = '[[losses]]\nkind = "value"\nlayer = "h"\nover_batch = "mean"\n[training]'
        hidden = '[[network.layers]]\nname = "h"\nunits = 1\nactivation = "tanh"\n[[network.layers]]'
        text = WIDE.replace("[training]", other).replace("[[network.layers]]", hidden, 1)
        file.write_text(text.replace("units = 300", 'units = 3\nname = "g"'), encoding="utf-8")
        assert json.loads(output(["run", str(file), "--json"], capsys))["loss_end_as_iteration"] is None
        assert "E_data: over all 2 samples" in output(["run", str(file)], capsys)

    def test_what_evaluates_apart_is_said(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "normed.toml"
        normed = WIDE.replace("units = 300", 'units = 3\n[[network.layers]]\nkind = "batch_norm"')
        file.write_text(normed, encoding="utf-8")
        text = output(["run", str(file)], capsys)
        assert "before its update; as in training" in text.replace("before the update", "before its update")
        assert "after the last update; as in evaluation" in text


@pytest.mark.parametrize("name", shipped())
def test_whatever_ships_runs_and_prints_every_parameter(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    scenario = load_scenario(name)
    found = json.loads(output(["run", name, "--epochs", "1", "--json", "--values"], capsys))["parameters"]
    network = Session(scenario).network
    assert len(found) == sum(array.size for array in network.parameters)
    text = output(["run", name, "--epochs", "1", "--values"], capsys)
    assert "stopped: " in text
    assert all(parameter in text for parameter in found)


def test_what_attention_masks_is_no_divergence(tmp_path: Path) -> None:
    file = tmp_path / "attention.toml"
    text = (Path(__file__).parents[2] / "scenarios" / "attention-by-hand.toml").read_text(encoding="utf-8")
    file.write_text(re.sub(r"learning_rate = .*", "learning_rate = 1e200", text), encoding="utf-8")
    session = Session(load_scenario(file))
    fault = session.run().fault
    assert fault is not None
    assert session.step_at(fault.step).operands


class TestTrace:
    def test_jsonl_is_the_engine_s_trace(self, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
        lines = output(["trace", str(small), "--to", "3:1:2", "--format", "jsonl"], capsys).splitlines()
        rows = [json.loads(line) for line in lines]
        for row, step in zip(rows, trace(load_scenario(small)), strict=False):
            assert row["number"] == step.number
            assert row["address"] == step.moment.address
            assert row["name"] == step.name
            assert row["result"] == step.result
            assert [operand["value"] for operand in row["operands"]] == [o.value for o in step.operands]
            assert [operand["made_by"] for operand in row["operands"]] == [o.made_by for o in step.operands]
        assert [row["number"] for row in rows] == list(range(1, len(rows) + 1))
        assert rows[-1]["address"] == "3:1:2"

    def test_fields_are_those_that_are_documented(self, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
        documented = set()
        for line in (Path(__file__).parents[2] / "docs" / "trace.md").read_text(encoding="utf-8").splitlines():
            if line.startswith("| `"):
                documented |= {name.strip("` ") for name in line.split("|")[1].split(",")}
        row = json.loads(output(["trace", str(small), "--to", "@1", "--format", "jsonl"], capsys))
        assert set(row) == documented

    def test_made_by_is_an_earlier_step_that_made_it(self, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
        lines = output(["trace", str(small), "--to", "2:1", "--format", "jsonl"], capsys, 0).splitlines()
        rows = {row["number"]: row for row in map(json.loads, lines)}
        made = 0
        for row in rows.values():
            for operand in row["operands"]:
                if operand["made_by"] is not None:
                    assert operand["made_by"] < row["number"]
                    assert rows[operand["made_by"]]["result"] == operand["value"]
                    made += 1
        assert made > 20

    def test_from_and_to_are_a_window_on_the_whole(self, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
        whole = output(["trace", str(small), "--to", "2:1:10", "--format", "jsonl"], capsys).splitlines()
        part = output(
            ["trace", str(small), "--from", "1:2:3", "--to", "2:1:10", "--format", "jsonl"], capsys
        ).splitlines()
        assert json.loads(part[0])["address"] == "1:2:3"
        assert whole[-len(part) :] == part
        first = json.loads(part[0])["number"]
        one = output(["trace", str(small), "--from", f"@{first}", "--to", f"@{first}", "--format", "jsonl"], capsys)
        assert one.splitlines() == part[:1]

    def test_coarser_granularities_are_stops_of_the_finer(
        self, small: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        base = ["trace", str(small), "--to", "2", "--format", "jsonl"]
        finer = set(output(base, capsys).splitlines())
        for granularity in ("layer", "phase", "sample", "iteration", "epoch"):
            coarser = set(output([*base, "--granularity", granularity], capsys).splitlines())
            assert coarser
            assert coarser < finer

    def test_text_shows_symbols_numbers_and_origins(self, capsys: pytest.CaptureFixture[str]) -> None:
        text = output(["trace", "mazur", "--to", "1:1:39"], capsys)
        assert "∂E/∂w5 = δ_o1 · out_h1 = 0.138498562 × 0.593269992 = 0.0821670406" in text
        assert "    out_h1 = 0.593269992  step 3" in text
        assert "  given" in text

    def test_the_whole_run_ends_with_the_run(self, small: Path, capsys: pytest.CaptureFixture[str]) -> None:
        lines = output(["trace", str(small), "--granularity", "epoch", "--format", "jsonl"], capsys).splitlines()
        assert [json.loads(line)["epoch"] for line in lines] == list(range(1, 51))

    @pytest.mark.parametrize("moment", ["x", "0:1:1", "1:9:1", "51:1:1", "101%", "-1", "+3", "-1e"])
    def test_a_moment_that_is_none_is_one_line(
        self, moment: str, small: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["trace", str(small), f"--from={moment}"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1


class TestCheck:
    def test_published_beside_computed(self, capsys: pytest.CaptureFixture[str]) -> None:
        text = output(["check", "mazur"], capsys)
        line = next(line for line in text.splitlines() if line.split()[:1] == ["out_h1"])
        assert line.split() == ["out_h1", "0", "0.593269992", "0.593269992", "rounded", "agrees"]
        assert "source is wrong" in text
        assert text.rstrip().endswith("1 scenario, 32 figures: 26 agree, 6 the source is wrong, 0 fail")

    def test_a_figure_that_does_not_hold_is_exit_1(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "small.toml"
        file.write_text(
            XOR.format(rate=0.5)
            + '[[expect]]\nvalue = "w1"\nprinted = "0.6"\n'
            + '[[expect]]\nvalue = "w2"\nprinted = "-0.50"\n'
            + '[[expect]]\nvalue = "w2"\nprinted = "-0.50"\nverdict = "source_wrong"\nreason = "a test"\n'
            + '[[expect]]\nvalue = "w2"\nprinted = "-0.4"\nverdict = "source_wrong"\nreason = "again"\n',
            encoding="utf-8",
        )
        text = output(["check", str(file)], capsys, 1)
        assert "differs" in text
        assert "matches, but is said to be wrong" in text
        assert "again" in text
        assert "4 figures: 1 agrees, 1 the source is wrong, 2 fail" in text

    def test_a_scenario_that_can_not_be_used_does_not_hide_the_others(
        self, small: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["check", "nosuch", str(small), "hmkcode"]) == 2
        out, err = capsys.readouterr()
        assert "hmkcode" in out
        assert "no published figures" in out
        assert "nosuch" in err

    def test_without_a_name_it_checks_all_that_ships(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # That the figures of all that ships hold is tested one by one in tests/cases.
        few = ("mazur", "xor-2-4-1", "micrograd-neuron")
        monkeypatch.setattr(catalogue, "shipped", lambda: few)
        printed = output(["check"], capsys)
        assert [line for line in printed.splitlines() if line in shipped()] == [*few]
        assert printed.rstrip().endswith("0 fail (2 sources are wrong)")
