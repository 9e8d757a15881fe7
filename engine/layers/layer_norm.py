"""Layer normalisation: the values of each position get mean 0 and variance 1, then a scale and a shift it learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import Form, Layer, Parameter, Row, ShapeError
from retrograde.engine.layers.normalised import scale_and_shift
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
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.layer_norm import Centre, InverseDeviation, RowMean, RowScale, RowVariance
        from retrograde.engine.ops.scale_shift import ScaleShift

        op: dict[str, Any] = {"phase": Phase.FORWARD, "layer": self.name, "extent": Extent.SAMPLE}

        def normalised(x: Array, time: int | None) -> Array:
            shape = x.element_shape
            rows = shape[:-1]
            mean = forward.append(RowMean.of(target=forward.made("mu", rows, sign="μ", time=time), x=x, **op))
            centred = forward.append(Centre.of(target=forward.made("d", shape, time=time), x=x, mean=mean, **op))
            spread = forward.made("var", rows, sign="σ²", time=time)
            variance = forward.append(RowVariance.of(target=spread, centred=centred, **op))
            made = forward.made("rstd", rows, time=time)
            inverse = forward.append(InverseDeviation.of(target=made, variance=variance, epsilon=self.epsilon, **op))
            out = forward.made("out", shape, role=Role.OUT, time=time)
            made = forward.made("xhat", shape, sign="x̂", time=time) if self.affine else out
            scaled = forward.append(RowScale.of(target=made, centred=centred, inverse=inverse, **op))
            if not self.affine:
                return scaled
            gamma, beta = forward.parameter("gamma"), forward.parameter("beta")
            return forward.append(ScaleShift.of(target=out, x=scaled, gamma=gamma, beta=beta, axis=len(shape), **op))

        return forward.each(sources[0], normalised)
