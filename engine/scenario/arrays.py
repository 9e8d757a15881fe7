"""Samples from NumPy's files: an NPZ file with named arrays, or NPY files with one each. Nothing is unpickled."""

from __future__ import annotations

import math
import warnings
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import Problem, ScenarioError
from retrograde.engine.scenario import limits
from retrograde.engine.scenario.dataset import Samples
from retrograde.engine.scenario.labels import coded
from retrograde.engine.scenario.picking import columns_of, picked, too_large, unreadable
from retrograde.engine.scenario.tables.table import Column
from retrograde.engine.text import _

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retrograde.engine.scenario.data_table import Data

_MAX_HEADER = 10_000


def read_npz(data: Data, path: Path, shown: str, *, targets: bool) -> Samples:
    """Return the samples of an NPZ file.

    Args:
        data: the `[data]` table.
        path: the file.
        shown: how problems name the file.
        targets: whether the samples have targets.

    Raises:
        ScenarioError: the file cannot be read, or an array is not there or not one of numbers.
    """
    with _whatever_goes_wrong(shown), zipfile.ZipFile(path) as archive:
        inputs = _member(archive, data.input_key or "inputs", "input_key", shown)
        goals = _member(archive, data.target_key or "targets", "target_key", shown) if targets else None
        lengths, weights, mask = (
            None if name is None else _member(archive, name, key, shown)
            for name, key in (
                (data.length_key, "length_key"),
                (data.weight_key, "weight_key"),
                (data.mask_key, "mask_key"),
            )
        )
    return _samples(data, inputs, goals, lengths, shown, weights=weights, mask=mask)


def read_npy(data: Data, path: Path, shown: str, *, target_path: Path | None) -> Samples:
    """Return the samples of an NPY file: all of it as inputs, with a file of targets beside it, or columns of it.

    Args:
        data: the `[data]` table.
        path: the file.
        shown: how problems name the file.
        target_path: the file of the targets; None where the file has them in columns, or there are none.

    Raises:
        ScenarioError: a file cannot be read, or is not one array of numbers.
    """
    found = array_of(path, shown)
    if data.input_columns is None:
        goals = None if target_path is None else array_of(target_path, str(target_path), words=True)
        return _samples(data, found, goals, None, shown)
    table = found.reshape(len(found), -1)
    parts: list[NDArray[Any] | None] = []
    for key in ("input_columns", "target_columns", "length_column", "weight_column", "mask_columns"):
        asked = getattr(data, key)
        parts.append(None if asked is None else table[:, columns_of(asked, None, table.shape[1], f"data.{key}", shown)])
    inputs, goals, lengths, weights, mask = parts
    assert inputs is not None
    lengths, weights = (None if part is None else part[:, 0] for part in (lengths, weights))
    return _samples(data, inputs, goals, lengths, shown, weights=weights, mask=mask)


def array_of(path: Path, shown: str, *, words: bool = False) -> NDArray[Any]:
    """Return the array of an NPY file.

    Args:
        path: the file.
        shown: how problems name the file.
        words: whether it may hold words.

    Raises:
        ScenarioError: it cannot be read, or holds something else.
    """
    with _whatever_goes_wrong(shown), path.open("rb") as stream:
        _check_header(stream, path.name, "file", shown, path.stat().st_size, words=words)
        stream.seek(0)
        return np.lib.format.read_array(stream, allow_pickle=False, max_header_size=_MAX_HEADER)


def arrays_of(path: Path, shown: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of an NPZ file that hold numbers or words.

    Raises:
        ScenarioError: it cannot be read.
    """
    found = {}
    with _whatever_goes_wrong(shown), zipfile.ZipFile(path) as archive:
        for name in _members(archive):
            try:
                found[name] = _member(archive, name, "file", shown, words=True)
            except ScenarioError:
                continue
    return found


@contextmanager
def _whatever_goes_wrong(shown: str) -> Iterator[None]:
    """Turn whatever NumPy's readers and the decompressors raise into one clear error."""
    try:
        with warnings.catch_warnings():
            # NumPy warns of headers of Python 2, which it can read.
            warnings.simplefilter("ignore")
            yield
    except ScenarioError:
        raise
    except Exception as error:
        # Also what the parser of headers raises where brackets are nested too deeply, which is a MemoryError.
        raise unreadable(shown, error) from error


def _members(archive: zipfile.ZipFile) -> list[str]:
    return [member.removesuffix(".npy") for member in archive.namelist() if member.endswith(".npy")]


def _member(archive: zipfile.ZipFile, name: str, key: str, shown: str, *, words: bool | None = None) -> NDArray[Any]:
    known = _members(archive)
    if name not in known:
        message = _("there is no array {name} in the file; it has: {known}")
        listed = ", ".join(_printable(one) for one in known[:20]) or _("no arrays")
        text = message.format(name=_printable(name), known=listed)
        raise ScenarioError([Problem(path=shown, key=f"data.{key}", message=text)])
    # The header is read first: the shape that it states is allocated before any data is read.
    with archive.open(f"{name}.npy") as stream:
        size = archive.getinfo(f"{name}.npy").file_size
        _check_header(stream, name, key, shown, size, words=key == "target_key" if words is None else words)
    with archive.open(f"{name}.npy") as stream:
        return np.lib.format.read_array(stream, allow_pickle=False, max_header_size=_MAX_HEADER)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text[:200])


