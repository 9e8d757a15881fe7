"""Numbers on their way to the file: the step goes on while they are summed and written."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Thread

from retrograde.engine.recording.writing import RecordingWriter
from retrograde.torch.tensors import Version

_AHEAD = 2**28
"""So many bytes wait at most; then the step waits for them."""


class Storing:
    """Writes copies of numbers in a thread of its own, in the order in which they come.

    A checksum and a write take longer than the copy, and neither holds Python's lock. The thread calls nothing of
    PyTorch, so it changes nothing of the step.

    Attributes:
        file: where they go; only to be used once all is settled.
        failure: why they could not be written there.
    """

    def __init__(self, file: RecordingWriter) -> None:
        self.file = file
        self.failure: OSError | None = None
        self._jobs: SimpleQueue[tuple[Version, bytes] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._ahead = 0

    def store(self, version: Version, data: bytes) -> None:
        """Has numbers written, and their place and checksum noted in the version once they are."""
        if self._ahead > _AHEAD:
            self.settle()
        if self._thread is None:
            self._thread = Thread(target=self._write, name="retrograde-storing", daemon=True)
            self._thread.start()
        self._ahead += len(data)
        self._jobs.put((version, data))

    def settle(self) -> None:
        """Waits until all is written."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread, self._ahead = None, 0

    def _write(self) -> None:
        while (job := self._jobs.get()) is not None:
            version, data = job
            if self.failure is not None:
                continue
            try:
                version.piece = piece = self.file.add(data)
            except OSError as error:
                # A full disk ends the recording and not the training.
                self.failure = error
                continue
            if version.again is None:
                version.crc = piece.crc
