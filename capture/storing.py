"""Numbers on their way to the file: written straight from the memory of the tensors, before the step goes on."""

from __future__ import annotations

from typing import Any

from retrograde.engine.recording.writing import RecordingWriter
from retrograde.torch.tensors import Version


class Storing:
    """Writes numbers in the order in which they come.

    No copy is made in memory and no other thread takes part: both take longer than to hand the numbers to the system,
    which writes them to the disk while the step goes on.

    Attributes:
        file: where they go.
        failure: why they could not be written there.
    """

    def __init__(self, file: RecordingWriter) -> None:
        self.file = file
        self.failure: OSError | None = None

    def store(self, version: Version, data: Any) -> None:
        """Writes numbers, and notes their place and checksum in the version."""
        if self.failure is not None:
            return
        try:
            version.piece = piece = self.file.add(data)
        except OSError as error:
            # A full disk ends the recording and not the training.
            self.failure = error
            return
        if version.again is None:
            version.crc = piece.crc
