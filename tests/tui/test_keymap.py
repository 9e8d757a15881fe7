"""A person's own keys: they work, are shown, and what is wrong with their file names the line."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.errors import EngineError
from retrograde.tui.cli.main import main
from retrograde.tui.commands.keymap import read_keymap, rebound, template
from retrograde.tui.debugger.table import COMMANDS, choose_keys, commands
from tests.support.effort import examples

KEYS = ["a", "Z", "ctrl+t", "f9", "space", "?", "→", "alt+x", "Del", "shift+f3", "€"]


@pytest.fixture
def own() -> Iterator[None]:
    yield
    choose_keys({})


@examples(60)
@given(st.dictionaries(st.sampled_from([row.id for row in COMMANDS]), st.lists(st.sampled_from(KEYS), max_size=2)))
def test_every_table_has_each_key_once(keys: dict[str, list[str]]) -> None:
    try:
        table = rebound(COMMANDS, keys)
    except EngineError:
        return
    assert Counter(key for row in table for key in row.keys).most_common(1)[0][1] == 1
    for row, before in zip(table, COMMANDS, strict=True):
        assert row.keys == before.keys or row.id in keys
    again = rebound(COMMANDS, {row.id: list(row.keys) for row in table})
    assert again == table, "Textual's names are names of keys too"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('step = "l"\nstpe = "m"', ":2: stpe is no command; did you mean step"),
        ('# mine\n\nwhy = "r"', ":3: r is the key of run too"),
        ('step = "l"\nwhy = "l"', "l is the key of"),
        ('step = "hyper+x"', ":1: 'hyper+x' is no key"),
        ("step = 3", ":1: step takes a key, or a list"),
        ("step = [", "keys.toml: "),
        ("palette = []\nenter = []", "can only be reached by a key"),
        ('step = "\x1b"', "keys.toml: "),
    ],
)
def test_what_is_wrong_names_the_line(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(EngineError) as caught:
        read_keymap(path, COMMANDS)
    assert said in str(caught.value) and "keys.toml" in str(caught.value)


def test_all_that_is_wrong_is_said_at_once_by_line(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text('stpe = "m"\nhelp = ["right"]\nwhy = 3\nrun = "hyper+x"\n', encoding="utf-8")
    with pytest.raises(EngineError) as caught:
        read_keymap(path, COMMANDS)
    lines = str(caught.value).splitlines()
    assert [line.partition("keys.toml:")[2].split(":")[0] for line in lines] == ["1", "2", "3", "4"]


def test_the_keys_of_the_docs_are_taken() -> None:
    text = Path("docs/keys.md").read_text(encoding="utf-8").partition("Written from")[0]
    lines = [line for line in re.findall("`(.*?)`", text.replace("\n", " ")) if " = " in line]
    assert len(lines) == 2
    table = {row.id: row.keys for row in rebound(COMMANDS, tomllib.loads("\n".join(lines)))}
    assert "right" in table["step"] and table["why"] == ("Y",)


def test_no_file_is_the_table(tmp_path: Path) -> None:
    assert read_keymap(tmp_path / "none", COMMANDS) == COMMANDS
    assert read_keymap(tmp_path / "none" / "deeper", COMMANDS) == COMMANDS


def test_the_template_is_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = template(COMMANDS).splitlines()[1:]
    given_keys = tomllib.loads("\n".join(line.removeprefix("# ") for line in lines))
    assert rebound(COMMANDS, given_keys) == COMMANDS
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "retrograde").mkdir()
    (tmp_path / "retrograde" / "keys.toml").write_text('step = "Z"\n')
    assert main(["keys"]) == 0
    out, err = capsys.readouterr()
    assert '# step = ["Z"]' in out and str(tmp_path / "retrograde" / "keys.toml") in err
    (tmp_path / "retrograde" / "keys.toml").write_text('stpe = "l"\n')
    assert main(["keys"]) == 2
    assert "keys.toml:1: stpe" in capsys.readouterr().err


async def test_own_keys_work_and_are_shown(opened, own: None) -> None:
    choose_keys(
        {"code": (), "step": ("l", "right"), "step_back": ("r",), "run": ("f9",), "first": ("ctrl+t",), "why": ()}
    )
    async with opened("mazur") as driver:
        await driver.press("l", "l", "right", "s")
        assert driver.session.position == 3, "s is nobody's now"
        await driver.press("r")
        assert driver.session.position == 2
        assert "l/r step" in driver.text() and "F9 run" in driver.text()
        await driver.press("ctrl+t")
        assert driver.app.screen.query_one("Input").value == "first "
        await driver.press("escape")
        await driver.until(lambda: driver.app.screen is driver.app.screen_stack[1])
        await driver.press("f9")
        await driver.until(lambda: driver.session.frontier > 100)
        await driver.press("question_mark")
        await driver.until(lambda: "into the terms" in driver.text())
        assert "F9" in driver.text() or "l r" in driver.text()
    assert next(row for row in commands() if row.id == "step").keys == ("l", "right")
