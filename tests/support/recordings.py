"""Recordings made without PyTorch: small files with calls, arguments and results that are written by hand."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from retrograde.engine.recording.form import DTYPES, Call, Result, Source, StepFile, Value, Window
from retrograde.engine.recording.recording import Recording, load_recording
from retrograde.engine.recording.window import packed
from retrograde.engine.recording.writing import RecordingWriter, laid_out


class Writing:
    """A file in the making."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self.calls: list[Call] = []
        self.numbers: list[bytes] = []

    def value(
        self, name: str, numbers: Any, *, kind: str = "input", dtype: str = "float64", of: str = "", left_out: str = ""
    ) -> Window:
        """Adds an array; returns the window that shows all of it. Of one that is left out, the reason is given."""
        stored = np.ascontiguousarray(np.asarray(numbers), dtype=DTYPES[dtype].stored)
        shape = tuple(np.shape(numbers))
        self.numbers.append(stored.tobytes())
        record = Value(
            name=name,
            kind=kind,  # type: ignore[arg-type]
            dtype=dtype,
            shape=shape,
            strides=packed(shape),
            of=of or None,
            offset=None if left_out else 0,
            crc=zlib.crc32(self.numbers[-1]),
            reason=left_out or None,
        )
        self.values.append(record)
        return Window(value=len(self.values) - 1, offset=0, shape=shape, strides=packed(shape))

    def call(self, op: str, arguments: Mapping[str, Any], results: Sequence[Window], **more: Any) -> None:
        """Adds an op."""
        made = [Result(position=place, to=window) for place, window in enumerate(results)]
        phase = more.pop("phase", "forward")
        self.calls.append(Call(op=op, phase=phase, arguments=dict(arguments), results=made, **more))

    def write(self, path: Path) -> Path:
        """Writes the file."""
        offsets = laid_out([len(one) for one in self.numbers])
        values = [
            one if one.reason else one.model_copy(update={"offset": at})
            for one, at in zip(self.values, offsets, strict=True)
        ]
        step = StepFile(
            format="retrograde recording",
            version=1,
            torch="none",
            values=values,
            calls=self.calls,
            sources=[Source(file="train.py", line=7, function="step", text="loss = d.sqrt().mean()")],
        )
        writer = RecordingWriter(path)
        for one in self.numbers:
            writer.add(one)
        writer.finish(step)
        return path


def root_of_zero(path: Path) -> Path:
    """A backward pass through √0: two ops, of which the second divides by 0."""
    writing = Writing()
    grad = writing.value("MeanBackward0.div", [0.0625] * 5, kind="made", dtype="float32")
    root = writing.value("loss.sqrt", [1.0, 2.0, 0.5, 0.0, 4.0], dtype="float32")
    twice = writing.value("SqrtBackward0.mul", [2.0, 4.0, 1.0, 0.0, 8.0], kind="made", dtype="float32")
    slope = writing.value(
        "SqrtBackward0.div", [0.03125, 0.015625, 0.0625, np.inf, 0.0078125], kind="made", dtype="float32"
    )
    last = writing.value("grad(w)", [0.03125, 0.015625, 0.0625, np.inf, 0.0078125], kind="made", dtype="float32")
    node: dict[str, Any] = {"phase": "backward", "node": "SqrtBackward0", "source": 0}
    writing.call("aten.mul.Scalar", {"self": root, "other": 2}, [twice], **node)
    writing.call("aten.div.Tensor", {"self": grad, "other": twice}, [slope], **node)
    writing.call("aten.clone.default", {"self": slope}, [last], **node)
    return writing.write(path)


def opened(path: Path) -> Recording:
    """The file, read again."""
    return load_recording(path)
