"""The table of commands holds bindings, screen, help and footer together, and names the function of each command."""

from __future__ import annotations

import inspect
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding

from retrograde.tui import debugger
from retrograde.tui.canvas.themes import look
from retrograde.tui.commands.command import Group, group_title
from retrograde.tui.commands.keys import footer_key, footer_keys, key_rows, key_table
from retrograde.tui.debugger.loading import LoadingScreen
from retrograde.tui.debugger.parts import Parts
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.debugger.table import commands
from retrograde.tui.screens.help import HelpScreen


def test_ids_and_keys_are_used_once() -> None:
    table = commands()
    assert Counter(command.id for command in table).most_common(1)[0][1] == 1
    assert Counter(key for command in table for key in command.keys).most_common(1)[0][1] == 1
    words = Counter(command.word for command in table if command.word)
    assert words.most_common(1)[0][1] == 1


@pytest.mark.parametrize("screen", [DebuggerScreen, LoadingScreen])
def test_every_key_leads_to_its_command(screen: Any) -> None:
    bound = {
        key: binding.action
        for binding in screen.BINDINGS
        if isinstance(binding, Binding)
        for key in binding.key.split(",")
    }
    wanted = {key: f"command('{command.id}')" for command in commands() for key in command.keys}
    assert bound == wanted


def test_every_command_does_something() -> None:
    for row in commands():
        assert row.keys or row.obey, f"{row.id} has neither a key nor a word"
        assert row.act or row.early or row.obey, f"{row.id} does nothing"
        assert not row.obey or row.word, f"{row.id} can not be written"
        assert row.act or row.early or row.word, f"the key of {row.id} begins to write no word"


class _Recorder:
    """Stands for the parts: writes down which method of which part is called, and that there is one."""

    def __init__(self) -> None:
        self.called: set[tuple[str, str]] = set()

    def __getattr__(self, part: str) -> Any:
        kind = PARTS[part]

        class Part:
            def __getattr__(_self, name: str) -> Any:  # noqa: N805
                assert hasattr(kind, name), f"{part} has no {name}"
                self.called.add((part, name))
                return lambda *_arguments, **_options: ""

        return Part()


def _parts() -> dict[str, type]:
    """The classes of the parts by the names that rows call them by."""
    source = inspect.getsource(Parts.__init__)
    names = dict(re.findall(r"self\.(\w+) = (\w+)\(", source))
    module = inspect.getmodule(Parts)
    return {name: getattr(module, kind) for name, kind in names.items()}


PARTS = _parts()


def test_every_row_calls_a_method_that_there_is_and_every_method_of_a_part_is_called() -> None:
    recorder: Any = _Recorder()
    for row in commands():
        for function in (row.act, row.when):
            if function is not None:
                function(recorder)
        if row.obey is not None:
            row.obey(recorder, "")
    sources = {path: path.read_text() for path in Path(debugger.__path__[0]).rglob("*.py")}
    for part, kind in PARTS.items():
        if part in {"working", "listing", "badges", "beside"}:
            continue
        module = Path(inspect.getfile(kind))
        for name in vars(kind):
            if name.startswith("_") or (part, name) in recorder.called:
                continue
            calls = [path for path, source in sources.items() if re.search(rf"\.{name}\b", source)]
            assert any(path.name != module.name for path in calls) or re.search(rf"self\.{name}\b", sources[module]), (
                f"nothing calls {kind.__name__}.{name}"
            )


def test_every_command_is_in_the_key_table_and_in_the_help() -> None:
    table = commands()
    text = HelpScreen(look(), key_rows(table)).text(86).plain
    titles = " ".join(row.title for row in key_rows(table))
    for command in table:
        assert command.title in titles or command.listed in titles
        assert command.help
    for row in key_rows(table):
        assert row.keys in text
        assert all(f"`{key}`" in key_table(table) for group in row.groups for key in group)
    assert all(group_title(group) in text for group in Group)


def test_opposites_are_capitals_or_mirrors() -> None:
    table = {command.id: command for command in commands()}
    for command in table.values():
        if command.back and command.group is Group.MOTION:
            letters = [key for key in command.keys if len(key) == 1]
            capitals = [key for key in table[command.back].keys if len(key) == 1]
            assert [letter.upper() for letter in letters] == capitals


def test_no_key_is_one_that_a_terminal_takes_for_another() -> None:
    # Ctrl-[ is Escape, Ctrl-I is Tab, Ctrl-M is Enter.
    assert not {key for command in commands() for key in command.keys} & {"ctrl+[", "ctrl+i", "ctrl+m", "esc"}


def test_the_footer_begins_with_the_steps() -> None:
    table = commands()
    assert footer_key(footer_keys(table)[0], {row.id: row for row in table}) == ("→/←", "→")


