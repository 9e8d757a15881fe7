"""Real keys, and the session's state after them."""

from __future__ import annotations

import pytest

from retrograde.engine.text import use
from retrograde.tui.records.marks import PanelId
from retrograde.tui.screens.choosing import ChoiceScreen
from retrograde.tui.screens.command_line import LineScreen
from retrograde.tui.screens.help import HelpScreen
from retrograde.tui.screens.picker import PickerScreen


async def test_a_whole_iteration_forward_and_back(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press(*["right"] * 39)
        assert driver.session.position == 39
        assert driver.session.current.symbol == "w8⁺"
        assert "0.561370121" in driver.text()
        await driver.press(*["left"] * 39)
        assert driver.session.position == 0


MOTIONS = [
    ("s", "S", "step"),
    ("n", "N", "layer"),
    ("f", "F", "phase"),
    ("v", "V", "sample"),
    ("right_square_bracket", "left_square_bracket", "iteration"),
    ("right_curly_bracket", "left_curly_bracket", "epoch"),
]


async def test_motions_by_every_granularity(opened) -> None:
    from retrograde.engine.scenario.file import load_scenario
    from retrograde.engine.session.session import Session

    reference = Session(load_scenario("xor-2-4-1"))
    async with opened("xor-2-4-1") as driver:
        for key, back, granularity in MOTIONS:
            for _time in range(3):
                await driver.press(key)
                reference.step(granularity)
                assert driver.session.position == reference.position, granularity
            for _time in range(3):
                await driver.press(back)
                reference.back(granularity)
                assert driver.session.position == reference.position, granularity
            assert driver.session.position == 0, granularity


async def test_terms(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("i")
        assert (driver.session.position, driver.session.term) == (0, 1)
        assert "1 of 3 terms: 0.0075" in driver.text()
        await driver.press("i", "i")
        assert (driver.session.position, driver.session.term) == (1, 0)
        await driver.press("I")
        assert (driver.session.position, driver.session.term) == (0, 2)
        await driver.press("I", "I")
        assert (driver.session.position, driver.session.term) == (0, 0)


async def test_one_step_says_eight_things(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press(*["s"] * 18)
        await driver.until(lambda: "✓ finite difference" in driver.text())
        text = driver.text()
        for part in (
            "epoch 1 ▸ iteration 1 ▸ sample 1 ▸ backward ▸ o ▸ w5",
            "Its target's δ times its source's output.",
            "∂E/∂w5 = δ_o1 · out_h1",
            "0.138498562 × 0.593269992",
            "= 0.082167041",
            "δ_o1    0.138498562  step 16",
            "‹h1 0.5933›",
            "✓ finite difference  ✓ published",
            "0.741365 × 0.186816 × 0.59327",
            "1 % more w5 moves E by +0.000329, to first order",
        ):
            assert part in text


async def test_where_from_and_return(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press(*["s"] * 18, "down", "down", "w")
        assert driver.session.current.symbol == "out_h1"
        await driver.press("backspace")
        assert driver.session.position == 18
        await driver.press("down", "enter")
        assert driver.session.current.symbol == "δ_o1"
        await driver.press("backspace", "backspace")
        assert driver.session.position == 18
        assert "no jump to return from" in driver.text()


async def test_where_used(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press(*["s"] * 3, "W")
        assert isinstance(driver.app.screen, ChoiceScreen)
        assert "where out_h1 is used" in driver.text()
        await driver.press("down", "enter")
        assert driver.session.current.symbol == "net_o2"
        await driver.press("backspace")
        assert driver.session.position == 3


async def test_where_from_crosses_the_iteration(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("right_square_bracket", "s", "down", "w")
        assert driver.session.current.symbol == "w1⁺"
        assert driver.session.iteration == 0
        await driver.press("backspace")
        assert driver.session.position == 40


async def test_addresses(opened) -> None:
    lines = {"2:1:17": 39 + 17, "40": 40, "@41": 41, "start": 0, "2:": 78, "3:1": 117}
    async with opened("mazur") as driver:
        await driver.press("s")
        for line, position in lines.items():
            await driver.press("colon")
            assert isinstance(driver.app.screen, LineScreen)
            await driver.press(*["colon" if c == ":" else "at" if c == "@" else c for c in line])
            driver.app.screen.query_one("Input").value = line
            await driver.press("enter")
            await driver.until(lambda position=position: driver.session.position == position)
            await driver.idle()


async def test_half_way_and_bad_addresses(opened) -> None:
    async with opened("mazur") as driver:

        async def write(line: str) -> None:
            if not isinstance(driver.app.screen, LineScreen):
                await driver.press("colon")
            driver.app.screen.query_one("Input").value = line
            await driver.press("enter")
            await driver.pilot.pause()
            if not isinstance(driver.app.screen, LineScreen):
                await driver.idle()

        await write("10:1:39")
        await write("50%")
        assert driver.session.position == 195
        await write("nowhere")
        assert driver.session.position == 195
        assert "nowhere is no command" in driver.text()
        assert driver.app.screen.query_one("Input").value == "nowhere", "what was typed stays, to be corrected"
        await write("run 20")
        assert driver.session.position == 39 * 25
        await write("run x")
        assert "run takes a number" in driver.text()
        await write("brake here now")
        assert "brake is no command; did you mean break" in driver.text()


async def test_start_end_and_restart(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("right_curly_bracket", "right_curly_bracket", "S")
        await driver.press("g", "g")
        await driver.idle()
        assert driver.session.position == 0
        await driver.press("G")
        await driver.idle()
        assert driver.session.position == 78
        await driver.press("g", "s")
        assert driver.session.position == 79, "a single g does nothing"
        before = driver.session
        await driver.press("0")
        assert driver.session is not before
        assert (driver.session.position, driver.session.frontier) == (0, 0)


async def test_the_table_selects_searches_and_goes_there(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("3", "down", "down")
        assert driver.main.desk.lens.weight == 2
        await driver.press("t")
        assert driver.session.current.symbol == "∂E/∂w3"
        await driver.press("t")
        assert driver.session.current.symbol == "w3⁺"
        await driver.press("T")
        assert driver.session.current.symbol == "∂E/∂w3"
        await driver.press("slash", "w", "enter")
        await driver.pilot.pause()
        assert "match 3 of 8" in driver.text()
        await driver.press("comma")
        assert driver.main.desk.lens.weight == 3
        await driver.press("full_stop", "full_stop")
        assert driver.main.desk.lens.weight == 1


async def test_panels_and_zoom(opened) -> None:
    async with opened("mazur") as driver:
        for number, panel in enumerate(PanelId, 1):
            await driver.press(str(number))
            assert driver.main.desk.focus is panel
        await driver.press("tab")
        assert driver.main.desk.focus is PanelId.NETWORK
        await driver.press("shift+tab")
        assert driver.main.desk.focus is list(PanelId)[-1]
        await driver.press("4", "z")
        assert "∂E/∂w" not in driver.text()
        await driver.press("z")
        assert "∂E/∂w" in driver.text()


async def test_a_neuron_is_selected_and_entered(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("f", "1", "down", "down", "down", "enter")
        assert driver.session.current.symbol == "out_h1"
        await driver.press("backspace", "up", "up", "up", "enter")
        assert "no step made it" in driver.text()


async def test_changed_weights_are_marked(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("f", "f", "f", "f")
        assert "*w1" in driver.text()
        assert "0.149781" in driver.text()
        await driver.press("s")
        assert "*w1" not in driver.text()


async def test_precision_shows_every_digit(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press(*["s"] * 3, "p")
        assert repr(driver.session.current.result) in driver.text()
        await driver.press("p", "p")
        assert repr(driver.session.current.result) not in driver.text()


async def test_help_palette_and_quit(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("question_mark")
        assert isinstance(driver.app.screen, HelpScreen)
        assert "The first keys" in driver.text()
        await driver.press("escape")
        await driver.press("ctrl+p", *"restart")
        await driver.until(lambda: "Restart" in driver.text())
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is driver.app.screen_stack[1])
        await driver.press("q")
        await driver.pilot.pause()
        assert driver.app.return_code == 0


async def test_keys_that_make_no_sense_do_nothing(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("left", "S", "I", "N", "backspace", "enter", "w", "W", "T", "comma", "x", "b", "e", "escape")
        assert driver.session.position == 0


async def test_the_mouse_selects(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("s")
        await driver.pilot.click("#weights", offset=(5, 4))
        assert driver.main.desk.focus is PanelId.WEIGHTS
        assert driver.main.desk.lens.weight == 2
        await driver.pilot.click("#equation", offset=(5, 3))
        assert driver.main.desk.focus is PanelId.EQUATION


async def test_the_picker_searches_and_opens(opened) -> None:
    async with opened() as driver:
        assert isinstance(driver.app.screen, PickerScreen)
        await driver.until(lambda: "and-gate" in driver.text())
        await driver.press(*"moons")
        await driver.pilot.pause()
        assert "two-moons" in driver.text()
        assert "and-gate" not in driver.text()
        await driver.press("enter")
        await driver.until(lambda: driver.app.session is not None)
        assert driver.session.scenario.name == "two-moons"
        await driver.press("o")
        assert isinstance(driver.app.screen, PickerScreen)
        await driver.press("escape")
        assert driver.session.scenario.name == "two-moons"


async def test_the_picker_leads_a_first_visitor_and_remembers_what_was_opened(opened, state_folder) -> None:
    from retrograde.tui.work.seen import opened as before
    from retrograde.tui.work.seen import remember_opened

    async with opened(size=(80, 24)) as driver:
        await driver.until(lambda: "start here" in driver.text())
        rows = driver.text().splitlines()
        first = next(k for k, row in enumerate(rows) if "start here" in row)
        assert "▸ mazur" in rows[first + 1]
        assert "✓ 32" in rows[first + 1]
        assert "by hand" in rows[first + 2]
        assert "32 published figures" in driver.text()
        assert "known from many translations" in driver.text()
        await driver.press(*"deep-relu-he")
        await driver.until(lambda: "▸ deep-relu-he" in driver.text())
        assert "2-16×10-1" in driver.text()
        assert "what goes wrong" in driver.text()
    for name in ("digits", "elman", "digits"):
        remember_opened(name)
    assert before() == ("digits", "elman")
    async with opened(size=(80, 24)) as driver:
        await driver.until(lambda: "opened last" in driver.text())
        assert "▸ digits" in driver.text()
        assert "start here" not in driver.text()
    (state_folder / "seen.json").write_text('["not a table"]')
    assert before() == ()


async def test_a_broken_file_is_reported_and_asked_again(opened, tmp_path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text('format = 1\n[title]\nen = "[bold]x[/"\n')
    async with opened() as driver:
        driver.app.screen.query_one("Input").value = str(broken)
        await driver.pilot.pause()
        await driver.press("enter")
        await driver.until(lambda: "can not be used" in driver.text())
        assert "broken.toml" in driver.text()
        assert isinstance(driver.app.screen, PickerScreen)


async def test_chinese_titles(opened) -> None:
    use("zh")
    try:
        async with opened("mazur") as driver:
            assert "一步一步学反向传播" in driver.text().replace(" ", "")
    finally:
        use("en")


async def test_plain_characters_only(opened) -> None:
    async with opened("mazur", ascii_only=True) as driver:
        for _time in range(40):
            assert driver.text().isascii()
            await driver.press("s")
        await driver.press("question_mark")
        assert isinstance(driver.app.screen, HelpScreen)
        assert driver.text().isascii()
        await driver.press("escape", "ctrl+p", *"step")
        await driver.until(lambda: "Step forward" in driver.text())
        assert driver.text().isascii()
    async with opened(ascii_only=True) as driver:
        await driver.until(lambda: "and-gate" in driver.text())
        assert driver.text().isascii()


@pytest.mark.parametrize("name", ["mazur", "digits", "vanishing", "iris"])
async def test_every_theme(opened, name: str) -> None:
    async with opened(name, theme="light") as driver:
        assert driver.app.look.name == "light"
        await driver.press("n", "d")
        assert driver.app.look.name == "terminal"
        await driver.press("d")
        assert driver.app.look.name == "dark"


async def test_a_broken_file_that_the_command_names_ends_the_app(tmp_path) -> None:
    from retrograde.engine.errors import ScenarioError
    from retrograde.tui.app import RetrogradeApp

    broken = tmp_path / "broken.toml"
    broken.write_text("format = 2\n")
    app = RetrogradeApp(broken)
    async with app.run_test() as pilot:
        while app.failure is None:
            await pilot.pause(0.01)
    assert isinstance(app.failure, ScenarioError)
    assert app.return_code == 2


async def test_restart_keeps_the_room_for_history(opened) -> None:
    async with opened("mazur", history=5 << 20) as driver:
        before = driver.session
        assert before.budget == 5 << 20
        await driver.press("s", "0")
        assert driver.session is not before
        assert driver.session.budget == 5 << 20


async def test_a_window_of_80_columns_names_the_keys_that_ask_why(opened) -> None:
    async with opened("mazur", size=(80, 24)) as driver:
        footer = driver.text().splitlines()[-1]
        assert "h why" in footer
        assert "D doctor" in footer
        assert "? help" in footer


async def test_the_help_lists_what_asks_why(opened) -> None:
    async with opened("mazur", size=(80, 24)) as driver:
        await driver.press("question_mark", "slash", *"why")
        words = ("Asking why", "why is this gradient so", "what is wrong with the run")
        await driver.until(lambda: all(text in driver.text() for text in words), seconds=10)
