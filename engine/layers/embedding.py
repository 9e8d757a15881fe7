"""The embedding: each index of the inputs becomes a vector, its row of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import MAX_UNITS, Form, Layer, Matrix, Parameter, ShapeError
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.layers.base import Forward, Value


class EmbeddingLayer(Layer):
    """An embedding: out = W[index], a vector of ``units`` numbers for each index of the inputs, counted from 0.

    The gradient goes to the rows that were read.
    """

    kind: Literal["embedding"] = Field(description="the kind of layer")
    vocabulary: int = Field(ge=1, le=MAX_UNITS, description="number of different indices, from 0")
    units: int = Field(ge=1, le=MAX_UNITS, description="width of the vectors")
    weights: Matrix | None = Field(
        default=None, description="the initial table; a row per index, a column per element of its vector"
    )

    @property
    def turns(self) -> bool:
        """Its table has a row per entry in every layout."""
        return False

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return f"embedding {self.vocabulary}×{self.units}"

    @property
    def indices(self) -> int:
        """The size of the vocabulary."""
        return self.vocabulary

    def form(self, sources: Sequence[Form]) -> Form:
        """A vector for each index."""
        if sources[0].steps:
            raise ShapeError("inputs", _("an embedding takes the indices of the inputs, not the values of a sequence"))
        return Form((*sources[0].shape, self.units))

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """W (vocabulary, units)."""
        return (
            Parameter(
                name="W",
                shape=(self.vocabulary, self.units),
                role=Role.WEIGHT,
                fans=(self.units, self.vocabulary),
                given=self.weights,
                key="weights",
            ),
        )

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """A row of the table for each index."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.embedding import Embed

        numbers: Any = sources[0]
        return forward.append(
            Embed(
                target=forward.made("out", (*numbers.element_shape, self.units), role=Role.OUT),
                phase=Phase.FORWARD,
                layer=self.name,
                extent=Extent.SAMPLE,
                numbers=numbers,
                table=forward.parameter("W"),
            )
        )
