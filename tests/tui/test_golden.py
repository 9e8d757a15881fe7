"""Drawings and screens are what they were when somebody looked at them; ``golden`` says how to renew them."""

from __future__ import annotations

import pytest

from retrograde.tui.pictures.table import pictures
from tests.tui import golden


@pytest.mark.parametrize("name", golden.cases())
def test_a_drawing_is_as_it_was(name: str) -> None:
    drawn = golden.cases()[name]()
    assert drawn.strip()
    assert drawn == golden.file_of(name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", golden.SCREENS)
async def test_a_screen_is_as_it_was(name: str) -> None:
    for file, text in (await golden.screens_of(name)).items():
        assert text == golden.file_of(file).read_text(encoding="utf-8"), file


@pytest.mark.parametrize("name", golden.LOOKS)
async def test_a_screen_over_it_is_as_it_was(name: str) -> None:
    for file, text in (await golden.looks_of(name)).items():
        assert text == golden.file_of(file).read_text(encoding="utf-8"), file


def test_every_module_of_pictures_is_looked_at() -> None:
    assert {maker.__module__.rpartition(".")[2] for maker in pictures().values()} == set(golden.PICTURED)


def test_every_file_is_drawn() -> None:
    sizes = [f"{width}x{height}" for width, height in golden.SCREEN_SIZES]
    screens = {f"screen-{name}-{size}" for name in golden.SCREENS for size in sizes}
    screens |= {
        f"screen-{name}-{line.partition(' ')[0]}-{size}"
        for name, lines in golden.LOOKS.items()
        for line in lines
        for size in sizes
    }
    assert {file.stem for file in golden.FOLDER.glob("*.txt")} == {*golden.cases(), *screens}
