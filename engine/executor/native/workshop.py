"""When programs are compiled: in a thread of its own, one after the other, each once.

The text of a program is written in slices, between which others have the interpreter; LLVM works without its lock.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from weakref import WeakKeyDictionary

from retrograde.engine.executor.native.functions import addresses
from retrograde.engine.executor.native.lowering import UnsuitedError
from retrograde.engine.executor.native.machine import Code
from retrograde.engine.executor.native.printing import MOST_LINES, printed
from retrograde.engine.network.program import Program

KEPT = 64
"""Functions that are kept for programs that read alike, of another seed or another session."""


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
        self._jobs: WeakKeyDictionary[Program, Job] = WeakKeyDictionary()
        self._queue: deque[tuple[Program, Job]] = deque()
        self._codes: OrderedDict[str, Code] = OrderedDict()
        self._thread: threading.Thread | None = None

    def order(self, program: Program) -> Job:
        """Has a program compiled; at once there is the job alone."""
        with self._lock:
            job = self._jobs.get(program)
            if job is None:
                job = self._jobs[program] = Job()
                self._queue.append((program, job))
                if self._thread is None:
                    # No daemon: the process must not end while LLVM works.
                    self._thread = threading.Thread(target=self._work, name="native")
                    self._thread.start()
        return job

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._queue or not threading.main_thread().is_alive():
                    self._thread = None
                    return
                program, job = self._queue.popleft()
            try:
                job.code = self._compiled(program)
            except (UnsuitedError, RuntimeError, OSError, ImportError):
                # Whatever LLVM can not do, the generated executor does.
                job.code = None
            finally:
                job.over.set()
                del program, job

    def _compiled(self, program: Program) -> Code | None:
        known = addresses()
        if known is None:
            return None
        pieces: list[str] = []
        lines = 0
        for piece in printed(program, known):
            pieces.append(piece)
            lines += piece.count("\n")
            if lines > MOST_LINES or not threading.main_thread().is_alive():
                return None
            time.sleep(0)
        text = "".join(pieces)
        code = self._codes.get(text)
        if code is None:
            code = self._codes[text] = Code(text)
            while len(self._codes) > KEPT:
                self._codes.popitem(last=False)
        return code


WORKSHOP = Workshop()
"""The one of this process."""
