"""`frozen` has the same words for every kind of layer, and they mean what they say."""

from __future__ import annotations

import re

import pytest

from retrograde.engine import ScenarioError, Session
from retrograde.engine.scenario.file import parse_scenario

TEXT = """
format = 1
[title]
en = "x"
zh = "x"
[network]
inputs = 6
input_shape = [{shape}]
seed = 3
[[network.layers]]
name = "m"
{layer}
frozen = [{frozen}]
[[network.layers]]
name = "o"
units = 1
[data]
inputs = [[1, 2, 3, 1, 2, 0], [2, 0, 1, 1, 1, 2]]
targets = [[1], [0]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 1
"""

CONV = ("2, 3", 'kind = "conv"\nchannels = 2\nkernel = [2]')
LINEAR = ("2, 3", 'kind = "linear"\nunits = 2')
RNN = ("3, 2", 'kind = "rnn"\nunits = 2\nbias = "both"\noutputs = "last"')
BOTH = ("3, 2", 'kind = "lstm"\nunits = 1\ndirection = "both"\noutputs = "last"')
ATTENTION = ("3, 2", 'kind = "attention"')
DENSE = ("6", "units = 2")
NORM = ("2, 3", 'kind = "batch_norm"')
LAYER_NORM = ("2, 3", 'kind = "layer_norm"')


def frozen_ones(kind: tuple[str, str], *words: str) -> set[str]:
    """The parameters of the layer that training leaves as they are."""
    frozen = ", ".join(f'"{word}"' for word in words)
    network = Session(parse_scenario(TEXT.format(shape=kind[0], layer=kind[1], frozen=frozen))).network
    return {array.stem or array.name for array in network.parameters if array not in set(network.trainable)}


@pytest.mark.parametrize(
    ("kind", "weights", "bias"),
    [
        (DENSE, {"W"}, {"b"}),
        (CONV, {"W"}, {"b"}),
        (LINEAR, {"W"}, {"b"}),
        (RNN, {"W"}, {"b"}),
        (BOTH, {"W"}, {"b"}),
        (ATTENTION, {"Wq", "Wk", "Wv", "Wo"}, {"bq", "bk", "bv", "bo"}),
        (NORM, {"gamma"}, {"beta"}),
        (LAYER_NORM, {"gamma"}, {"beta"}),
    ],
)
def test_weights_and_bias_are_words_of_every_kind(kind: tuple[str, str], weights: set[str], bias: set[str]) -> None:
    given = frozen_ones(kind)
    assert frozen_ones(kind, "weights") - given == weights
    assert frozen_ones(kind, "bias") - given == bias
    assert frozen_ones(kind, "biases", "weights") - given == weights | bias
    assert frozen_ones(kind, *sorted(weights | bias)) - given == weights | bias


def test_a_key_freezes_what_it_gives() -> None:
    assert frozen_ones(RNN, "recurrent_weights", "recurrent_biases") - frozen_ones(RNN) == {"U", "bu"}
    assert frozen_ones(BOTH, "Ur") - frozen_ones(BOTH) == {"Ur"}


@pytest.mark.parametrize(
    ("kind", "word", "said"),
    [
        (DENSE, "weight", "this layer has no parameter weight; it has weights, bias; did you mean weights?"),
        (CONV, "U", "this layer has no parameter U; it has weights, bias"),
        (NORM, "gama", "did you mean gamma?"),
        ((DENSE[0], 'units = 2\nbias = "none"'), "b", "this layer has no parameter b; it has weights"),
        ((CONV[0], CONV[1] + '\nbias = "none"'), "bias", "this layer has no parameter bias; it has weights"),
        (RNN, "reverse", "this layer has no parameter reverse"),
    ],
)
def test_what_is_not_there_can_not_be_frozen(kind: tuple[str, str], word: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=re.escape(said)) as caught:
        frozen_ones(kind, word)
    assert "network.layers[1].frozen[1]" in str(caught.value)
