"""Breakpoints, watches, marks, log lines and queries: real keys, the session's state, and what is on the screen."""

from __future__ import annotations

import pytest
from textual.events import Key

from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.reading.figures import show
from retrograde.tui.records.marks import PanelId
from retrograde.tui.screens.command_line import LineScreen, pointed
from retrograde.tui.screens.letter import LetterScreen
from retrograde.tui.work.jobs import Job


async def write(driver, line: str) -> None:
    """Writes a line on the command line."""
    if not isinstance(driver.app.screen, LineScreen):
        await driver.press("colon")
    driver.app.screen.query_one("Input").value = line
    await driver.press("enter")
    await driver.pilot.pause()
    if isinstance(driver.app.screen, DebuggerScreen):
        await driver.idle()


async def run(driver) -> None:
    await write(driver, "run 100")
    await driver.press("g", "g")
    assert (driver.session.position, driver.session.frontier) == (0, 3900)


async def test_a_breakpoint_here_is_set_met_and_removed(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("b")
        assert not driver.session.breakpoints, "there is no step yet"
        await driver.press(*["s"] * 18, "b")
        (point,) = driver.session.breakpoints.values()
        assert point.text == "at grad(w5)"
        assert "breakpoint 1: at grad(w5)" in driver.text()
        await driver.press("c")
        await driver.idle()
        assert driver.session.position == 39 + 18
        await driver.press("f5", "f5")
        await driver.idle()
        assert driver.session.position == 3 * 39 + 18
        await driver.press("C", "shift+f5")
        await driver.idle()
        assert driver.session.position == 39 + 18
        await driver.press("b")
        assert not driver.session.breakpoints
        await driver.press("C")
        await driver.idle()
        assert driver.session.position == 0
        assert "this is the start" in driver.text()


async def test_every_step_can_have_a_breakpoint(opened) -> None:
    for name in ("mazur", "xor-2-4-1", "digits"):
        async with opened(name) as driver:
            session = driver.session
            program = session.program
            places = [program.place(number) for number in range(program.steps)]
            for op in range(len(program.ops)):
                number = next(n for n, place in enumerate(places) if place.op == op and not place.sample)
                session.seek(number + 1)
                driver.main.desk.moved()
                driver.main.parts.breaking.here()
                point = session.breakpoints[max(session.breakpoints)]
                assert number + 1 in point.place.steps(program), session.current.symbol
            assert len(session.breakpoints) == len(program.ops)


async def test_without_a_breakpoint_it_runs_to_the_end(opened) -> None:
    async with opened("xor-2-4-1") as driver:
        await driver.press("c")
        await driver.idle()
        assert driver.session.outcome is not None
        assert driver.session.position == driver.session.frontier > 0
        assert driver.session.outcome.message.split()[0] in driver.text()


async def test_a_diverging_run_stops_where_the_first_bad_number_is_made(opened, tmp_path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(
        LONG.replace("= 0.1", "= 1e9").replace("[[network.layers]]", '[[network.layers]]\nactivation = "identity"')
    )
    async with opened(path) as driver:
        await driver.press("c")
        await driver.idle()
        assert driver.session.outcome.first in driver.text()
        assert driver.session.position == driver.session.outcome.step
        await driver.press("backspace")
        assert driver.session.position == 0


async def test_break_when_the_selected_value_changes(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("3", "down", "down", "x")
        assert [point.text for point in driver.session.breakpoints.values()] == ["w3 changes"]
        await driver.press("c")
        await driver.idle()
        assert driver.session.current.symbol == "w3⁺"
        await driver.press("x", "2", "x")
        assert [point.text for point in driver.session.breakpoints.values()] == ["w3 changes"]
        await driver.press("down", "x")
        assert not driver.session.breakpoints, "w3 is the operand too"
        await driver.press("down", "down", "x")
        assert driver.session.breakpoints[max(driver.session.breakpoints)].text == "grad(w3) changes"


async def test_conditions_events_and_options(opened) -> None:
    async with opened("mazur") as driver:
        await write(driver, "break E < 0.01 once")
        await write(driver, "break w5 changes sign hit 1 after 1")
        await write(driver, "break at backward o")
        points = driver.session.breakpoints
        assert (points[1].once, points[2].from_hit, points[2].after) == (True, 1, 1)
        text = driver.text()
        assert "● 1 E < 0.01" in text
        assert "after 1" in text
        assert driver.main.desk.focus is PanelId.EQUATION, "setting a breakpoint leaves the focus"
        await write(driver, "disable 3")
        assert "○ 3 at backward o" in driver.text()
        await driver.press("c")
        await driver.idle()
        assert driver.session.position == 6758
        assert not points[1].enabled
        assert "hits 1" in driver.text()
        await write(driver, "enable 3")
        await write(driver, "delete 1")
        assert 1 not in points
        assert points[2].after is None
        await write(driver, "delete all")
        assert not points


async def test_a_mistake_is_pointed_at_and_kept(opened) -> None:
    async with opened("mazur") as driver:
        await write(driver, "break E < w55")
        assert isinstance(driver.app.screen, LineScreen)
        assert driver.app.screen.query_one("Input").value == "break E < w55"
        rows = driver.text().splitlines()
        row = next(n for n, line in enumerate(rows) if "break E < w55" in line)
        assert rows[row + 1].index("^") == rows[row].index("w55")
        assert "did you mean w5?" in rows[row + 1]
        assert not driver.session.breakpoints
        await driver.press("backspace")
        assert "did you mean" not in driver.text()
        await driver.press("enter")
        await driver.idle()
        assert driver.session.breakpoints[1].text == "E < w5"
        for line, word in (("break w99 changes", "w99"), ("break at w99", "w99"), ("frist E < 1", "frist")):
            await write(driver, line)
            rows = driver.text().splitlines()
            row = next(n for n, text in enumerate(rows) if line in text)
            assert rows[row + 1].index("^") == rows[row].index(word)
            await driver.press("escape")


async def test_what_is_typed_right_behind_enter_is_for_the_screen_below(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("colon", *"set", "space", *"lr", "space", "5")
        for key, character in (("enter", "\r"), ("s", "s")):
            driver.app.post_message(Key(key, character))
        await driver.until(lambda: driver.session.position == 1, seconds=10.0)
        assert driver.session.branch.name == "edit1"


async def test_texts_are_never_markup(opened) -> None:
    async with opened("mazur") as driver:
        for text in ("[/red] < 1", "W_h[1,2", "out_h1 [b] > 1", "[link=x]y[/link]"):
            await write(driver, f"break {text}")
            assert text in driver.text()
            assert "^" in driver.text()
            await driver.press("escape")
        await write(driver, "break W_h[1,:] [bold]")
        await driver.press("escape")
        await write(driver, "watch max(W_h[1,:])")
        await write(driver, "break any(W_h[1,:] > 0.5)")
        assert "any(W_h[1,:] > 0.5)" in driver.text()
        assert "max(W_h[1,:])" in driver.text()


async def test_a_restart_keeps_breakpoints_and_watches(opened) -> None:
    async with opened("mazur") as driver:
        await write(driver, "break E < 0.29")
        await write(driver, "watch w5")
        await driver.press("c")
        await driver.idle()
        reached, before = driver.session.position, driver.session
        assert driver.session.breakpoints[1].count == 1
        await driver.press("0")
        await driver.idle()
        assert driver.session is not before
        assert driver.session.position == driver.session.breakpoints[1].count == 0
        await driver.press("c")
        await driver.idle()
        assert driver.session.position == reached
        assert len(driver.session.watches) == 1


async def test_the_debugger_during_a_run(opened, tmp_path) -> None:
    path = tmp_path / "long.toml"
    path.write_text(LONG)
    async with opened(path) as driver:
        await driver.press("s", "s", "r")
        await driver.until(lambda: driver.session.branch.frontier > 1000)
        await driver.press("left", "b", "m")
        await driver.press("k")
        await driver.press("6", "down", "enter")
        assert driver.main.parts.working.work is not None, "looking and marking does not pause the run"
        assert not driver.session.breakpoints[1].enabled
        assert driver.session.marks == {"k": ("main", driver.session.position)}
        await write_on(driver, "watch E")
        assert driver.main.parts.working.work is not None
        assert "watches" in driver.text()
        await driver.press("space")
        await driver.idle()


async def write_on(driver, line: str) -> None:
    """Writes a line while a run goes on."""
    await driver.press("colon")
    driver.app.screen.query_one("Input").value = line
    await driver.press("enter")
    await driver.pilot.pause(0.1)


def test_a_caret_stands_where_there_is_room() -> None:
    assert pointed(4, "no", 20) == "    ^ no"
    assert pointed(15, "too long", 20) == "      too long ^"
    assert pointed(5, "much too long for it", 12).split("\n")[0] == "     ^"
    assert pointed(99, "x", 3) == "x ^"
    assert pointed(-3, "x", 1)


async def test_history_and_completion(opened) -> None:
    async with opened("mazur") as driver:
        await write(driver, "break E < 0.01")
        await write(driver, "2:1:17")
        await driver.press("colon", "b", "up", "up")
        line = driver.app.screen.query_one("Input")
        assert line.value == "break E < 0.01"
        await driver.press("down", "down")
        assert line.value == "b"
        await driver.press("r", "e", "tab")
        assert line.value == "break "
        line.value = "break gr"
        line.cursor_position = 8
        await driver.press("tab")
        assert line.value == "break grad("
        await driver.press("w", "tab")
        assert "w1  w2  w3" in driver.text()
        await driver.press("escape")
        assert isinstance(driver.app.screen, DebuggerScreen)


async def test_watches_show_value_last_change_and_curve(opened) -> None:
    async with opened("mazur") as driver:
        await run(driver)
        await driver.press("a")
        assert driver.app.screen.query_one("Input").value == "watch "
        driver.app.screen.query_one("Input").value = "watch w5"
        driver.app.screen.query_one("Input").cursor_position = 8
        await driver.press("enter")
        await write(driver, "50:1:20")
        await driver.until(lambda: "changed 49:1:36" in driver.text())
        assert len(driver.session.watches) == 1
        await driver.until(lambda: bool(driver.main.parts.listing.ledger.curves))
        value = driver.session.look(driver.session.watches[0])
        assert show(value) in driver.text()
        assert any(chr(0x2800) < character < chr(0x2900) for character in row_with(driver, "changed 49:1:36"))
        await driver.press("6", "enter")
        await driver.idle()
        assert driver.session.position == 48 * 39 + 36
        await driver.press("delete")
        assert not driver.session.watches


def row_with(driver, text: str) -> str:
    """The right half of the row of the screen that has a text."""
    return next(line for line in driver.text().splitlines() if text in line)[58:]


async def test_a_logpoint_prints_what_has_been_run(opened) -> None:
    async with opened("mazur") as driver:
        await run(driver)
        await write(driver, "log w5, max(out_h1, 0.1) at E")
        await driver.until(lambda: len(driver.main.parts.listing.ledger.lines.get(1, _NONE).entries) == 100)
        await driver.idle()
        assert driver.session.breakpoints[1].log
        assert "1 w5 0.4" in driver.text()
        await write(driver, "run 10")
        assert driver.session.position == 390, "the run begins at the cursor"
        await write(driver, "log w5")
        assert "say when" in driver.text()
        await driver.press("escape")
        await driver.press("6", "down", "down", "enter")
        assert driver.session.position == 39 + 11


class _NONE:
    entries: tuple[()] = ()


async def test_queries(opened) -> None:
    async with opened("mazur") as driver:
        await write(driver, "run 200")
        await write(driver, "first E < 0.01")
        assert driver.session.position == 6758
        assert "first E < 0.01: at 174:1:11" in driver.text()
        await driver.press("ctrl+o")
        assert driver.session.position == 7800
        await driver.press("ctrl+n")
        assert driver.session.position == 6758
        await write(driver, "last E > 0.01")
        assert driver.session.position == 6758 - 39
        await write(driver, "count E < 0.01")
        assert "count E < 0.01: 27 moments" in driver.text()
        assert "nothing found" not in driver.text()
        await write(driver, "max abs(grad(w5))")
        assert driver.session.current.symbol == "∂E/∂w5"
        assert "max abs(grad(w5)):" in driver.text()
        await write(driver, "max max(abs(grad(W_o)))")
        named = driver.session.current.symbol
        assert named in {"∂E/∂w5", "∂E/∂w6", "∂E/∂w7", "∂E/∂w8"}
        assert f"max max(abs(grad(W_o))): abs({named}) = " in driver.text()
        await write(driver, "min E")
        assert driver.session.position == 199 * 39 + 11
        await write(driver, "first E < 0")
        assert "nothing found" in driver.text()
        assert driver.session.position == 199 * 39 + 11
        await write(driver, "all E < 0.01")
        assert driver.main.desk.focus is PanelId.DEBUG
        assert "27 moments" in driver.text()
        await driver.press("down", "down", "enter")
        assert driver.session.position == 6758 + 2 * 39
        await driver.press("pagedown", "up", "delete")
        assert "27 moments" not in driver.text()


async def test_every_moment_points_at_the_element_that_decided(opened) -> None:
    """Not at the last of the array, which did not change its sign."""
    async with opened("xor-2-2-1", size=(80, 24)) as driver:
        await write(driver, "first w3 > 0")
        assert "nothing has run yet; r runs first" in driver.text()
        await write(driver, "run 240")
        await write(driver, "all any(sign(W_h) != sign(prev(W_h)))")
        assert "235:1:107  w3⁺  sign(w3⁺) = 1" in driver.text()
        await driver.press("enter")
        assert driver.session.current.symbol == "w3⁺"
        await write(driver, "max max(W_h)")
        assert "max max(W_h): w2⁺ = " in driver.text() and driver.text().count("6.4019") <= 1


async def test_what_the_footer_has_no_room_for_is_said_in_full(opened) -> None:
    async with opened("mazur", size=(40, 14), failing=True) as driver:
        await driver.write("doctor " + "x" * 9)
        assert "such as doctor 100" in driver.text() and "…" not in "".join(driver.text().splitlines()[-2:])
        assert not len(driver.app._notifications), "no panel is hidden"
        await driver.write("x" * 90)
        await driver.press("escape")
        driver.main.desk.say("what is very long " * 9)
        await driver.settle()
        assert "…" in driver.text().splitlines()[-1]
        assert any("very long what" in note.message for note in driver.app._notifications)
        await driver.press("question_mark")
        assert not len(driver.app._notifications), "what is in front is not hidden"


async def test_marks(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("apostrophe")
        assert "there is no mark" in driver.text()
        await driver.press(*["s"] * 20, "m")
        assert isinstance(driver.app.screen, LetterScreen)
        await driver.press("b")
        assert driver.session.marks == {"b": ("main", 20)}
        assert not driver.session.breakpoints
        assert "◆b" in driver.text()
        assert "mark b" in driver.text()
        await driver.press("right_square_bracket", "right_square_bracket", "apostrophe")
        assert "b 1:1:20" in driver.text()
        await driver.press("b")
        assert driver.session.position == 20
        await driver.press("backspace")
        assert driver.session.position == 78
        await driver.press("m", "escape", "apostrophe", "z")
        assert driver.session.marks == {"b": ("main", 20)}
        assert "there is no mark z" in driver.text()
        await write(driver, "mark c")
        assert driver.session.marks["c"] == ("main", 78)
        await write(driver, "mark 1")
        assert "a mark is one letter" in driver.text()
        await driver.press("escape")
        await driver.press("6", "down", "enter")
        assert driver.session.position == 20


async def test_addresses_from_here(opened) -> None:
    lines = {"+100": 495, "-1e": 356, "+2i": 473, "-50e": 0, "2:1:17": 56, "@7": 7}
    async with opened("mazur") as driver:
        await write(driver, "11:1:5")
        assert driver.session.position == 395
        for line, position in lines.items():
            await write(driver, line)
            assert driver.session.position == position, line
            await driver.press("backspace")
            assert driver.session.position == 395, line


async def test_hits_stand_on_the_timeline(opened) -> None:
    async with opened("mazur") as driver:
        await write(driver, "break at w5")
        assert "●" in driver.text().splitlines()[-3]
        assert "● breakpoint" in driver.text()
        await write(driver, "disable 1")
        assert "●" not in driver.text().splitlines()[-3]


async def test_the_panel_switches_and_deletes(opened) -> None:
    async with opened("mazur", size=(80, 24)) as driver:
        assert "6 debug" in driver.text()
        await driver.press("6")
        assert ":break E < 0.01" in driver.text(), "an empty panel says what it is for"
        await write(driver, "break E < 0.01")
        await driver.press("enter")
        assert not driver.session.breakpoints[1].enabled
        assert "○ 1 E < 0.01" in driver.text()
        await driver.press("enter", "delete")
        assert not driver.session.breakpoints
        await driver.press("delete", "enter")
        assert driver.main.desk.focus is PanelId.DEBUG


LONG = """
format = 1
title = { en = "long", zh = "long" }
[network]
inputs = 2
[[network.layers]]
units = 2
[[network.layers]]
units = 1
[data]
inputs = [[0.0, 1.0], [1.0, 0.0]]
targets = [[1.0], [0.0]]
[loss]
kind = "half_squared_error"
[training]
learning_rate = 0.1
[stop]
epochs = 100000000
"""


async def test_going_on_is_cancelled_and_keys_are_answered_meanwhile(opened, tmp_path) -> None:
    path = tmp_path / "long.toml"
    path.write_text(LONG)
    async with opened(path) as driver:
        await write(driver, "break isnan(E)")
        await driver.press("c")
        await driver.until(lambda: "epochs/s" in driver.text())
        assert isinstance(driver.main.parts.working.work, Job)
        await driver.press("3", "down", "c")
        assert driver.main.desk.lens.weight == 1
        assert driver.main.parts.working.work is not None
        await driver.press("escape")
        await driver.idle()
        reached = driver.session.position
        assert reached == driver.session.frontier > 0
        # A search of what was run, then cancelled by a motion, which follows.
        await driver.press("colon")
        driver.app.screen.query_one("Input").value = "count out_h1 > 2 or E != E"
        await driver.press("enter")
        await driver.press("g", "g")
        await driver.until(lambda: driver.session.position == 0)
        await driver.idle()


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_the_panel_draws_at_any_size(opened, ascii_only: bool) -> None:
    async with opened("mazur", size=(80, 24), ascii_only=ascii_only) as driver:
        session = driver.session
        session.seek(39 * 50 + 7)
        session.add_breakpoint("max(abs(grad(W_h))) > 0.01 and out_h1 > 0.5")
        session.add_breakpoint("at E", log=("w5", "grad(w5)"))
        session.watch("mean(out_o[1:2])")
        session.mark("q")
        driver.main.desk.moved()
        await driver.press("6", "down", "down")
        await driver.until(lambda: bool(driver.main.parts.listing.ledger.lines))
        await driver.idle()
        for size in [(1, 1), (7, 5), (40, 12), (60, 16), (80, 24), (120, 36), (200, 60)]:
            await driver.resize(*size)
            text = driver.text()
            assert text.isascii() or not ascii_only
            if size[0] >= 80:
                assert "max(abs(grad(W_h)))" in text
            await driver.press("m", "x", "colon", "z", "escape")


async def test_after_a_mistake_the_key_of_the_prompt_begins_a_new_line(opened) -> None:
    async with opened("mazur") as driver:

        def line() -> str:
            return driver.app.screen.query_one("Input").value

        await write(driver, "frist E < 1")
        await driver.press(":", *"w5")
        assert line() == "w5"
        assert "is no command" not in driver.text()
        await driver.press("up")
        assert line() == "frist E < 1", "the line with the mistake is kept"
        await driver.press("escape")
        # What is mended is written on, and a colon in it is one.
        await write(driver, "2:1:99")
        await driver.press("backspace", "backspace", "backspace", ":", "1")
        assert line() == "2:1:1"
