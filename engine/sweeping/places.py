"""Where the runs of a sweep are made: in this process, or in others of this machine, which may be lost and replaced."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Protocol

from retrograde.engine.errors import EngineError
from retrograde.engine.sweeping.running import Chunk, Done, Work, work_off
from retrograde.engine.text import _

TRIES = 3
"""How often a run may lose the process that makes it."""

PATIENCE = 0.2
"""Seconds after which whoever waits for results looks up."""

AHEAD = 2
"""Chunks that are given out for each process, so that none has to wait for the next."""


class Place(Protocol):
    """Where runs are made."""

    @property
    def free(self) -> int:
        """How many chunks may be given out now."""
        ...

    @property
    def busy(self) -> bool:
        """Whether chunks are out."""
        ...

    @property
    def size(self) -> int:
        """How many runs are made at a time."""
        ...

    def give(self, chunk: Chunk) -> None:
        """Gives a chunk out."""
        ...

    def collect(self) -> list[Done]:
        """What has been made meanwhile; waits a little for it.

        Raises:
            EngineError: a run can not be made.
        """
        ...

    def close(self) -> None:
        """Ends what is under way."""
        ...


class Here:
    """Makes runs in this process, one after the other.

    Args:
        work: what the runs have in common.
    """

    size = 1

    def __init__(self, work: Work) -> None:
        self._work = work
        self._waiting: deque[Chunk] = deque()

    @property
    def free(self) -> int:
        """One at a time."""
        return 1 - len(self._waiting)

    @property
    def busy(self) -> bool:
        """Whether one waits."""
        return bool(self._waiting)

    def give(self, chunk: Chunk) -> None:
        """Puts it off until ``collect``."""
        self._waiting.append(chunk)

    def collect(self) -> list[Done]:
        """Makes what was given."""
        return [work_off(self._work, self._waiting.popleft())] if self._waiting else []

    def close(self) -> None:
        """Forgets what was given."""
        self._waiting.clear()


class Lost:
    """Counts how often each chunk has lost its process, and takes it apart to find the run that does it.

    Args:
        work: what the runs have in common.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._tries: dict[Chunk, int] = {}

    def again(self, chunk: Chunk) -> list[Chunk]:
        """What is to be made again after a chunk has lost its process: the chunk, later each of its runs alone.

        Raises:
            EngineError: one run alone has lost its process too often.
        """
        self._tries[chunk] = tries = self._tries.get(chunk, 0) + 1
        if tries < TRIES:
            return [chunk]
        if len(chunk.seeds) > 1:
            return [replace(chunk, seeds=(seed,)) for seed in chunk.seeds]
        name = self._work.scenarios[chunk.setting].name
        message = _("{name}, seed {seed}: the process that makes it was lost {count} times, perhaps for want of memory")
        raise EngineError(message.format(name=name, seed=chunk.seeds[0], count=tries))


class Pool:
    """Makes runs in processes of this machine.

    A process that dies takes those with it that the pool has given to others. To see whose fault it is, what was out is
    made again one after the other.

    Args:
        work: what the runs have in common.
        workers: how many processes.
    """

    def __init__(self, work: Work, workers: int) -> None:
        self.size = workers
        self._work = work
        self._lost = Lost(work)
        self._suspects: deque[Chunk] = deque()
        self._out: dict[Future[Done], Chunk] = {}
        self._pool = self._started()

    def _started(self) -> ProcessPoolExecutor:
        # Not forked: NumPy and the app have threads.
        return ProcessPoolExecutor(
            max_workers=self.size,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_begin,
            initargs=(self._work,),
        )

    @property
    def free(self) -> int:
        """Enough that no process waits; none while it is found out who loses processes."""
        return 0 if self._suspects else AHEAD * self.size - len(self._out)

    @property
    def busy(self) -> bool:
        """Whether chunks are out, or are to be made again."""
        return bool(self._out or self._suspects)

    def give(self, chunk: Chunk) -> None:
        """Gives a chunk to the next process that is free."""
        try:
            # The first chunk starts the processes.
            with _deaf():
                self._out[self._pool.submit(_make, chunk)] = chunk
        except BrokenProcessPool:
            self._suspects.append(chunk)

    def collect(self) -> list[Done]:
        """What has been made meanwhile."""
        if self._suspects and not self._out:
            self.give(self._suspects.popleft())
        finished, _waiting = wait(self._out, timeout=PATIENCE, return_when=FIRST_COMPLETED)
        made, lost = [], []
        for future in finished:
            chunk = self._out.pop(future)
            try:
                made.append(future.result())
            except BrokenProcessPool:
                lost.append(chunk)
        if lost:
            self._replace(lost)
        return made

    def _replace(self, lost: list[Chunk]) -> None:
        """Starts other processes for those that were lost."""
        wait(self._out)
        lost += self._out.values()
        self._out.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._pool = self._started()
        if len(lost) == 1:
            lost = self._lost.again(lost[0])
        self._suspects.extend(lost)

    def close(self) -> None:
        """Ends the processes, also those that are in the middle of a run."""
        running = list((getattr(self._pool, "_processes", None) or {}).values())
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in running:
            with suppress(OSError, ValueError):
                process.terminate()
        for process in running:
            process.join(2)


_work: Work | None = None
"""What the runs of this process have in common."""


@contextmanager
def _deaf() -> Iterator[None]:
    """Ctrl-C waits meanwhile, and never comes to processes that are started: a terminal sends it to all of them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(work: Work) -> None:
    """Prepares a process of a pool: Ctrl-C is for the one that asks, and without that one there is nothing to do."""
    global _work  # noqa: PLW0603 - one a process
    _work = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process when the one that asks has ended in whatever way."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _make(chunk: Chunk) -> Done:
    """Makes a chunk in a process of a pool."""
    assert _work is not None
    return work_off(_work, chunk)


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
