"""Large files that are wrong are refused in a time that is linear in their size."""

from __future__ import annotations

import time

import pytest

from retrograde.engine.errors import ScenarioError
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.scenario.limits import MAX_FILE_BYTES

HEAD = """\
format = 1
title = { en = "a", zh = "b" }
[network]
inputs = 2
[[network.layers]]
units = 1
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.5
[stop]
epochs = 3
"""
ROOM = MAX_FILE_BYTES // 4
"""A quarter of the largest file: what is not linear in the file takes far longer than a quarter of its seconds."""


@pytest.mark.parametrize(
    "text",
    [
        HEAD
        + "[data]\ninputs = [\n"
        + "['a', 0.3],\n" * (ROOM // 22)
        + "]\ntargets = [\n"
        + "[0.5],\n" * (ROOM // 22)
        + "]",
        HEAD + "".join(f"k{number} = 1\n" for number in range(ROOM // 12)),
        HEAD + "[[expect]]\n" * (ROOM // 11),
        HEAD + "[[network.layers]]\nunits = 2\n" * (ROOM // 30),
        HEAD + "".join("a." * 10 + f"b{number} = 1\n" for number in range(ROOM // 30)),
        HEAD + "x = " + "[" * ROOM,
        HEAD + "x = " + "{a=" * (ROOM // 3),
        HEAD + "'' . " * (ROOM // 5),
        HEAD + "a" + " " * ROOM + ". b = 1",
        HEAD + 'x = """' + '\n"" ' * (ROOM // 4),
        HEAD + "x = [" + ("9" * 399 + ",") * (ROOM // 400) + "]",
    ],
    ids=["cells", "keys", "tables", "layers", "dots", "brackets", "braces", "quotes", "blanks", "string", "nines"],
)
def test_the_largest_files_are_refused_in_time(text: str) -> None:
    start = time.process_time()
    with pytest.raises(ScenarioError):
        parse_scenario(text)
    # A second for the largest on an ordinary machine; the margin is for a loaded one.
    assert time.process_time() - start < 2.0
