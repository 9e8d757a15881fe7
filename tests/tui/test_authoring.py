"""The scenario's file in an editor: what has changed is read and said, what is wrong leaves all as it is. And jumps."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrograde.engine.errors import EngineError
from retrograde.tui.cli.main import main
from retrograde.tui.debugger.authoring import changes
from retrograde.tui.screens.jump import JumpScreen, labels
from tests.support.effort import examples

EDITOR = """\
import sys
path = sys.argv[-1]
text = open(path, encoding="utf-8").read()
open(path, "w", encoding="utf-8").write(text.replace({old!r}, {new!r}))
sys.exit({code})
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    assert main(["new", str(path), "--from", "mazur"]) == 0
    return path


def editor(monkeypatch: pytest.MonkeyPatch, folder: Path, old: str, new: str, code: int = 0) -> None:
    script = folder / "editor.py"
    script.write_text(EDITOR.format(old=old, new=new, code=code), encoding="utf-8")
    monkeypatch.setenv("VISUAL", f"{sys.executable} {script}")


class Suspended:
    """In place of giving the terminal away, which there is none of in a test."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_error: object) -> None: ...


async def edited(driver, monkeypatch: pytest.MonkeyPatch, key: str = "E") -> str:
    monkeypatch.setattr(driver.app, "suspend", Suspended)
    await driver.press(key)
    await driver.idle()
    return driver.main.desk.notice.text


async def test_what_has_changed_is_read_and_said(opened, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor(monkeypatch, mine.parent, "learning_rate = 0.5", "learning_rate = 0.25")
    async with opened(str(mine)) as driver:
        await driver.press("s", "s", "s")
        await driver.write("break E < 0.01")
        said = await edited(driver, monkeypatch)
        assert said == "read again · training.learning_rate: 0.5 → 0.25"
        session = driver.session
        assert session.position == 3 and [one.text for one in session.breakpoints.values()] == ["E < 0.01"]
        assert session.value("lr") == 0.25
        assert await edited(driver, monkeypatch) == "nothing was changed"


async def test_what_is_wrong_leaves_all_as_it_is(opened, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor(monkeypatch, mine.parent, "learning_rate", "lerning_rate")
    async with opened(str(mine)) as driver:
        await driver.press("s")
        before = driver.session
        said = await edited(driver, monkeypatch)
        assert "mine.toml:" in said and "learning_rate: missing" in said and said.endswith("and 1 more")
        assert driver.session is before and driver.session.position == 1
        editor(monkeypatch, mine.parent, "x", "x", code=3)
        assert await edited(driver, monkeypatch) == "the editor has ended with 3"
        monkeypatch.setenv("VISUAL", "no-such-editor -x")
        assert "there is no editor no-such-editor -x" in await edited(driver, monkeypatch)
        monkeypatch.setenv("VISUAL", "'")
        assert "there is no editor" in await edited(driver, monkeypatch)


async def test_edits_of_the_session_are_not_lost(opened, mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor(monkeypatch, mine.parent, "learning_rate = 0.5", "learning_rate = 0.25")
    async with opened(str(mine)) as driver:
        await driver.press("s")
        await driver.write("set w5 0.7")
        assert "unsaved edits" in await edited(driver, monkeypatch)
        assert driver.session.branch.parent is not None
        await driver.write("reload")
        assert driver.main.desk.notice.text == "read again" and driver.session.value("lr") == 0.25


async def test_what_ships_is_copied_first(opened, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened("mazur") as driver:
        said = await edited(driver, monkeypatch)
        assert "retrograde new my.toml --from mazur" in said


def test_a_copy_has_its_samples(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", str(tmp_path / "i.toml"), "--from", "iris"]) == 0
    assert main(["check", str(tmp_path / "i.toml")]) == 0
    assert main(["new", str(tmp_path / "j.toml"), "--from", "irsi"]) == 2
    assert "did you mean iris" in capsys.readouterr().err
    (tmp_path / "data" / "iris.csv").write_text("mine")
    assert main(["new", str(tmp_path / "k.toml"), "--from", "iris"]) == 2
    assert (tmp_path / "data" / "iris.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("a = 1", "a = 1", ()),
        ("a = 1", "a = 2", ("a: 1 → 2",)),
        ("[t]\na = 1", "[t]\nb = 1", ("t.a is gone", "t.b: 1")),
        ("[[l]]\nu = 1\n[[l]]\nu = 2", "[[l]]\nu = 1\n[[l]]\nu = 3", ("l[2].u: 2 → 3",)),
        ("a = nan", "a = nan", ()),
        ("a=1\nb=1\nc=1\nd=1\ne=1", "a=2\nb=2\nc=2\nd=2\ne=2", ("a: 1 → 2", "b: 1 → 2", "c: 1 → 2", "2 more changes")),
        ("a = 1", "a = ", ()),
    ],
)
def test_changes_are_named_by_their_keys(before: str, after: str, said: tuple[str, ...]) -> None:
    assert changes(before.encode(), after.encode()) == said


@examples(20)
@given(st.integers(0, 600))
def test_no_label_begins_another(count: int) -> None:
    found = labels(count)
    assert len(found) == count == len(set(found))
    assert len({len(label) for label in found}) <= 1


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_a_letter_leads_to_each_row(opened, size: tuple[int, int]) -> None:
    async with opened("mazur", size=size) as driver:
        await driver.press("s")
        spots = driver.main.spots()
        assert {spot.panel for spot in spots} >= {"network", "equation"}
        for number in range(len(spots)):
            await driver.press("J")
            assert isinstance(driver.app.screen, JumpScreen)
            label = labels(len(spots))[number]
            row = driver.text().splitlines()[spots[number].y]
            assert row[spots[number].x :].startswith(label)
            await driver.press(*label)
            assert driver.main.desk.focus == spots[number].panel
        await driver.press("J", "escape")
        assert driver.main.desk.focus == spots[-1].panel


def test_no_editor_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from retrograde.tui.debugger.authoring import _editor

    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EngineError, match="there is no editor"):
        _editor(Path("x.toml"), None)
