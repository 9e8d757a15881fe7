"""The language of the app: what changes it while it runs, and what a change leaves behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from retrograde.engine.text import language, use
from retrograde.tui.debugger.panelled import PanelledScreen
from tests.tui.conftest import Driver, Open


@pytest.fixture(autouse=True)
def english_again() -> Iterator[None]:
    yield
    use("en")


async def checked(driver: Driver) -> None:
    """Waits for what is computed while the cursor rests."""
    badges = driver.main.parts.badges
    await driver.until(lambda: badges._key in badges._known or badges._key[0] < 0)
    await driver.until(lambda: badges._accuracy[0] == badges._updates)
    await driver.settle()


@pytest.mark.parametrize(
    ("scenario", "size", "keys"),
    [
        ("mazur", (120, 36), ("right", "right", "right", "f", "f", "right")),
        ("mazur", (80, 24), ("6", "right_square_bracket", "right")),
        ("digits", (120, 36), ("n", "right")),
    ],
)
async def test_switching_shows_what_starting_in_it_shows(
    opened: Open, scenario: str, size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    """No label, view or footer keeps the language that it was made in, in either direction."""
    shown: dict[str, str] = {}
    for code in ("en", "zh"):
        use(code)
        async with opened(scenario, size=size) as driver:
            await driver.press(*keys)
            await checked(driver)
            shown[code] = driver.text()
            await driver.press("A")
            await checked(driver)
            assert language() == {"en": "zh", "zh": "en"}[code]
            shown[f"{code} left"] = driver.text()
    assert shown["en left"] == shown["zh"]
    assert shown["zh left"] == shown["en"]
    assert shown["zh"] != shown["en"]


async def test_the_language_is_written(opened: Open) -> None:
    """A language that is not there is said to be none, and nothing changes."""
    async with opened("mazur") as driver:
        await driver.write("language zh")
        assert "网络" in driver.text()
        await driver.write("language fr")
        assert language() == "zh"
        assert "en, zh" in driver.text() or "en，zh" in driver.text()
        await driver.press("escape")
        await driver.write("language en")
        assert isinstance(driver.app.screen, PanelledScreen)
        assert "网络" not in driver.text()
