"""The runs of a sweep on a cluster, through Dask's scheduler: `--on dask:tcp://HOST:PORT`, with the extra `cluster`.

Who makes which run, and again where a worker is lost, is Dask's; what a run is, is as on one machine.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any
from uuid import uuid4

from retrograde.engine.errors import EngineError
from retrograde.engine.sweeping.places import AHEAD, PATIENCE, Lost
from retrograde.engine.sweeping.running import Chunk, Done, Work, work_off
from retrograde.engine.sweeping.stamp import Stamp, stamp
from retrograde.engine.text import _

PREFIX = "dask:"
TIMEOUT = 10
"""Seconds in which a scheduler answers."""

DESERTED = 60.0
"""Seconds for which a scheduler may be without workers, as while those that died are started again."""


class Cluster:
    """Makes runs by the workers of a Dask scheduler.

    Args:
        address: `dask:tcp://HOST:PORT`.
        work: what the runs have in common.

    Raises:
        EngineError: the extra is missing, nobody answers there, or a worker has another program.
    """

    def __init__(self, address: str, work: Work) -> None:
        where = address.removeprefix(PREFIX)
        if not address.startswith(PREFIX) or not where:
            message = _("{address} is no cluster; write dask:tcp://HOST:PORT, the address of a Dask scheduler")
            raise EngineError(message.format(address=address))
        try:
            import distributed
        except ImportError as error:
            message = _("a cluster needs Dask: python -m pip install 'retrograde[cluster]'")
            raise EngineError(message) from error
        self._distributed = distributed
        # What it would log is said in one line.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        self._address = where
        self._seen = time.monotonic()
        try:
            self._client = distributed.Client(where, timeout=TIMEOUT, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise EngineError(_("no Dask scheduler answers at {address}").format(address=where)) from error
        self._lost = Lost(work)
        self._out: dict[Any, Chunk] = {}
        try:
            self._require_alike(work.stamp)
            with warnings.catch_warnings():
                # That it is large, where the samples are many; it is sent once.
                warnings.simplefilter("ignore", UserWarning)
                # Computed, not scattered: where the worker that holds it is lost, the scheduler has it made again.
                self._work = self._client.submit(_itself, work, key=f"retrograde-{work.digest}-{uuid4().hex}")
        except BaseException:
            self.close()
            raise

    def _require_alike(self, expected: Stamp) -> None:
        """Refuses workers that have another program; one that comes later is asked with each chunk."""
        with self._told():
            found = self._client.run(stamp, on_error="return")
        for worker, theirs in found.items():
            if not isinstance(theirs, Stamp):
                raise self._stranger(worker, theirs)
            if difference := expected.difference(theirs):
                message = _("{where} has another program, which may compute other bits: {difference}")
                raise EngineError(message.format(where=worker, difference=difference))

    def _stranger(self, worker: str, error: object) -> EngineError:
        message = _("{where} can not run this ({reason}); the same version of retrograde has to be installed there")
        return EngineError(message.format(where=worker, reason=f"{type(error).__name__}: {error}"))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what the connection says into a message."""
        try:
            yield
        except (OSError, self._distributed.comm.CommClosedError) as error:
            message = _("the Dask scheduler at {address} is gone: {reason}")
            raise EngineError(message.format(address=self._address, reason=error)) from error

    @property
    def size(self) -> int:
        """How many runs the workers make at a time.

        Raises:
            EngineError: there has been no worker for long.
        """
        with self._told():
            threads: dict[str, int] = self._client.nthreads()
        now = time.monotonic()
        if threads:
            self._seen = now
        elif now - self._seen > DESERTED:
            message = _("the Dask scheduler at {address} has no workers; start some: dask worker {address}")
            raise EngineError(message.format(address=self._address))
        return max(1, sum(threads.values()))

    @property
    def free(self) -> int:
        """Enough that no worker waits."""
        return AHEAD * self.size - len(self._out)

    @property
    def busy(self) -> bool:
        """Whether chunks are out."""
        return bool(self._out)

    def give(self, chunk: Chunk) -> None:
        """Gives a chunk to the scheduler."""
        with self._told():
            made = self._client.submit(
                work_off, self._work, chunk, key=f"retrograde-run-{uuid4().hex}", pure=False, retries=0
            )
        self._out[made] = chunk

    def collect(self) -> list[Done]:
        """What has been made meanwhile."""
        if not self._out:
            return []
        nothing_yet = (TimeoutError, self._distributed.TimeoutError, CancelledError)
        with self._told(), self._client.as_current(), suppress(*nothing_yet):
            self._distributed.wait([*self._out], timeout=PATIENCE, return_when="FIRST_COMPLETED")
        if self._client.status != "running":
            raise EngineError(_("the Dask scheduler at {address} is gone").format(address=self._address))
        found = []
        for future in [one for one in self._out if one.done()]:
            chunk = self._out.pop(future)
            done = self._result(future, chunk)
            if done is not None:
                found.append(done)
        return found

    def _result(self, future: Any, chunk: Chunk) -> Done | None:
        """What a task has made; None where it is to be made again."""
        if future.status == "finished":
            done = future.result()
            assert isinstance(done, Done)
            return done
        error = None if future.status == "cancelled" else future.exception()
        if isinstance(error, EngineError):
            raise error
        if error is None or isinstance(error, self._distributed.KilledWorker):
            for part in self._lost.again(chunk):
                self.give(part)
            return None
        raise self._stranger(self._address, error) from error

    def close(self) -> None:
        """Cancels what is out, and leaves the cluster."""
        # Whatever it says, we are leaving.
        with suppress(Exception):
            self._client.cancel([*self._out])
        self._client.close(timeout=2)


def _itself(work: Work) -> Work:
    """What is sent once to whoever makes runs."""
    return work
