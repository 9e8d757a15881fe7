"""Up-sampling by repetition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import Form, Layer, ShapeError
from retrograde.engine.layers.spatial import OneOrEach, spatial
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.layers.base import Forward, Value


class UpsampleLayer(Layer):
    """Up-sampling to the nearest value: each one is repeated ``factor`` times along each spatial axis."""

    kind: Literal["upsample"] = Field(description="the kind of layer")
    factor: OneOrEach = Field(default=2, description="how often a value is repeated, one number or one for each axis")

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return "upsample"

    def form(self, sources: Sequence[Form]) -> Form:
        """The channels, with longer axes."""
        lengths = spatial(sources)
        factors = self._factors(len(lengths))
        return Form((sources[0].shape[0], *(a * b for a, b in zip(lengths, factors, strict=True))))

    def _factors(self, count: int) -> tuple[int, ...]:
        factors: Any = (self.factor,) * count if isinstance(self.factor, int) else self.factor
        if len(factors) != count:
            message = _("{found} factors for {wanted} axes")
            raise ShapeError("factor", message.format(found=len(factors), wanted=count))
        return tuple(factors)

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """The repeated values."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops import resample

        x: Any = sources[0]
        shape = self.form([Form(x.element_shape)]).shape
        return forward.append(
            resample.Upsample(
                target=forward.made("out", shape, role=Role.OUT),
                phase=Phase.FORWARD,
                layer=self.name,
                extent=Extent.SAMPLE,
                x=x,
                factors=self._factors(len(shape) - 1),
            )
        )
