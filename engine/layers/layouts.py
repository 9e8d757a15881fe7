"""How a file lays out the values of a parameter, where that is not how the network does: x @ W, other gate orders.

The network has the outputs first, W (units, inputs), and the gates of a recurrent layer in the order of PyTorch. Names
and figures are those of the network, whatever the file does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Row = Annotated[tuple[float, ...], Field(strict=False)]
_Rows2 = Annotated[tuple[Row, ...], Field(strict=False)]
_Rows3 = Annotated[tuple[_Rows2, ...], Field(strict=False)]
_Rows4 = Annotated[tuple[_Rows3, ...], Field(strict=False)]
_Rows5 = Annotated[tuple[_Rows4, ...], Field(strict=False)]


def _depth(value: Any) -> int:
    """How deep the lists of a table are."""
    depth = 0
    while isinstance(value, list | tuple) and value and depth < 5:
        value, depth = value[0], depth + 1
    return depth


def _table(value: Any) -> str:
    """The tag of a table by how deep its lists are."""
    return f"<{max(2, _depth(value))}>"


def _numbers(value: Any) -> str:
    """The tag of numbers that may be in lists."""
    return f"<{min(2, max(1, _depth(value)))}>"


if TYPE_CHECKING:
    Numbers = tuple[Any, ...]
    Table = tuple[Any, ...]
else:
    Numbers = Annotated[Annotated[Row, Tag("<1>")] | Annotated[_Rows2, Tag("<2>")], Discriminator(_numbers)]
    Table = Annotated[
        Annotated[_Rows2, Tag("<2>")]
        | Annotated[_Rows3, Tag("<3>")]
        | Annotated[_Rows4, Tag("<4>")]
        | Annotated[_Rows5, Tag("<5>")],
        Discriminator(_table),
    ]
"""Weights: rows, or rows that are nested further, as the axes of what the layer reads are, or by gates."""

WeightLayout = Literal["outputs_first", "inputs_first"]
OTHER_LAYOUT: Mapping[str, str] = {"outputs_first": "inputs_first", "inputs_first": "outputs_first"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """How a file lays out a parameter.

    Attributes:
        turned: whether the outputs are the last axis, and the inputs the one before: (inputs, units); of a convolution
            [row][column][input channel][output channel].
        order: for each of the blocks that the parameter is stacked of, such as gates, its number in the file.
        whole: the width of a table in which this parameter is a part of each row; 0 where the table is its own.
        first: where its part of such a row begins.
    """

    turned: bool = False
    order: tuple[int, ...] = ()
    whole: int = 0
    first: int = 0

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the file's table, by that of the parameter."""
        full = (shape[0], self.whole) if self.whole else shape
        return (*full[2:], full[1], full[0]) if self.turned else full

    def fits(self, found: tuple[int, ...] | None, shape: tuple[int, ...]) -> bool:
        """Whether a nested list has a shape that can be read."""
        if found is None:
            return False
        wanted = self.shape(shape)
        if found == wanted:
            return True
        if len(wanted) == 1:
            return len(found) == 2 and found[0] == len(self.order) > 1 and prod(found) == prod(wanted)
        if len(wanted) != 2 or len(found) < 3:
            return False
        if self._by_blocks(found):
            return found == self._block_shape(wanted)
        if self.turned:
            return found[-1] == wanted[1] and prod(found[:-1]) == wanted[0]
        return found[0] == wanted[0] and prod(found[1:]) == wanted[1]

    def _by_blocks(self, found: tuple[int, ...]) -> bool:
        """Whether the outermost lists are the blocks."""
        return len(found) == 3 and len(self.order) > 1 and found[0] == len(self.order)

    def _block_shape(self, wanted: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of a table that has an outermost list for each block."""
        count = len(self.order)
        return (count, wanted[0], wanted[1] // count) if self.turned else (count, wanted[0] // count, wanted[1])

    def values(self, given: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """The values as the network lays them out."""
        import numpy as np

        table = np.array(given, dtype=np.float64)
        if len(shape) > 1:
            wanted = self.shape(shape)
            if len(wanted) == 2 and table.ndim == 3 and self._by_blocks(table.shape):
                table = table.transpose(0, 2, 1) if self.turned else table
                table = table.reshape(shape[0], -1)
            elif self.turned:
                table = table.reshape(wanted)
                table = table.transpose(table.ndim - 1, table.ndim - 2, *range(table.ndim - 2))
            if self.whole:
                table = table.reshape(shape[0], self.whole)[:, self.first : self.first + shape[1]]
        if self.order:
            table = table.reshape(len(self.order), -1)[list(self.order)]
        # Not ascontiguousarray, which gives a number an axis.
        return np.array(table.reshape(shape), order="C")
