"""Aligned columns and the progress bar: widths in cells, and nothing left behind."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.travel.running import Progress
from retrograde.tui.cli.support.columns import cut, padded, table, width, wrapped
from retrograde.tui.cli.support.progress import ProgressBar

TEXTS = st.text(alphabet="ab 学习δ∂…", max_size=12)


@given(TEXTS, st.integers(0, 14))
def test_cut_fits_and_keeps_what_fits(text: str, columns: int) -> None:
    short = cut(text, columns)
    assert width(short) <= max(columns, 1)
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))
    assert short == text or width(text) > columns


@given(TEXTS, st.integers(0, 30), st.booleans())
def test_padding_is_in_cells(text: str, columns: int, right: bool) -> None:
    assert width(padded(text, columns, right=right)) == max(columns, width(text))


def test_columns_align_across_scripts() -> None:
    lines = table([["学习", "1"], ["abc", "22"]], right=frozenset({1}))
    assert lines == ["学习   1", "abc   22"]
    assert {width(line) for line in lines} == {8}


@given(TEXTS.filter(str.strip), st.integers(4, 20))
def test_wrapping_loses_nothing_and_fits(text: str, columns: int) -> None:
    lines = wrapped(text, columns, " ")
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        assert width(line) <= columns or len(line.split()) == 1


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr("retrograde.tui.cli.support.progress.time.monotonic", lambda: now[0])
    return now


def test_the_bar_shows_rate_and_time_left_and_wipes_itself(clock: list[float]) -> None:
    stream = Terminal()
    with ProgressBar(stream) as bar:
        bar.update(Progress(epoch=1, epochs=100, iterations=1, loss=0.5))
        assert stream.getvalue() == ""
        clock[0] = 2.0
        bar.update(Progress(epoch=50, epochs=100, iterations=50, loss=0.25))
        line = stream.getvalue()
        assert "epoch 50 of 100  E 0.25  25 epochs/s  2 s left" in line
        assert line.count("#") == line.count(".") - 1 == 12
    assert stream.getvalue().endswith("\r\x1b[K")


def test_no_terminal_no_bar(clock: list[float]) -> None:
    stream = io.StringIO()
    with ProgressBar(stream) as bar:
        clock[0] = 2.0
        bar.update(Progress(epoch=50, epochs=100, iterations=50, loss=0.25))
    assert stream.getvalue() == ""
