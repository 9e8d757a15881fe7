"""Every text can be read and every line seen, in every theme, on every background that it stands on (WCAG 2.2)."""

from __future__ import annotations

import pytest
from rich.style import Style

from retrograde.tui.canvas.inks import GREY, HEAT_POSITIVE, LEVELS, MARKED, SELECTED, Ink
from retrograde.tui.canvas.themes import THEME_NAMES, contrast, look, theme_called, themes
from tests.tui.conftest import Driver

EDGES = {Ink.FRAME, Ink.EDGE_POSITIVE, Ink.EDGE_NEGATIVE, Ink.TRACK}
TEXT, EDGE = 4.5, 3.0
COLOURED = ("dark", "light")


def ratio(style: Style) -> float:
    assert style.color is not None and style.bgcolor is not None
    return contrast(style.color.get_truecolor().hex, style.bgcolor.get_truecolor().hex)


@pytest.mark.parametrize("name", COLOURED)
@pytest.mark.parametrize("ink", list(Ink))
def test_an_ink_can_be_seen(name: str, ink: Ink) -> None:
    palette = look(name).palette
    assert ratio(palette.style(ink)) >= (EDGE if ink in EDGES else TEXT)
    if ink not in EDGES:
        assert ratio(palette.style(ink | SELECTED)) >= TEXT


@pytest.mark.parametrize("name", COLOURED)
def test_what_is_written_on_a_shade_can_be_read(name: str) -> None:
    palette = look(name).palette
    inks = [*range(HEAT_POSITIVE, HEAT_POSITIVE + 2 * (LEVELS + 1)), *range(MARKED, MARKED + HEAT_POSITIVE - GREY)]
    assert min(ratio(palette.style(ink)) for ink in inks) >= TEXT


@pytest.mark.parametrize("name", COLOURED)
def test_texts_of_textual_can_be_read(name: str) -> None:
    theme = next(one for one in themes() if one.name == theme_called(name))
    for colour in (theme.foreground, theme.primary, theme.accent, theme.error, theme.success, theme.warning):
        for paper in (theme.background, theme.surface):
            assert colour and paper and contrast(colour, paper) >= TEXT


def test_a_contrast_is_that_of_the_standard() -> None:
    assert contrast("#000000", "#ffffff") == contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_the_terminals_theme_has_no_colour_of_its_own() -> None:
    palette = look("terminal").palette
    for ink in (*Ink, *range(GREY, MARKED + 20), *(ink | SELECTED for ink in Ink)):
        style = palette.style(ink)
        for colour in (style.color, style.bgcolor):
            assert colour is None or (colour.number is not None and colour.number < 16)
        assert style.bgcolor is None


async def test_the_key_goes_through_the_themes(opened) -> None:
    async with opened("mazur", size=(80, 24)) as driver:
        for name in (*THEME_NAMES[1:], *THEME_NAMES):
            await driver.press("d")
            assert (driver.app.look.name, driver.app.theme) == (name, theme_called(name))
            assert "mazur" in driver.text()
    async with opened("digits", size=(120, 36), theme="terminal") as driver:
        await driver.press("right")
        assert driver.app.native_ansi_color


def faint(driver: Driver) -> list[str]:
    """What can not be read of the rows of an input or of the list of commands."""
    found = []
    for widget in driver.app.screen.query("Input, CommandList"):
        region = widget.region
        for strip in driver.app.screen._compositor.render_strips(driver.app.screen.size)[region.y : region.bottom]:
            for text, style, _control in strip:
                if text.strip(" ▁▔▄▀▊▎▌▐█─") and style is not None and style.color and style.bgcolor and not style.dim:
                    found += [text] if ratio(style) < TEXT else []
    return found


@pytest.mark.parametrize("name", COLOURED)
async def test_what_is_asked_and_offered_can_be_read(opened, name: str) -> None:
    """Textual's own texts: a hint in an empty line, marked text, the rows of the palette and what they do."""
    async with opened("mazur", size=(80, 24), theme=name) as driver:
        await driver.press("s")
        for key in ("colon", "e", "ctrl+p"):
            await driver.press(key)
            await driver.until(lambda: bool(driver.app.screen.query("Input")))
            await driver.settle()
            assert faint(driver) == []
            if key != "ctrl+p":
                await driver.press("escape")
        await driver.until(lambda: driver.app.screen.query_one("CommandList").option_count > 20)
        await driver.press("down")
        assert faint(driver) == []
