"""`retrograde gradcheck`: which gradients it checks, what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.equations.expression import Const, Product
from retrograde.engine.ops.dense import WeightPart
from retrograde.engine.session.saving import save
from retrograde.tui.cli.main import main


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["gradcheck", *arguments]) == code, capsys.readouterr().err
    return capsys.readouterr().out


def record(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed(capsys, *arguments, "--json", code=code))
    return found


def names(found: dict[str, Any]) -> list[str]:
    return [check["name"] for check in found["checks"]]


def test_every_parameter_of_a_small_network(capsys: pytest.CaptureFixture[str]) -> None:
    head, *rows, empty, summary = printed(capsys, "mazur").splitlines()
    assert head.split() == ["value", "gradient", "difference", "±", "error", "verdict"]
    assert [row.split()[0] for row in rows] == [f"∂E/∂w{number}" for number in range(1, 9)]
    assert "0.0821670406    0.0821670406" in rows[4]
    assert all(row.endswith("agrees") for row in rows)
    assert empty == ""
    assert summary == "mazur, epoch 1, iteration 1, 8 of 8 gradients: all agree"


def test_json_has_the_numbers_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    found = record(capsys, "mazur", "--values", "w5")
    (check,) = found.pop("checks")
    assert found == {
        "scenario": "mazur",
        "branch": "main",
        "epoch": 1,
        "iteration": 1,
        "gradients": 1,
        "checked": 1,
        "verdicts": {"agrees": 1},
        "left_out": [],
    }
    assert check["name"] == "grad(w5)"
    assert check["analytic"] == 0.08216704056423078
    assert check["numeric"] == pytest.approx(check["analytic"], rel=1e-9)
    assert 0 < check["error"] < 1e-9
    assert check["verdict"] == "agrees"


def test_values_are_slots_and_arrays_with_commas_between(capsys: pytest.CaptureFixture[str]) -> None:
    found = record(capsys, "mazur", "--values", "w5, W_h[2,:],grad(w1) ,net_h1,W_o[1,2]")
    assert names(found) == ["grad(w5)", "grad(w3)", "grad(w4)", "grad(w1)", "delta(h1){1}", "grad(w6)"]
    assert names(record(capsys, "xor-2-2-1", "--values", "net_h1{2}")) == ["delta(h1){2}"]


def test_a_draw_is_of_a_seed(capsys: pytest.CaptureFixture[str]) -> None:
    def drawn(*arguments: str) -> list[str]:
        return names(record(capsys, "digits", "--count", "6", *arguments))

    first = drawn()
    assert len(first) == 6
    assert drawn("--seed", "0") == first
    assert drawn("--seed", "1") != first
    assert len(names(record(capsys, "xor-2-4-1", "--all"))) == 17
    assert "20 of 2410 gradients" in printed(capsys, "digits")


def test_at_a_moment(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(load_scenario("brownlee"))
    session.seek("3:2")
    found = record(capsys, "brownlee", "--at", "3:2", "--all")
    assert (found["epoch"], found["iteration"]) == (3, 2)
    for check in found["checks"]:
        assert check["analytic"] == session.frame.value(session.resolve(check["name"]))


def test_a_saved_session_is_checked_where_it_was_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(load_scenario("mazur"))
    session.seek("4:1:20")
    session.edit({"w1": 0.5})
    save(session, tmp_path / "mine.session.json")
    found = record(capsys, str(tmp_path / "mine.session.json"), "--values", "w1")
    assert found["epoch"] == 4
    assert found["branch"] == session.branch.name != "main"
    assert found["checks"][0]["analytic"] == session.frame.value(session.resolve("grad(w1)"))


def test_a_wrong_gradient_is_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    right = WeightPart.term
    with patch.object(WeightPart, "term", lambda self, index: Product((right(self, index), Const(2.0)))):
        text = printed(capsys, "mazur", "--values", "w5,net_h1", code=1)
        assert record(capsys, "mazur", "--all", code=1)["verdicts"] == {"disagrees": 8}
    first, second = text.splitlines()[1:3]
    assert first.split() == ["∂E/∂w5", "0.164334081", "0.0821670406", first.split()[3], "disagrees"]
    assert second.endswith("agrees")
    assert text.endswith("2 of 2 gradients: 1 agrees, 1 disagrees\n")


def test_what_sees_updates_in_place_is_left_out_and_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "mazur-in-place")
    assert "∂E/∂w5" in text
    assert "∂E/∂w1" not in text
    assert "left out, because they see parameters that this iteration has updated" in text
    assert record(capsys, "mazur-in-place")["left_out"] == ["grad(W_h)"]
    text = printed(capsys, "mazur-in-place", "--values", "w1")
    assert text.startswith("left out")
    assert text.endswith("0 of 0 gradients: nothing to compare\n")


def test_numbers_that_are_not_finite_are_strings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(load_scenario("mazur"))
    session.edit({"w1": float("nan")})
    save(session, tmp_path / "nan.session.json")
    found = record(capsys, str(tmp_path / "nan.session.json"), "--values", "w5")
    assert found["checks"] == [
        {"name": "grad(w5)", "analytic": "NaN", "numeric": "NaN", "error": "Infinity", "verdict": "not finite"}
    ]


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["mazur", "--values", "w99"], "there is no value called w99"),
        (["mazur", "--values", "E"], "E has no gradient"),
        (["mazur", "--at", "0:9"], "epoch 0 is not in"),
        (["mazur", "--count", "0"], "whole number from 1"),
        (["mazur", "--count", "3", "--all"], "not allowed with"),
        (["nosuch"], "nosuch"),
        ([], "required"),
    ],
)
def test_what_makes_no_sense_is_exit_code_2(
    arguments: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gradcheck", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert part in err


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "--help")
    for option in ("--at", "--values", "--count", "--all", "--seed", "--json"):
        assert option in text


def test_a_zero_has_no_sign(capsys: pytest.CaptureFixture[str]) -> None:
    main(["gradcheck", "goodfellow-xor", "--all"])
    assert " -0 " not in capsys.readouterr().out
