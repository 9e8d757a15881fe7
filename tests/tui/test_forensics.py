"""What gives the published figures, on the screen."""

from __future__ import annotations

from pathlib import Path

from retrograde.engine.forensics.bench import Bench
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.screens.forensics import ForensicsScreen
from retrograde.tui.screens.goals import Vary
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
        # To its step here.
        await driver.press("w")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))
        await driver.until(lambda: driver.session.position == 12)


async def test_the_variant_opens_over_the_session_which_stays_as_it_is(opened, tmp_path: Path) -> None:
    async with opened(str(FIELD / "01-xor-missing-slope.toml"), size=(120, 40)) as driver:
        await driver.write("set w1 0.5")
        await driver.write("note mine")
        below = driver.session
        place, branches = below.position, [one.name for one in below.branches]
        await driver.press("P")
        await driver.until(lambda: isinstance(driver.app.screen, PublishedScreen))
        await driver.press("f")
        await driver.until(lambda: isinstance(driver.app.screen, ForensicsScreen))
        await driver.until(lambda: "2 programs in one text" in driver.text())
        await driver.press("enter")
        await driver.until(lambda: driver.session is not below)
        await driver.until(lambda: "01-xor-missing-slope, ∂E/∂W_o without its slope" in driver.text())
        for said in (
            "∂E/∂w5 = ∂E/∂out_o1 · out_h1",
            "✓ published 0.5544964559",
            "as stated: δ_o1 · out_h1",
            "q back to 01-xor-missing-slope",
        ):
            await driver.until(lambda said=said: said in driver.text(), 6)
        await driver.press("escape")
        await driver.until(lambda: "r runs, q goes back to 01-xor-missing-slope" in driver.text())
        # Neither it nor the session below is written in the other's place.
        await driver.write(f"save {tmp_path / 'x'}")
        await driver.until(lambda: "not of a variant" in driver.text())
        assert not list(tmp_path.iterdir())
        await driver.press("right", "right", "r")
        await driver.until(lambda: driver.session.outcome is not None)
        await driver.press("q")
        await driver.until(lambda: driver.session is below)
        await driver.until(lambda: "back to" not in driver.text())
        assert (below.position, [one.name for one in below.branches]) == (place, branches)
        assert "mine" in below.notes.values()
        await driver.press("q")
        await driver.until(lambda: "unsaved edits" in driver.text())


async def test_what_is_no_edit_is_said_in_the_variant_and_refused_alone(opened) -> None:
    async with opened("mazur", size=(120, 36)) as driver:
        below = driver.session
        known = {one.kind: one for one in Bench(below.scenario).deviations}
        vary = driver.main.parts.publishing.vary
        vary(Vary((known["one less"],)))
        await driver.until(lambda: "one update less: no equation is another one" in driver.text())
        vary(Vary((known["no half"], known["one less"])))
        await driver.until(lambda: "not in it, since no equation is another one" in driver.text())
        assert driver.session.name == "mazur, without ½"
        for key in ("o", "R", "M", "Q", "E"):
            await driver.press(key)
            await driver.until(lambda: "not of a variant" in driver.text())
        await driver.write("set w1 0.5")
        await driver.press("q")
        await driver.until(lambda: "a variant is not saved" in driver.text())
        await driver.press("q")
        await driver.until(lambda: driver.session is below)
