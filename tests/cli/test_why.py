"""`retrograde why`: the verdict, the account that multiplies up, the paths that add up; in text and as JSON."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path

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


@pytest.mark.parametrize("gradient", ["t_o1", "w99"])
def test_what_has_no_gradient_is_an_error(capsys: pytest.CaptureFixture[str], gradient: str) -> None:
    assert main(["why", "mazur", gradient]) == 2
    assert gradient in capsys.readouterr().err


@pytest.mark.parametrize("name", [name for name in shipped() if name not in {"lenet-digits", "char-transformer"}][::6])
def test_every_network_answers(capsys: pytest.CaptureFixture[str], name: str) -> None:
    from tests.support.gradients import session_of

    parameter = session_of(name).program.state[0]
    index = ",".join("1" for _axis in parameter.shape)
    assert said(capsys, name, f"{parameter.name}[{index}]" if index else parameter.name)


DEAD = """format = 1
title = { en = "A step too far", zh = "一步太大" }
[network]
inputs = 1
[[network.layers]]
name = "h1"
units = 1
activation = "relu"
weights = [[1]]
biases = [0]
[[network.layers]]
name = "o"
units = 1
activation = "identity"
weights = [[2]]
biases = [0]
[data]
inputs = [[1], [2]]
targets = [[0], [0]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.25
[stop]
epochs = 5
"""


def test_a_death_is_reported_with_its_update_and_its_cure(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "dead.toml"
    file.write_text(DEAD, encoding="utf-8")
    record = json.loads(said(capsys, str(file), "w1", "--at", "5:1", "--json"))
    # out − t = 2 and 4, behind w2 = 2: grad(w1) = 2·(2·1 + 4·2) = 20, grad(b1) = 2·(2 + 4) = 12; at x = 2 the net
    # falls from 2 to 2 − 0.25·(20·2 + 12) = −11.
    assert (record["value"], record["finding"]) == (0, "zero")
    assert record["died"] == {
        "epoch": 2,
        "iteration": 1,
        "value": 0,
        "alive_from": 0.2,
        "largest_of_first_epoch": 20,
    }
    pushed = record["pushed_by"]
    assert (pushed["name"], pushed["row"], pushed["from"], pushed["to"]) == ("net_h1.1", 2, 2, -11)
    assert (pushed["epoch"], pushed["weights"], pushed["bias"], pushed["inputs"]) == (1, -10, -3, 0)
    shares = {share["row"]: share["amount"] for share in pushed["shares"]}
    assert shares == {1: -0.25 * 4 * (1 * 2 + 1), 2: -0.25 * 8 * (2 * 2 + 1)}
    revived = record["revived_by"]
    assert revived["change"] is not None and revived["refused"] is None
    assert revived["least"] <= abs(revived["change"]["value"]) <= revived["most"]
    text = " ".join(said(capsys, str(file), "w1", "--at", "5:1").split())
    assert "It died in iteration 2:1. Update 1:1 moved net_h1.1 by −13; row 2 alone by −10." in text
    assert "(tried)." in text
