"""Up-sampling by repetition, and by linear interpolation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import Form, Layer, ShapeError
from retrograde.engine.layers.spatial import OneOrEach, Sizes, spatial
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.layers.base import Forward, Value


class UpsampleLayer(Layer):
    """Up-sampling: each value is repeated ``factor`` times along each spatial axis, or values are mixed linearly.

    Linear is bilinear of two axes. As in PyTorch's interpolate, a value is a cell: out[p] lies at
    (p + ½) · before / after − ½ of the values before, and beyond the middles of the outer cells the value stays. With
    align_corners it lies at p · (before − 1) / (after − 1). The nearest is that in which p · before / after lies.
    """

    kind: Literal["upsample"] = Field(description="the kind of layer")
    factor: OneOrEach | None = Field(
        default=None,
        description="how many times longer the axes become, one number or one for each axis; 2 if neither this nor size"
        " is given",
    )
    size: Sizes | None = Field(default=None, description="instead of factor: the length of each spatial axis")
    mode: Literal["nearest", "linear"] = Field(
        default="nearest", description="nearest: values are repeated; linear: they are mixed along each axis"
    )
    align_corners: bool = Field(
        default=False, description="of linear: whether the first and the last values stay the first and the last"
    )

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return "upsample" if self.mode == "nearest" else "upsample linear"

    def completed(self) -> dict[str, Any]:
        """The factor."""
        return {**super().completed(), **({"factor": 2} if self.factor is None and self.size is None else {})}

    def form(self, sources: Sequence[Form]) -> Form:
        """The channels, with longer axes."""
        lengths = spatial(sources)
        if self.align_corners and self.mode != "linear":
            raise ShapeError("align_corners", _('this needs mode = "linear"'))
        if self.size is None:
            factors = self._factors(len(lengths))
            return Form((sources[0].shape[0], *(a * b for a, b in zip(lengths, factors, strict=True))))
        if self.factor is not None:
            raise ShapeError("factor", _("size says how long the axes become; drop factor or size"))
        if len(self.size) != len(lengths):
            message = _("{found} lengths for {wanted} axes")
            raise ShapeError("size", message.format(found=len(self.size), wanted=len(lengths)))
        return Form((sources[0].shape[0], *self.size))

    def _factors(self, count: int) -> tuple[int, ...]:
        given: Any = 2 if self.factor is None else self.factor
        factors: Any = (given,) * count if isinstance(given, int) else given
        if len(factors) != count:
            message = _("{found} factors for {wanted} axes")
            raise ShapeError("factor", message.format(found=len(factors), wanted=count))
        return tuple(factors)

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """The repeated or mixed values."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops import blend, resample

        x: Any = sources[0]
        shape = self.form([Form(x.element_shape)]).shape
        common: dict[str, Any] = {
            "target": forward.made("out", shape, role=Role.OUT),
            "phase": Phase.FORWARD,
            "layer": self.name,
            "extent": Extent.SAMPLE,
            "x": x,
        }
        if self.mode == "nearest" and self.size is None:
            return forward.append(resample.Upsample(**common, factors=self._factors(len(shape) - 1)))
        pairs = list(zip(x.element_shape[1:], shape[1:], strict=True))
        if self.mode == "nearest":
            return forward.append(blend.Blend(**common, mixes=tuple(blend.nearest(*pair) for pair in pairs)))
        mixes = tuple(blend.linear(*pair, corners=self.align_corners) for pair in pairs)
        return forward.append(blend.Blend(**common, mixes=mixes))
