"""`retrograde figures` and `retrograde slip`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrograde.tui.cli.main import main

XOR = str(Path(__file__).parent.parent / "cases" / "field" / "01-xor-missing-slope.toml")


def test_a_slip_is_named_with_the_equation_and_what_decides(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["slip", XOR, "grad(w5)", "0.5545"]) == 0
    said = capsys.readouterr().out
    assert "the slope of the activation is left out in layer o" in said
    assert "δ_o1 = ∂E/∂out_o1 · 1   for ∂E/∂out_o1 · σ′(net_o1)" in said
    assert "what would decide: δ_h1" in said
    assert main(["slip", XOR, "grad(w5)", "0.1114"]) == 0
    assert "as stated: the figure agrees" in capsys.readouterr().out
    assert main(["slip", XOR, "grad(w5)", "-0.98765"]) == 1
    assert "nothing short explains:" in capsys.readouterr().out


def test_the_figures_of_a_file_are_two_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figures", XOR]) == 0
    said = capsys.readouterr().out
    assert "2 programs in one text" in said
    assert "A, as stated, gives 7 of 8" in said
    assert main(["figures", XOR, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["deviations"][0]["kind"] for one in found["more"]] == ["raw error"]
    assert found["explained"] and not found["acquitted"]


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999", "1e-400", "-1e400", "sNaN", "1_0"])
def test_a_number_beyond_all_numbers_is_none_that_a_slip_gives(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["slip", XOR, "--", "E", number]) in {1, 2}
    said = capsys.readouterr()
    assert "nothing short explains" in said.out or "is no number" in said.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("slip", "mazur", "grad(w5)", "half"), "half is no number"),
        (("slip", "mazur", "grad(w55)", "0.5"), "there is no value called grad(w55); did you mean"),
        (("slip", "mazur", "E", "0.5", "--updates", "-1"), "'-1' is not a whole number from 0"),
    ],
)
def test_what_makes_no_sense_is_said(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert said in capsys.readouterr().err
