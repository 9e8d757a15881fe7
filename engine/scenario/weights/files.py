"""Files of weights by what their names end in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from retrograde.engine.atomic import write_bytes
from retrograde.engine.errors import EngineError
from retrograde.engine.scenario.weights.npz import npz_bytes, npz_tensors
from retrograde.engine.scenario.weights.safetensors import safe_bytes, safe_tensors
from retrograde.engine.scenario.weights.tensors import SUFFIXES, TensorFile, shown
from retrograde.engine.text import _, visible

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def open_tensors(path: Path) -> TensorFile:
    """Returns what is in a file of weights.

    Raises:
        EngineError: it is of no known format, or damaged.
        OSError: it cannot be read.
    """
    match path.suffix.lower():
        case ".safetensors":
            return TensorFile(path=path, tensors=safe_tensors(path))
        case ".npz":
            return TensorFile(path=path, tensors=npz_tensors(path))
        case ".pt" | ".pth" | ".bin" | ".ckpt" | ".pkl":
            message = _(
                "{file} is pickled, which may run anything when it is read; in PyTorch:"
                ' safetensors.torch.save_file(torch.load(f, weights_only=True), "model.safetensors")'
            )
            raise EngineError(message.format(file=shown(path)))
    message = _("{file}: weights are in files that end in {known}")
    raise EngineError(message.format(file=shown(path), known=_(" or ").join(SUFFIXES)))


def write_tensors(path: Path, tensors: Mapping[str, NDArray[np.float64]]) -> None:
    """Writes arrays to a file of weights, in float64: whole or not at all.

    Raises:
        EngineError: its name says no known format, or it cannot be written.
    """
    match path.suffix.lower():
        case ".safetensors":
            write_bytes(path, safe_bytes(tensors))
        case ".npz":
            write_bytes(path, npz_bytes(tensors))
        case _other:
            message = _("{file}: weights are in files that end in {known}")
            raise EngineError(message.format(file=visible(str(path)), known=_(" or ").join(SUFFIXES)))
