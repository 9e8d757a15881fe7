"""Runs, sizes and speed: the screen stays alive whatever happens."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest

from retrograde.engine.network.program import Granularity
from retrograde.engine.session.session import Session
from retrograde.tui.records.marks import PanelId
from retrograde.tui.views.debugging import address


async def test_run_to_the_end_and_back_to_any_moment(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("r")
        await driver.idle()
        assert driver.session.position == 390_000
        assert "3.51085481e−5" in driver.text()
        await driver.press("colon")
        driver.app.screen.query_one("Input").value = "5000:1:18"
        await driver.press("enter")
        await driver.until(lambda: driver.session.position == 4999 * 39 + 18)
        await driver.pilot.pause()
        assert "epoch 5,000" in driver.text()
        assert "∂E/∂w5" in driver.text()


LONG = """
format = 1
[title]
en = "long"
zh = "long"
[network]
inputs = 2
[[network.layers]]
units = 2
[[network.layers]]
units = 1
[data]
inputs = [[0.0, 1.0], [1.0, 0.0]]
targets = [[1.0], [0.0]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 100000000
"""


@pytest.fixture
def long_run(tmp_path):
    path = tmp_path / "long.toml"
    path.write_text(LONG)
    return path


async def test_pause_within_a_tenth_of_a_second(opened, long_run) -> None:
    async with opened(long_run) as driver:
        await driver.press("r")
        await driver.until(lambda: "epochs/s" in driver.text())
        start = time.process_time()
        await driver.press("space")
        while driver.main.parts.working.work is not None:
            await driver.pilot._wait_for_screen()
        assert time.process_time() - start < 0.4, "the bench holds it to 0.1 s"
        reached = driver.session.position
        assert reached > 0
        await driver.press("r")
        await driver.until(lambda: driver.main.parts.working.progress is not None)
        await driver.press("ctrl+c")
        await driver.idle()
        assert driver.session.position > reached


async def test_keys_work_during_a_run(opened, long_run) -> None:
    async with opened(long_run) as driver:
        await driver.press("s", "r", "3", "down", "down")
        assert driver.main.desk.focus is PanelId.WEIGHTS
        assert driver.main.desk.lens.weight == 2
        assert driver.main.parts.working.work is not None
        await driver.press("question_mark", "escape", "p", "d", "d", "2", "down", "z", "z")
        assert driver.main.parts.working.work is not None
        await driver.press("space")
        await driver.idle()


async def test_the_past_of_a_run_is_walked_while_it_goes_on(opened, long_run) -> None:
    async with opened(long_run) as driver:
        session, main = driver.session, driver.main
        await driver.press("r")
        await driver.until(lambda: session.branch.frontier > 100_000)
        await driver.press("right", "right", "n")
        assert main.parts.working.work is not None, "a motion over the past does not pause the run"
        assert session.position == session.schedule.full.next_stop(2, Granularity.LAYER)
        assert main.desk.reading.position == session.position
        await driver.press("colon")
        driver.app.screen.query_one("Input").value = "1000:1:7"
        await driver.press("enter")
        wanted = 999 * session.schedule.steps_per_epoch + 7
        await driver.until(lambda: session.position == wanted)
        assert main.parts.working.work is not None
        plain = Session(session.scenario)
        plain.seek(wanted)
        assert plain.current == session.current
        before = session.branch.frontier
        await driver.until(lambda: session.branch.frontier > before)
        await driver.press("space")
        await driver.idle()
        assert session.position == wanted, "the cursor stays where it was put"
        assert session.frontier > before


async def test_quit_during_a_run(opened, long_run) -> None:
    async with opened(long_run) as driver:
        await driver.press("r", "q")
        await driver.pilot.pause()
        assert driver.app.return_code == 0


async def test_resize_during_a_run(opened, long_run) -> None:
    async with opened(long_run) as driver:
        await driver.press("r")
        for size in [(80, 24), (200, 60), (40, 12), (5, 3), (1, 1), (120, 36)]:
            await driver.resize(*size)
        await driver.until(lambda: "epochs/s" in driver.text())
        await driver.press("space")
        await driver.idle()


async def test_a_far_seek_can_be_cancelled(opened, long_run) -> None:
    async with opened(long_run) as driver:
        await driver.press("colon")
        driver.app.screen.query_one("Input").value = "90000000:1:1"
        await driver.press("enter")
        await driver.until(lambda: driver.main.parts.working.progress is not None)
        await driver.press("space")
        await driver.idle()
        assert driver.session.position == 0


async def test_a_diverging_run_says_so(opened) -> None:
    async with opened("diverging") as driver:
        await driver.press("r")
        await driver.idle()
        assert "diverged" in driver.text()


GROWING = """
format = 1
title = { en = "a rate that is too large", zh = "a rate that is too large" }
[network]
inputs = 1
[[network.layers]]
units = 1
activation = "identity"
weights = [[1.5]]
biases = [0]
[data]
inputs = [[3], [5], [40]]
targets = [[6], [10], [80]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 1.0
batch_size = 1
[stop]
epochs = 100
"""


async def test_enter_goes_to_where_a_run_went_wrong(opened, tmp_path: Path) -> None:
    (tmp_path / "growing.toml").write_text(GROWING, encoding="utf-8")
    async with opened(tmp_path / "growing.toml") as driver:
        await driver.press("r")
        await driver.idle()
        end, wrong = driver.session.position, driver.session.outcome.step
        assert wrong is not None
        assert wrong < end
        said = driver.text().splitlines()[-1]
        assert "Enter goes there" in said
        assert address(driver.session.schedule, wrong) in said
        await driver.press("enter")
        assert driver.session.position == wrong
        assert not math.isfinite(driver.session.current.result)
        await driver.press("backspace")
        assert driver.session.position == end
        await driver.press("enter")
        assert driver.session.position != wrong, "it is said once"


SIZES = [
    (1, 1),
    (2, 30),
    (30, 2),
    (39, 12),
    (40, 11),
    (40, 12),
    (60, 16),
    (72, 18),
    (80, 24),
    (99, 26),
    (120, 36),
    (200, 60),
]


@pytest.mark.parametrize("name", ["mazur", "digits", "two-moons"])
async def test_sizes(opened, name: str) -> None:
    """At every size the screen is whole; below 40 by 12 one line says what is needed."""
    async with opened(name) as driver:
        for width, height in SIZES:
            await driver.resize(width, height)
            await driver.press("n", "4", "3", "s", "1", "2")
            text = driver.text()
            if width < 40 or height < 12:
                assert text.startswith("Retrograde needs 40 × 12 cells"[: max(width - 1, 0)])
            else:
                assert "step" in text
                assert len(text.split("\n")) == height


async def test_the_narrow_screen_has_tabs(opened) -> None:
    async with opened("mazur", size=(80, 24)) as driver:
        assert "3 weights │ 4 loss" in driver.text()
        assert "∂E/∂w" in driver.text()
        await driver.press("4")
        assert "The curve begins" in driver.text()
    async with opened("mazur", size=(40, 12)) as driver:
        assert "A step by step" in driver.text()
        await driver.press("1")
        assert "i1" in driver.text()


async def test_digits_shows_the_picture_and_the_focus(opened) -> None:
    async with opened("digits") as driver:
        await driver.press("s", "s", "s")
        text = driver.text()
        assert "64 inputs" in text
        assert "32 relu" in text
        assert "… 61 more: Σ =" in text
        assert "W[3,44] · i44" in text
        await driver.press("f")
        assert "o10" in driver.text()


async def test_stepping_through_a_batch_labels_the_sum_so_far(opened) -> None:
    async with opened("xor-2-4-1") as driver:
        await driver.press("v")
        assert "(1 of 4 samples)" in driver.text()
        await driver.press("v", "v", "v")
        assert "of 4 samples)" not in driver.text()


@pytest.mark.parametrize("name", ["mazur", "digits"])
async def test_a_key_is_handled_quickly(opened, name: str) -> None:
    """The bench measures it; here only that nothing is off by an order of magnitude."""
    async with opened(name) as driver:
        spent = []
        original = driver.main.do

        def timed(command: str) -> None:
            start = time.process_time()
            original(command)
            spent.append(time.process_time() - start)

        driver.main.do = timed  # type: ignore[method-assign]
        await driver.press(*["right"] * 40)
        assert sorted(spent)[len(spent) // 2] < 0.05
