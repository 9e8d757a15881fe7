"""What gives the published figures, on the screen."""

from __future__ import annotations

from pathlib import Path

from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.screens.forensics import ForensicsScreen
from retrograde.tui.screens.published import PublishedScreen

FIELD = Path(__file__).parent.parent / "cases" / "field"


async def test_a_key_on_the_figures_names_the_slip_and_leads_to_its_step(opened) -> None:
    async with opened(str(FIELD / "01-xor-missing-slope.toml"), size=(120, 40)) as driver:
        await driver.press("P")
        await driver.until(lambda: isinstance(driver.app.screen, PublishedScreen))
        await driver.press("f")
        await driver.until(lambda: isinstance(driver.app.screen, ForensicsScreen))
        await driver.until(lambda: "2 programs in one text" in driver.text())
        assert "as stated: 7 of 8" in driver.text()
        assert "what would decide: δ_h1" in driver.text()
        assert "∂E/∂w5 = ∂E/∂out_o1 · out_h1" in driver.text()
        for width, height in ((20, 6), (60, 20), (80, 24), (200, 60)):
            await driver.resize(width, height)
        await driver.press("home", "enter")
        assert isinstance(driver.app.screen, ForensicsScreen)
        await driver.press("escape")
        await driver.until(lambda: isinstance(driver.app.screen, PublishedScreen))
        # What was found is kept.
        await driver.press("f")
        await driver.until(lambda: isinstance(driver.app.screen, ForensicsScreen))
        await driver.press("enter")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))
        await driver.until(lambda: driver.session.position == 12)
