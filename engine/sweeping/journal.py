"""The journal of a sweep: a line for each run, flushed to the disk as runs are made, so that a sweep can go on later.

Its first line says which sweep it is; what was written by half is not counted, and is made again.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from retrograde.engine.atomic import held
from retrograde.engine.errors import EngineError
from retrograde.engine.sweeping.running import Result, from_record, to_record
from retrograde.engine.sweeping.stamp import Stamp
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.sweeping.plan import Plan

FORMAT = 1
SUFFIX = ".sweep"
"""What is put behind the name of the results for that of the journal."""

SYNC = 0.5
"""Seconds between two flushes to the disk, at least."""

MOST_BYTES = 4 << 30
"""Bytes of the largest journal that is read."""


class Journal:
    """The results so far, in a file beside the one that they are going to.

    Args:
        results: the file of the results.
        plan: the sweep.

    Attributes:
        path: the file of the journal.
    """

    def __init__(self, results: Path, plan: Plan) -> None:
        self.path = results.with_name(results.name + SUFFIX)
        self._results = results
        self._plan = plan
        self._file: IO[bytes] | None = None
        self._synced = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> Iterator[Result]:
        """Opens the file, or begins it; yields what was made before of this sweep.

        Raises:
            EngineError: it is of another scenario, another program or no journal, another process writes to it, or it
                can not be written.
        """
        if self._results.exists() and not (self.path.exists() and self.path.stat().st_size):
            message = _("{path} exists, and no sweep has written it; give another name")
            raise EngineError(message.format(path=self._results))
        try:
            self._file = self.path.open("r+b" if self.path.exists() else "w+b")
        except OSError as error:
            raise self._unwritable(error) from error
        file = self._file
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            # A device may have no end.
            raise EngineError(_("{path} is no journal of a sweep").format(path=self.path))
        if not held(file.fileno()):
            raise EngineError(_("{path}: another sweep writes to it").format(path=self.path))
        if status.st_size > MOST_BYTES:
            raise EngineError(f"{self.path}: " + _("this file is too large"))
        first = file.readline()
        if not first.endswith(b"\n"):
            # Of a journal that was only begun.
            if first and not self._head().startswith(first):
                raise EngineError(_("{path} is no journal of a sweep").format(path=self.path))
            file.seek(0)
            file.truncate()
            self._write(self._head())
            self.sync()
            return
        self._check(first)
        yield from self._known()

    def _head(self) -> bytes:
        plan = self._plan
        head = {
            "format": FORMAT,
            "sweep": plan.source,
            "scenario": plan.fingerprint,
            "epochs": plan.work.epochs,
            "until": plan.work.until,
            "doctor": plan.work.doctor,
            "milestones": list(plan.work.milestones),
            "program": asdict(plan.stamp),
        }
        return json.dumps(head, ensure_ascii=True).encode() + b"\n"

    def _check(self, line: bytes) -> None:
        """Refuses a journal of something else.

        Raises:
            EngineError: it is one.
        """
        try:
            head = json.loads(line)
            there = Stamp(**head["program"])
            scenario, version, marks = head["scenario"], head["format"], head["milestones"]
            made = (head["epochs"], head["until"], head["doctor"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise EngineError(_("{path} is no journal of a sweep").format(path=self.path)) from error
        work = self._plan.work
        if version != FORMAT or there != work.stamp:
            difference = there.difference(work.stamp)
            message = _("{path} was made by another program ({difference}); remove it, or give another name")
            raise EngineError(message.format(path=self.path, difference=difference))
        if made != (work.epochs, work.until, work.doctor):
            message = _("{path} was made with other options ({options}); remove it, or give another name")
            options = f"--epochs {made[0]}, --until {made[1]}, --doctor {made[2]}"
            raise EngineError(message.format(path=self.path, options=options))
        if scenario != self._plan.fingerprint or marks != list(work.milestones):
            message = _("{path} is of another scenario, or this one has changed; remove it, or give another name")
            raise EngineError(message.format(path=self.path))

    def _known(self) -> Iterator[Result]:
        """The results in the file, once each; its end is where the last whole line ends."""
        assert self._file is not None
        plan = self._plan
        numbers = {text: number for number, text in enumerate(plan.settings)}
        lucks = set(plan.grid.lucks)
        end = self._file.tell()
        seen: set[tuple[int, int | None]] = set()
        for line in self._file:
            try:
                record: dict[str, Any] = json.loads(line) if line.endswith(b"\n") else {}
                setting, seed = numbers.get(record["setting"]), record["seed"]
                found = None if setting is None or seed not in lucks else from_record(setting, seed, record)
            except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
                break
            end += len(line)
            if found is not None and (found.setting, seed) not in seen:
                seen.add((found.setting, seed))
                yield found
        self._file.seek(end)
        self._file.truncate()

    def add(self, results: Iterable[Result]) -> None:
        """Writes results down.

        Raises:
            EngineError: the disk takes no more.
        """
        plan = self._plan
        lines = [
            json.dumps({"setting": plan.settings[one.setting], "seed": one.seed, **to_record(one)}) for one in results
        ]
        self._write("".join(f"{line}\n" for line in lines).encode())
        if time.monotonic() - self._synced > SYNC:
            self.sync()

    def _write(self, content: bytes) -> None:
        assert self._file is not None
        try:
            self._file.write(content)
            self._file.flush()
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> EngineError:
        message = _("cannot be written: {reason}: {path}")
        return EngineError(message.format(reason=error.strerror or error, path=self.path))

    def sync(self) -> None:
        """Has the disk keep what was written.

        Raises:
            EngineError: it does not.
        """
        if self._file is None:
            return
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._unwritable(error) from error
        self._synced = time.monotonic()

    def close(self) -> None:
        """Has the disk keep what was written, and lets the file go."""
        if self._file is not None:
            # A disk that is full has been named where it was written to; what is left over can not go there either.
            with suppress(EngineError):
                self.sync()
            with suppress(OSError):
                self._file.close()
            self._file = None
