"""Dropout: in training each value is left out at random; in evaluation every value passes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import Form, Layer, Matrix, Shape, ShapeError
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value


def mask_form(value: Any) -> str:
    """The tag of a mask: rows, or the name of an array."""
    return "<name>" if isinstance(value, str) else "<rows>"


if TYPE_CHECKING:
    MaskRows = Matrix | str
else:
    MaskRows = Annotated[
        Annotated[Matrix, Tag("<rows>")]
        | Annotated[Annotated[str, Field(min_length=1, max_length=200)], Tag("<name>")],
        Discriminator(mask_form),
    ]
"""A mask for each sample: rows, or the name of an array of the file of samples."""


FirstMask = Annotated[
    str | None,
    Field(
        max_length=300,
        description="the name of a tensor of network.weights_file: the mask of the first iteration, 1 for what stays"
        " and 0 for what is left out, with an axis for the samples before the others; later ones are drawn",
    ),
]
"""A mask of the first iteration, of all samples in it."""


def check_mask(key: str, mask: Any, width: int) -> None:
    """Refuses rows of a mask that are no rows of 0 and 1, one for each value.

    Raises:
        ShapeError: with what there is.
    """
    if mask is None or isinstance(mask, str):
        return
    for number, row in enumerate(mask):
        if len(row) != width:
            message = _("a row of the mask has {found} numbers, and {wanted} values are masked for each sample")
            raise ShapeError((key, number), message.format(found=len(row), wanted=width))
        for place, value in enumerate(row):
            if value not in {0, 1}:
                message = _("a mask has 0 for what is left out and 1 for what stays; this is {value}")
                raise ShapeError((key, number, place), message.format(value=value))


class DropoutLayer(Layer):
    """Dropout: out = x · (mask / (1 − rate)), with a new mask in each iteration; out = x when it is evaluated.

    The masks are drawn from network.seed; the same seed gives the same ones. Or they are given, as those that another
    program has drawn: then a sample has the same mask whenever it comes up in training.
    """

    kind: Literal["dropout"] = Field(description="the kind of layer")
    rate: float = Field(default=0.5, ge=0, lt=1, description="how often a value is left out")
    whole_channels: bool = Field(
        default=False, description="true: the first axis, that of the channels, is left out as a whole"
    )
    mask: MaskRows | None = Field(
        default=None,
        description="a mask instead of drawn ones: a row per sample, 0 for each value that is left out and 1 for the"
        " others, axis by axis, of a sequence time step by time step; or the name of an array of the NPZ file of"
        " samples, or the columns of a table",
    )

    first_mask: FirstMask = None

    start_role: ClassVar[Role] = Role.MASK

    @property
    def evaluates_apart(self) -> bool:
        """With every value."""
        return True

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return f"dropout {self.rate:g}"

    @property
    def starts(self) -> dict[str, Any]:
        """The mask of each sample, where the file gives it."""
        return {} if self.mask is None else {"mask": self.mask}

    def start_shapes(self, name: str, sources: Sequence[Form]) -> list[tuple[int | None, Shape]]:
        """A mask of all values, or of the channels; of a sequence one a time step."""
        del name
        shape, steps = sources[0].shape, sources[0].steps
        shape = shape[:1] if self.whole_channels else shape
        return [(time, shape) for time in range(1, steps + 1)] if steps else [(None, shape)]

    def form(self, sources: Sequence[Form]) -> Form:
        """The shape before it."""
        if self.whole_channels and len(sources[0].shape) < 2:
            message = _("the values before it, {shape}, have no axis besides that of the channels")
            raise ShapeError("whole_channels", message.format(shape=sources[0]))
        check_mask("mask", self.mask, sum(prod(shape) for _time, shape in self.start_shapes("mask", sources)))
        return sources[0]

    def slots(self, sources: Sequence[Form]) -> int:
        """The values and their masks."""
        return 2 * sources[0].size

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """A product with the mask of the iteration, at each time step of a sequence with one of its own."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.activation import Activate
        from retrograde.engine.ops.dropout import Dropout

        def dropped(x: Array, time: int | None) -> Array:
            place: dict[str, Any] = {
                "target": forward.made("out", x.element_shape, role=Role.OUT, time=time),
                "phase": Phase.FORWARD,
                "layer": self.name,
                "extent": Extent.SAMPLE,
            }
            if not forward.train:
                return forward.append(Activate(**place, net=x, function=None, activation="identity", parameter=0.0))
            shape = x.element_shape[:1] if self.whole_channels else x.element_shape
            mask = drawn_mask(forward, "mask", shape, time, self.rate)
            return forward.append(Dropout.of(**place, x=x, mask=mask, rate=self.rate))

        return forward.each(sources[0], dropped)


def drawn_mask(forward: Forward, name: str, shape: Shape, time: int | None, rate: float) -> Array:
    """The mask of the layer that is being built: that of each sample if it is given, else one that is drawn."""
    from retrograde.engine.ops.dropout import Coins

    given = forward.starts.get(name if time is None else f"{name}@{time}")
    if given is not None:
        return given
    mask = forward.made("mask", shape, role=Role.MASK, time=time)
    coins = Coins(shape=mask.shape, rate=rate, seed=forward.seed, layer=len(forward.values), time=time or 0)
    return forward.changing(mask, coins)
