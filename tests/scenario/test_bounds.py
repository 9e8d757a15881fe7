"""Whatever a scenario file holds, loading it takes about a second, no memory to speak of, and ends in a message."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrograde.engine.errors import ScenarioError
from retrograde.engine.layers.base import Form
from retrograde.engine.layers.pool import MaxPoolLayer
from retrograde.engine.layers.spatial import empty
from retrograde.engine.scenario.file import load_scenario, parse_scenario

FILE = """\
format = 1
title = {{ en = "Bounds" }}
[network]
{network}
{layers}
[data]
{data}
[loss]
kind = "{loss}"
[training]
learning_rate = 0.1
[stop]
epochs = 2
"""
DENSE = '[[network.layers]]\nunits = 2\nactivation = "sigmoid"'
TEXT = "\n".join(f'[[network.layers]]\nkind = "{kind}"' for kind in ("embedding", "position", "linear"))
TEXT = TEXT.replace('"embedding"', '"embedding"\nvocabulary = 3\nunits = 2')
TEXT = TEXT.replace('"linear"', '"linear"\nunits = 3\nactivation = "softmax"')
POOL = '[[network.layers]]\nkind = "max_pool"\nkernel = [1, 1]'
NETWORKS = [
    (DENSE, "inputs = [[1, 2]]\ntargets = [[0, 1]]", "mean_squared_error"),
    (TEXT, 'text = "abcabcabcabc"', "cross_entropy"),
    (POOL, "inputs = [[1, 2]]", "value"),
    (POOL.replace("max", "average"), "inputs = [[1, 2]]\ntargets = [[1]]", "half_squared_error"),
    (TEXT + "\nhabit = 1", 'text = "abcabcabcabc"', "cross_entropy"),
    (TEXT + '\n[[network.layers]]\nkind = "lsmt"', 'text = "abcabcabcabc"', "cross_entropy"),
]
SIZES = ["0", "-1", "1", "2", "4", "true", "1.5", "4096", "10000000", "10000001", "2147483648", "1" + "0" * 30]


@contextmanager
def bounded(seconds: float, megabytes: int) -> Iterator[None]:
    """Fails where what is done takes longer or needs more."""
    tracemalloc.start()
    began = time.perf_counter()
    try:
        yield
        assert time.perf_counter() - began < seconds
        assert tracemalloc.get_traced_memory()[1] < megabytes * 2**20
    finally:
        tracemalloc.stop()


def refusal(text: str) -> str:
    """What is said of a file; empty where it is taken."""
    try:
        parse_scenario(text)
    except ScenarioError as error:
        return str(error)
    return ""


@settings(deadline=None)
@given(
    network=st.sampled_from(NETWORKS),
    inputs=st.sampled_from(["", *SIZES]),
    shape=st.none() | st.lists(st.sampled_from(SIZES), max_size=5),
)
def test_any_size_of_the_inputs_is_taken_or_refused_at_once(
    network: tuple[str, str, str], inputs: str, shape: list[str] | None
) -> None:
    layers, data, loss = network
    keys = [f"inputs = {inputs}"] if inputs else []
    keys += [] if shape is None else [f"input_shape = [{', '.join(shape)}]"]
    with bounded(2.0, 64):
        refusal(FILE.format(network="\n".join(keys), layers=layers, data=data, loss=loss))


@pytest.mark.parametrize("shape", ["[0]", "[0, 2]", "[2147483648, 1]", "[true, 4]", "[-2, -2]"])
def test_a_wrong_shape_is_one_mistake(shape: str) -> None:
    text = FILE.format(
        network=f"inputs = 4\ninput_shape = {shape}", layers=TEXT, data=NETWORKS[1][1], loss=NETWORKS[1][2]
    )
    found = refusal(text).splitlines()
    assert all("network.input_shape[" in line for line in found)
    assert found


WORDS = {
    "a word": "A" * 20,
    "digits": "1" * 399 + " ",
    "dots": "a" * 3 + "." * 2,
    "quotes": '"\\',
    "three quotes": '"""\\',
    "single quotes": "'",
    "blanks": "a      ",
    "keys": "a.b ",
}


@pytest.mark.parametrize("unit", WORDS.values(), ids=WORDS.keys())
@pytest.mark.parametrize("place", ["# {}", 'about = "{}"', "about = '{}'", 'about = """\n{}', "about = [{}", "{} = 1"])
def test_loading_takes_time_in_proportion_to_the_file(unit: str, place: str) -> None:
    text = "format = 1\n" + place.replace("{}", unit * (200_000 // len(unit)))
    began = time.perf_counter()
    refusal(text)
    assert time.perf_counter() - began < 2.0


def test_dots_in_texts_and_comments_are_no_deep_key() -> None:
    dots = ".".join("abcdefghijklmnopq")
    text = FILE.format(network="inputs = 2", layers=DENSE, data=NETWORKS[0][1], loss="mean_squared_error")
    text = text.replace('"Bounds"', f'"""{dots}\n{dots}"""') + f"# {dots}\n"
    assert refusal(text) == ""
    assert "more than 11 dots" in refusal(text + f"{dots} = 1\n")
    assert "more than 11 dots" in refusal(text + " . ".join(['"a"'] * 13) + " = 1\n")


@pytest.mark.parametrize("classes", ["", "classes = 1", "classes = 2", "classes = 3"])
@pytest.mark.parametrize("activation", ["sigmoid", "sigmoyd"])
@pytest.mark.parametrize("units", ["units = 2", ""])
def test_ragged_targets_are_said_beside_any_other_mistake(classes: str, activation: str, units: str) -> None:
    layers = DENSE.replace("sigmoid", activation).replace("units = 2", units)
    data = f"inputs = [[1, 2], [2, 3]]\n{classes}\ntargets = [[0, 1], [0]]"
    assert ": data.targets" in refusal(
        FILE.format(network="inputs = 2", layers=layers, data=data, loss="cross_entropy")
    )


@given(
    length=st.integers(1, 12),
    taps=st.integers(1, 5),
    stride=st.integers(1, 6),
    dilation=st.integers(1, 5),
    before=st.integers(0, 9),
    after=st.integers(0, 9),
)
def test_a_window_in_the_padding_alone_is_found_without_looking_at_all(
    length: int, taps: int, stride: int, dilation: int, before: int, after: int
) -> None:
    windows = MaxPoolLayer(
        kind="max_pool", kernel=(taps,), stride=stride, dilation=dilation, padding=((before, after),)
    )
    source = Form((1, length))
    count = (length + before + after - (taps - 1) * dilation - 1) // stride + 1
    if count < 1:
        return
    starts = [position * stride - before for position in range(count)]
    alone = [not any(0 <= start + tap * dilation < length for tap in range(taps)) for start in starts]
    assert empty(windows, source) == any(alone)


@pytest.mark.parametrize(
    "name", ["1" * 5000, "a/" * 5000, "\ud800", "set " + "é" * 300], ids=["long", "deep", "half", "words"]
)
def test_a_name_that_no_file_can_have_is_no_scenario(name: str) -> None:
    with pytest.raises(ScenarioError, match=r"no such|cannot be read"):
        load_scenario(name)
