"""RMS normalisation: the values of each position get the mean square 1, then a scale that it learns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import Form, Layer, Parameter, Row, ShapeError
from retrograde.engine.layers.normalised import scale_of, unwanted
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value


class RmsNormLayer(Layer):
    """RMS normalisation over the last axis: x̂ = x / √(mean(x²) + ε), out = γ · x̂.

    No mean is subtracted and nothing is shifted. The mean is that of the values of one position of one sample, so
    training and evaluation are the same. ε is in the root, as in PyTorch's RMSNorm, whose own ε is, where none is
    given, that of the numbers it computes with: 1.1920929e-07 of float32.
    """

    kind: Literal["rms_norm"] = Field(description="the kind of layer")
    epsilon: float = Field(default=1e-5, gt=0, description="ε, which is added to the mean square")
    affine: bool = Field(default=True, description="whether there is a scale γ that is learned")
    gamma: Row | None = Field(default=None, description="initial γ, one for each value of a position; 1 if absent")

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return "RMS norm"

    def form(self, sources: Sequence[Form]) -> Form:
        """The shape before it."""
        if not sources[0].shape:
            raise ShapeError("inputs", _("an RMS norm needs an axis, and what comes before it is one number"))
        unwanted(self, "gamma")
        return sources[0]

    def slots(self, sources: Sequence[Form]) -> int:
        """The normalised values and the outputs."""
        return 2 * sources[0].size

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """γ, one for each value of a position."""
        return (scale_of(self.gamma, sources[0].shape[-1]),) if self.affine else ()

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """Mean square, 1/√, normalised values, scale; at each time step of a sequence."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.layer_norm import ROOT_SCALE, InverseRoot, RowMeanSquare, RowScale, position
        from retrograde.engine.ops.scale_shift import Scale

        op: dict[str, Any] = {"phase": Phase.FORWARD, "layer": self.name, "extent": Extent.SAMPLE}

        def normalised(x: Array, time: int | None) -> Array:
            shape, portion = x.element_shape, position(x)
            made = forward.made("ms", shape[:-1], time=time)
            square = forward.append(RowMeanSquare.of(target=made, centred=x, portion=portion, **op))
            made = forward.made("rrms", shape[:-1], time=time)
            inverse = forward.append(InverseRoot.of(target=made, variance=square, epsilon=self.epsilon, **op))
            out = forward.made("out", shape, role=Role.OUT, time=time)
            made = forward.made("xhat", shape, sign="x̂", time=time) if self.affine else out
            common: dict[str, Any] = {"portion": portion, "why": ROOT_SCALE, **op}
            scaled = forward.append(RowScale.of(target=made, centred=x, inverse=inverse, **common))
            if not self.affine:
                return scaled
            gamma = forward.parameter("gamma")
            return forward.append(Scale.of(target=out, x=scaled, gamma=gamma, axis=len(shape), **op))

        return forward.each(sources[0], normalised)
