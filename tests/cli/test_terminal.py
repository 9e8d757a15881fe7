"""What a file or a word of the command line holds never moves a terminal, and never fills it."""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.errors import Problem
from retrograde.engine.text import visible
from retrograde.tui.cli.main import main
from retrograde.tui.cli.support.streams import bare, settled_streams

ODD = "\x1b[31m\x1b]0;t\x07\x9b1m\u202e\u2066\u200f\u2028"
ESCAPED = "".join(f"\\u{ord(character):04x}" for character in ODD)
FILE = f"""\
format = 1
title = {{ en = "Odd {ESCAPED}" }}
[network]
inputs = 2
[[network.layers]]
name = "o"
units = 1
[data]
inputs = [[1, 2]]
[loss]
kind = "value"
[training]
learning_rate = 0.1
[stop]
epochs = 2
[[expect]]
value = "out_o1"
printed = "9"
verdict = "source_wrong"
reason = "why {ESCAPED}"
"""
WRONG = {
    "kind": ('name = "o"', f'kind = "{ESCAPED}"'),
    "name": ('name = "o"', f'name = "{ESCAPED}"'),
    "inputs": ('name = "o"', f'inputs = ["{ESCAPED}"]'),
    "numbering": ('name = "o"', f'numbering = [["{ESCAPED}", "w2"]]'),
    "activation": ('name = "o"', f'activation = "{ESCAPED}"'),
    "optimizer": ("learning_rate = 0.1", f'learning_rate = 0.1\noptimizer = "{ESCAPED}"'),
    "file": ("inputs = [[1, 2]]", f'file = "{ESCAPED}.csv"'),
    "file kind": ("inputs = [[1, 2]]", f'file = "{ESCAPED}"'),
    "key": ('name = "o"', f'"{ESCAPED}" = 1'),
    "value": ('"out_o1"', f'"{ESCAPED}"'),
    "printed": ('"9"', f'"{ESCAPED}"'),
    "verdict": ('"source_wrong"', f'"{ESCAPED}"'),
    "reason": ("", ""),
    "variant": ("[[expect]]", f'[[variants]]\nname = "{ESCAPED}"\ntraining = {{}}\n[[expect]]'),
}


def obeyed(text: str) -> list[str]:
    """What of a text a terminal would not show, besides its line ends."""
    bidi = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    return [
        one
        for one in text
        if one not in "\n\t"
        and (unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} or unicodedata.bidirectional(one) in bidi)
    ]


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("command", ["check", "run"])
def test_what_a_file_holds_is_shown(
    name: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(FILE.replace(*WRONG[name], 1), encoding="utf-8")
    main([command, str(path)])
    out, err = capsys.readouterr()
    assert not obeyed(out + err)
    assert "\\u001b" in out + err or (command, name) in {("run", "value"), ("run", "reason")}


@pytest.mark.parametrize(
    "arguments",
    [[ODD], ["run", ODD], ["run", "mazur", f"--{ODD}"], ["query", "mazur", f"max {ODD}"], [f"--theme={ODD}", "mazur"]],
    ids=["scenario", "argument", "option", "query", "choice"],
)
def test_words_of_the_command_line_are_shown(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert not obeyed(out + err)
    assert err


@given(text=st.text())
def test_what_is_shown_can_be_read_back(text: str) -> None:
    shown = visible(text)
    assert not obeyed(shown)
    assert "\n" not in shown
    if '"' not in text and "\\" not in text:
        assert json.loads(f'"{shown}"') == text


@pytest.mark.parametrize("word", ["A" * 5000, "ab " * 2000, "神" * 3000, "\x1b" * 3000])
def test_a_message_does_not_repeat_a_long_word(word: str) -> None:
    problem = Problem(path="a.toml", key=word, message=f"there is no layer {word}")
    assert len(problem.message) <= 1000
    assert len(problem.key) <= 1000
    assert "\n" not in str(problem)


def test_streams_are_as_they_were_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout
    with settled_streams():
        print(ODD)
        bare(sys.stdout).write(ODD)
    assert sys.stdout is before
    assert capsys.readouterr().out == f"{visible(ODD)}\n{ODD}"


def test_a_check_of_nothing_says_only_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.toml").write_text("format = 2", encoding="utf-8")
    assert main(["check", str(tmp_path / "x.toml")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "format" in err
