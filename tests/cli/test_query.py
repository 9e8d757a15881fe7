"""`retrograde query` answers what the engine answers, about scenarios and about saved sessions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.session.saving import save
from retrograde.tui.cli.main import main

EPOCHS = 40


@pytest.fixture(scope="module")
def session() -> Session:
    session = Session(load_scenario("mazur"))
    session.run(epochs=EPOCHS)
    return session


def asked(query: str, capsys: pytest.CaptureFixture[str], *more: str, source: str = "mazur", code: int = 0) -> str:
    assert main(["query", source, query, *more]) == code, capsys.readouterr().err
    return capsys.readouterr().out


def run_for(epochs: int = EPOCHS) -> tuple[str, str]:
    return "--epochs", str(epochs)


class TestAnswers:
    @pytest.mark.parametrize("source", ["mazur", "iris"])
    @pytest.mark.parametrize(
        "formula",
        ['phase == "update"', 'phase != "forward" and epoch == 2', 'phase == "loss"', 'not phase == "forward"'],
    )
    def test_a_phase_is_no_number(self, source: str, formula: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert " = " in asked(f"first {formula}", capsys, *run_for(2), source=source)
        assert json.loads(asked(f"all {formula}", capsys, *run_for(2), "--json", source=source))["hits"]

    @pytest.mark.parametrize("formula", ["E < 0.2", "w5 < 0.1", "E < prev(E)", "out_o1 > 0.5 and epoch > 3"])
    def test_first_and_last_are_the_session_s(
        self, formula: str, session: Session, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for verb, number in (("first", session.first(formula)), ("last", session.last(formula))):
            assert number is not None
            step = session.step_at(number)
            text = asked(f"{verb} {formula}", capsys, *run_for())
            assert text == f"{step.moment.address}  {step.symbol} = {step.result:.9g}\n"
            result = json.loads(asked(f"{verb} {formula}", capsys, *run_for(), "--json"))
            assert result["query"] == verb
            assert result["formula"] == formula
            assert result["steps"] == session.frontier
            assert result["hits"] == [
                {
                    "step": number,
                    "address": step.moment.address,
                    "symbol": step.symbol,
                    "name": step.name,
                    "value": step.result,
                }
            ]

    def test_count_and_all_agree(self, session: Session, capsys: pytest.CaptureFixture[str]) -> None:
        lines = asked("all w5 < 0.1", capsys, *run_for()).splitlines()
        assert int(asked("count w5 < 0.1", capsys, *run_for())) == len(lines) == session.count("w5 < 0.1")
        assert json.loads(asked("count w5 < 0.1", capsys, *run_for(), "--json"))["count"] == len(lines)
        assert asked("all w5 < 0.1", capsys, *run_for(), "--limit", "3").splitlines() == lines[:3]
        hits = json.loads(asked("all w5 < 0.1", capsys, *run_for(), "--limit", "3", "--json"))["hits"]
        assert [hit["address"] for hit in hits] == [line.split()[0] for line in lines[:3]]

    def test_max_and_min_tell_the_value_and_the_moment(
        self, session: Session, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for verb, largest in (("max", True), ("min", False)):
            found = session.extreme("abs(grad(w1))", largest=largest)
            assert found is not None
            step = session.step_at(found.step)
            text = asked(f"{verb} abs(grad(w1))", capsys, *run_for())
            assert text == f"{found.value:.9g}  {step.moment.address}  {step.symbol} = {step.result:.9g}\n"
            result = json.loads(asked(f"{verb} abs(grad(w1))", capsys, *run_for(), "--json"))
            assert result["value"] == found.value
            assert result["hits"][0]["step"] == found.step

    def test_without_epochs_it_runs_to_the_stop_rule(self, capsys: pytest.CaptureFixture[str]) -> None:
        result = json.loads(asked("count E > 0.1", capsys, "--json"))
        whole = Session(load_scenario("mazur"))
        whole.run()
        assert result["steps"] == whole.frontier
        assert result["count"] == whole.count("E > 0.1")

    @pytest.mark.parametrize(("query", "out"), [("first E > 5", "nothing found"), ("count E > 5", "0\n")])
    def test_nothing_found_is_exit_1(self, query: str, out: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert out in asked(query, capsys, *run_for(3), code=1)
        result = json.loads(asked(query, capsys, *run_for(3), "--json", code=1))
        assert not result.get("hits")
        assert not result.get("count")


class TestBadInput:
    @pytest.mark.parametrize(
        ("query", "column"),
        [("first E <", 4), ("last grd(w5) < 1", 1), ("all E < 1 and w99 > 0", 11), ("max E < 1 &", 7), ("count w5", 1)],
    )
    def test_a_bad_formula_is_shown_with_a_caret(
        self, query: str, column: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["query", "mazur", query]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        message, text, caret = err.splitlines()
        assert f"column {column}:" in message
        assert text.strip() == query.split(maxsplit=1)[1].strip()
        assert caret.index("^") == column + 1

    @pytest.mark.parametrize("query", ["", "E < 0.01", "when E < 0.01", "first", "all  "])
    def test_a_query_that_is_none_is_one_line(self, query: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["query", "mazur", query]) == 2
        assert capsys.readouterr().err.count("\n") == 1

    @pytest.mark.parametrize(
        "arguments",
        [
            ["query", "mazur"],
            ["query", "nosuch", "first E < 1"],
            ["query", "nosuch.session.json", "first E < 1"],
            ["query", "mazur", "first E < 1", "--limit", "3"],
            ["query", "mazur", "all E < 1", "--limit", "0"],
        ],
    )
    def test_other_mistakes_are_one_line(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1


class TestSavedSessions:
    @pytest.fixture
    def saved(self, tmp_path: Path) -> tuple[Path, Session]:
        session = Session(load_scenario("mazur"))
        session.run(epochs=20)
        session.seek("5:1:1")
        session.edit({"w5": 2.0}, name="other")
        session.run(epochs=12)
        file = tmp_path / "mine.session.json"
        save(session, file)
        return file, session

    def test_the_cursor_s_branch_is_asked_as_far_as_it_was_run(
        self, saved: tuple[Path, Session], capsys: pytest.CaptureFixture[str]
    ) -> None:
        file, session = saved
        result = json.loads(asked("last w5 > 1", capsys, "--json", source=str(file)))
        assert result["branch"] == "other"
        assert result["steps"] == session.frontier
        assert result["hits"][0]["step"] == session.last("w5 > 1")
        assert main(["query", "mazur", "last w5 > 1", *run_for(12)]) == 1

    def test_more_epochs_run_it_on(self, saved: tuple[Path, Session], capsys: pytest.CaptureFixture[str]) -> None:
        file, session = saved
        result = json.loads(asked("count w5 > -9", capsys, *run_for(30), "--json", source=str(file)))
        assert result["steps"] == 30 * session.schedule.steps_per_epoch
        assert result["count"] == 30

    def test_other_bits_are_said_in_one_line(
        self, saved: tuple[Path, Session], capsys: pytest.CaptureFixture[str]
    ) -> None:
        file, _session = saved
        content = json.loads(file.read_text(encoding="utf-8"))
        prints = content["branches"][0]["fingerprints"]
        key = max(prints, key=int)
        prints[key] = prints[key].replace(prints[key].split()[-1], "00000000")
        file.write_text(json.dumps(content), encoding="utf-8")
        assert main(["query", str(file), "first E < 5"]) == 0
        out, err = capsys.readouterr()
        assert out.count("\n") == 1
        assert err.count("\n") == 1
        assert "other bits" in err

    @pytest.mark.parametrize("content", ["", "{}", "[", '{"format": 1}', "\0"])
    def test_a_damaged_file_is_one_line(self, content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "bad.session.json"
        file.write_text(content, encoding="utf-8")
        assert main(["query", str(file), "first E < 0.2"]) == 2
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert "bad.session.json" in err


SAYS_WHEN = "import sys; from retrograde.tui.cli.main import main; print('begins', flush=True); sys.exit(main())"
"""The command, which says when it begins: until then Python itself would end by the signal."""


def interruptible() -> None:
    """Lets a child be interrupted even where the tests run in the background, with that signal ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_cancels_a_long_query_with_one_line() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", SAYS_WHEN, "query", "mazur", "count w5 > prev(w5)", "--epochs", "1_000_000_000"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "LANGUAGE": "en"},
        preexec_fn=interruptible,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err == "retrograde: interrupted\n"


