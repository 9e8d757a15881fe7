"""docs/architecture.md is true: every file and function it names exists, and the calls are made in its order."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from retrograde.tui.cli.support.markdown import TEXTS, untold
from tests.house import rooms

ROOT = Path(__file__).parent.parent.parent
PAGE = rooms.PAGE.read_text(encoding="utf-8")
CALL = re.compile(r"`((?:engine|tui)/[\w/]+\.py):([\w.]+)`")

RUN = """
import asyncio, json, sys, threading
from pathlib import Path
from retrograde.engine.text import use
from retrograde.tui.app import RetrogradeApp

root = sys.argv[1] + "/"
calls = {}

def note(frame, event, _argument):
    if event == "call":
        code = frame.f_code
        if code.co_filename.startswith(root):
            calls.setdefault(code.co_filename.removeprefix(root) + ":" + code.co_qualname, len(calls))

async def drive():
    app = RetrogradeApp("mazur")
    async with app.run_test(size=(120, 36)) as pilot:
        while app.session is None:
            await pilot.pause(0.02)
        await pilot.pause(0.2)
        opened = list(calls)
        calls.clear()
        await pilot.press("right")
        await pilot.pause(0.1)
        return opened, list(calls)

use("en")
threading.setprofile(note)
sys.setprofile(note)
found = asyncio.run(drive())
sys.setprofile(None)
print(json.dumps(found))
"""


def section(title: str) -> str:
    return re.split(r"^##", PAGE.partition(f"# {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


@cache
def defined(file: str) -> frozenset[str]:
    """The qualified names of what a file defines."""
    found = set()

    def walk(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    found.add(prefix + child.name)
                    walk(child, f"{prefix}{child.name}.")
                case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                    found.add(prefix + name)

    walk(ast.parse((ROOT / file).read_text(encoding="utf-8")), "")
    return frozenset(found)


def test_every_function_and_table_that_it_names_is_there() -> None:
    named = CALL.findall(PAGE)
    assert len(named) > 30
    assert [f"{file}:{name}" for file, name in named if not (ROOT / file).exists() or name not in defined(file)] == []


def test_every_file_and_folder_that_it_names_is_there() -> None:
    named = set(re.findall(r"`((?:engine|tui|tests|docs)/[\w/.]*)`", PAGE))
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_it_is_two_screens_of_text() -> None:
    told = PAGE.partition("## One iteration")[2].partition("\n## ")[0]
    assert len(told.splitlines()) <= 90


def test_the_calls_are_made_in_its_order() -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(ROOT)], capture_output=True, text=True, encoding="utf-8", check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    for title, made in zip(
        ("The file becomes a session", "A key becomes a step, a reading and a frame on the screen"),
        json.loads(done.stdout),
        strict=True,
    ):
        told = [f"{file}:{name}" for file, name in CALL.findall(section(title))]
        order = {call: number for number, call in enumerate(made)}
        assert [call for call in told if call not in order] == []
        assert told == sorted(told, key=order.__getitem__)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_rooms_are_those_of_the_contracts(language: str) -> None:
    untold.clear()
    for file, made in rooms.made(language).items():
        assert made == file.read_text(encoding="utf-8"), "run: python -m tests.house.rooms"
    assert list(untold) == [], f"write the Chinese into {TEXTS}"


def test_the_chinese_page_names_the_same() -> None:
    chinese = rooms.CHINESE[rooms.PAGE].read_text(encoding="utf-8")
    assert CALL.findall(chinese) == CALL.findall(PAGE)


def test_the_docstrings_of_the_packages_have_each_room() -> None:
    for side in rooms.sides(rooms.contracts()):
        assert list(side.purposes) == [room for floor in side.floors for room in floor]


@pytest.mark.parametrize(("change", "part"), [("wing", ">wing</text>"), ("session", None)])
def test_another_contract_is_another_picture(change: str, part: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    contracts = rooms.contracts()
    layers = next(one["layers"] for one in contracts if one.get("containers") == ["retrograde.engine"])
    monkeypatch.setattr(rooms, "_purposes", lambda _file: {change: "made up"} | dict.fromkeys(NAMES, "x"))
    if part is None:
        layers.remove(change)
    else:
        layers.insert(0, change)
    drawn = rooms.picture(list(rooms.sides(contracts)))
    assert part is None or part in drawn
    assert (">session</text>" in drawn) == (part is not None)


NAMES = [room for side in rooms.sides(rooms.contracts()) for floor in side.floors for room in floor]
