"""Layer normalisation: the values of each position get mean 0 and variance 1, then a scale and a shift it learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from retrograde.engine.layers.base import Form, Layer, Parameter, Row, ShapeError
from retrograde.engine.layers.normalised import normalise, scale_and_shift, unwanted
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value


class LayerNormLayer(Layer):
    """Layer normalisation over the last axis: x̂ = (x − μ) / √(σ² + ε), out = γ · x̂ + β.

    μ and σ² are those of the values of one position of one sample, so training and evaluation are the same.
    """

    kind: Literal["layer_norm"] = Field(description="the kind of layer")
    epsilon: float = Field(default=1e-5, gt=0, description="ε, which is added to the variance")
    affine: bool = Field(default=True, description="whether there is a scale γ and a shift β that are learned")
    gamma: Row | None = Field(default=None, description="initial γ, one for each value of a position; 1 if absent")
    beta: Row | None = Field(default=None, description="initial β, one for each value of a position; 0 if absent")

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return "layer norm"

    def form(self, sources: Sequence[Form]) -> Form:
        """The shape before it."""
        if not sources[0].shape or sources[0].shape[-1] < 2:
            message = _("a layer norm needs two values or more along the last axis; {shape} comes before it")
            raise ShapeError("inputs", message.format(shape=sources[0]))
        unwanted(self, "gamma", "beta")
        return sources[0]

    def slots(self, sources: Sequence[Form]) -> int:
        """The distances, the normalised values and the outputs."""
        return 3 * sources[0].size

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """γ and β, one for each value of a position."""
        if not self.affine:
            return ()
        width = sources[0].shape[-1]
        return scale_and_shift(self, width)

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """Mean, distances, variance, 1/√, normalised values, scale and shift; at each time step of a sequence."""
        from retrograde.engine.ops.layer_norm import position

        def normalised(x: Array, time: int | None) -> Array:
            how: dict[str, Any] = {"epsilon": self.epsilon, "affine": self.affine, "axis": len(x.element_shape)}
            return normalise(forward, x, time, position(x), **how)

        return forward.each(sources[0], normalised)
