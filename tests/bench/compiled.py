"""The same trainings in C, as one would write them: compiled by the system's compiler with -O2."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from retrograde.engine.session.session import Session
from tests.bench.rivals import parameters

SOURCE = Path(__file__).with_name("dense.c")


def compiler() -> str | None:
    """The C compiler, where there is one."""
    return shutil.which("gcc") or shutil.which("cc") or shutil.which("clang")


class C:
    """A session's network of two dense layers.

    Args:
        session: the training to copy.
        flags: what differs, as names that the source knows.
        iterations: the most that one run takes.
    """

    def __init__(self, session: Session, flags: Sequence[str], iterations: int) -> None:
        self.values = [np.ascontiguousarray(part) for layer in parameters(session) for part in layer]
        (hidden, inputs), outputs = self.values[0].shape, len(self.values[2])
        schedule, data = session.schedule, session.network.dataset
        sizes = {"IN": inputs, "HID": hidden, "OUT": outputs, "BATCH": schedule.batch}
        compiled = compiler()
        assert compiled is not None
        with tempfile.TemporaryDirectory() as folder:
            library = Path(folder) / "dense.so"
            given = [f"-D{name}={size}" for name, size in sizes.items()] + [f"-D{flag}" for flag in flags]
            subprocess.run([compiled, "-O2", "-shared", "-fPIC", *given, SOURCE, "-o", library, "-lm"], check=True)
            self._function = ctypes.CDLL(str(library)).train
        self._function.restype = ctypes.c_double
        self._function.argtypes = [*(ctypes.c_void_p,) * 7, ctypes.c_long, ctypes.c_double]
        self._data = [np.ascontiguousarray(data.inputs), np.ascontiguousarray(data.targets)]
        each = [
            np.asarray(schedule.rows(k % schedule.per_epoch if not schedule.shuffled else k)) for k in range(iterations)
        ]
        self._rows = np.ascontiguousarray(np.concatenate(each), dtype=np.int64)
        self._rate = session.scenario.training.learning_rate

    def run(self, iterations: int) -> float:
        """Goes on by some iterations from the first batch; the last loss."""
        pointers = [array.ctypes.data for array in (*self.values, *self._data, self._rows)]
        return float(self._function(*pointers, iterations, self._rate))
