"""`retrograde doctor`: the exit code, the headline with what follows from it, the record, and wrong arguments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrograde.tui.cli.main import main

FAULTS = Path(__file__).parent.parent / "cases" / "faults"


def test_a_headline_is_an_exit_code_of_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", str(FAULTS / "sum-of-squares.toml"), "--epochs", "60"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "✖ 1:1 learning rate above 2 / λmax (lr_curvature)" in said
    assert "and so: learning rate too large 2:1" in said
    assert ":set lr = " in said
    assert "not judged:" in said


def test_no_headline_is_an_exit_code_of_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "mazur", "--epochs", "20"]) == 0
    assert "nothing is wrong" in capsys.readouterr().out


def test_the_record_has_stable_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", str(FAULTS / "zero-weights.toml"), "--epochs", "30", "--json", "--try", "half_rate"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert record["headline"] == record["alerts"][0]
    assert {"rule", "moment", "value", "threshold", "cause", "advice"} <= set(record["headline"])
    assert (record["headline"]["rule"], record["headline"]["moment"]) == ("twins", "start")
    assert record["not_judged"]["overfitting"]
    assert record["iterations"] == 30
    assert record["trials"][0]["numbers"] == {"end": 0.25, "end_half_rate": 0.25}
    assert main(["doctor", "mazur", "--epochs", "20", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["headline"] is None


def test_a_limit_is_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "mazur", "--epochs", "20", "--set", "lr_small.update=100"]) == 1
    assert "(lr_small)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "lr_larg.once=3"], "did you mean lr_large?"),
        (["--set", "lr_large.once"], "lr_large.once=5"),
        (["--try", "pray"], "fit_one_batch"),
    ],
)
def test_wrong_arguments_are_said(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert main(["doctor", "mazur", *arguments]) == 2
    assert words in capsys.readouterr().err
