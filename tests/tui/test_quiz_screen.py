"""The quiz over the panels: the result is hidden until the answer, then the step is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from retrograde.tui.debugger import quizzing
from retrograde.tui.screens.quiz import QuizScreen
from retrograde.tui.work import scores


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


async def test_the_result_is_hidden_until_it_is_answered_and_then_the_step_is_shown(
    opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quizzing, "QUESTIONS", 3)
    async with opened("mazur", size=(100, 30)) as driver:
        place = driver.session.position
        await driver.write("quiz backward 5")
        await driver.until(lambda: isinstance(driver.app.screen, QuizScreen))
        screen = driver.app.screen
        shown = set()
        while (question := screen._going.question) is not None:
            await driver.settle()
            value = f"{question.value:.8g}"[:9].replace("-", "−")
            text = driver.text()
            assert value not in text, "the result is hidden"
            if question.options:
                assert all(one.formula in text for one in question.options)
            else:
                assert question.formula in text and "= ?" in text
            screen.query_one(Input).value = "no answer"
            await driver.press("enter")
            assert not screen._revealed
            answer = next((one.letter for one in question.options if one.mistake is None), f"{question.value:.6g}")
            screen.query_one(Input).value = answer
            await driver.press("enter")
            assert "Right." in driver.text() and value[:7] in driver.text()
            shown.add(bool(question.options))
            if screen._going.question is None:
                break
            await driver.press("enter")
        assert shown == {True, False}, "values and formulas"
        for size in ((60, 20), (20, 6), (100, 30)):
            await driver.resize(*size)
        await driver.press("enter")
        assert "3 of 3 questions right" in driver.text()
        await driver.press("escape")
        await driver.until(lambda: not isinstance(driver.app.screen, QuizScreen))
        assert driver.session.position == place
        assert scores.load().levels == {"backward": [3, 3]}
        # A wrong answer, and to its step.
        await driver.write("quiz forward 5")
        await driver.until(lambda: isinstance(driver.app.screen, QuizScreen))
        screen = driver.app.screen
        question = screen._going.question
        screen.query_one(Input).value = f"{-question.value:.6g}"
        await driver.press("enter")
        assert "the wrong sign" in driver.text()
        if screen._going.deciding:
            await driver.press("enter")
        await driver.press("t")
        await driver.until(lambda: not isinstance(driver.app.screen, QuizScreen))
        await driver.idle()
        assert driver.session.position == question.step.number
        await driver.write("quiz sideways")
        assert "no level" in driver.text()
