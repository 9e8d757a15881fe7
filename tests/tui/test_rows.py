"""Rows that have become others are painted together where they follow each other, and no other row is."""

from __future__ import annotations

from sys import getrefcount

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual._ansi_theme import DEFAULT_TERMINAL_THEME
from textual.color import Color
from textual.filter import ANSIToTruecolor
from textual.strip import Strip

from retrograde.tui.canvas.canvas import Canvas
from retrograde.tui.canvas.glyphs import UNICODE, width
from retrograde.tui.canvas.inks import GREY, MARKED, SELECTED, SOLID, Ink, pair, point
from retrograde.tui.canvas.themes import THEME_NAMES, look
from retrograde.tui.widgets.panel import runs
from tests.support.effort import examples


@examples(60)
@given(st.sets(st.integers(0, 60)))
def test_runs_are_the_rows_and_as_few_as_can_be(rows: set[int]) -> None:
    found = list(runs(sorted(rows)))
    assert [row for first, count in found for row in range(first, first + count)] == sorted(rows)
    assert len(found) == sum(row - 1 not in rows for row in rows)


@pytest.mark.parametrize("name", THEME_NAMES)
def test_a_palette_that_is_exact_leaves_textual_no_colour_to_find(name: str) -> None:
    palette = look(name).palette
    inks = [*Ink, *(ink | SELECTED for ink in Ink), *range(GREY, MARKED + 17)]
    inks += [made(first, second) for made in (pair, point) for first in range(SOLID) for second in range(0, SOLID, 13)]
    before = [Segment("x", palette.style(ink)) for ink in inks]
    after = ANSIToTruecolor(DEFAULT_TERMINAL_THEME).apply(before, Color(0, 0, 0))
    assert palette.exact == (after == before)


@examples(60)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=12), st.lists(st.integers(1, 12)), st.integers(0, 12))
def test_a_row_of_a_canvas_is_a_strip_that_does_not_keep_itself(inks: list[int], cuts: list[int], start: int) -> None:
    palette, wide = look().palette, len(inks)
    canvas = Canvas(wide, 1, UNICODE)
    canvas.cells(0, 0, "abcdefghijkl"[:wide], inks)
    (row,) = canvas.strips(palette)
    plain = Strip([Segment(char, palette.style(ink)) for char, ink in zip("abcdefghijkl", inks, strict=False)], wide)
    assert row.simplify() == plain.simplify() and row.text == plain.text and row.cell_length == wide
    assert row.divide(sorted({*cuts, wide})) == row.divide(sorted({*cuts, wide}))
    for one, other in zip(row.divide(sorted({*cuts})), plain.divide(sorted({*cuts})), strict=True):
        assert one.simplify() == other.simplify()
    assert row.crop(start).simplify() == plain.crop(start).simplify()
    references = getrefcount(row)
    assert row.divide([wide]) == [row]
    assert getrefcount(row) == references


@examples(100)
@given(st.text(), st.integers(-3, 12), st.integers(0, 12))
def test_a_text_takes_the_cells_that_rich_says_and_is_written_the_same_however_often(
    text: str, x: int, wide: int
) -> None:
    assert width(text) == (len(text) if text.isascii() else cell_len(text))
    rows = []
    for _again in range(2):
        canvas = Canvas(wide, 1, UNICODE)
        canvas.put(x, 0, text)
        rows.append(canvas.text()[0])
        assert cell_len(rows[-1]) == wide
    assert rows[0] == rows[1]
