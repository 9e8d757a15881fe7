"""A ReLU whose slope left of 0 is learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import Form, Layer, Parameter, Row, ShapeError, list_or_number
from retrograde.engine.layers.stored import Stored
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value

SLOPE = 0.25
"""The slope that training begins with, of PyTorch too."""


class PReluLayer(Layer):
    """A parametric ReLU: out = x for x > 0, else a · x, with a slope a that is learned; at 0 its derivative is a.

    There is one a, or one for each channel, the first axis of a sample, as in PyTorch. Source: He et al. 2015,
    Delving deep into rectifiers, eq. 1.
    """

    kind: Literal["prelu"] = Field(description="the kind of layer")
    per_channel: bool = Field(
        default=False, description="whether each channel has a slope of its own; else all share one"
    )
    slopes: (
        Annotated[Annotated[float, Tag("<number>")] | Annotated[Row, Tag("<list>")], Discriminator(list_or_number)]
        | None
    ) = Field(
        default=None,
        description="initial a; of per_channel a list with one for each channel, or a number for all; 0.25 if absent",
    )

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return "PReLU"

    def form(self, sources: Sequence[Form]) -> Form:
        """The shape before it."""
        if self.per_channel and not sources[0].shape:
            raise ShapeError("per_channel", _("there are no channels: what comes before it is one number"))
        if not self.per_channel and isinstance(self.slopes, tuple):
            message = _("a list has a slope for each channel; that needs per_channel = true")
            raise ShapeError("slopes", message)
        return sources[0]

    def parameters(self, sources: Sequence[Form]) -> tuple[Parameter, ...]:
        """a: a number, or one for each channel."""
        shape = sources[0].shape[:1] if self.per_channel else ()
        given: Any = self.slopes
        if given is not None and not isinstance(given, tuple) and self.per_channel:
            given = (given,) * shape[0]
        return (
            Parameter(
                name="a",
                shape=shape,
                role=Role.BIAS,
                fans=(1, 1),
                given=given,
                key="slopes",
                fallback=SLOPE,
                drawn=False,
                also=("weights",),
            ),
        )

    def stored(self, sources: Sequence[Form]) -> tuple[Stored, ...]:
        """PyTorch's nn.PReLU has a list of slopes, also of one."""
        (one,) = super().stored(sources)
        return (replace(one, shape=one.shape or (1,)),)

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """One step an element, at each time step of a sequence."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.prelu import PRelu

        slope = forward.parameter("a")

        def bent(x: Array, time: int | None) -> Array:
            return forward.append(
                PRelu.of(
                    target=forward.made("out", x.element_shape, role=Role.OUT, time=time),
                    phase=Phase.FORWARD,
                    layer=self.name,
                    extent=Extent.SAMPLE,
                    x=x,
                    slope=slope,
                )
            )

        return forward.each(sources[0], bent)
