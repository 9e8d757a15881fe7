"""What is odd in a scenario is said when it opens, and listed in full."""

from __future__ import annotations

from retrograde.tui.screens.choosing import ChoiceScreen
from tests.scenario.test_warnings import ODD


async def test_it_is_said_and_listed(opened, tmp_path) -> None:
    file = tmp_path / "odd.toml"
    file.write_text(ODD, encoding="utf-8")
    async with opened(str(file), size=(80, 24)) as driver:
        said = "\n".join(driver.text().splitlines()[-2:])
        assert "1 warning, :warnings lists it · a learning rate below 0" in said
        assert "update goes up the gradient, and the loss grows" in said, "in full"
        await driver.press("right")
        assert "warning" not in driver.text().splitlines()[-1], "the next key puts the keys back"
        await driver.write("warnings")
        assert isinstance(driver.app.screen, ChoiceScreen)
        shown = " ".join(driver.text().split())
        assert "odd.toml:22 training.learning_rate: a learning rate below 0" in shown
        assert "the loss grows" in shown, "long ones go on in the next row"
        await driver.press("enter")
        assert not isinstance(driver.app.screen, ChoiceScreen)


async def test_of_none_it_says_so(opened) -> None:
    async with opened("mazur", size=(80, 24)) as driver:
        await driver.write("warnings")
        assert "nothing is odd in this scenario" in driver.text()
