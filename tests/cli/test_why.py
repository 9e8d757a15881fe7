"""`retrograde why`: the verdict, the account that multiplies up, the paths that add up; in text and as JSON."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import pytest

from retrograde.engine import shipped
from retrograde.tui.cli.main import main


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["why", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "gradient", "words"),
    [
        ("vanishing", "w1", "8 slopes of σ, none above ¼, take away a factor of 93,000."),
        ("saturated", "w1", "The slope at o1 is 0.0177: its net input is 4, far out on σ."),
        ("mazur", "grad(w1)", "is ordinary (0.000439)"),
        ("xor-2-2-1", "w1", "The samples oppose each other"),
        ("deep-relu-zeros", "W_h1[1,1]", "at least 20 factors that are 0. No single change can"),
        ("digits", "W_h[1,1]", "i1 is 0 for all 32 samples"),
        ("char-transformer", "bk_att[1]", "is a rounding residue"),
    ],
)
def test_the_verdict_is_said(capsys: pytest.CaptureFixture[str], name: str, gradient: str, words: str) -> None:
    assert words in " ".join(said(capsys, name, gradient).split())


def test_the_record_multiplies_and_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    record = json.loads(said(capsys, "vanishing", "grad(w1)", "--json"))
    assert (record["name"], record["finding"], record["epoch"]) == ("grad(w1)", "tiny", 1)
    assert record["causes"][0]["cause"] == "slopes at their best"
    assert math.isclose(record["product"], abs(record["value"]), rel_tol=1e-12)
    assert math.isclose(math.prod(layer["total"] for layer in record["account"]), record["product"], rel_tol=1e-12)
    paths = record["paths"]
    total = sum((Fraction(value) for value in paths["largest"]), Fraction(paths["rest"]))
    assert math.isclose(float(total), record["value"], rel_tol=1e-12)
    assert paths["count"] == 64


def test_a_moment_may_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    later = json.loads(said(capsys, "vanishing", "w1", "--at", "150", "--json"))
    assert later["epoch"] == 150
    assert {line["cause"] for line in later["causes"]} == {"slopes at their best", "error"}


@pytest.mark.parametrize("gradient", ["t_o1", "w99", "slope(h1)"])
def test_what_has_no_gradient_is_an_error(capsys: pytest.CaptureFixture[str], gradient: str) -> None:
    assert main(["why", "mazur", gradient]) == 2
    assert gradient in capsys.readouterr().err


@pytest.mark.parametrize("name", [name for name in shipped() if name not in {"lenet-digits", "char-transformer"}][::6])
def test_every_network_answers(capsys: pytest.CaptureFixture[str], name: str) -> None:
    from tests.support.gradients import session_of

    parameter = session_of(name).program.state[0]
    index = ",".join("1" for _axis in parameter.shape)
    assert said(capsys, name, f"{parameter.name}[{index}]")
