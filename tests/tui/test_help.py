"""The help in layers: the first page, the search, the legend, what a word means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from retrograde.engine import glossary
from retrograde.engine.equations import words
from retrograde.engine.equations.array import Role
from retrograde.engine.errors import EngineError
from retrograde.engine.layers.table import KINDS
from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session.session import Session
from retrograde.tui.canvas.glyphs import ASCII, COLOURLESS, UNICODE
from retrograde.tui.canvas.signs import EIGHTHS, FRAMES, NOTATION, SIGNS
from retrograde.tui.canvas.themes import look
from retrograde.tui.commands.keys import key_rows
from retrograde.tui.debugger.table import commands
from retrograde.tui.screens.help import EXAMPLES, HelpScreen
from retrograde.tui.views.topics import topics_of

GOLDEN = Path(__file__).with_name("golden")
DRAWN = "".join(sign.drawn(UNICODE) for sign in SIGNS)
EXCUSED = {
    *("ascii", "digits"),
    *("horizontal", "vertical", "corners", "tees", "overline", "wires", "live_wires"),
    *("crumb", "below"),
}
"""What of a set of glyphs is no sign: switches, edges and wires; a crumb is a cursor, and digits are in the legend."""


def test_every_glyph_that_is_drawn_is_in_the_legend() -> None:
    for name in UNICODE._fields:
        if name in EXCUSED:
            continue
        for glyphs in (UNICODE, COLOURLESS, ASCII):
            drawn = "".join(sign.drawn(glyphs) for sign in SIGNS)
            missing = set(getattr(glyphs, name).replace(" ", "")) - set(drawn)
            assert not missing, f"{name}: {missing}"
    known = {*DRAWN, *FRAMES, *NOTATION, *EIGHTHS}
    for path in GOLDEN.glob("*.txt"):
        found = {one for one in path.read_text() if ord(one) > 127 and not "\u2800" <= one <= "\u28ff"}
        assert not found - known, f"{path.name}: {found - known}"


def test_every_sign_differs_from_the_others_and_is_plain_where_asked() -> None:
    assert all(sign.drawn(ASCII).isascii() for sign in SIGNS)
    assert all(sign.drawn(UNICODE) and sign.meaning for sign in SIGNS)


def test_the_terms_are_those_of_the_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text(encoding="utf-8")
    rows = [f"| {term.english} | {term.chinese} | {term.meaning} |" for term in glossary.TERMS]
    listed = [
        line for line in page.splitlines() if line.startswith("| ") and not line.startswith(("| English", "| ---"))
    ]
    assert rows == listed


def test_every_kind_word_and_role_has_a_meaning() -> None:
    assert set(glossary.KIND_MEANINGS) == set(KINDS)
    assert set(glossary.ROLE_MEANINGS) == set(Role)
    wanted = {*words.FUNCTIONS, *words.POSITIONS, *words.EPOCH_NAMES, *words.QUERIES, "changes", "crosses"}
    assert set(glossary.WORD_MEANINGS) == wanted


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("w1", "δ_h1 · i1"),
        ("w1", "w1 − η · ∂E/∂w1"),
        ("delta(h1)", "a gradient"),
        ("net_h1", "w1 · i1"),
        ("i1", "an input"),
        ("why", "layer by layer"),
        (":why", "layer by layer"),
        ("r", "stop rule"),
        ("‹", "what this step reads"),
        ("≠", "without the edit"),
        ("chain rule", "the slopes along a way"),
        ("链式法则", "the slopes along a way"),
        ("lstm", "cell c"),
        ("prev", "iteration before"),
    ],
)
def test_a_word_is_explained(word: str, said: str) -> None:
    session = Session(load_scenario("mazur"))
    found = topics_of(word, session, commands(), UNICODE)
    assert any(said in line for topic in found for _left, line in topic.lines), found


def test_an_unknown_word_has_a_proposal() -> None:
    with pytest.raises(EngineError, match="did you mean epoch"):
        topics_of("epcoh", Session(load_scenario("mazur")), commands(), UNICODE)


def test_every_term_kind_word_sign_and_command_is_found() -> None:
    session = Session(load_scenario("and-gate"))
    table = commands()
    asked = [term.english for term in glossary.TERMS] + [*glossary.KIND_MEANINGS, *glossary.WORD_MEANINGS]
    asked += [row.word for row in table if row.word] + [row.named(key) for row in table for key in row.keys]
    for word in asked:
        assert topics_of(word, session, table, UNICODE)
    for glyphs in (UNICODE, ASCII):
        for sign in SIGNS:
            assert topics_of(sign.drawn(glyphs), session, table, glyphs)


def test_the_first_page_has_twelve_keys_and_commands_that_there_are() -> None:
    rows = key_rows(commands())
    assert sum(bool(row.first) for row in rows) == 12
    text = HelpScreen(look(), rows).text(70).plain
    page = text.splitlines()[:18]
    assert all(row.first in line for row, line in zip([row for row in rows if row.first], page[5:11], strict=False))
    second = [row.groups[0][0] for row in rows if row.first][6:]
    starts = {line.rindex(f" {key} ") for key, line in zip(second, page[5:11], strict=True)}
    assert len(starts) == 1, "the second column is one"
    assert all(line[start - 1] == " " for line in page[5:11] for start in starts), "and apart from the first"
    assert all(any(command in line for line in page) for command, _said in EXAMPLES)
    assert "Moving (capitals go backward)" not in page


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_the_help_is_searched_and_says_what_is_selected(opened: Any, width: int) -> None:
    async with opened("mazur", size=(width, 24)) as driver:
        await driver.press("question_mark")
        assert "The first keys" in driver.text()
        await driver.press("slash", *"biography")
        await driver.until(lambda: "what moved a weight" in driver.text())
        assert "The first keys" not in driver.text()
        await driver.press("enter", "down", "escape")
        assert isinstance(driver.app.screen, HelpScreen)
        await driver.until(lambda: "The first keys" in driver.text())
        await driver.press("escape")
        await driver.write("18")
        await driver.press("K")
        assert "∂E/∂w5" in driver.text()
        assert "step 18" in driver.text()
        await driver.press("escape", "3", "down", "K")
        assert "w6" in driver.text()
        await driver.press("escape")
        await driver.write("help epoch")
        assert "all samples once" in driver.text()
        await driver.press("escape")
        await driver.write("help nonsense")
        assert "nothing is known of nonsense" in driver.text()
