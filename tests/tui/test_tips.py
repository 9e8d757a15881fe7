"""What stands beside the mouse: what a panel shows, what a column is, and all digits of a row."""

from __future__ import annotations

from typing import Any

from textual.events import MouseMove

from retrograde.tui.debugger.panels.table import PANELS


async def over(driver, widget: Any, x: int, y: int) -> str:
    at = {"x": x, "y": y, "delta_x": 0, "delta_y": 0, "button": 0, "shift": False, "meta": False, "ctrl": False}
    widget.post_message(MouseMove(widget, **at, screen_x=x, screen_y=y))
    await driver.pilot.pause()
    return "" if widget.tooltip is None else str(widget.tooltip)


async def test_every_panel_says_what_it_shows(opened) -> None:
    assert all(panel.widget.TIP for panel in PANELS)
    async with opened("mazur") as driver:
        panel = driver.main.query_one("#equation")
        assert (await over(driver, panel, 4, 0)).startswith("The step in symbols")
        assert await over(driver, panel, 4, 3) == ""


async def test_rows_have_all_their_digits(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("right_square_bracket")
        panel = driver.main.query_one("#weights")
        lines = driver.text().splitlines()
        heading = next(y for y, line in enumerate(lines) if "from→to" in line)
        column = lines[heading].index("∂E/∂w") - panel.region.x
        assert await over(driver, panel, column, 1) == "∂E/∂w: how E changes with it: the gradient"
        row = next(y for y, line in enumerate(lines) if "h1 → o1" in line) - panel.region.y
        said = (await over(driver, panel, column, row)).splitlines()
        session = driver.session
        assert said[0] == "w5 h1 → o1"
        assert f"∂E/∂w {session.value('grad(w5)')!r}" in said and f"new {session.value('new(w5)')!r}" in said
        assert await over(driver, panel, column, panel.region.height + 5) == ""
