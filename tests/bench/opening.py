"""How soon the recording of a GPT is on the screen, how much memory a large one takes, a walk over all of its steps."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.bench.harness import ROOT, Effort, Row, duration
from tests.bench.paint import EMPTY, OURS, paint
from tests.bench.recording import gpt

_READ = """
import sys
from retrograde.engine.recording.recording import load_recording
found = load_recording(sys.argv[1])
steps = found.program.steps
for place in range(0, steps, steps // 50):
    found.step_at(found.program.place(place)).result
print(steps)
"""


def _recorded(path: Path, **sizes: int) -> None:
    """Records the second step of a GPT."""
    import torch

    import retrograde.torch as rg

    torch.manual_seed(0)
    model, optimizer, step = gpt(**sizes)
    step()
    with rg.record(path, model, optimizer):
        step()


def _memory(path: Path) -> tuple[float, int]:
    """Bytes that a process takes which opens a recording and looks at 51 of its steps, and how many it has."""
    process = subprocess.Popen([sys.executable, "-c", _READ, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.read()
    _pid, code, usage = os.wait4(process.pid, 0)
    process.returncode = code
    return usage.ru_maxrss * 1024.0, int(said)


def opening(effort: Effort) -> list[Row]:
    """From the command to the first screen with values, and memory."""
    if sys.platform == "win32" or importlib.util.find_spec("torch") is None:
        return [Row(what="opening: PyTorch is not installed", figure=0.0, unit="")]
    from retrograde.engine.recording.recording import load_recording

    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder) / "small.rgrec", Path(folder) / "large.rgrec"
        _recorded(small, width=32, blocks=2, length=32, batch=4)
        program = load_recording(small).program
        steps = program.steps
        start = time.process_time()
        wrong = sum(program.number(program.place(step)) != step for step in range(steps))
        walked = time.process_time() - start
        command = (*OURS[:-1], str(small))
        sides = {"recording": lambda: paint(command, folder, text=b"tokens"), "empty": lambda: paint(EMPTY, folder)}
        for run in sides.values():
            run()
        seconds = {side: [run() for _ in range(max(3, effort.rounds // 2))] for side, run in sides.items()}
        best = {side: min(each) for side, each in seconds.items()}
        detail = f"median {duration(median(seconds['recording']))}; an empty app {duration(best['empty'])}"
        rows = [
            Row(
                what=f"opening {steps:,} steps: first screen",
                figure=best["recording"],
                unit="s",
                bound=1.5,
                detail=detail,
            ),
            Row(
                what="opening: numbers of steps that do not come back",
                figure=wrong,
                unit="",
                bound=0.0,
                detail=duration(walked),
            ),
        ]
        if effort.scale >= 1.0:
            _recorded(large, width=384, blocks=6, length=128, batch=4)
            most, steps = _memory(large)
            what = f"opening {steps:,} steps: memory"
            detail = f"file {large.stat().st_size / 1e6:,.0f} MB"
            rows.append(Row(what=what, figure=most / 1e6, unit="MB", bound=1000.0, detail=detail))
        return rows
