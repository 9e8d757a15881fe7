"""The app: keys, written lines, sizes down to one cell, the mouse and the palette, at random."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

from textual.events import Key, MouseDown, MouseUp, Resize
from textual.geometry import Size

from retrograde.tui.app import RetrogradeApp
from retrograde.tui.debugger.table import COMMANDS
from tests.fuzz.target import Beat

SCENARIOS = ("mazur", "xor-2-4-1", "cs231n-conv", "elman", "attention-by-hand", "batch-norm", "digits", "dropout")
EVENTS = 20
ENDS = ("q", "ctrl+q", "ctrl+c", "ctrl+z", "ctrl+d")
OTHER_KEYS = (
    *("enter", "escape", "tab", "shift+tab", "up", "down", "left", "right", "home", "end", "pageup", "pagedown"),
    *("backspace", "delete", "space", "f1", "ctrl+p", "ctrl+u", "0", "1", "5", "9", "colon", "a", "z", "é", "神"),
)
ARGUMENTS = (
    *(
        "",
        "E < 0.1",
        "w5",
        "w5 0.7",
        "w5 = nan",
        "at w5",
        "max(abs(grad(w5)))",
        "grad(out_c1)",
        "grad(out_o1)",
        "E",
        "-1",
    ),
    *("1", "0", "2:1:1", "@5", "+3", "-2e", "99999999999999999999", "main", "edit1", "nosuch", "x" * 3000, "1" * 600),
    *(
        "[bold]x[/]",
        "\x1b[31mx",
        "\u202eabc",
        "W_h[1,:]",
        "W_h[9,9]",
        "mazur",
        "b_c4 0.5",
        "E crosses 0.1",
        "all",
        "((",
    ),
)
SIZES = ((1, 1), (1, 80), (80, 3), (80, 4), (120, 4), (120, 5), (12, 20), (40, 12), (80, 24), (120, 36), (200, 60))


class EndedError(AssertionError):
    """The app ended, and nobody had asked it to."""


class App:
    """Each input is a line with a scenario, and a line for each event."""

    def __init__(self, home: Path) -> None:
        del home
        keys = {key for command in COMMANDS for key in command.keys} - set(ENDS)
        self._keys = (*sorted(keys), *OTHER_KEYS)
        lines = {command.line.split()[0] for command in COMMANDS if command.line and command.id != "quit"}
        self._lines = tuple(sorted(lines))
        # The first app of a process loads what the others find loaded.
        asyncio.run(_walk("mazur", [], lambda: None))

    def made(self, seed: int) -> bytes:
        rng = random.Random(seed)
        lines = [rng.choice(SCENARIOS)]
        for _ in range(EVENTS):
            dice = rng.random()
            if dice < 0.55:
                lines.append(f"key {rng.choice(self._keys)}")
            elif dice < 0.75:
                line = f"{rng.choice((*self._lines, ''))} {rng.choice(ARGUMENTS)}".strip()
                lines.append(f"line {line}")
            elif dice < 0.85:
                width, height = rng.choice(SIZES)
                lines.append(f"size {width} {height}")
            elif dice < 0.95:
                lines.append(f"click {rng.randrange(120)} {rng.randrange(40)}")
            else:
                lines.append("key ctrl+p")
        return "\n".join(lines).encode()

    def run(self, content: bytes, beat: Beat) -> bool:
        name, *events = content.decode("utf-8", "replace").split("\n")
        if name not in SCENARIOS:
            return False
        asyncio.run(_walk(name, events, beat))
        return True

    @staticmethod
    def file(content: bytes) -> tuple[str, bytes]:
        return ".txt", content


async def _walk(name: str, events: list[str], beat: Beat) -> None:
    app = RetrogradeApp(name)
    async with app.run_test(size=(120, 36)) as pilot:
        while app.session is None:
            await pilot.pause(0.01)
        for event in events:
            beat()
            await _send(app, pilot, event)
            # What has settled is drawn, as a terminal would have it.
            app.screen._compositor.render_strips(app.screen.size)
            for error, _path in app.reported.values():
                raise error
            if not app.is_running or app._exit:
                raise EndedError(event)
        beat()
    for error, _path in app.reported.values():
        raise error


async def _send(app: RetrogradeApp, pilot: Any, event: str) -> None:
    what, _blank, rest = event.partition(" ")
    match what:
        case "key":
            app.post_message(Key(rest, rest if len(rest) == 1 else {"space": " ", "colon": ":"}.get(rest)))
        case "line":
            app.post_message(Key("colon", ":"))
            await _settle(pilot)
            found = app.screen.query("Input")
            if found:
                found.first().value = rest  # type: ignore[attr-defined]
                app.post_message(Key("enter", None))
        case "size":
            width, height = map(int, rest.split())
            driver: Any = app._driver
            driver._size = (width, height)
            app.post_message(Resize(Size(width, height), Size(width, height)))
        case "click":
            x, y = map(int, rest.split())
            for kind in (MouseDown, MouseUp):
                app.screen._forward_event(kind(None, x, y, 0, 0, 1, False, False, False, x, y))
        case _:
            return
    await _settle(pilot)


async def _settle(pilot: Any) -> None:
    await pilot._wait_for_screen()
    await pilot.pause(0.01)


TARGET = App