def _check_header(stream: IO[bytes], name: str, key: str, shown: str, size: int, *, words: bool) -> None:
    """Refuse an array that is not one of numbers, a row a sample, or that promises more than there is."""

    def problem(message: str, **values: Any) -> ScenarioError:
        text = message.format(name=_printable(name), **values)
        return ScenarioError([Problem(path=shown, key=f"data.{key}", message=text)])

    version = np.lib.format.read_magic(stream)
    if version not in {(1, 0), (2, 0)}:
        raise problem(_("array {name} has an unknown version of the NPY format"))
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _order, dtype = header(stream, max_header_size=_MAX_HEADER)
    if dtype.kind not in ("biufUS" if words else "biuf"):
        raise problem(_("array {name} holds {dtype}; numbers are needed"), dtype=dtype)
    if not shape or any(axis.__class__ is not int or axis < 1 for axis in shape):
        raise problem(_("array {name} has the shape {shape}; a row per sample is needed"), shape=shape)
    if math.prod(shape) * max(8, dtype.itemsize) > limits.MAX_DATA_BYTES:
        raise ScenarioError([too_large(shown)])
    if math.prod(shape) * dtype.itemsize > size:
        raise problem(_("array {name} is cut off"))


def _samples(
    data: Data,
    inputs: NDArray[Any],
    goals: NDArray[Any] | None,
    lengths: NDArray[Any] | None,
    shown: str,
    *,
    weights: NDArray[Any] | None = None,
    mask: NDArray[Any] | None = None,
) -> Samples:
    shape = inputs.shape[1:]
    inputs = _numbers(inputs.reshape(len(inputs), -1))
    goals = np.zeros((len(inputs), 0)) if goals is None else goals.reshape(len(goals), -1)
    if len(inputs) != len(goals):
        message = _("{inputs} rows of inputs, but {targets} rows of targets")
        text = message.format(inputs=len(inputs), targets=len(goals))
        raise ScenarioError([Problem(path=shown, key="data.file", message=text)])
    for key, what, found in (("length_key", _("lengths"), lengths), ("weight_key", _("weights"), weights)):
        if found is not None and found.shape != (len(inputs),):
            message = _("{inputs} rows of inputs, but {what} of the shape {shape}; a number per sample is needed")
            text = message.format(inputs=len(inputs), what=what, shape=found.shape)
            raise ScenarioError([Problem(path=shown, key=f"data.{key}", message=text)])
    if mask is not None and (mask.ndim != 2 or len(mask) != len(inputs)):
        message = _("{inputs} rows of inputs, but a mask of the shape {shape}; a row per sample is needed")
        text = message.format(inputs=len(inputs), shape=mask.shape)
        raise ScenarioError([Problem(path=shown, key="data.mask_key", message=text)])
    rows = np.arange(len(inputs))
    if data.rows is not None:
        rows = picked(data.rows, len(inputs), "data.rows", _("row"), shown)
    goals, labels, first = _goals(data, goals, rows, shown)
    lengths = None if lengths is None else _numbers(lengths)
    if data.missing == "drop":
        rows = rows[~(np.isnan(inputs[rows]).any(axis=1) | np.isnan(goals[rows]).any(axis=1))]
        if not len(rows):
            message = _("every row has a value that is missing")
            raise ScenarioError([Problem(path=shown, key="data.missing", message=message)])
    if data.missing != "keep":
        _check_finite(data.input_key or "inputs", inputs[rows], rows, shown, gaps=data.missing == "mean")
        _check_finite(data.target_key or "targets", goals[rows], rows, shown)
    return Samples(
        inputs=inputs[rows],
        targets=goals[rows],
        numbers=rows + 1,
        lengths=None if lengths is None else lengths[rows],
        mask=None if mask is None else _numbers(mask)[rows],
        weights=None if weights is None else _numbers(weights)[rows],
        labels=labels,
        first=first,
        shape=shape if len(shape) > 1 else None,
    )


def _numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    # A number of a wider kind may be too large, and is then not finite.
    with np.errstate(all="ignore"):
        return values.astype(np.float64)


def _goals(
    data: Data, goals: NDArray[Any], rows: NDArray[np.int64], shown: str
) -> tuple[NDArray[np.float64], tuple[str, ...], int]:
    """Return the targets as numbers, and the names of the classes where they were words."""
    if goals.dtype.kind not in "US":
        return _numbers(goals), (), data.first_class
    words = goals.astype(str) if goals.dtype.kind == "U" else np.char.decode(goals, "utf-8", "replace")
    columns = {
        place: Column(numbers=np.full(len(words), np.nan), odd=dict(enumerate(words[:, place].tolist())))
        for place in range(words.shape[1])
    }
    labels, first = coded(data, columns, tuple(columns), rows, shown)
    return np.stack([columns[place].numbers for place in sorted(columns)], axis=1), labels, first


def _check_finite(
    name: str, values: NDArray[np.float64], rows: NDArray[np.int64], shown: str, *, gaps: bool = False
) -> None:
    """Refuse values that are not finite; of the inputs those may be missing that a rule fills in."""
    wrong = ~np.isfinite(values) & ~(np.isnan(values) & gaps)
    if wrong.any():
        row, column = (int(axis[0]) for axis in np.nonzero(wrong))
        message = _("row {row} of array {name} has a value that is not finite (column {column}: {value})")
        text = message.format(
            row=int(rows[row]) + 1, name=_printable(name), column=column + 1, value=values[row, column]
        )
        raise ScenarioError([Problem(path=shown, key="data.file", message=text)])
