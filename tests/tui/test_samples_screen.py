"""The screen of the samples: what it says is what stepping to a sample shows, and every row and cell leads there."""

from __future__ import annotations

import numpy as np
import pytest

from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.screens.samples import SamplesScreen

SIZES = ((20, 6), (60, 20), (200, 60))


async def _opened(driver, line: str) -> SamplesScreen:
    await driver.write(line)
    await driver.until(lambda: isinstance(driver.app.screen, SamplesScreen))
    await driver.settle()
    return driver.app.screen


async def test_enter_goes_to_the_misclassified_sample_with_the_same_numbers(opened) -> None:
    async with opened("digits", size=(120, 36)) as driver:
        driver.session.seek("1:57")
        driver.main.parts.desk.moved()
        screen = await _opened(driver, "misclassified")
        text = driver.text()
        assert "filter wrong" in text and "✓" not in text
        row = int(screen._rows[0])
        assert f"sample {row + 1}" in text
        iteration, place = driver.session.schedule.place_of(row, 0)
        await driver.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))
        await driver.idle()
        session = driver.session
        assert (session.iteration, session.sample) == (iteration, place)
        # The table of that iteration's parameters has the numbers of the screen.
        table = session.samples()
        frame = session.frame
        assert (table.outputs[row, 0] == frame.array(frame.program.named["out_o"])[place]).all()
        assert f"which stands for {table.dataset.label(9)}" in driver.text()


async def test_a_cell_of_the_confusion_matrix_shows_its_samples(opened) -> None:
    async with opened("iris", size=(80, 24)) as driver:
        screen = await _opened(driver, "confusion")
        text = driver.text()
        assert "versicolor" in text and "confusion matrix" in text
        counts = screen._table.confusion()
        target, output = (int(axis[0]) for axis in np.nonzero(counts[:, :3] * (1 - np.eye(3, dtype=int))))
        await driver.press(*["down"] * target, *["right"] * output, "enter")
        assert f"{counts[target, output]} of 150 samples" in driver.text()
        assert (screen._table.wanted[screen._rows, 0] == target).all()
        await driver.press("s", "s", "S", "r", "w", "w", "tab", "tab", "h")
        assert "150 of 150 samples, by loss, turned round" in driver.text()
        await driver.press("right_square_bracket")
        assert "right" in driver.text(), "it follows the cursor"
        await driver.press("end", "enter")
        assert isinstance(driver.app.screen, SamplesScreen), "it has not run so far"
        await driver.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))
        await driver.idle()
        assert driver.session.iteration == driver.session.schedule.place_of(int(screen._rows[screen.row]), 0)[0]


@pytest.mark.parametrize("name", ["mazur", "tiny-transformer", "cs231n-circuit"])
async def test_every_kind_of_samples_is_drawn_at_every_size(opened, name: str) -> None:
    async with opened(name, size=(120, 36), ascii_only=name == "mazur") as driver:
        await _opened(driver, "samples")
        for size in SIZES:
            await driver.resize(*size)
        await driver.resize(120, 36)
        text = driver.text()
        count = len(driver.session.samples())
        assert f"{count:,} of {count:,} samples" in text
        if name == "mazur":
            assert text.isascii()
            await driver.press("tab")
            assert "confusion matrix" not in driver.text()
