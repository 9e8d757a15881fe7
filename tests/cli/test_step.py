"""The debugger as a conversation: what it answers is what the session says, and every line gets an answer."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine import Session, load_scenario
from retrograde.engine.errors import EngineError
from retrograde.engine.text import use
from retrograde.tui.cli.main import main
from retrograde.tui.cli.support.line_mode import _ANSWERS, _MOTIONS, _QUESTIONS, Finished, LineMode
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.debugger.table import COMMANDS
from tests.support.effort import examples

LETTERS = {"s": "step", "i": "term", "n": "layer", "f": "phase", "v": "sample", "]": "iteration", "}": "epoch"}
BACK = {"S": "step", "I": "term", "N": "layer", "F": "phase", "V": "sample", "[": "iteration", "{": "epoch"}
ALL = LETTERS | BACK


def mode_of(name: str = "xor-2-2-1") -> tuple[LineMode, Session]:
    session = Session(load_scenario(name))
    return LineMode(session, ProgressBar(io.StringIO())), session


@examples(20)
@given(st.lists(st.tuples(st.sampled_from(sorted(ALL)), st.integers(1, 3)), max_size=12))
def test_a_letter_is_the_motion_of_the_session(motions: list[tuple[str, int]]) -> None:
    mode, session = mode_of()
    other = Session(session.scenario)
    for letter, times in motions:
        said = mode.answer(f"{letter} {times}" if times > 1 else letter)
        for _time in range(times):
            if not (other.step(ALL[letter]) if letter in LETTERS else other.back(ALL[letter])):
                break
        assert (session.position, session.term) == (other.position, other.term)
        step = session.current
        assert "Initial state" in said or "initial state" in said if step is None else step.moment.address in said


@examples(30)
@given(
    st.text(max_size=20) | st.sampled_from(["w 9", "W 1", "break", "break (", "set", "set w1", "r 0", "'", "m", "x"])
)
def test_any_line_has_an_answer_or_an_error(line: str) -> None:
    mode, session = mode_of()
    try:
        answer = mode.answer(line)
    except (EngineError, Finished):
        assert session.position == 0
    else:
        assert answer


def test_its_words_are_commands() -> None:
    ids = {row.id for row in COMMANDS}
    known = {*_ANSWERS, *_QUESTIONS, *_MOTIONS, *(f"{one}_back" for one in _MOTIONS)}
    assert known - {"here"} <= ids
    mode, _session = mode_of()
    assert len(mode.answer("help").splitlines()) == len(known - {"here"}) + 2


def test_a_conversation(tmp_path: Path) -> None:
    mode, session = mode_of("mazur")
    assert "0.3775. published: agrees." in mode.answer("s")
    assert mode.answer("n 2").startswith("Step 1:1:8, forward, o. out_o2")
    assert mode.answer("w").splitlines() == ["1. net_o2 = 1.2249214, 1:1:6"]
    assert mode.answer("w 1").startswith("Step 1:1:6")
    assert mode.answer("return").startswith("Step 1:1:8")
    assert mode.answer("W").splitlines()[0] == "1. 1:1:10, E_o2"
    assert mode.answer("W 1").startswith("Step 1:1:10")
    assert mode.answer("r 5").startswith("the maximum of epochs: 5. Step 5:1:39")
    assert mode.answer("first E < 0.29").startswith("first E < 0.29: at 3:1:11. Step 3:1:11")
    assert mode.answer("w5 after 3:1").startswith("w5 = 0.275360")
    assert mode.answer("w5 after 3") == "w5 = 0.275360214 after epoch 3 (3:1:39)"
    assert mode.answer("why w1").startswith("∂E/∂w1 is ordinary")
    assert mode.answer("set w5 = 0.7").startswith("Branch edit1: w5 = 0.7.")
    assert mode.answer("u") and session.branch.parent is None
    assert mode.answer("break E < 0.285") == "breakpoint 1: E < 0.285"
    mode.answer("g")
    assert mode.answer("c").startswith("breakpoint 1: E < 0.285. Step 3:1:11")
    assert mode.answer("C").startswith("no hit before: this is the start")
    assert mode.answer("m a") == "Marked a." and mode.answer("2:1:1") and "nitial state" in mode.answer("' a")
    path = tmp_path / "mine"
    assert mode.answer(f"save {path}") == f"saved: retrograde open {path}.session.json"
    with pytest.raises(EngineError, match="there already"):
        mode.answer(f"save {path}")
    with pytest.raises(EngineError, match="no command; help lists them"):
        mode.answer("stpe")
    with pytest.raises(EngineError, match="screen"):
        mode.answer("z")
    with pytest.raises(Finished):
        mode.answer("q")


def conversed(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, list[str], str]:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    code = main(["step", "mazur", *more])
    out, err = capsys.readouterr()
    return code, out.splitlines(), err


@pytest.mark.parametrize("number", ["²", "٣x", "9" * 5000], ids=["raised", "of a word", "long"])
@pytest.mark.parametrize("word", ["delete", "r", "s", "chapter"])
def test_what_is_no_number_of_anything_is_refused(word: str, number: str) -> None:
    mode, _session = mode_of()
    with pytest.raises(EngineError) as caught:
        mode.answer(f"{word} {number}")
    assert len(str(caught.value)) < 400


def test_a_name_that_is_a_key_of_the_app_is_a_value_here() -> None:
    mode, session = mode_of("mazur")
    session.seek("2:1:17")
    assert mode.answer("E") == "E = 0.291027774 at 2:1:17"
    with pytest.raises(EngineError, match="z needs the app's screen"):
        mode.answer("z")


def test_a_pipe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, err = conversed("s\n\n\nq\ns\n", monkeypatch, capsys)
    assert code == 0 and not err
    assert [line.split(",")[0] for line in lines[1:]] == ["Step 1:1:1", "Step 1:1:2", "Step 1:1:3"]
    code, lines, err = conversed("s\nnonsense(\ns\n", monkeypatch, capsys)
    assert code == 2 and len(lines) == 2 and "nonsense(" in err
    code, lines, err = conversed("", monkeypatch, capsys, "--at", "2:1:17", "--ascii")
    assert code == 0 and len(lines) == 1 and lines[0].isascii() and "2:1:17" in lines[0]


def test_chapters_are_told() -> None:
    mode, _session = mode_of("mazur")
    lines = [mode.answer(line) for line in ("chapter", "", "chapter_back", "chapter 8", "chapter", "chapters")]
    assert "§1/8  A sum: Each neuron" in lines[0]
    assert "§2/8" in lines[1], "an empty line goes on"
    assert "§1/8" in lines[2]
    assert "In epoch 174 E has fallen from 0.298371 to 0.009968" in lines[3]
    assert lines[4] == "That was the last chapter."
    assert lines[5].endswith("§8, Again and again, 174:1:11")
    with pytest.raises(EngineError, match="no chapter 9"):
        mode.answer("chapter 9")


def test_sentences_end_as_the_language_has_it() -> None:
    mode, _session = mode_of("mazur")
    use("zh")
    try:
        said = mode.answer("s")
    finally:
        use("en")
    assert "= 0.3775。" in said and "：一致。" in said
