"""`retrograde biography`: the printed columns add up, by sample, cause and time; the record says the same."""

from __future__ import annotations

import json
import math
import re
from fractions import Fraction

import pytest

from retrograde.tui.cli.main import main


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["biography", *arguments]) == 0
    return capsys.readouterr().out


def column(text: str, place: int = 0) -> list[Fraction]:
    """The numbers of a column, from the start to now."""
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("start"))
    last = next(number for number, line in enumerate(lines) if line.startswith("now"))
    found = [re.findall(r"[+−]?\d+\.\d+(?= |$)", line) for line in lines[first : last + 1]]
    return [Fraction(numbers[place].replace("−", "-")) for numbers in found]


@pytest.mark.parametrize("by", ["row", "cause", "epoch", "iteration"])
@pytest.mark.parametrize("name", ["two-moons", "optimiser-race:adam"])
def test_columns_add_up_as_printed(capsys: pytest.CaptureFixture[str], name: str, by: str) -> None:
    text = said(capsys, name, "w1", "--epochs", "5", "--by", by)
    for place in (0, 1) if "in all" in text else (0,):
        *parts, now = column(text, place)
        assert sum(parts, Fraction()) == now


def test_the_walk_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "two-moons", "w1", "--epochs", "60", "--most", "4")
    assert "walked 26.5 to get −1.27: it mostly went back and forth" in text
    assert "… 116 more rows" in text
    assert re.search(r"row 2 +\+6\.06", text)


def test_the_record_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads(said(capsys, "mazur", "w5", "--epochs", "1000", "--json"))
    assert (record["start"], record["now"], record["iterations"]) == (0.4, -3.0640975297007556, 1000)
    assert record["rows"] == [
        {"cause": "data", "row": 1, "at_once": -3.4640975297007572, "in_all": -3.4640975297007572}
    ]
    assert math.isclose(record["rounding"]["at_once"], 1.7e-15, rel_tol=0.05)
    assert len(record["buckets"]) == 64
    assert (record["buckets"][0]["before"], record["buckets"][-1]["after"]) == (record["start"], record["now"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["w99"], "w99"),
        (["out_h1"], "not trained"),
        (["w1", "--at", "0"], "nothing has run yet"),
        (["w1", "--at", "2:1", "--epochs", "3"], "give one of them"),
    ],
)
def test_what_has_no_biography_is_an_error(
    capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["biography", "mazur", *arguments]) == 2
    assert words in capsys.readouterr().err
