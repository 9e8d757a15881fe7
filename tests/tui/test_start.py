"""What is loaded before the first picture of a session, and what behind it."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import asyncio, sys
from retrograde.engine.late import waiting
from retrograde.tui.app import RetrogradeApp
from retrograde.tui.debugger.screen import DebuggerScreen

WANTED = ("engine.explaining.autopsy", "engine.layers.conv", "tui.pictures.attention", "tui.views.recorded")

def loaded():
    return [name for name in WANTED if f"retrograde.{name}" in sys.modules]

async def main():
    app = RetrogradeApp("mazur")
    async with app.run_test(size=(120, 36)) as pilot:
        while not isinstance(app.screen, DebuggerScreen):
            await pilot.pause(0.01)
        print("first", *loaded())
        await pilot.press("right")
        assert app.session.position == 1
        while waiting():
            await pilot.pause(0.01)
        await app.workers.wait_for_complete()
        print("behind", *loaded())

asyncio.run(main())
"""


def test_what_explains_is_loaded_behind_the_first_picture() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == [
        "first",
        "behind engine.explaining.autopsy tui.pictures.attention tui.views.recorded",
    ]