@pytest.mark.parametrize(
    ("source", "query", "shown"),
    [
        ("xor-2-4-1", "first lr * i1 * i1 > 0", "1:1:1  η * i1{3} * i1{3} = 0.5  sample 3"),
        ("xor-2-4-1", "all i1 > 0", "1:1:1  i1{3} = 1"),
        ("mazur", "first max(W_h) > 0.29", "1:1:35  w4⁺ = 0.299502287"),
        ("mazur", "first lr > 0", "1:1:1  η = 0.5"),
        ("mazur", "first norm(grad(W_h)) > 1e-4", "1:1:31  norm(grad(W_h)) = 0.00148334019"),
        ("mazur", "first epoch == 2", "2:1:1  epoch = 2"),
        ("digits", "first max(abs(grad(W_h))) > 0", "made at 1:1:"),
        ("digits", "first any(grad(W_h) > 0.01)", "∂E/∂W_h["),
    ],
)
def test_a_hit_shows_the_number_that_was_asked_for(
    source: str, query: str, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shown in asked(query, capsys, "--epochs", "2", source=source)


@pytest.mark.parametrize("verb", ["max", "min"])
def test_the_element_that_is_largest_is_named(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = json.loads(asked(f"{verb} {verb}(W_h)", capsys, "--epochs", "1", "--json", source="digits"))
    session = Session(load_scenario("digits"))
    session.run(epochs=1)
    session.seek(result["hits"][0]["address"])
    element = result["hits"][0]["asked"]
    assert element["value"] == result["value"] == session.value(element["name"])
