"""NPZ files of weights: NumPy's archive of named arrays. Nothing is unpickled, and headers are checked first."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import EngineError
from retrograde.engine.scenario.weights.tensors import Tensor, damaged
from retrograde.engine.text import _

_MAX_HEADER = 10_000
_READERS: Mapping[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def npz_tensors(path: Path) -> dict[str, Tensor]:
    """What is in an NPZ file.

    Raises:
        EngineError: it is none, or damaged.
        OSError: it cannot be read.
    """
    found: dict[str, Tensor] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                if name == entry.filename:
                    continue
                if name in found:
                    raise damaged(path, _("a name stands twice in it"))
                found[name] = _tensor(path, archive, entry, name)
    except EngineError:
        raise
    except OSError as error:
        if error.filename is not None:
            raise
        # A place in the file that is none.
        raise damaged(path, str(error)) from None
    except Exception as error:  # noqa: BLE001 - what the readers of NumPy and zipfile raise is no fixed set
        raise damaged(path, str(error) or type(error).__name__) from None
    return found


def _tensor(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> Tensor:
    with archive.open(entry) as stream:
        version = np.lib.format.read_magic(stream)
        reader = _READERS.get(version)
        if reader is None:
            raise damaged(path, _("{name} has an unknown version of the NPY format").format(name=name))
        shape, _order, dtype = reader(stream, max_header_size=_MAX_HEADER)
    if dtype.kind in "biuf" and math.prod(shape) * dtype.itemsize > entry.file_size:
        raise damaged(path, _("{name} is cut off").format(name=name))
    return Tensor(dtype=str(dtype), shape=tuple(shape), read=partial(_read, path, name, dtype))


def _read(path: Path, name: str, dtype: np.dtype[Any]) -> NDArray[np.float64]:
    if dtype.kind not in "biuf":
        message = _("{file}: {name} holds {dtype}; numbers are needed")
        raise EngineError(message.format(file=path.name, name=name, dtype=dtype))
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as stream:
            found = np.lib.format.read_array(stream, allow_pickle=False, max_header_size=_MAX_HEADER)
    except OSError as error:
        if error.filename is not None:
            raise
        raise damaged(path, str(error)) from None
    except Exception as error:  # noqa: BLE001 - as above
        raise damaged(path, str(error) or type(error).__name__) from None
    return np.asarray(found, dtype=np.float64)


def npz_bytes(tensors: Mapping[str, NDArray[np.float64]]) -> bytes:
    """An NPZ file of arrays, with a fixed date, so that equal arrays are equal files."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name, values in tensors.items():
            part = io.BytesIO()
            np.lib.format.write_array(part, np.asarray(values), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue())
    return whole.getvalue()
