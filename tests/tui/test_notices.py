"""What is said for a moment: whole at every size, in both languages, and nothing is hidden behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.text import use
from retrograde.engine.writing.dialects import DIALECTS
from retrograde.tui.canvas.canvas import Canvas, Span, measure
from retrograde.tui.canvas.glyphs import UNICODE, width
from retrograde.tui.canvas.typesetting import typeset
from retrograde.tui.debugger import rooms
from retrograde.tui.debugger.panels.table import PANELS
from retrograde.tui.reading.figures import show
from retrograde.tui.records.equation import Badge, EquationView
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.records.status import FooterView
from retrograde.tui.widgets.bars import FOOTER_ENDS, Footer
from retrograde.tui.widgets.equation import EquationPanel
from tests.support.effort import examples

EDGE = PanelEdge(title=())
WORDS = st.lists(st.text("abc∂δ₁反向传播", min_size=1, max_size=12), min_size=1, max_size=30)


def said(screen: str) -> str:
    """A screen without its frames and blanks, in which a notice is one piece however it was broken."""
    return "".join(character for character in screen if character not in " │─└┘\n")


@given(WORDS, st.integers(40, 200), st.integers(1, 6))
@examples(80)
def test_a_notice_is_whole_in_as_many_rows_as_it_takes(words: list[str], columns: int, rows: int) -> None:
    text = " ".join(words)
    canvas = Canvas(columns, rows, UNICODE)
    Footer(id="footer").paint(canvas, EDGE, FooterView(keys=(), notice=text))
    drawn = canvas.text()
    assert all(width(line) == columns for line in drawn)
    assert drawn[-1][0] == "└" and drawn[-1][-1] == "┘"
    assert all(line[0] == line[-1] == "│" for line in drawn[:-1])
    assert said("".join(drawn)) == text.replace(" ", "") or "…" in drawn[-1]


@given(st.integers(40, 200), st.integers(12, 60), st.integers(1, 3), st.booleans())
@examples(80)
def test_a_long_notice_takes_rows_and_leaves_the_layout(columns: int, height: int, footer: int, zoom: bool) -> None:
    """Another layout for one sentence would move every panel."""
    footer = min(footer, height // 4)
    before, after = (
        rooms.arrange(columns, height, PANELS, focus="equation", brought=(), zoom=zoom, footer=count)
        for count in (1, footer)
    )
    assert before.tabs == after.tabs and before.joints == after.joints
    assert max(room.y + room.height for room in after.places.values()) == height
    assert sum(room.width * room.height for room in after.places.values()) == columns * height


LONG = "the editor has ended with 3, 数值 and 梯度 of w5 and all others are as they were before it was opened " * 2


@pytest.fixture
def english() -> Iterator[None]:
    yield
    use("en")


@pytest.mark.parametrize("size", [(60, 20), (80, 24)])
async def test_what_is_said_is_whole_and_hides_nothing(opened, english: None, size: tuple[int, int]) -> None:
    async with opened("mazur", size=size, failing=True) as driver:
        await driver.press("s")
        for language in ("A", "A"):
            await driver.press(language)
            before = driver.text().splitlines()
            for _library in (*DIALECTS, ""):
                await driver.press("M")
                notice = driver.main.desk.notice.text
                assert said(notice) in said(driver.text()), driver.text()
                assert width(notice) <= 80 - FOOTER_ENDS, "one row is enough"
            driver.main.desk.say(LONG)
            await driver.settle()
            assert said(LONG) in said(driver.text()), driver.text()
            assert not len(driver.app._notifications)
            await driver.press("s", "S")
            assert driver.text().splitlines()[1:3] == before[1:3]


async def test_a_screen_in_front_says_it_below_until_the_next_key(opened) -> None:
    async with opened("mazur", size=(60, 20), failing=True) as driver:
        await driver.press("9")
        whole = driver.text()
        await driver.press("h")
        assert driver.text().splitlines()[-1].strip().endswith("[held_out]"), driver.text()
        assert len(driver.text().splitlines()) == 20 and not len(driver.app._notifications)
        await driver.press("down")
        assert driver.text() == whole


@pytest.mark.parametrize(("written", "shown"), [("-5.6e-05", "−5.6e−5"), ("4.1e+03 of w-1", "4.1e3 of w-1")])
def test_numbers_of_sentences_are_those_of_the_screen(written: str, shown: str) -> None:
    assert typeset(written) == shown == typeset(shown)
    assert show(-5.6e-5) == "−5.6e−5" and show(1e-300, 17) == "1e−300"


async def test_the_doctor_has_one_style_of_numbers(opened) -> None:
    async with opened("vanishing", size=(80, 24)) as driver:
        await driver.write("doctor 5")
        text = driver.text()
        assert "5.6e−5" in text and "measured 5.5" in text, text
        assert not re.search(r"\de[-+]|e−0|\s-\d", text)


@given(WORDS, st.integers(30, 118))
@examples(40)
def test_a_badge_is_whole(words: list[str], room: int) -> None:
    """What is said of a published figure was cut by two cells in the rows behind its first."""
    text = " ".join(words)
    view = EquationView(left="∂E/∂out_h1", symbols=(Span("x"),), badges=(Badge(text=text, ok=False),))
    rows = EquationPanel._formula(view, room, "")
    assert all(measure(row) <= room for row in rows if isinstance(row, tuple))
    drawn = "".join(span.text for row in rows if isinstance(row, tuple) for span in row)
    assert text.replace(" ", "") in drawn.replace(" ", "")


async def test_a_marked_number_does_not_touch_the_one_before(opened) -> None:
    async with opened("diverging", size=(120, 36)) as driver:
        await driver.write("run 3")
        await driver.write(":2:1:28")
        assert re.search(r"w1 +i1 → o1 +4\.35500 …-?19\.470", driver.text()), driver.text()


async def test_the_rows_of_a_notice_follow_the_window(opened) -> None:
    async with opened("mazur", size=(60, 20), failing=True) as driver:
        driver.main.desk.say(LONG)
        for width_, height, rows in ((60, 20, 4), (200, 60, 2), (80, 24, 3), (30, 8, 1), (240, 60, 1), (60, 20, 4)):
            await driver.resize(width_, height)
            footer = driver.app.screen.query_one("#footer")
            if height >= 12:
                assert footer.size.height == rows and said(LONG) in said(driver.text()), (width_, rows)
        await driver.press("s")
        assert driver.app.screen.query_one("#footer").size.height == 1
