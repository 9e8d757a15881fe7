"""Every name means one value: what a layer, a weight or a value may not be called, and what is reached by its name."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retrograde.engine import ScenarioError, Session
from retrograde.engine.equations.array import Phase
from retrograde.engine.equations.words import PHASES, WORDS
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.scenario.rules import reserved
from tests.support.effort import examples

TEXT = """\
format = 1
title = { en = "t", zh = "题" }
[network]
inputs = 2
[[network.layers]]
name = "NAME"
units = 2
NUMBERING
[[network.layers]]
units = 1
[data]
inputs = [[0, 1]]
targets = [[1]]
[loss]
kind = "squared_error"
[training]
learning_rate = 0.5
[stop]
epochs = 2
"""


def session(name: str, numbering: str = "") -> Session:
    return Session(parse_scenario(TEXT.replace("NAME", name).replace("NUMBERING", numbering)))


@pytest.mark.parametrize("name", sorted(reserved.LAYERS))
def test_no_layer_is_called_by_a_word_that_means_something_else(name: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        session(name)
    (problem,) = caught.value.problems
    assert str(problem) == (
        f"scenario.toml:6:8: network.layers[1].name: {name} means something else in Retrograde ({reserved.why(name)});"
        " choose another name"
    )


@pytest.mark.parametrize("name", sorted(word for word in reserved.LAYERS if len(word) > 1))
def test_no_weight_is_called_by_a_word_that_means_something_else(name: str) -> None:
    with pytest.raises(
        ScenarioError, match=rf"{name} means something else in Retrograde \(.+\); choose another name, such"
    ):
        session("h", f'numbering = [["{name}", "w2"], ["w3", "w4"]]\n')


def test_the_words_of_the_languages_are_reserved() -> None:
    assert WORDS <= reserved.LAYERS
    assert WORDS <= reserved.VALUES
    assert set(PHASES) <= reserved.LAYERS
    assert all(reserved.WEIGHTS.fullmatch(word) for word in WORDS)


LETTERS = "abehitwxyWESlrnd_0123456789"
NAMES = (
    st.text(LETTERS, min_size=1, max_size=6).filter(lambda name: name[0].isalpha())
    | st.builds("{}{}".format, st.sampled_from(sorted(reserved.VALUES)), st.sampled_from(["_", "s", "_h", "_2", "7"]))
    | st.sampled_from(sorted(reserved.VALUES - reserved.LAYERS))
).filter(lambda name: len(name) <= 24)


@given(name=NAMES)
@examples(60)
def test_each_layer_is_reached_by_its_name(name: str) -> None:
    try:
        found = session(name)
    except ScenarioError:
        assume(False)
    label = found.notation.neuron(name, 1)
    spots = {f"at {name}": {"layer": name}, f"at backward {name}": {"phase": Phase.BACKWARD, "layer": name}}
    for text, wanted in spots.items():
        spot = found.add_breakpoint(text).place
        assert spot is not None
        assert {key: getattr(spot, key) for key in ("phase", "layer") if getattr(spot, key) is not None} == wanted
        assert (spot.op, spot.slot, spot.neuron) == (None, None, None)
    spot = found.add_breakpoint(f"at {label}").place
    assert spot is not None
    assert spot.neuron == (name, 1)
    for array, text in ((f"out_{name}", f"out_{label}"), (f"net_{name}", f"net_{label}")):
        ref = found.resolve(text)
        assert (ref.array.name, ref.index) == (array, (0, 1))
        assert found.add_breakpoint(f"{text} > 0 and max({array}) < 2 or delta({label}) > 0").condition is not None
