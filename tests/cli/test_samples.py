"""`retrograde samples`: rows, order, filter and confusion matrix, in text and as JSON."""

from __future__ import annotations

import json

import pytest

from retrograde.engine import Session, load_scenario
from retrograde.tui.cli.main import main


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["samples", *arguments]) == 0
    return capsys.readouterr().out


def test_wrong_samples_come_first_with_their_classes(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "iris", "--at", "3", "--limit", "2").splitlines()
    assert lines[0].startswith("iris, after epoch 3, iteration 10, right: ")
    assert lines[2].split() == ["sample", "target", "output", "loss"]
    assert "wrong" in lines[3] and lines[-1].startswith("and 148 more")


def test_the_records_are_the_numbers_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(load_scenario("iris"))
    session.seek("3")
    table = session.samples()
    records = list(
        map(json.loads, said(capsys, "iris", "--at", "3", "--sort", "number", "--format", "jsonl").splitlines())
    )
    assert [record["sample"] for record in records] == list(range(1, 151))
    assert [record["loss"] for record in records] == table.losses.tolist()
    assert [record["output"] for record in records] == table.outputs[:, 0].tolist()
    assert [record["right"] for record in records] == table.right.tolist()  # type: ignore[union-attr]
    wrong = said(capsys, "iris", "--at", "3", "--wrong", "--format", "jsonl").splitlines()
    assert len(wrong) == sum(not record["right"] for record in records)
    taken = json.loads(wrong[0])
    again = said(capsys, "iris", "--at", "3", "--filter", f"{taken['class']}>{taken['named']}", "--format", "jsonl")
    assert json.loads(again.splitlines()[0]) == taken


def test_the_confusion_matrix_counts_every_sample(capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(map(json.loads, said(capsys, "iris", "--confusion", "--format", "jsonl").splitlines()))
    assert [row["class"] for row in rows] == ["setosa", "versicolor", "virginica"]
    assert [sum(row["named"].values()) for row in rows] == [50, 50, 50]
    assert "target" in said(capsys, "iris", "--confusion")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("mazur", "--confusion"), "no classes"),
        (("mazur", "--wrong"), "no classes"),
        (("iris", "--filter", "setos"), "did you mean setosa?"),
        (("iris", "--sort", "los"), "did you mean loss?"),
        (("iris", "--held-out"), "no samples are held out"),
    ],
)
def test_what_makes_no_sense_is_one_clear_error(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    assert main(["samples", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_numbers_and_no_targets_have_tables_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert "0.0100 0.9900" in said(capsys, "mazur")
    assert said(capsys, "cs231n-circuit").splitlines()[3].split()[0] == "1"
