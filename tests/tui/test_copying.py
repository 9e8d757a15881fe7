"""What is copied is what is there: with the mouse, with a key, and an address that opens the moment again."""

from __future__ import annotations

import pytest

from retrograde.engine import Session, load_scenario
from retrograde.engine.errors import EngineError
from retrograde.tui.cli.support.moments import parted
from retrograde.tui.cli.support.saved import load_session
from retrograde.tui.screens.choosing import ChoiceScreen


async def drag(driver, widget: str, start: tuple[int, int], end: tuple[int, int]) -> str:
    await driver.pilot.mouse_down(widget, offset=start)
    await driver.pilot.hover(widget, offset=end)
    await driver.pilot.mouse_up(widget, offset=end)
    await driver.settle()
    return driver.app.clipboard


async def test_the_mouse_marks_and_copies_without_the_frame(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("s")
        panel = driver.main.query_one("#equation")
        await driver.until(lambda: "published" in driver.text())
        rows = driver.text().splitlines()
        region = panel.region
        whole = [rows[y][region.x + 1 : region.right - 1] for y in range(region.y + 1, region.bottom - 1)]
        copied = await drag(driver, "#equation", (3, 2), (20, 2))
        assert copied == whole[1][2:20].rstrip()
        assert driver.main.marked() == copied
        copied = await drag(driver, "#equation", (5, 1), (9, 4))
        first, *middle, last = whole[:4]
        lines = (first[4:], *middle, last[:9])
        assert copied == "\n".join(line.rstrip() for line in lines).strip("\n")
        marked = driver.text()
        await driver.press("y")
        assert driver.app.clipboard == copied and not driver.main.marked()
        assert "copied:" in driver.text() and marked.splitlines()[5:20] == driver.text().splitlines()[5:20]
        # The frame is never a part of it.
        copied = await drag(driver, "#equation", (0, 0), (region.width - 1, region.height - 1))
        assert copied == "\n".join(line.rstrip() for line in whole).strip("\n")


async def test_a_click_marks_nothing(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("s")
        await driver.pilot.click("#weights", offset=(5, 4))
        assert not driver.main.marked() and not driver.app.clipboard


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (0, "0.3775"),
        (1, "net_h1 = w1 · i1 + w2 · i2 + b1 = 0.15 × 0.05 + 0.2 × 0.1 + 0.35 = 0.3775"),
        (2, "w1\t0.15\t\t"),
        (3, "mazur@1:1:1"),
    ],
)
async def test_a_key_asks_what_to_copy(opened, row: int, text: str) -> None:
    async with opened("mazur") as driver:
        await driver.press("s", "y")
        assert isinstance(driver.app.screen, ChoiceScreen)
        await driver.press(*["down"] * row, "enter")
        assert driver.app.clipboard == text
        assert "copied: " in driver.text()


async def test_by_its_name_in_full(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("right_square_bracket")
        for kind in ("value", "equation", "row", "address"):
            await driver.write(f"copy {kind}")
            assert driver.app.clipboard, kind
        session = driver.session
        await driver.write("copy value")
        assert float(driver.app.clipboard) == session.current.result
        await driver.write("copy row")
        name, *cells = driver.app.clipboard.split("\t")
        assert [float(cell) for cell in cells[1:]] == [session.value(f"{of}({name})") for of in ("grad", "new")]
        await driver.write("set w5 0.7")
        driver.app._clipboard = ""
        with pytest.raises(EngineError, match="make a step first"):
            driver.main.parts.copying.written("address")
        with pytest.raises(EngineError, match="copy takes value, equation, row, address"):
            driver.main.parts.copying.written("soup")


def test_a_source_may_name_a_moment(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parted("mazur") == ("mazur", None)
    assert parted("mazur@2:1:17") == ("mazur", "2:1:17")
    assert parted("a/b@c.toml@50%") == ("a/b@c.toml", "50%")
    assert parted("a@b.toml") == ("a@b.toml", None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd@2:1").touch()
    assert parted("odd@2:1") == ("odd@2:1", None)
    session = load_session("mazur@2:1:17")
    other = Session(load_scenario("mazur"))
    other.seek("2:1:17")
    assert session.position == other.position and session.current.result == other.current.result
    with pytest.raises(EngineError):
        load_session("mazur@0:1:17")


async def test_the_app_opens_at_a_moment(opened) -> None:
    async with opened("mazur", at="2:1:17") as driver:
        await driver.until(lambda: driver.session.position == 39 + 17)
    async with opened("mazur", at="0:1:1") as driver:
        await driver.until(lambda: "epoch 0 is not in 1 to" in driver.text())
        assert driver.session.position == 0


async def test_the_line_of_code_that_computes_a_step_stands_beside_its_equation(opened) -> None:
    async with opened("mazur", size=(110, 36)) as driver:
        await driver.write("1:1:21")
        assert "NumPy" not in driver.text()
        await driver.press("M")
        await driver.until(lambda: "NumPy  grad_W_o = grad_net_o.T @ out_h" in driver.text())
        await driver.press("M")
        await driver.until(lambda: "PyTorch  E.backward(); grad_W_o = W_o.grad" in driver.text())
        await driver.press("M", "M", "M")
        await driver.until(lambda: "grad_W_o" not in driver.text())
