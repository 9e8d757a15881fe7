"""A made-up panel, in a program of its own: its file and its row, and then the whole app with it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from retrograde.engine.text import N_
from retrograde.tui.canvas.canvas import Canvas
from retrograde.tui.debugger.panels import table
from retrograde.tui.debugger.panels.panel import PanelPart, PanelRow, next_row
from retrograde.tui.debugger.rooms import Seat
from retrograde.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# -- its file


class WeatherPanel(Panel[tuple[str, int]]):
    """Draws a word and what is selected."""

    def draw(self, canvas: Canvas, view: tuple[str, int]) -> None:
        """Draws both on a line."""
        canvas.put(0, 0, f"{view[0]} {view[1]}")

    def item_at(self, row: int) -> int | None:
        """The row itself."""
        return row


class WeatherPart(PanelPart):
    """Says how the step is doing."""

    row = -1

    def depends(self, height: int) -> tuple[object, ...]:
        """Also the selected row."""
        return (self.desk.reading, self.row)

    def view(self, height: int) -> tuple[str, int]:
        """A word, and the selected row."""
        return f"sunny at {self.desk.reading.position}", self.row

    def select(self, by: int) -> None:
        """Selects a row of three."""
        self.row = next_row(self.row, by, 3)
        self.desk.paint()

    def enter(self) -> None:
        """Says something."""
        self.desk.say(f"rain in row {self.row}")

    def point(self, item: int) -> None:
        """Selects what was pressed."""
        self.row = item


ROW = PanelRow(
    id="weather",
    key="8",
    title=N_("weather"),
    command=N_("weather panel"),
    seat=Seat.BESIDE,
    widget=WeatherPanel,
    part=WeatherPart,
)

# -- its row

table.PANELS = (*table.PANELS, ROW)


# -- what follows


@asynccontextmanager
async def opened(size: tuple[int, int]) -> AsyncIterator[tuple[Any, Any]]:
    from retrograde.tui.app import RetrogradeApp

    app = RetrogradeApp("mazur")
    async with app.run_test(size=size) as pilot:
        while app.session is None or not hasattr(app.screen, "desk"):
            await pilot.pause(0.02)
        await pilot.pause()
        yield app, pilot


def text(app: Any) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips(app.screen.size))


async def look_at_every_size() -> None:
    for size in ((180, 45), (120, 36), (80, 24), (71, 17)):
        async with opened(size) as (app, pilot):
            assert "8 weather" in text(app), "it is a title or a tab"
            shown = size[0] >= 160
            assert ("sunny at 0 -1" in text(app)) is shown
            await pilot.press("8")
            assert app.screen.desk.focus == "weather"
            assert "sunny at 0 -1" in text(app), f"its key brings it to the front at {size}"
            await pilot.press("z")
            assert "sunny at 0 -1" in text(app), "it can be enlarged"


async def use_it() -> None:
    from retrograde.tui.widgets.panel import Panel

    async with opened((120, 36)) as (app, pilot):
        await pilot.press("6", "tab")
        assert app.screen.desk.focus == "weather", "it is the panel after the last one"
        await pilot.press("tab")
        assert app.screen.desk.focus == "network"
        await pilot.press("shift+tab", "down", "down")
        assert "sunny at 0 1" in text(app), "the arrows select in it"
        await pilot.press("enter")
        assert "rain in row 1" in text(app), "so does Enter"
        app.screen.post_message(Panel.Pressed("weather", 2))
        await pilot.pause()
        assert "sunny at 0 2" in text(app), "and the mouse"
        app.screen.post_message(Panel.Wheeled("weather", -1))
        await pilot.pause()
        assert "sunny at 0 1" in text(app), "and the wheel"
        await pilot.press("right")
        assert "sunny at 1 1" in text(app), "it follows the session"


def read_about_it() -> None:
    from retrograde.tui.canvas.themes import look
    from retrograde.tui.commands.keys import key_rows, key_table
    from retrograde.tui.debugger.table import commands
    from retrograde.tui.screens.help import HelpScreen

    listed = "panels: network, equation, weights, loss, timeline, debug, weather"
    assert f"| `1` `2` `3` `4` `5` `6` `8` | {listed}" in key_table(commands()), "the documentation has it"
    assert listed in " ".join(HelpScreen(look(), key_rows(commands())).text(200).plain.split()), "so has the help"
    assert "weather panel" in {row.title for row in commands()}, "and the palette"


async def main() -> None:
    await look_at_every_size()
    await use_it()
    read_about_it()


if __name__ == "__main__":
    asyncio.run(main())
