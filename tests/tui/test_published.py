"""The published figures on the screen: all of them in a table, and those of a step beside its equation."""

from __future__ import annotations

from pathlib import Path

from retrograde.engine.scenario.catalogue import folder
from retrograde.engine.session.published import check
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.screens.published import PublishedScreen


async def test_the_table_has_every_figure_and_leads_to_its_step(opened) -> None:
    async with opened("mazur", size=(120, 40)) as driver:
        await driver.press("f", "f", "f", "P")
        await driver.until(lambda: isinstance(driver.app.screen, PublishedScreen))
        await driver.until(lambda: "passed so far" in driver.text())
        text = driver.text()
        assert "18 of 32 passed so far  ·  26 agree, 6 the source is wrong, 0 fail" in text
        printed = [finding.expect.printed.replace("-", "−") for finding in check(driver.session.scenario)]
        assert all(figure in text for figure in printed)
        await driver.press("up", "up", "up")
        await driver.until(lambda: "its last digit is one too high" in driver.text())
        await driver.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))
        await driver.until(lambda: driver.session.position == 22)
        await driver.until(lambda: "✓ ∂E_o1/∂out_h1: published 0.055399425" in driver.text())
        assert "✗ ∂E_o2/∂out_h1: the source prints" in driver.text()
        await driver.write("published")
        await driver.until(lambda: isinstance(driver.app.screen, PublishedScreen))
        await driver.until(lambda: "16 of 32 passed" in driver.text())
        await driver.press("right_square_bracket")
        await driver.until(lambda: "26 of 32 passed" in driver.text())
        for width, height in ((20, 6), (60, 20), (80, 24), (200, 60)):
            await driver.resize(width, height)
        await driver.press("escape")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))


async def test_on_a_narrow_screen_what_is_computed_stays(opened) -> None:
    async with opened("mazur", size=(60, 20)) as driver:
        await driver.press("P")
        await driver.until(lambda: isinstance(driver.app.screen, PublishedScreen))
        await driver.press(*["down"] * 14)
        await driver.until(lambda: "source is wrong: its last digit is one" in driver.text())
        assert "−0.019049119  −0.01904911826" in driver.text()
        assert "computed −0.01904911826 at 1:1:22" in driver.text()


async def test_without_figures_it_says_so(opened, tmp_path: Path) -> None:
    text = (folder() / "mazur.toml").read_text(encoding="utf-8")
    file = tmp_path / "own.toml"
    file.write_text(text[: text.index("[[expect]]")], encoding="utf-8")
    async with opened(str(file), size=(80, 24)) as driver:
        await driver.press("P")
        await driver.idle()
        assert "nothing was published of this scenario" in driver.text()
