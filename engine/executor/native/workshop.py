"""When programs are compiled: in a thread of its own, one after the other, each once.

The text of a program is written in slices, between which others have the interpreter; LLVM works without its lock.
"""

from __future__ import annotations

import gc
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

from retrograde.engine.executor.native.functions import addresses
from retrograde.engine.executor.native.lowering import UnsuitedError
from retrograde.engine.executor.native.machine import Code
from retrograde.engine.executor.native.printing import MOST_LINES, printed
from retrograde.engine.network.program import Program

KEPT = 64
"""Functions that are kept for programs that read alike, of another seed or another session."""


Pieces = Callable[[], Iterator[str]]


class Job:
    """The compilation of a program.

    Attributes:
        code: the function, once it is there.
        over: whether nothing more will come.
    """

    def __init__(self) -> None:
        self.code: Code | None = None
        self.over = threading.Event()


class Workshop:
    """Compiles programs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: WeakKeyDictionary[Any, Job] = WeakKeyDictionary()
        self._queue: deque[tuple[Pieces, Job]] = deque()
        self._codes: OrderedDict[str, Code] = OrderedDict()
        self._thread: threading.Thread | None = None

    def order(self, owner: object, pieces: Pieces) -> Job:
        """Has a module compiled; at once there is the job alone.

        Args:
            owner: whose module it is, a program or an executor; one for each, as long as it lives.
            pieces: writes the text of the module; called in the thread of the workshop.
        """
        with self._lock:
            job = self._jobs.get(owner)
            if job is None:
                job = self._jobs[owner] = Job()
                self._queue.append((pieces, job))
                if self._thread is None:
                    # No daemon: the process must not end while LLVM works.
                    self._thread = threading.Thread(target=self._work, name="native")
                    self._thread.start()
        return job

    def _work(self) -> None:
        try:
            while (ordered := self._next()) is not None:
                self._make(*ordered)
                del ordered
        except BaseException:
            # What is ordered later gets a thread of its own.
            with self._lock:
                self._thread = None
            raise

    def _next(self) -> tuple[Pieces, Job] | None:
        """What is to be compiled next; None where nothing is, and the thread ends."""
        with self._lock:
            if self._queue and threading.main_thread().is_alive():
                return self._queue.popleft()
            self._thread = None
            return None

    def _make(self, pieces: Pieces, job: Job) -> None:
        # The text of a large program is very many objects, none of them garbage: to look through all of them again
        # and again holds up whoever waits for a key, far longer than writing does.
        collects = gc.isenabled()
        gc.disable()
        try:
            job.code = self._compiled(pieces())
        except (UnsuitedError, RuntimeError, OSError, ImportError):
            # Whatever LLVM can not do, Python does.
            job.code = None
        finally:
            if collects:
                gc.enable()
            job.over.set()

    def _compiled(self, pieces: Iterator[str]) -> Code | None:
        found: list[str] = []
        lines = 0
        for piece in pieces:
            found.append(piece)
            lines += piece.count("\n")
            if lines > MOST_LINES or not threading.main_thread().is_alive():
                return None
            time.sleep(0)
        text = "".join(found)
        code = self._codes.get(text)
        if code is None:
            code = self._codes[text] = Code(text)
            while len(self._codes) > KEPT:
                self._codes.popitem(last=False)
        return code


def small(program: Program) -> Iterator[str]:
    """The module of a small program.

    Raises:
        UnsuitedError: there is none, since functions are not those of Python's math.
    """
    known = addresses()
    if known is None:
        raise UnsuitedError
    yield from printed(program, known)


WORKSHOP = Workshop()
"""The one of this process."""
