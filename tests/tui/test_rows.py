"""Rows that have become others are painted together where they follow each other, and no other row is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from textual._ansi_theme import DEFAULT_TERMINAL_THEME
from textual.color import Color
from textual.filter import ANSIToTruecolor

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
