"""For every reader: the cursor stands on the result, plain characters come by themselves, and nothing need move."""

from __future__ import annotations

import pytest

from retrograde.tui.app import RetrogradeApp
from retrograde.tui.cli.support.terminal import little_motion, only_ascii
from retrograde.tui.work import pace


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_the_cursor_stands_on_the_result(opened, size: tuple[int, int]) -> None:
    async with opened("mazur", size=size) as driver:
        for keys, result in ((["s"], "0.3775"), (["n"], "0.596884378"), (["f", "s"], "0.274811083")):
            await driver.press(*keys)
            at = driver.app.cursor_position
            row = driver.text().splitlines()[at.y]
            assert row[at.x :].startswith(result), (size, row)


async def test_the_command_line_has_the_cursor_while_it_is_open(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("s", "colon")
        await driver.pilot.pause()
        await driver.press("w", "5")
        await driver.until(lambda: driver.app.cursor_position.y == 35)


@pytest.mark.parametrize(
    ("environment", "plain"),
    [
        ({}, False),
        ({"LANG": "en_US.UTF-8"}, False),
        ({"LANG": "zh_CN.utf8"}, False),
        ({"LC_ALL": "C"}, True),
        ({"LC_ALL": "C.UTF-8", "LANG": "C"}, False),
        ({"LANG": "de_DE.ISO-8859-1"}, True),
        ({"LC_CTYPE": "en_US.UTF-8", "LANG": "C"}, False),
        ({"LC_ALL": "", "LANG": "POSIX"}, True),
        ({"LANG": "en_US.UTF-8", "TERM": "vt100"}, True),
        ({"LANG": "en_US.UTF-8", "TERM": "xterm-256color"}, False),
    ],
)
def test_plain_characters_come_by_themselves(
    environment: dict[str, str], plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_CTYPE", "LANG", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert only_ascii() is plain


def test_little_motion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    assert little_motion()
    monkeypatch.delenv("TEXTUAL_ANIMATIONS")
    assert not little_motion()
    try:
        pace.calm(True)
        assert pace.between() == pace.SELDOM
    finally:
        pace.calm(False)
    assert pace.between() == pace.OFTEN


@pytest.mark.parametrize("calm", [False, True])
async def test_nothing_blinks(opened, calm: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if calm:
        before = RetrogradeApp.__init__

        def begun(self, *arguments, **settings) -> None:
            before(self, *arguments, **settings)
            self.add_class("-calm")

        monkeypatch.setattr(RetrogradeApp, "__init__", begun)
    async with opened("mazur") as driver:
        await driver.press("colon")
        await driver.pilot.pause()
        assert driver.app.screen.query_one("Input").cursor_blink is not calm
