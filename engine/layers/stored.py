"""How a file of weights calls the parameters of a layer: by the names and the shapes that PyTorch gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMES: Mapping[str, str] = {
    "W": "weight",
    "b": "bias",
    "gamma": "weight",
    "beta": "bias",
    "P": "weight",
    "a": "weight",
}
"""What PyTorch calls the parameters that most kinds of layer have; what is not here keeps its own name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One tensor of a file of weights, and what it is made of.

    Attributes:
        name: its name behind that of the layer or the module: ``weight`` of ``fc1.weight``.
        shape: its shape.
        parameters: the parameters that are stacked in it along its first axis; none where the layer has no such
            parameter, so that all its numbers must be 0 (a second bias), or where ``key`` takes it.
        heights: how many rows each of them has.
        key: the key of the layer's table that takes its numbers, of what is no parameter: ``running_mean``.
        pairs: (row, column) of each number of the parameter, of a table in which the others are 0.
    """

    name: str
    shape: tuple[int, ...]
    parameters: tuple[str, ...] = ()
    heights: tuple[int, ...] = ()
    key: str = ""
    pairs: tuple[tuple[int, int], ...] | None = None

    def taken(self, values: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The values of each parameter."""
        import numpy as np

        if self.pairs is not None:
            return {self.parameters[0]: np.array([values[pair] for pair in self.pairs])}
        if len(self.parameters) == 1:
            # A number may be a list of one.
            single = values if self.heights else values.reshape(())
            return {self.parameters[0]: np.array(single)}
        ends = np.cumsum(self.heights)[:-1].tolist()
        pieces = np.split(values, ends) if self.parameters else []
        return {name: np.array(piece) for name, piece in zip(self.parameters, pieces, strict=True)}

    def joined(self, parameters: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        """The tensor, from the values of each parameter."""
        import numpy as np

        if self.pairs is not None:
            found = np.zeros(self.shape)
            rows, columns = zip(*self.pairs, strict=True)
            found[rows, columns] = parameters[self.parameters[0]]
            return found
        if not self.parameters:
            return np.zeros(self.shape)
        if len(self.parameters) == 1:
            return parameters[self.parameters[0]].reshape(self.shape)
        return np.concatenate([parameters[name] for name in self.parameters])

    def empty(self, values: NDArray[np.float64]) -> bool:
        """Whether a tensor has no number but 0 where the layer has no parameter for any."""
        import numpy as np

        if self.pairs is not None:
            left = np.array(values)
            rows, columns = zip(*self.pairs, strict=True)
            left[rows, columns] = 0.0
            return not left.any()
        return bool(self.parameters or self.key) or not values.any()
