"""What is odd and can be computed is a warning: the scenario is loaded, and every door says it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.errors import ScenarioError
from retrograde.engine.scenario.catalogue import shipped
from retrograde.engine.scenario.file import parse_scenario
from retrograde.tui.cli.main import main
from tests.scenario.test_messages import BASE, changed, problems

ODD = changed("learning_rate = 0.5", "learning_rate = -0.5")
VARIANTS = (
    BASE
    + """
[[variants]]
name = "up"
training = { learning_rate = -1.0 }

[[variants]]
name = "still"
training = { learning_rate = 0.0 }
"""
)


def odd(text: str, **options: str) -> list[str]:
    """The warnings of a scenario, by key and message."""
    return [f"{one.key}: {one.message}" for one in parse_scenario(text, **options).warnings]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "odd.toml"
    path.write_text(ODD, encoding="utf-8")
    return path


class TestScenario:
    def test_nothing_is_odd_in_the_base(self) -> None:
        assert parse_scenario(BASE).warnings == ()

    def test_a_warning_has_its_place_and_says_that_it_is_one(self, file: Path) -> None:
        (warning,) = load_scenario(file).warnings
        assert (warning.line, warning.column, warning.key) == (22, 17, "training.learning_rate")
        assert str(warning).startswith(f"{file}:22:17: warning: training.learning_rate: a learning rate below 0")

    @pytest.mark.parametrize(
        ("key", "value", "said"),
        [
            ("learning_rate", "-0.5", "below 0 climbs"),
            ("learning_rate", "0", "of 0 changes no parameter"),
            ("rate_factor", "-2.0", "below 0 climbs"),
            ("rate_factor", "0.0", "of 0 changes no parameter"),
        ],
    )
    def test_the_rate_of_a_layer_may_have_any_sign(self, key: str, value: str, said: str) -> None:
        text = changed("[[network.layers]]\n", f"[[network.layers]]\n{key} = {value}\n")
        (warning,) = odd(text)
        assert warning.startswith(f"network.layers[1].{key}: a learning rate {said}")
        session = Session(parse_scenario(text))
        rate = float(value) * (session.value("lr") if key == "rate_factor" else 1.0)
        moved = session.measure("new(w1)", 0) - session.measure("w1", 0)
        assert moved == pytest.approx(-rate * session.measure("grad(w1)", 0), rel=1e-9, abs=1e-15)

    def test_a_fault_is_reported_without_the_warnings(self) -> None:
        (only,) = problems(changed("epochs = 10", "epochs = 0", ODD))
        assert only.key == "stop.epochs"
        assert not only.warning

    @pytest.mark.parametrize(("variant", "said"), [(None, 0), ("up", 1), ("still", 1)])
    def test_a_variant_has_its_own(self, variant: str | None, said: int) -> None:
        assert len(parse_scenario(VARIANTS, variant=variant).warnings) == said

    def test_gradient_ascent_grows_the_loss(self) -> None:
        assert Session(parse_scenario(ODD)).run().loss > Session(parse_scenario(BASE)).run().loss

    def test_a_rate_that_is_no_number_is_refused(self) -> None:
        with pytest.raises(ScenarioError, match="learning_rate"):
            parse_scenario(changed("learning_rate = 0.5", "learning_rate = nan"))


class TestDoors:
    @pytest.mark.parametrize(
        "words",
        [
            ("run", "{file}"),
            ("trace", "{file}", "--to", "1:1:1"),
            ("check", "{file}"),
            ("gradcheck", "{file}"),
            ("query", "{file}", "max E"),
        ],
    )
    def test_each_says_it_once_on_stderr(
        self, file: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
    ) -> None:
        main([word.format(file=file) for word in words])
        found = capsys.readouterr()
        assert found.err.count("warning: training.learning_rate") == 1
        assert "warning" not in found.out

    def test_a_race_says_what_each_variant_has(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "v.toml"
        path.write_text(VARIANTS, encoding="utf-8")
        main(["race", str(path), "--epochs", "2"])
        assert capsys.readouterr().err.count("warning: ") == 2

    def test_json_lists_it(self, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        main(["run", str(file), "--json"])
        (text,) = json.loads(capsys.readouterr().out)["warnings"]
        assert "odd.toml:22:17: warning: training.learning_rate: " in text


def network(activation: str, loss: str, *, units: int = 2, targets: str = "[[1, 0], [0, 1]]", more: str = "") -> str:
    """The base with another output layer and loss."""
    text = changed('units = 2\nactivation = "softmax"', f'units = {units}\nactivation = "{activation}"{more}')
    return changed('"cross_entropy"', f'"{loss}"', changed("[[1, 0], [0, 1]]", targets, text))


TWICE = '\n[[network.layers]]\nname = "again"\nkind = "activation"\nactivation = '


class TestPairs:
    @pytest.mark.parametrize(
        "activation", ["softmax", "sigmoid", "hard_sigmoid", "identity", "log_softmax", "relu", "exp"]
    )
    @pytest.mark.parametrize(
        ("loss", "fits"),
        [
            ("cross_entropy", {"softmax"}),
            ("binary_cross_entropy", {"softmax", "sigmoid", "hard_sigmoid"}),
            ("binary_cross_entropy_logits", {"identity"}),
            ("nll", {"log_softmax"}),
            ("multiclass_hinge", {"softmax", "sigmoid", "hard_sigmoid", "identity", "log_softmax", "relu", "exp"}),
        ],
    )
    def test_a_loss_after_an_activation_that_it_is_not_made_for(
        self, activation: str, loss: str, fits: set[str]
    ) -> None:
        found = odd(network(activation, loss))
        if activation in fits:
            assert found == []
        else:
            assert len(found) == 1
            assert found[0].startswith(f"loss.kind: {loss} after {activation}: it ")
        Session(parse_scenario(network(activation, loss))).run(epochs=1)

    @pytest.mark.parametrize("activation", ["softmax", "log_softmax"])
    def test_one_unit(self, activation: str) -> None:
        found = odd(network(activation, "squared_error", units=1, targets="[[0.5], [0]]"))
        assert found[0].startswith(f"network.layers[2].activation: {activation} over one unit is always")
        session = Session(parse_scenario(network(activation, "squared_error", units=1, targets="[[0.5], [0]]")))
        session.seek("end")
        assert (session.frame.array(session.program.named["grad(net_o)"]) == 0.0).all()

    @pytest.mark.parametrize(
        ("first", "second", "said"),
        [
            ("softmax", "softmax", "softmax of a softmax: its inputs lie between 0 and 1"),
            ("softmax", "log_softmax", "log_softmax of a softmax: its inputs"),
            ("log_softmax", "softmax", "softmax of a log_softmax: it changes nothing"),
            ("sigmoid", "softmax", None),
        ],
    )
    def test_one_after_the_other(self, first: str, second: str, said: str | None) -> None:
        found = odd(network(first, "squared_error", more=f'{TWICE}"{second}"'))
        assert found == [] if said is None else said in found[0]

    def test_what_a_layer_only_hands_on_is_looked_through(self) -> None:
        more = '\n[[network.layers]]\nname = "f"\nkind = "flatten"'
        assert odd(network("softmax", "cross_entropy", more=more)) == []
        assert "after tanh" in odd(network("tanh", "cross_entropy", more=more))[0]

    @pytest.mark.parametrize(
        ("activation", "targets", "said"),
        [
            (
                "sigmoid",
                "[[0, 1], [1, 103]]",
                "data.targets[2][2]: the target 103 is out of reach: sigmoid gives 0 to 1",
            ),
            ("tanh", "[[-1, 1], [-2, 1]]", "data.targets[2][1]: the target -2 is out of reach: tanh gives −1 to 1"),
            ("relu", "[[-1, 1], [-2, 1]]", "data.targets[1][1]: the target -1 is out of reach: relu gives 0 to ∞"),
            ("softmax", "[[0, 1], [0, 2]]", "data.targets[2][2]: the target 2 is out of reach: softmax gives 0 to 1"),
            ("identity", "[[0, 1], [0, 2]]", None),
        ],
    )
    def test_targets_out_of_reach(self, activation: str, targets: str, said: str | None) -> None:
        assert odd(network(activation, "squared_error", targets=targets)) == ([] if said is None else [said])

    def test_targets_that_are_no_probabilities_or_sides(self) -> None:
        found = odd(network("sigmoid", "binary_cross_entropy", targets="[[1, 2], [2, 1]]"))
        assert len(found) == 1
        assert found[0].startswith("data.targets[1][2]: the target 2 is not a probability; ")
        assert "compares with −1 and 1" in odd(network("identity", "hinge", targets="[[1, -1], [0, 1]]"))[0]

    def test_of_a_file_the_row_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "d.csv").write_text("0,1,0.5,1\n1,0,7,0\n", encoding="utf-8")
        text = network("sigmoid", "squared_error")
        text = changed("inputs = [[0, 1], [1, 0]]\ntargets = [[1, 0], [0, 1]]", 'file = "d.csv"', text)
        text = changed('"d.csv"', '"d.csv"\ninput_columns = "1-2"\ntarget_columns = "3-4"', text)
        (tmp_path / "s.toml").write_text(text, encoding="utf-8")
        (warning,) = load_scenario(tmp_path / "s.toml").warnings
        assert str(warning).endswith(
            "d.csv:2: warning: data.targets: row 2: the target 7 is out of reach: sigmoid gives 0 to 1"
        )

    def test_what_is_not_defined_is_still_refused(self) -> None:
        text = changed("[[1, 0], [0, 1]]", "[1, 2]\nclasses = 2")
        assert "2 is not a class index" in str(problems(text)[0])


@pytest.mark.parametrize("name", shipped())
def test_nothing_is_odd_in_what_ships(name: str) -> None:
    assert load_scenario(name).warnings == ()


class TestCoefficients:
    """A loss Σ c·y begins a backward pass with a given gradient."""

    TEXT = network("tanh", "value", targets="[[0.5, -2], [0, 3]]")

    def test_the_gradient_of_an_output_is_its_coefficient(self) -> None:
        session = Session(parse_scenario(self.TEXT))
        session.seek("end" if session.length else 0)
        frame = session.frame
        out, goal = (frame.array(session.program.named[name]) for name in ("out_o", "t_o"))
        assert (frame.array(session.program.named["grad(out_o)"]) == goal).all()
        assert frame.array(session.program.named["E"]) == (goal[0] * out[0]).sum() + (goal[1] * out[1]).sum()

    def test_classes_choose_an_output(self) -> None:
        text = changed("[[0.5, -2], [0, 3]]", "[1, 0]\nclasses = 2", self.TEXT)
        session = Session(parse_scenario(text))
        session.seek("end")
        assert session.frame.array(session.program.named["grad(out_o)"]).tolist() == [[0.0, 1.0], [1.0, 0.0]]

    def test_without_targets_it_is_the_output_itself(self) -> None:
        text = changed("targets = [[0.5, -2], [0, 3]]\n", "", self.TEXT)
        session = Session(parse_scenario(text))
        session.seek("end")
        assert (session.frame.array(session.program.named["grad(out_o)"]) == 1.0).all()

    def test_beside_another_loss_the_targets_belong_to_that(self) -> None:
        text = self.TEXT + '\n[[losses]]\nkind = "squared_error"\nlayer = "h"\n'
        assert "targets of 2×2 where the network needs 2×3" in str(problems(text)[0])

    def test_too_few_coefficients(self) -> None:
        assert "2×1" in str(problems(changed("[[0.5, -2], [0, 3]]", "[[1], [2]]", self.TEXT))[0])
