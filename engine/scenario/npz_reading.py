"""Samples from NPZ files."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import Problem, ScenarioError
from retrograde.engine.scenario import limits
from retrograde.engine.scenario.dataset import Samples
from retrograde.engine.scenario.picking import picked, too_large, unreadable
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Data


_MAX_HEADER = 10_000


def read_npz(data: Data, path: Path, shown: str, *, targets: bool) -> Samples:
    """Return the samples of an NPZ file.

    Args:
        data: the `[data]` table.
        path: the file.
        shown: how problems name the file.
        targets: whether the samples have targets.

    Raises:
        ScenarioError: the file cannot be read, or an array is not there or not one of finite numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            inputs = _npz_array(archive, data.input_key or "inputs", "input_key", shown)
            if targets:
                goals = _npz_array(archive, data.target_key or "targets", "target_key", shown)
            else:
                goals = np.zeros((len(inputs), 0))
            lengths, weights, mask = (
                None if name is None else _npz_array(archive, name, key, shown)
                for name, key in (
                    (data.length_key, "length_key"),
                    (data.weight_key, "weight_key"),
                    (data.mask_key, "mask_key"),
                )
            )
    except (
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        NotImplementedError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise unreadable(shown, error) from error
    inputs = inputs.reshape(len(inputs), -1)
    goals = goals.reshape(len(goals), -1) if goals.size else goals
    if len(inputs) != len(goals):
        message = _("{inputs} rows of inputs, but {targets} rows of targets")
        text = message.format(inputs=len(inputs), targets=len(goals))
        raise ScenarioError([Problem(path=shown, key="data.file", message=text)])
    for key, what, found in (
        ("length_key", _("lengths"), lengths),
        ("weight_key", _("weights"), weights),
    ):
        if found is not None and found.shape != (len(inputs),):
            message = _("{inputs} rows of inputs, but {what} of the shape {shape}; a number per sample is needed")
            text = message.format(inputs=len(inputs), what=what, shape=found.shape)
            raise ScenarioError([Problem(path=shown, key=f"data.{key}", message=text)])
    if mask is not None and (mask.ndim != 2 or len(mask) != len(inputs)):
        message = _("{inputs} rows of inputs, but a mask of the shape {shape}; a row per sample is needed")
        text = message.format(inputs=len(inputs), shape=mask.shape)
        raise ScenarioError([Problem(path=shown, key="data.mask_key", message=text)])
    numbers = np.arange(len(inputs))
    if data.rows is not None:
        numbers = picked(data.rows, len(inputs), "data.rows", _("row"), shown)
    return Samples(
        inputs=inputs[numbers],
        targets=goals[numbers],
        numbers=numbers + 1,
        lengths=None if lengths is None else lengths[numbers],
        mask=None if mask is None else mask[numbers],
        weights=None if weights is None else weights[numbers],
    )


def _npz_array(archive: zipfile.ZipFile, name: str, key: str, shown: str) -> NDArray[np.float64]:
    def problem(message: str) -> ScenarioError:
        return ScenarioError([Problem(path=shown, key=f"data.{key}", message=message)])

    known = [member.removesuffix(".npy") for member in archive.namelist() if member.endswith(".npy")]
    if name not in known:
        message = _("there is no array {name} in the file; it has: {known}")
        raise problem(message.format(name=name, known=", ".join(known[:20]) or _("no arrays")))
    # The header is read first: the shape that it states is allocated before any data is read.
    with archive.open(f"{name}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        if version not in {(1, 0), (2, 0)}:
            raise problem(_("array {name} has an unknown version of the NPY format").format(name=name))
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _order, dtype = header(stream, max_header_size=_MAX_HEADER)
    if dtype.kind not in "biuf":
        raise problem(_("array {name} holds {dtype}; numbers are needed").format(name=name, dtype=dtype))
    if not shape or 0 in shape:
        raise problem(
            _("array {name} has the shape {shape}; a row per sample is needed").format(name=name, shape=shape)
        )
    if math.prod(shape) * 8 > limits.MAX_DATA_BYTES:
        raise ScenarioError([too_large(shown)])
    if math.prod(shape) * dtype.itemsize > archive.getinfo(f"{name}.npy").file_size:
        raise problem(_("array {name} is cut off").format(name=name))
    with archive.open(f"{name}.npy") as stream:
        values = np.lib.format.read_array(stream, allow_pickle=False)
    numbers = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(numbers.reshape(len(numbers), -1)).all(axis=1)
    if not finite.all():
        row = int(np.argmin(finite)) + 1
        raise problem(_("row {row} of array {name} has a value that is not finite").format(row=row, name=name))
    return numbers
