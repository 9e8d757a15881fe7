"""What can be handed out is written from the app: the iteration that the cursor is in."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrograde.engine.writing.exporting import as_csv
from retrograde.engine.writing.sheet import sheet_of


async def test_the_iteration_is_written_and_nothing_is_lost(
    opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened("mazur") as driver:
        await driver.write("2:1:3")
        await driver.write("note here it turns")
        position = driver.session.position
        await driver.write("export own.csv")
        await driver.until(lambda: "written: own.csv" in driver.text())
        written = (tmp_path / "own.csv").read_bytes()
        assert written == as_csv(sheet_of(driver.session))
        assert b"2:1:1," in written and driver.session.position == position
        (tmp_path / "own.csv").write_text("mine", encoding="utf-8")
        await driver.write("export own.csv")
        assert "own.csv is there; :export! own.csv overwrites it" in driver.text()
        assert (tmp_path / "own.csv").read_text(encoding="utf-8") == "mine"
        await driver.write("export! own.csv")
        await driver.until(lambda: (tmp_path / "own.csv").read_bytes() == written)


async def test_what_it_cannot_write_it_says(opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened("mazur") as driver:
        await driver.write("export own.doc")
        assert "a sheet is written as one of" in driver.text()
    assert not list(tmp_path.glob("own*"))
