"""Edits that fork time, branches beside each other, notes: real keys, the session and the screen after them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from retrograde.engine.scenario.file import load_scenario
from retrograde.engine.session import beside as times
from retrograde.engine.session.session import Session
from retrograde.tui.canvas.canvas import Canvas, Span
from retrograde.tui.canvas.glyphs import ASCII, UNICODE
from retrograde.tui.canvas.themes import look
from retrograde.tui.debugger import beside as resting
from retrograde.tui.debugger.editing import assignments, number, slot_name
from retrograde.tui.records.marks import PanelEdge
from retrograde.tui.records.table_view import Column, TableView
from retrograde.tui.screens.branches import BranchesScreen
from retrograde.tui.screens.choosing import ChoiceScreen
from retrograde.tui.screens.command_line import LineScreen
from retrograde.tui.views import branches as view_branches
from retrograde.tui.views.plain import in_ascii
from retrograde.tui.widgets.table import Table, fitting


def names(session: Session) -> list[str]:
    return [branch.name for branch in session.branches]


async def answer(driver: Any, text: str) -> None:
    # The screen is in front before its parts are there.
    await driver.until(lambda: bool(driver.app.screen.query("Input")))
    driver.app.screen.query_one("Input").value = text
    await driver.press("enter")


async def test_e_edits_the_selected_weight_and_forks(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press(*["n"] * 3, "3", *["down"] * 5, "e")
        assert isinstance(driver.app.screen, LineScreen)
        assert driver.app.screen.query_one("Input").value == "0.4"
        assert "w5 =" in driver.text()
        await answer(driver, "0.7")
        session = driver.session
        assert names(session) == ["main", "edit1"]
        assert session.branch.name == "edit1"
        assert session.position == 11
        assert session.value("w5") == 0.7
        assert session.value("E") == pytest.approx(0.322410101)
        text = driver.text()
        assert "branch edit1" in text
        assert "≠0.700000" in text
        assert "o1≠0.7831" in text
        assert "o2 0.7729" in text, "what is the same is not marked"
        assert "without the edit: 0.298371109" in text
        assert "was 0.274811083" in text
        assert "edit1: w5 = 0.7 · u undoes, 7 lists the branches" in text
        await driver.press("u")
        assert names(session) == ["main"]
        assert session.value("E") == pytest.approx(0.298371109)
        assert "undone: w5 = 0.7; on main again" in driver.text()
        await driver.press("u")
        assert "there is no edit to undo" in driver.text()


async def test_e_edits_an_operand_a_neuron_and_what_the_step_makes(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press(*["s"] * 3, "e")
        assert driver.app.screen.query_one("Input").value == repr(driver.session.current.result)
        await answer(driver, "0.5")
        assert driver.session.value("out_h1") == 0.5
        assert "edit1: out_h1 = 0.5" in driver.text()
        await driver.press("f", "left", "left", "down")
        symbol = driver.main.desk.operands[0].symbol
        await driver.press("e")
        await answer(driver, "inf")
        assert driver.session.value(symbol) == math.inf
        assert names(driver.session) == ["main", "edit1", "edit2"]
        await driver.press("1", "down", "e")
        assert "i1 =" in driver.text()
        await answer(driver, "-0.5")
        assert driver.session.value("i1") == -0.5


async def test_e_shows_nothing_of_what_is_not_computed_yet(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("s", "1", *["down"] * 6, "e")
        assert "out_o2 =" in driver.text()
        assert driver.app.screen.query_one("Input").value == ""
        await driver.press("escape")
        assert names(driver.session) == ["main"]


SETTINGS = [
    ("set w5 0.7", "w5", 0.7),
    ("set w5 = 0.7", "w5", 0.7),
    ("set lr 0.1", "lr", 0.1),
    ("set i1 0.2", "i1", 0.2),
    ("set t_o1 −2", "t_o1", -2.0),
    ("set out_h1 nan", "out_h1", math.nan),
    ("set delta(h1) -inf", "delta(h1)", -math.inf),
    ("set w5 1e-3; w6 = 0", "w6", 0.0),
]


async def test_set(opened) -> None:
    async with opened("mazur") as driver:
        for line, name, value in SETTINGS:
            await driver.write(line)
            assert names(driver.session) == ["main", "edit1"]
            await driver.press(*["f"] * 3)
            assert driver.session.position == 31
            assert repr(driver.session.value(name)) == repr(value)
            await driver.press("u")
            assert names(driver.session) == ["main"]
            assert driver.session.position == 0


NONSENSE = [
    ("set", "set takes a name and a number"),
    ("set w5", "set takes a name and a number"),
    ("set w5 much", "much is no number; 0.7, −2, 1e-3, inf and nan are"),
    ("set w55 1", "there is no value called w55; did you mean w5"),
    ("set [bold]w5[/] 1", "there is no value called [bold]w5[/]"),
    ("set w5 1; out_h1 0", "do not change at the same time"),
    ("set w5 0.4", "is that already; nothing was changed"),
    ("drop 7", "sample 7 is not in 1 to 1"),
    ("drop x", "drop takes the number of a sample, 1 to 1"),
    (f"drop {'9' * 2000}", "drop takes the number of a sample, 1 to 1"),
    ("delete ²", "² is not the number of a breakpoint"),
    ("run ²", "run takes a number of epochs"),
    ("doctor ²", "doctor takes a number of epochs"),
    ("branch nowhere", "there is no branch nowhere; there are main"),
    ("rename a b", "a branch is called by letters, digits and _"),
    ("compare main", "there is one branch only; an edit makes another"),
    ("undo", "there is no edit to undo"),
    ("note", "note takes a text"),
    ("notes", ":note TEXT notes something on a step"),
]


async def test_what_makes_no_sense_changes_nothing(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("s", "s")
        for line, said in NONSENSE:
            await driver.write(line)
            assert said in driver.text(), line
            assert names(driver.session) == ["main"]
            assert driver.session.position == 2


async def test_an_edit_after_the_update_counts_from_the_next_iteration(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("3", "right_square_bracket", "e")
        assert driver.app.screen.query_one("Input").value == repr(driver.session.value("new(w1)"))
        await answer(driver, "9")
        assert "w1 = 9 from iteration 2 on" in driver.text()
        await driver.press("s")
        assert driver.session.value("w1") == 9
        assert "≠9.000000" in driver.text()


async def test_an_edit_of_another_sample_is_found_again(opened) -> None:
    session = Session(load_scenario("xor-2-4-1"))
    session.step("sample")
    session.step("layer")
    assert session.sample == 1
    ref = session.resolve("out_h1")
    assert slot_name(session, ref) == "out_h1{2}"
    async with opened("xor-2-4-1") as driver:
        await driver.press("v", "n")
        await driver.write("set out_h1 0")
        assert driver.session.branch.edit.values == ((slot_name(session, ref), 0.0),)


async def test_drop_takes_a_sample_out(opened) -> None:
    async with opened("xor-2-4-1") as driver:
        await driver.press("v", "v")
        await driver.write("drop 1")
        assert "sample 1 dropped" in driver.text()
        assert driver.session.value("E_o1{1}") == 0
        assert driver.session.value("E_o1{2}") != 0
        await driver.press("u")
        await driver.write("drop")
        assert driver.session.branch.edit.dropped == 2


async def test_branches_are_walked_listed_renamed_and_undone(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press(*["s"] * 5)
        await driver.write("set w5 0.7")
        await driver.write("rename warm")
        assert "edit1 is called warm" in driver.text()
        await driver.press(*["s"] * 3)
        await driver.write("branch main")
        assert driver.session.branch.name == "main"
        assert driver.session.position == 5
        assert "branch main" in driver.text()
        await driver.write("set w6 0.1")
        assert names(driver.session) == ["main", "warm", "edit2"]
        await driver.write("branch warm")
        assert driver.session.position == 8
        await driver.press("7")
        assert isinstance(driver.app.screen, BranchesScreen)
        text = driver.text()
        for part in ("the scenario as it is", "w5 = 0.7", "w6 = 0.1", "1:1:5", "1:1:8", "● "):
            assert part in text
        await driver.press("down", "u")
        assert names(driver.session) == ["main", "warm"]
        await driver.press("up", "up", "enter")
        assert driver.session.branch.name == "main"
        await driver.press("7", "escape")
        assert driver.session.branch.name == "main"


async def test_a_branch_that_was_left_at_its_start_is_found_there(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("right_square_bracket", "g", "g")
        await driver.write("set w5 0.7")
        await driver.write("set w5 0.8")
        await driver.press("s", "s")
        await driver.write("branch main")
        assert driver.session.position == 0
        await driver.press("7", "down", "down", "u", "escape")
        assert names(driver.session) == ["main", "edit1"]
        assert driver.session.branch.name == "main"
        assert driver.session.position == 0


async def test_two_branches_beside_each_other(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press("right_square_bracket", *["s"] * 4)
        await driver.write("set w5 0.7")
        await driver.press(*["right_square_bracket"] * 3)
        expected = driver.session.compare("main")
        await driver.write("compare main")
        text = driver.text()
        assert f"edit1 and main at 4:1:39: {len(expected.differences)} values differ" in text
        assert "first: net_o1" in text
        assert "2:1:5" in text
        assert "+" in text
        assert "─ ─ main" in text, "both curves"
        await driver.press("enter")
        assert driver.session.position == expected.first
        assert driver.session.current.symbol == "net_o1"
        await driver.press("backspace")
        assert driver.session.position == 39 * 4
        for key in ("7", "d", *["down"] * 4, "enter"):
            await driver.press(key)
        place = expected.differences[3].ref
        made = view_branches.made_by(driver.session.schedule, 3, driver.session.program, place)
        assert driver.session.position == made
        for key in ("7", "d", "d", "d", "pagedown", "end", "home", "escape", "escape"):
            await driver.press(key)
        assert driver.session.position == made


async def test_the_other_branch_is_run_up_to_the_cursor(opened) -> None:
    async with opened("mazur") as driver:
        await driver.write("set w5 0.7")
        await driver.write("run 3000")
        assert driver.session.branches[0].history.count == 0
        await driver.write("compare main")
        await driver.until(lambda: "values differ" in driver.text())
        assert driver.session.branches[0].history.count >= 2999
        assert driver.session.branches[0].frontier == 0, "looking at it moves nothing there"
        await driver.press("escape")
        assert "≠" in driver.text()
        assert "─ ─ main" in driver.text()
        await driver.write("branch main")
        await driver.press("G")
        assert driver.session.position == 0


async def test_the_parent_catches_up_while_the_cursor_rests(opened, monkeypatch) -> None:
    # Near is what has been run, and a rest begins when the test says so: neither is a matter of seconds.
    monkeypatch.setattr(times, "near", lambda _timeline, iteration: iteration <= main.history.count)
    monkeypatch.setattr(resting, "REST_SECONDS", 3600.0)
    async with opened("xor-2-4-1") as driver:
        main = driver.session.branch
        await driver.write("set w1 0.7")
        await driver.write("run 300")
        assert main.history.count == 0
        assert "≠" not in driver.text()
        monkeypatch.setattr(resting, "REST_SECONDS", 0.01)
        await driver.press("left")
        await driver.until(lambda: "≠" in driver.text())


async def test_notes(opened) -> None:
    async with opened("mazur") as driver:
        await driver.press(*["s"] * 3)
        await driver.write("note why [bold]half[/] of it? ½")
        assert driver.session.notes == {("main", 3): "why [bold]half[/] of it? ½"}
        assert "note: why [bold]half[/] of it? ½" in driver.text()
        await driver.press("s")
        assert "note: why" not in driver.text()
        await driver.write("notes")
        assert isinstance(driver.app.screen, ChoiceScreen)
        await driver.press("enter")
        assert driver.session.position == 3
        await driver.write("note")
        assert driver.session.notes == {}


async def test_an_edit_pauses_a_run(opened) -> None:
    async with opened("mazur") as driver:
        await driver.write("run 9000")
        await driver.press("r", "3", "e")
        await driver.until(lambda: isinstance(driver.app.screen, LineScreen))
        await answer(driver, "0.5")
        assert driver.session.branch.name == "edit1"


async def test_the_screen_of_branches_at_every_size(opened) -> None:
    async with opened("mazur", ascii_only=True) as driver:
        await driver.press("right_square_bracket", "s")
        await driver.write("set w5 0.7")
        await driver.press("s", "7")
        for keys in ((), ("d", "down")):
            await driver.press(*keys)
            for size in ((1, 1), (30, 8), (40, 12), (80, 24), (200, 60)):
                await driver.resize(*size)
                assert driver.text().isascii()
                assert len(driver.text().split("\n")) == size[1]
        await driver.press("escape", "escape")
        assert driver.text().isascii()


def test_numbers_as_they_are_written() -> None:
    assert number(" 1e-3 ") == 0.001
    assert number("−∞") == -math.inf
    assert assignments("W_h[2, 1] 3") == {"W_h[2, 1]": 3.0}
    assert assignments("a=1;b 2") == {"a": 1.0, "b": 2.0}


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_a_table_draws_at_every_size(glyphs: Any) -> None:
    columns = (
        Column(title="网络", width=8),
        Column(title="b", width=12, right=True, rank=2),
        Column(title="c", width=3, rank=1),
    )
    row = (Span("[/]δ_o1"), Span("−0.123456789"), Span("x"))
    view = TableView(columns=columns, rows=(row,) * 30, first=0, count=30, selected=20, lines=((Span("over"),),))
    for width in (*range(1, 30), 80, 200):
        for height in (*range(1, 10), 60):
            canvas = Canvas(width, height, glyphs)
            shown = in_ascii(view) if glyphs.ascii else view
            Table(id="t").paint(canvas, PanelEdge(title=(Span("t"),)), shown)
            assert [strip.cell_length for strip in canvas.strips(look().palette)] == [width] * height
    assert fitting(columns, 100) == [0, 1, 2]
    assert fitting(columns, 15) == [0, 2]
    assert fitting(columns, 3) == [0]
