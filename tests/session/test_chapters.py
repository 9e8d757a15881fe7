"""Chapters: bound to moments that come, with numbers that are computed there, in both languages, where they fit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from retrograde.engine import load_scenario
from retrograde.engine.errors import ScenarioError
from retrograde.engine.scenario.catalogue import folder, shipped
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.session.chapters import HOLE
from retrograde.engine.session.session import Session
from retrograde.tui.canvas.canvas import wrap
from retrograde.tui.debugger.panels.table import PANELS
from retrograde.tui.views.chapters import told

WIDTH, ROWS = 41, 8
"""Of the equation panel at 80×24, which has 13 rows; the others are for the equation."""
WITH_CHAPTERS = [name for name in shipped() if "[[chapter]]" in (folder() / f"{name}.toml").read_text(encoding="utf-8")]
MAZUR = (folder() / "mazur.toml").read_text(encoding="utf-8")
MAZUR = MAZUR[: MAZUR.index("[[chapter]]")]


def chapter(at: str, text: str = "Here.", more: str = "") -> str:
    return f'[[chapter]]\nat = "{at}"\ntitle = {{ en = "One", zh = "一" }}\n{more}[chapter.text]\nen = "{text}"\n'


def test_the_lessons_ship() -> None:
    wanted = "mazur neuralblog vanishing xor-2-2-1 convolution-by-hand lstm-two-steps attention-by-hand optimiser-race"
    assert set(wanted.split()) <= set(WITH_CHAPTERS)


@pytest.mark.parametrize("name", WITH_CHAPTERS)
def test_every_chapter_comes_says_its_numbers_and_fits(name: str) -> None:
    session = Session(load_scenario(name))
    chapters = session.chapters
    assert 4 <= len(chapters) <= 8
    before = -1
    for number in range(len(chapters)):
        position = chapters.find(number)
        assert position > before, "a story goes on"
        before = position
        session.seek(position)
        assert number in chapters.at(position)
        one = chapters.chapter(number)
        holes = {language: set(HOLE.findall(one.text.text(language))) for language in ("en", "zh")}
        assert holes["en"] == holes["zh"], "both languages say the same numbers"
        for language, said in told(session, number).items():
            assert language == "en" or (one.title.zh and one.text.zh)
            assert "{" not in said.text
            assert "NaN" not in said.text
            assert len(wrap(said.title, WIDTH)) == 1
            assert len(wrap(said.title, WIDTH)) + len(wrap(said.text, WIDTH)) <= ROWS, said
        typed = HOLE.sub("", one.text.en + one.text.zh)
        assert not re.search(r"(?<![\w.])\d+[.,]?\d+", typed), "numbers of the run are computed, never typed in"


@pytest.mark.parametrize(
    ("at", "address"),
    [
        ("start", 0),
        ("1:1:17", 17),
        ("2", 78),
        ("@40", 40),
        ("out_h1", 3),
        ("grad(w5)", 18),
        ("w5", 36),
        ("3:1 out_h1", 81),
        ("3:1 w5", 114),
        ("first E < 0.29", 2 * 39 + 11),
    ],
)
def test_a_moment_is_an_address_a_value_or_a_condition(at: str, address: int) -> None:
    session = Session(parse_scenario(MAZUR + chapter(at)))
    assert session.chapters.find(0) == address
    assert (session.position, session.outcome) == (0, None), "looking for it moves nothing"


def test_numbers_are_those_of_the_moment_or_of_another() -> None:
    session = Session(parse_scenario(MAZUR + chapter("2:1 w5", "{w5} after {w5 after start}, {E after 1:1}, {epoch}")))
    session.seek(session.chapters.find(0))
    wanted = session.value("w5"), 0.4, session.measure("E", 0), 2.0
    assert session.chapters.text(0, "zh", repr) == "{} after {}, {}, {}".format(*map(repr, wanted))


def test_on_a_branch_a_condition_is_looked_for_anew() -> None:
    session = Session(parse_scenario(MAZUR + chapter("first E < 0.1", "{E}")))
    plain = session.chapters.find(0)
    session.seek(1)
    session.edit({"lr": 5.0})
    assert session.chapters.known(0) is None
    session.seek(session.chapters.find(0))
    assert session.position < plain
    assert float(session.chapters.text(0, "en", repr)) == session.value("E") < 0.1


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        (chapter("grad(w99)"), "chapter[1].at", "w99"),
        (chapter("first E <"), "chapter[1].at", ""),
        (chapter("50%"), "chapter[1].at", "50%"),
        (chapter("i1"), "chapter[1].at", "i1 is given; no step makes it"),
        (chapter("10001:1"), "chapter[1].at", ""),
        (chapter("1") + chapter("2", "{w99}"), "chapter[2].text.en", "w99"),
        (chapter("1", "{E < 1}"), "chapter[1].text.en", "E < 1 is no number"),
        (chapter("1", "{E"), "chapter[1].text.en", "a brace without its other"),
        (chapter("1", "{E after +3}"), "chapter[1].text.en", "+3 is no moment"),
        (chapter("1", more='select = "w99"\n'), "chapter[1].select", "w99"),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_key(tmp_path: Path, text: str, key: str, message: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(MAZUR + text, encoding="utf-8")
    with pytest.raises(ScenarioError) as error:
        Session(load_scenario(file))
    (problem,) = error.value.problems
    assert (problem.path, problem.key) == (str(file), key)
    assert problem.line is not None
    assert problem.line > MAZUR.count("\n")
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "key"),
    [(chapter("first E < 0"), "chapter[1].at"), (chapter("out_h1", "{E}"), "chapter[1].text.en")],
)
def test_check_goes_to_every_chapter(text: str, key: str) -> None:
    short = MAZUR.replace("epochs = 10000", "epochs = 50")
    assert Session(parse_scenario(short)).chapters.check() == 0
    assert Session(parse_scenario(short + chapter("3", "{E}"))).chapters.check() == 1
    with pytest.raises(ScenarioError) as error:
        Session(parse_scenario(short + text)).chapters.check()
    assert [problem.key for problem in error.value.problems] == [key]


def test_a_variant_has_no_chapters_and_panels_are_those_of_the_screen() -> None:
    assert not len(Session(load_scenario("optimiser-race:adam")).chapters)
    for panel in PANELS:
        parse_scenario(MAZUR + chapter("1", more=f'panel = "{panel.id}"\n'))
