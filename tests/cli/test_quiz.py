"""The quiz by lines: a conversation in a pipe, scores that outlive a kill, results as a table."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.quizzing.questions import questions
from retrograde.tui.cli.main import main
from retrograde.tui.cli.quiz import LEVELS
from retrograde.tui.work import scores

BASE = (sys.executable, "-m", "retrograde.tui")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "retrograde" / scores.NAME


def _answers(seed: int, count: int) -> list[str]:
    """The right answers."""
    found = questions(Session(load_scenario("mazur")), level=None, count=count, seed=seed)
    return [
        next((option.letter for option in one.options if option.mistake is None), f"{one.value:.6g}") for one in found
    ]


def test_a_piped_round_is_plain_sentences_and_bad_lines_are_asked_again(tmp_path: Path, state: Path) -> None:
    right = _answers(5, 6)
    lines = ["", "words", "nan", right[0], *right[1:3]]
    table = tmp_path / "class.csv"
    done = subprocess.run(
        [*BASE, "quiz", "mazur", "--seed", "5", "--questions", "6", "--csv", str(table)],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", "LANGUAGE": "en"},
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert said[0] == "mazur: the questions of seed 5."
    assert sum(line.startswith("Question 1 of 6") for line in said) == 1, "a bad line is one line, and asks again"
    assert "'words' is not a number, such as -0.0413" in said and "'nan' is not a number, such as -0.0413" in said
    assert sum(line == "Right." for line in said) == 3
    assert "3 of 3 questions right." in said and "\x1b" not in done.stdout
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    assert [row["right"] for row in rows] == ["1", "1", "1"] and {row["seed"] for row in rows} == {"5"}
    kept = json.loads(state.read_text("utf-8"))
    assert sum(row[0] for row in kept["levels"].values()) == 3


def test_scores_outlive_a_kill(state: Path) -> None:
    process = subprocess.Popen(
        [*BASE, "quiz", "mazur", "--seed", "5"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write("12345\n")
    process.stdin.flush()
    while not process.stdout.readline().startswith("Question 2"):
        pass
    process.kill()
    process.communicate()
    assert sum(asked for asked, _right in scores.load().levels.values()) == 1
    assert json.loads(state.read_text("utf-8"))["format"] == scores.FORMAT


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"format": 1, "made": {"sign": "x"}, "levels": {"forward": [1]}}', "\x00"]
)
def test_scores_that_can_not_be_read_are_none(state: Path, text: str) -> None:
    state.parent.mkdir(parents=True)
    state.write_text(text)
    assert scores.load() == scores.Scores()


def test_no_folder_for_scores_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("sys.stdin", _Lines(["1", "q"]))
    assert main(["quiz", "mazur", "--seed", "5", "--level", LEVELS[0]]) == 0
    assert "0 of 1 question right." in capsys.readouterr().out


class _Lines(list[str]):
    """Standard input that is no terminal."""

    def isatty(self) -> bool:
        return False


@pytest.mark.parametrize(
    "given", [["--questions", "0"], ["--level", "sideways"], ["--seed", "x"], ["--csv", "/nowhere/x"]]
)
def test_wrong_arguments_are_one_line(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quiz", "mazur", "--seed", "1", *given]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["quiz", "step"])
def test_plain_characters_may_be_asked_for_before_the_name(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", _Lines(["1" if command == "quiz" else "s"]))
    seed = ["--seed", "1", "--level", "update", "--questions", "1"] if command == "quiz" else ["--at", "1:1:35"]
    assert main(["--ascii", command, "mazur", *seed]) == 0
    assert capsys.readouterr().out.isascii()
