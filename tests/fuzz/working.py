"""A process that judges cases, with a limit of memory and a clock that somebody else watches."""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.fuzz.judging import Fault, Harm, Verdict, judged
from tests.fuzz.table import target_of

SECONDS = 2.0
"""Processor time that a case may take, so that a machine with other work finds no more than a quiet one."""
BLOCKED_SECONDS = 20.0
"""How long it may take in all: what waits for a pipe or a lock takes no processor."""
START_SECONDS = 60.0
MEGABYTES = 500
BEAT, READY, MADE = "beat", "ready", "made"


def _limit_memory() -> None:
    """Lets this process have so much more than it has."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (MEGABYTES << 20), hard))


def _serve(kind: str, home: Path, pipe: Connection) -> None:
    home.mkdir(parents=True, exist_ok=True)
    os.chdir(home)
    os.environ["XDG_STATE_HOME"] = str(home / "state")
    # What is written to the terminal by other ways than print is not for the reader of the summary.
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    target = target_of(kind)(home)
    # What was there before the fork is not walked by the collector: of a large parent, that alone takes seconds.
    gc.freeze()
    _limit_memory()
    pipe.send(READY)
    while (asked := pipe.recv()) is not None:
        if isinstance(asked, tuple):
            pipe.send(target.made(*asked))
            continue
        content = asked
        if isinstance(asked, int):
            content = target.made(asked)
            pipe.send(MADE)
        verdict = judged(target, content, lambda: pipe.send(BEAT))
        pipe.send((verdict, content if verdict.fault is not None else b""))


class Worker:
    """A process that judges the cases of a kind; another one takes its place when it had to be ended."""

    def __init__(self, kind: str, home: Path) -> None:
        self._kind = kind
        self._home = home
        self._process: Any = None
        self._pipe: Connection

    def judge(self, asked: int | bytes) -> tuple[Verdict, bytes]:
        """What becomes of the case of a seed, or of an input; with the input where there is a fault.

        What takes too long is judged again by a new process: an input that hangs hangs there too, and a machine that
        was slow for a moment is no fault of the input.
        """
        found = self._judged(asked)
        if isinstance(found, Fault) and found.harm is Harm.HANG:
            found = self._judged(asked)
        if not isinstance(found, Fault):
            return found
        if isinstance(asked, int):
            self._start()
            self._pipe.send((asked,))
            asked = self._answer(START_SECONDS, 4 * START_SECONDS)
        assert isinstance(asked, bytes)
        return Verdict(False, found), asked

    def _judged(self, asked: int | bytes) -> tuple[Verdict, bytes] | Fault:
        """What the process says of a case, or why it said nothing and was ended."""
        if self._process is None:
            self._start()
        self._pipe.send(asked)
        if isinstance(asked, int):
            # To make a large file and to pack it takes seconds, which are not those of who reads it.
            assert self._answer(START_SECONDS, 4 * START_SECONDS) == MADE
        found: tuple[Verdict, bytes] | Fault = self._answer(SECONDS, BLOCKED_SECONDS)
        if isinstance(found, Fault):
            self.close()
        return found

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(self._kind, self._home, theirs), daemon=True)
        self._process.start()
        theirs.close()
        if isinstance(self._answer(START_SECONDS, 4 * START_SECONDS), Fault):
            raise RuntimeError(f"the {self._kind} could not begin")

    def _answer(self, seconds: float, blocked: float) -> Any:
        """What the process sends, or the fault that it sends nothing."""
        begin, used = time.monotonic(), self._used()
        wait = seconds
        while True:
            if self._pipe.poll(wait):
                try:
                    found = self._pipe.recv()
                except EOFError:
                    self._process.join()
                    code = self._process.exitcode
                    return Fault(Harm.END, str(code), f"the process ended with {code}")
                if found != BEAT:
                    return found
                begin, used = time.monotonic(), self._used()
            taken, gone = self._used() - used, time.monotonic() - begin
            if taken > seconds or gone > blocked:
                return Fault(Harm.HANG, "", f"{taken:.1f} s of the processor, {gone:.1f} s in all")
            wait = 0.1

    def _used(self) -> float:
        """Seconds of the processor that the process has had."""
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))
