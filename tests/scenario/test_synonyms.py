"""Names and numbers as people write them: accepted where they mean exactly the same, else answered with what it is."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.equations.activation_table import ACTIVATIONS
from retrograde.engine.equations.losses import LOSSES
from retrograde.engine.equations.optimisers import OPTIMISERS
from retrograde.engine.equations.rate_schedules import SCHEDULES
from retrograde.engine.errors import ScenarioError
from retrograde.engine.layers.table import KINDS
from retrograde.engine.network.notation import EXTRA_NAMES
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.scenario.toml_hints import meant_number, written_so
from retrograde.engine.scenario.toml_tables import tables
from retrograde.engine.synonyms import SYNONYMS, canonical, folded, meanings
from retrograde.engine.text import nearest, suggest
from retrograde.tui.cli.main import SUBCOMMANDS, main
from tests.support.effort import examples

TABLES = (ACTIVATIONS, LOSSES, OPTIMISERS, SCHEDULES, KINDS)

TEXT = """
format = 1
[title]
en = "x"
zh = "x"
[network]
inputs = 2
[[network.layers]]
{layer}
[data]
inputs = [[0, 1], [1, 1]]
targets = [[1], [0]]
[loss]
kind = "{loss}"
[training]
{training}
[stop]
{stop}
"""


def text(
    *,
    layer: str = 'units = 1\nactivation = "sigmoid"',
    loss: str = "half_squared_error",
    training: str = "learning_rate = 0.1",
    stop: str = "epochs = 2",
) -> str:
    return TEXT.format(layer=layer, loss=loss, training=training, stop=stop)


def read(**parts: str) -> Scenario:
    return parse_scenario(text(**parts))


def tables_of(**parts: str) -> dict[str, object]:
    return read(**parts).model_dump()


def problem(**parts: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        read(**parts)
    assert len(caught.value.problems) == 1, str(caught.value)
    return str(caught.value)


class TestTable:
    def test_words_are_folded_and_no_row_says_its_own_name(self) -> None:
        for row in SYNONYMS:
            assert all(folded(word) == word for word in row.words), row.name
            assert folded(row.name) not in row.words

    def test_every_row_names_something_that_exists(self) -> None:
        keys = {key for table in tables() for key in table.model_fields}
        keys |= {key for kind in KINDS.values() for key in kind.model_fields}
        names = {name for table in TABLES for name in table}
        words = {"mean", "sum", "none", "all", "last", "seeded", "simultaneous", "in_place", "constant", "uniform"}
        words |= {"normal", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal"}
        formulas = {"log", "abs", "isnan", "lr", "grad", "prev", "norm", "E", *EXTRA_NAMES}
        assert {row.name for row in SYNONYMS} <= keys | names | words | formulas | set(SUBCOMMANDS)

    @pytest.mark.parametrize("names", TABLES, ids=["activations", "losses", "optimisers", "schedules", "kinds"])
    def test_a_word_that_is_accepted_means_one_thing(self, names: dict[str, object]) -> None:
        for row in SYNONYMS:
            for word in row.words if row.same and row.name in names else ():
                assert canonical(word, names) == (word if word in names else row.name)

    @examples(60)
    @given(data=st.data())
    def test_case_and_separators_do_not_matter(self, data: st.DataObject) -> None:
        names = data.draw(st.sampled_from(TABLES))
        name = data.draw(st.sampled_from(sorted(names)))
        joint = data.draw(st.sampled_from(["", "_", "-", " "]))
        parts = [data.draw(st.sampled_from([part, part.upper(), part.capitalize()])) for part in name.split("_")]
        assert canonical(joint.join(parts), names) == name
        assert nearest(joint.join(parts).upper(), names) == [name] or joint.join(parts).upper() in names

    @examples(40)
    @given(word=st.text(max_size=80), names=st.sampled_from(TABLES))
    def test_any_word_may_be_asked_about(self, word: str, names: dict[str, object]) -> None:
        assert canonical(word, names) == word or canonical(word, names) in names
        assert all(row.name in names for row in meanings(word, names))
        assert suggest(word, names).startswith(("; did you mean ", ""))


class TestAccepted:
    @pytest.mark.parametrize(
        ("written", "name"),
        [
            ("ReLU", "relu"),
            ("linear", "identity"),
            ("logistic", "sigmoid"),
            ("Swish", "silu"),
            ("LeakyReLU", "leaky_relu"),
        ],
    )
    def test_activations(self, written: str, name: str) -> None:
        mine, other = (read(layer=f'units = 1\nactivation = "{word}"') for word in (written, name))
        assert mine.model_dump() == other.model_dump()
        assert mine.network.layers[0].activation == name

    @pytest.mark.parametrize(
        ("written", "name"),
        [("Adam", "adam"), ("RMSprop", "rmsprop"), ("gd", "sgd"), ("SGD", "sgd"), ("Gradient Descent", "sgd")],
    )
    def test_optimisers(self, written: str, name: str) -> None:
        training = 'learning_rate = 0.1\noptimizer = "{}"'
        assert tables_of(training=training.format(written)) == tables_of(training=training.format(name))

    def test_losses_and_layers(self) -> None:
        assert tables_of(loss="mae") == tables_of(loss="mean_absolute_error")
        assert tables_of(loss="Binary-CrossEntropy") == tables_of(loss="binary_cross_entropy")
        assert (
            tables_of(layer='kind = "Dense"\nunits = 1')
            == tables_of(layer='kind = "FC"\nunits = 1')
            == tables_of(layer="units = 1")
        )
        normed = 'units = 3\n[[network.layers]]\nkind = "{}"\n[[network.layers]]\nunits = 1'
        assert tables_of(layer=normed.format("BatchNorm")) == tables_of(layer=normed.format("batch_norm"))

    def test_words_of_other_keys(self) -> None:
        assert read(training='learning_rate = 0.1\nupdate = "In-Place"').training.update == "in_place"

    def test_a_variant_may_say_its_optimiser_that_way(self) -> None:
        variant = '\n[[variants]]\nname = "v"\n[variants.training]\noptimizer = "{}"\n'
        base = text(training='learning_rate = 0.1\noptimizer = "sgd"\nmomentum = 0.9')
        mine, other = (parse_scenario(base + variant.format(name), variant="v") for name in ("Adam", "adam"))
        assert mine.training == other.training
        kept = parse_scenario(base + variant.format("GD"), variant="v").training
        assert (kept.optimizer, kept.momentum) == ("sgd", 0.9)

    @pytest.mark.parametrize(("written", "number"), [("1e3", 1000), ("20.0", 20), ("2E1", 20)])
    def test_a_whole_number_may_have_an_exponent_or_a_point(self, written: str, number: int) -> None:
        assert read(stop=f"epochs = {written}").stop.epochs == number
        assert type(read(stop=f"epochs = {written}").stop.epochs) is int
        assert tables_of(layer="units = 1.0") == tables_of(layer="units = 1")
        assert problem(stop="epochs = 1.5").endswith("1.5 is not a whole number")
        assert problem(stop="epochs = inf").endswith("inf is not a whole number")


class TestHints:
    @pytest.mark.parametrize("key", ["lr", "eta", "LR", "learningRate", "'learning rate'", '"η"'])
    def test_the_learning_rate(self, key: str) -> None:
        assert problem(training=f"{key} = 0.1").endswith("there is no such key; did you mean learning_rate?")

    def test_a_key_of_another_optimiser_that_means_the_learning_rate(self) -> None:
        with pytest.raises(ScenarioError) as caught:
            read(training="alpha = 0.1")
        assert "sgd has no alpha; its learning rate is called learning_rate" in str(caught.value)
        with pytest.raises(ScenarioError, match="learning_rate: missing"):
            read(training='optimizer = "rmsprop"\nalpha = 0.9')

    @pytest.mark.parametrize(
        ("parts", "said"),
        [
            ({"loss": "mse"}, "did you mean mean_squared_error? (as in Keras and PyTorch it has no ½"),
            ({"loss": "bce"}, "did you mean binary_cross_entropy? (unlike in Keras and PyTorch, nothing is clamped"),
            ({"loss": "xent"}, "did you mean cross_entropy? (its layer has softmax"),
            ({"loss": "categorical_crossentropy"}, "did you mean cross_entropy?"),
            ({"loss": "sparse_categorical_crossentropy"}, "indices as targets need data.classes"),
            ({"training": 'learning_rate = 0.1\noptimizer = "momentum"'}, "did you mean sgd? (write optimizer ="),
            ({"training": 'learning_rate = 0.1\noptimizer = "SGD with momentum"'}, "momentum = 0.9)"),
            ({"training": "learning_rate = 0.1\nbatchsize = 1"}, "did you mean batch_size?"),
            ({"training": "learning_rate = 0.1\nepochs = 1"}, "no such key here; it belongs in [stop]"),
            ({"training": 'learning_rate = 0.1\nschedule = { kind = "StepLR" }'}, "did you mean step?"),
            (
                {"stop": "epochs = 2\nlr = 1"},
                "it is called learning_rate, and belongs in [[network.layers]], [training]",
            ),
            ({"layer": "neurons = 1"}, "did you mean units?"),
            ({"layer": "units = 1\nbias = [1]"}, "initial values stand in biases"),
            ({"layer": "units = 1\nuse_bias = false"}, "did you mean bias?"),
            ({"layer": 'kind = "MaxPool2d"\nkernel = [2]'}, "did you mean max_pool?"),
            ({"layer": 'kind = "dropout"\np = 0.5'}, "did you mean rate?"),
            ({"layer": 'kind = "lstm"\nunits = 1\nactivation = "relu"'}, "an LSTM has σ at its gates"),
            ({"layer": 'units = 1\nactivation = "RELUU"'}, "did you mean relu?"),
        ],
    )
    def test_one_message_says_what_it_is_called_here(self, parts: dict[str, str], said: str) -> None:
        assert said in problem(**parts)

    @pytest.mark.parametrize(
        ("parts", "said", "never"),
        [
            ({"layer": 'kind = "flatten"\nunits = 1'}, ": a layer of the kind flatten has no units", "belongs in"),
            (
                {"layer": 'kind = "layer_norm"\nactivation = "relu"'},
                "of the kind layer_norm has no activation",
                "belongs",
            ),
            ({"layer": "units = 1\ndropout = 0.5"}, 'it is a layer of its own: kind = "dropout"', "known here"),
            ({"layer": 'units = 1\nactivation = "arctan"'}, '"arctan" is not known; allowed:', "did you mean"),
            ({"layer": 'units = 1\ninit = { kind = "lecun_normal" }'}, "is not known; allowed:", "did you mean"),
            ({"layer": 'units = 1\ninit = "xavier"'}, 'write init = { kind = "glorot_uniform" }', 'xavier" }'),
            ({"layer": 'units = 1\nfrozen = "weights"'}, 'write frozen = ["weights"]', "known"),
            ({"layer": 'units = 1\ninputs = "i"'}, 'write inputs = ["i"]', "known"),
            ({"loss": "half_mse"}, "did you mean half_squared_error?", "did you mean mean"),
            ({"loss": "NLLLoss"}, "did you mean nll? (it takes log-probabilities", "did you mean cross"),
            ({"stop": "epochs = 2\nloss = 0.1"}, "did you mean loss_below?", "top of the file"),
            ({"stop": "epochs = 2\nmin_error = 0.1"}, "did you mean loss_below?", "known here"),
            ({"training": 'learning_rate = 0.1\nloss = "mse"'}, "it is a table of its own: [loss]", "top of the file"),
            ({"training": 'learning_rate = 0.1\ndevice = "cpu"'}, "known here", "did you mean"),
            ({"training": "learning_rate = 0.1\nshuffle = true"}, "did you mean seeded?", "did you mean none"),
            ({"training": "learning_rate = 0.1\nshuffle = false"}, "did you mean none?", "did you mean seeded"),
            ({"training": "step_size = 0.1"}, "did you mean learning_rate?", "remembers"),
            ({"training": "learning_rate = 0.1\nl2_penalty = 0.1"}, "did you mean l2?", "l2_half"),
            ({"training": "η = 0.1"}, "write learning_rate = 0.1", "in quotes"),
            ({"training": "learning_rate: 0.1"}, "write learning_rate = 0.1", "in quotes"),
            ({"training": "learning_rate 0.1"}, "write learning_rate = 0.1", "in quotes"),
            ({"training": "learning_rate = 0.1;"}, "write 0.1", "in quotes"),
            ({"training": "learning_rate = ½"}, "write 0.5", "in quotes"),
        ],
    )
    def test_a_hint_is_true(self, parts: dict[str, str], said: str, never: str) -> None:
        found = problem(**parts)
        assert said in found
        assert never not in found

    def test_of_a_loss_weights_is_a_factor(self) -> None:
        written = text().replace("[training]", "weights = 2\n[training]")
        with pytest.raises(ScenarioError, match=r"did you mean weight\? \(it is a factor of the whole loss\)"):
            parse_scenario(written)

    @pytest.mark.parametrize(
        ("word", "meant"), [("train", "run"), ("ls", "list"), ("RUN", "run"), ("grad_check", "gradcheck")]
    )
    def test_subcommands(self, word: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main([word, "mazur"]) == 2
        assert f"did you mean {meant}?" in capsys.readouterr().err


class TestNumbers:
    @pytest.mark.parametrize(
        ("written", "said"),
        [
            (".5", "write 0.5"),
            ("-.5", "write -0.5"),
            ("5.", "write 5.0"),
            ("1.e-3", "write 1.0e-3"),
            ("0,5", "write 0.5"),
            ("1/100", "write 0.01"),
            ("5%", "write 0.05"),
            ("2.5 %", "write 0.025"),
            ("1__000", "write 1_000"),
            ("1 000", "write 1_000"),
            ("1,000,000", "write 1000000"),
            ("1,000", "write 1000, or 1.000 if the comma is a decimal one"),
            ("007", "write 7"),
            ("10^-3", "write 1e-3"),
            ("3*10^-4", "write 3e-4"),
            ("−0.5", "write -0.5"),
            ("True", "write true"),
            ("None", "leave the key out"),
            ("NaN", "write nan"),
            ("[.5, 1]", "write 0.5"),
            ("[1,.5]", "write 0.5"),
            ("relu", 'a text stands in quotes: "relu"'),
        ],
    )
    def test_what_toml_wants(self, written: str, said: str) -> None:
        found = problem(training=f"learning_rate = {written}")
        assert "this is not TOML" in found
        assert found.endswith(said), found

    @pytest.mark.parametrize("written", ["0.5f", "5 b = 3", '"x', "[1, 2", "1e-3x"])
    def test_what_is_no_number_has_no_hint(self, written: str) -> None:
        assert "write" not in problem(training=f"learning_rate = {written}")

    def test_a_number_in_quotes(self) -> None:
        assert problem(training='learning_rate = "0.1"').endswith("write 0.1 without quotes")
        assert problem(stop='epochs = "1_000"').endswith("write 1_000 without quotes")
        assert problem(training='learning_rate = "1/8"').endswith("write 0.125")
        assert problem(training='learning_rate = "fast"').endswith('"fast" is not a number')

    @examples(60)
    @given(
        value=st.decimals(min_value=-1000, max_value=1000, places=3),
        form=st.sampled_from(["{},{}", "{}.{}%", "{}.{}/8"]),
    )
    def test_a_hint_is_the_number(self, value: object, form: str) -> None:
        whole, part = str(value).split(".")
        written = form.format(whole, part)
        factor = 0.01 if written.endswith("%") else 1 / 8 if "/" in written else 1.0
        hint = meant_number(written).removeprefix("; write ")
        if "," in written and " or " in hint:
            hint = hint.split(", or ")[1].split()[0]
        assert tomllib.loads(f"a = {hint}")["a"] == pytest.approx(float(str(value)) * factor)

    @examples(60)
    @given(line=st.text(st.sampled_from("=[]{},.\"'# a1-_%/^*e"), max_size=40), column=st.integers(1, 45))
    def test_no_line_is_too_strange(self, line: str, column: int) -> None:
        assert isinstance(written_so(line, column), str)
