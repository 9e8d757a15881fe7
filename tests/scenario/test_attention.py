"""What a scenario file may say of embeddings, positions, attention, norms and linear layers, and what it is told."""

from __future__ import annotations

import pytest

from retrograde.engine.errors import ScenarioError
from retrograde.engine.scenario.data import load_data
from retrograde.engine.scenario.file import parse_scenario

BASE = """format = 1
title = { en = "t", zh = "t" }
[network]
inputs = 3
[[network.layers]]
name = "emb"
kind = "embedding"
vocabulary = 5
units = 4
[[network.layers]]
name = "pos"
kind = "position"
[[network.layers]]
name = "att"
kind = "attention"
heads = 2
[[network.layers]]
name = "scaled"
kind = "layer_norm"
[[network.layers]]
name = "o"
kind = "linear"
units = 5
activation = "softmax"
[data]
inputs = [[0, 1, 4], [2, 2, 3]]
targets = [[1, 1, 0], [4, 3, 2]]
classes = 5
[loss]
kind = "cross_entropy"
[training]
learning_rate = 0.1
[stop]
epochs = 1
"""


def test_the_base_is_valid() -> None:
    scenario = parse_scenario(BASE)
    assert {name: form.shape for name, form in scenario.forms.items()} == {
        "i": (3,),
        "emb": (3, 4),
        "pos": (3, 4),
        "att": (3, 4),
        "scaled": (3, 4),
        "o": (3, 5),
    }
    assert scenario.topology == "3-embedding-position-attention-layer_norm-linear"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "[0, 1, 4]",
            "[0, 1, 5]",
            "26:18: data.inputs[1][3]: 5 is not an index; with vocabulary = 5 they go from 0 to 4",
        ),
        ("[0, 1, 4]", "[0, 1.5, 4]", "data.inputs[1][2]: 1.5 is not an index"),
        ("classes = 5", "classes = 5\nstandardise = true", "data.standardise: the inputs are indices, which are not"),
        ("vocabulary = 5\n", "", "network.layers[1].vocabulary: missing"),
        (
            'name = "pos"\nkind = "position"',
            'name = "pos"\nkind = "embedding"\nvocabulary = 2\nunits = 2',
            'inputs = ["i"]',
        ),
        ("heads = 2", "heads = 3", "16:9: network.layers[3].heads: a width of 4 cannot be divided among 3 heads"),
        ("heads = 2", "width = 5\nheads = 2", "network.layers[3].heads: a width of 5 cannot be divided among 2 heads"),
        (
            "heads = 2",
            'projections = ["q"]\nwidth = 2',
            "projections: queries have the width 2 and keys 4; project them",
        ),
        ("heads = 2", "projections = []\nunits = 2", "units: units is the width of a projection that is not there"),
        ("heads = 2", 'projections = ["x"]', 'projections[1]: "x" is not known; allowed: q, k, v, o'),
        ("heads = 2", 'inputs = ["emb", "i"]', "attention takes arrays (positions, width); 3 comes before it"),
        ("heads = 2", 'inputs = ["emb", "pos", "emb", "pos"]', "attention takes 1 or more layers before it"),
        ("heads = 2", "Wq = [[1.0, 2.0]]", "network.layers[3].Wq: 1×2 values where the layer needs 4×4"),
        ("heads = 2", 'frozen = ["Wx"]', "network.layers[3].frozen[1]"),
        ("heads = 2", 'bias = "none"\nfrozen = ["bq"]', "this layer has no parameter bq; it has Wq, Wk, Wv, Wo"),
        ('kind = "position"', 'kind = "position"\nweights = [[1.0]]', "weights belong to learned positions"),
        (
            'kind = "position"',
            'kind = "position"\nencoding = "learned"\nweights = [[1.0]]',
            "1×1 values where the layer needs 3×4",
        ),
        ('kind = "layer_norm"', 'kind = "layer_norm"\nepsilon = 0', "epsilon: 0 is too small; more than 0"),
        ('kind = "layer_norm"', 'kind = "layer_norm"\ngamma = [1.0]', "gamma: 1 values where the layer needs 4"),
        ("units = 5\nactivation", "units = 5\nweights = [[1.0]]\nactivation", "1×1 values where the layer needs 5×4"),
        (
            "units = 5\nactivation",
            'units = 5\nbias = "shared"\nactivation',
            'bias: "shared" is not known; allowed: neuron, none',
        ),
        ("units = 4\n", "units = 1\n", "network.layers[3].heads: a width of 1 cannot be divided among 2 heads"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(old: str, new: str, said: str) -> None:
    assert BASE.count(old) == 1
    with pytest.raises(ScenarioError) as error:
        parse_scenario(BASE.replace(old, new))
    assert said in str(error.value)


TEXT = BASE[: BASE.index("[data]")] + BASE[BASE.index("[loss]") :] + '[data]\ntext = "abracadabra"\nstride = 2\n'


def test_a_text_gives_an_embedding_indices() -> None:
    scenario = parse_scenario(TEXT)
    data = load_data(scenario)
    assert data.class_names == ("a", "b", "c", "d", "r")
    assert data.inputs.tolist() == [[0, 1, 4], [4, 0, 2], [2, 0, 3], [3, 0, 1]]
    assert data.targets.reshape(4, 3, 5).argmax(axis=2).tolist() == [[1, 4, 0], [0, 2, 0], [0, 3, 0], [0, 1, 4]]
    assert load_data(scenario.model_copy(update={"data": scenario.data.model_copy()})).inputs.shape == (4, 3)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("abracadabra", "abracadabr!", "the text has 6 different characters, but the embedding has vocabulary = 5"),
        ("abracadabra", "abr", "3 characters are too few for 3 steps and the character that follows"),
    ],
)
def test_a_text_that_does_not_fit_an_embedding(old: str, new: str, said: str) -> None:
    with pytest.raises(ScenarioError) as error:
        parse_scenario(TEXT.replace(old, new))
    assert said in str(error.value)


def test_shared_attention_has_the_parameters_of_the_other() -> None:
    more = '[[network.layers]]\nname = "scaled"\nkind = "layer_norm"'
    again = '[[network.layers]]\nname = "again"\nkind = "attention"\nheads = 2\nshare = "att"\n'
    from retrograde.engine import Session

    session = Session(parse_scenario(BASE.replace(more, again + more)))
    session.run()
    names = {array.name for array in session.network.trainable}
    assert "Wq_att" in names
    assert "Wq_again" not in names
    frame = session.timeline.frame(0)
    for executor in ("grad(Wq_att)", "grad(bo_att)"):
        assert frame.array(frame.program.named[executor]).any()
