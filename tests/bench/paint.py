"""How much processor time an app takes from its command to its first picture.

Both sides run as installed programs do, from bytecode, whatever this environment says about writing it.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from statistics import median

from tests.bench.harness import ROOT, Effort, Row, duration, ratio

COLUMNS, LINES = 120, 36
EMPTY = (sys.executable, "-c", "from textual.app import App; App().run()")
OURS = (sys.executable, "-m", "retrograde.tui", "mazur")
VALUE = b"0.15"
"""On the screen once the scenario is: the first weight of mazur."""
PATIENCE = 20.0


def paint(command: Sequence[str], compiled: str, *, text: bytes = b"") -> float:
    """Processor seconds from the start of a command to its first whole screen, in a terminal of its own.

    Args:
        command: the command.
        compiled: the folder of the bytecode.
        text: what the screen has to show besides.

    Raises:
        AssertionError: there was no screen.
    """
    import pty
    import termios

    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (LINES, COLUMNS))
    environment = {
        **{key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"},
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "PYTHONPYCACHEPREFIX": compiled,
    }
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=ROOT, env=environment, start_new_session=True
    )
    os.close(slave)
    seen = b""
    try:
        while time.perf_counter() - start < PATIENCE:
            if not select.select([master], [], [], 0.5)[0]:
                continue
            try:
                seen += os.read(master, 1 << 16)
            except OSError:
                break
            at = seen.find(b"\x1b[?1049h")
            # A whole screen has at least one byte a cell.
            if at >= 0 and len(seen) - at >= COLUMNS * LINES and text in seen:
                process.kill()
                _pid, _status, usage = os.wait4(process.pid, 0)
                process.returncode = 0
                return usage.ru_utime + usage.ru_stime
        raise AssertionError(f"{command} painted nothing: {seen[-500:]!r}")
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
        os.close(master)


def first_paint(effort: Effort) -> list[Row]:
    """The first screen of ``retrograde mazur`` against that of an app with nothing in it."""
    if sys.platform == "win32":
        return []
    seconds: dict[str, list[float]] = {"empty": [], "ours": [], "values": []}
    with tempfile.TemporaryDirectory() as compiled:
        sides: dict[str, Callable[[], float]] = {
            "empty": lambda: paint(EMPTY, compiled),
            "ours": lambda: paint(OURS, compiled),
            "values": lambda: paint(OURS, compiled, text=VALUE),
        }
        for run in sides.values():
            run()
        for _ in range(effort.rounds):
            for side, run in sides.items():
                seconds[side].append(run())
    rows = []
    for side, what, bound in (("ours", "first paint", 1.8), ("values", "first paint with all values", 3.0)):
        detail = f"ours {duration(median(seconds[side]))}, empty {duration(median(seconds['empty']))}"
        figure = ratio(seconds[side], seconds["empty"])
        rows.append(Row(what=f"{what}, beside an empty app's", figure=figure, unit="x", bound=bound, detail=detail))
    return rows
