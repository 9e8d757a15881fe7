"""A newcomer adds a command: one row, and it is everywhere."""

from __future__ import annotations

from typing import Any

from retrograde.engine.text import N_
from retrograde.tui import app
from retrograde.tui.cli.keytable import key_page
from retrograde.tui.commands.command import Group
from retrograde.tui.debugger import table
from retrograde.tui.debugger.doing import bindings
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.debugger.table import Row
from retrograde.tui.screens.help import HelpScreen

MADE_UP = Row(
    id="wave",
    keys=("f2",),
    title=N_("wave to the layers"),
    help=N_("Waves as often as one likes."),
    group=Group.SCREEN,
    footer=1,
    short=N_("wave"),
    line="wave TIMES",
    act=lambda on: on.desk.say("waved once"),
    obey=lambda on, times: on.desk.say(f"waved {times} times"),
    when=lambda on: "" if on.desk.reading.step is None else "too late to wave",
)


async def test_one_row_is_a_command_everywhere(opened, monkeypatch) -> None:
    monkeypatch.setattr(table, "COMMANDS", (*table.COMMANDS, MADE_UP))

    class Screen(DebuggerScreen):
        BINDINGS = bindings()

    monkeypatch.setattr(app, "DebuggerScreen", Screen)
    async with opened("mazur", size=(120, 60)) as driver:
        footer = driver.text().splitlines()[-1]
        assert "F2 wave" in footer
        await driver.press("f2")
        assert "waved once" in driver.text(), "the key does it"
        await driver.write("wave 3")
        assert "waved 3 times" in driver.text(), "so does the word"
        await driver.press("colon")
        line: Any = driver.app.screen.query_one("Input")
        line.value = "wav"
        line.cursor_position = 3
        await driver.press("tab")
        assert line.value == "wave ", "Tab completes it"
        await driver.press("escape")
        await driver.write("wabe")
        assert "did you mean wave" in driver.text(), "it is proposed"
        await driver.press("escape")
        await driver.press("question_mark")
        assert isinstance(driver.app.screen, HelpScreen)
        assert "wave to the layers" in driver.app.screen.text(80).plain, "the help has it"
        await driver.press("escape")
        await driver.press("ctrl+p", *"wave")
        await driver.until(lambda: "Wave to the layers  (F2)" in driver.text())
        await driver.press("enter")
        await driver.until(lambda: "waved once" in driver.text())
        await driver.press("s", "ctrl+p", *"wave")
        await driver.until(lambda: "too late to wave" in driver.text())
        await driver.press("escape")
    assert "| `F2` `:wave TIMES` | wave to the layers: waves as often as one likes. |" in key_page(), (
        "the page of keys has it"
    )