@pytest.mark.parametrize(("width", "plain_only"), [(60, False), (80, False), (120, False), (60, True), (80, True)])
async def test_the_footer_follows_the_situation_and_never_drops_the_help(opened, width: int, plain_only: bool) -> None:
    def footer() -> str:
        return str(driver.text().splitlines()[-1])

    wide = width >= 100
    async with opened("mazur", size=(width, 24), ascii_only=plain_only) as driver:
        step = "-> step" if plain_only else "→ step"
        assert footer().index(step if not wide else "← step") < footer().index("r run") < footer().index("? help")
        await driver.write("2")
        assert all(re.search(rf" {key}(/T)? ", footer()) for key in ("t", "w", "z", ":", "[?]")), footer()
        await driver.write("19")
        wanted = ("w where from", "t/T next of w6", "h why") if wide else ("w from", "t next", "h why")
        places = [footer().index(words) for words in wanted]
        assert places == sorted(places), footer()
        assert all(re.search(rf" {key}(/T)? ", footer()) for key in ("t", "w", "z", ":", "[?]")), footer()
        await driver.press("3")
        assert "Enter go there" in footer()
        assert "? help" in footer()
        await driver.press("2", "b", "c")
        await driver.press("c", "4", "2")
        assert "continue" in footer()
        assert "b break" in footer()
        await driver.write("delete all")
        await driver.write("run 3")
        await driver.idle()
        await driver.press("4", "2")
        assert all(words in footer() for words in ("G end", "7 branches", ":first when", "? help")), footer()
        await driver.write("set lr nan")
        await driver.press("right_square_bracket", "right_square_bracket")
        assert "Enter go there" in footer(), footer()
        before = driver.session.position
        await driver.press("enter")
        assert driver.session.position < before
        step = driver.session.current
        assert step is not None
        assert all(math.isfinite(step.frame.value(one.ref)) for one in step.operands if one.made_by)
        await driver.press("enter")
        assert "η was given" in driver.text() or "lr was given" in driver.text()


async def test_what_is_not_possible_is_grey_and_says_why(opened) -> None:
    from retrograde.tui.debugger.palette import offers

    async with opened("mazur", size=(200, 40)) as driver:

        def grey() -> set[str]:
            view = driver.app.screen.query_one("#footer").state[1]
            return {view.keys[number][1] for number in view.grey}

        def reason(name: str) -> str:
            (one,) = [offer for offer in offers(driver.main) if offer.name == name]
            return "" if one.possible else one.help

        assert grey() == {"break"}
        assert reason("break_here") == "make a step first"
        assert reason("step_back") == "this is the initial state"
        assert reason("undo") == "there is no edit to undo on this branch"
        await driver.press("b")
        assert "make a step first" in driver.text(), "the key says it too"
        await driver.press("s")
        assert grey() == set()
        assert not reason("break_here")
        await driver.write("set w5 0.7")
        assert not reason("undo")
        driver.session.seek(driver.session.length)
        await driver.press("3", "2")
        assert grey() == {"step", "term", "layer", "pass", "iteration"}


async def test_while_a_scenario_is_read_only_some_keys_are_possible(opened, monkeypatch) -> None:
    import threading

    from retrograde.engine.scenario import file
    from retrograde.tui.debugger.palette import offers
    from retrograde.tui.records.marks import PanelId

    go_on, load = threading.Event(), file.load_scenario

    def slow(source: Any, **options: Any) -> Any:
        go_on.wait(20)
        return load(source, **options)

    monkeypatch.setattr(file, "load_scenario", slow)
    async with opened() as driver:
        await driver.press(*"mazur", "enter")
        await driver.until(lambda: isinstance(driver.app.screen, LoadingScreen))
        screen = driver.app.screen
        assert "reading mazur …" in driver.text()
        possible = {offer.name for offer in offers(screen) if offer.possible}
        assert {"quit", "help", "open", "theme", "panel_1"} <= possible
        assert "step" not in possible
        await driver.press("s", "z", "1", "i")
        assert driver.app.screen is screen, "a key that needs a session waits for it"
        await driver.press("question_mark")
        assert isinstance(driver.app.screen, HelpScreen)
        go_on.set()
        await driver.until(lambda: driver.app.session is not None)
        assert isinstance(driver.app.screen, HelpScreen), "what is in front stays there"
        await driver.press("escape")
        await driver.until(lambda: isinstance(driver.app.screen, DebuggerScreen))
        assert driver.main.desk.focus is PanelId.NETWORK, "the focus stays where it was put"
        await driver.until(lambda: (driver.session.position, driver.session.term) == (1, 1))


async def test_the_footer_asks_for_no_gradient_where_there_is_none(opened) -> None:
    """Every gradient says how E changes: at E itself there is nothing to ask."""
    async with opened("mazur", size=(80, 24)) as driver:
        await driver.press("f", "f")
        assert driver.session.current is not None and driver.session.current.symbol == "E"
        assert " h why" not in driver.text().splitlines()[-1]
        await driver.press("right")
        assert " h why" in driver.text().splitlines()[-1]
