"""A file of named arrays, whatever its format: what there is comes first, numbers when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _, suggest, visible

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIXES = (".safetensors", ".npz")
"""What files of weights end in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One array of a file, before its numbers are read.

    Attributes:
        dtype: the type of its numbers, as the file calls it.
        shape: its shape.
        read: reads its numbers, as float64.
    """

    dtype: str
    shape: tuple[int, ...]
    read: Callable[[], NDArray[np.float64]]

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFile:
    """A file of named arrays.

    Attributes:
        path: the file.
        tensors: its arrays by name, in the order of the file.
    """

    path: Path
    tensors: Mapping[str, Tensor]

    def __getitem__(self, name: str) -> Tensor:
        """The array of a name.

        Raises:
            EngineError: there is none.
        """
        found = self.tensors.get(name)
        if found is None:
            message = _("{file} has no tensor {name}{hint}")
            hint = suggest(name, list(self.tensors), most=3, between=_(" or "))
            raise EngineError(message.format(file=shown(self.path), name=visible(name[:200]), hint=hint))
        return found

    def values(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """The numbers of an array of which the shape is known.

        Raises:
            EngineError: there is none, or it has another shape; with the file, the name and both shapes.
        """
        tensor = self[name]
        if tensor.shape != shape:
            message = _("{file}: {name} has the shape {found}; {wanted} is needed")
            if len(shape) == 2 and tensor.shape == shape[::-1]:
                message = _(
                    "{file}: {name} has the shape {found}; {wanted} is needed, PyTorch's (outputs, inputs), and is"
                    " never turned by guess"
                )
            text = message.format(
                file=shown(self.path), name=visible(name), found=axes(tensor.shape), wanted=axes(shape)
            )
            raise EngineError(text)
        return tensor.read()


def shown(path: Path) -> str:
    """How messages name a file."""
    return visible(path.name)


def axes(shape: tuple[int, ...]) -> str:
    """A shape for people: 3×4; of a single number 1."""
    return "×".join(map(str, shape)) or "1"


def damaged(path: Path, reason: str) -> EngineError:
    """What is said of a file that is not what its name says."""
    message = _("{file} is no file of weights, or it is damaged: {reason}")
    return EngineError(message.format(file=shown(path), reason=visible(reason[:300])))
