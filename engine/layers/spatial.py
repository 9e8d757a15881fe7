"""What the layers with sliding windows have in common: kernel, stride, padding and dilation along each axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from retrograde.engine.layers.base import Form, Model, Shape, ShapeError, list_or_number
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.ops.window import Axis

MAX_SIDE = 4096
AXES = 2

Size = Annotated[int, Field(ge=1, le=MAX_SIDE)]
Margin = Annotated[int, Field(ge=0, le=MAX_SIDE)]
Sizes = Annotated[tuple[Size, ...], Field(strict=False, min_length=1, max_length=AXES)]
Margins = Annotated[tuple[Margin, ...], Field(strict=False, min_length=1, max_length=AXES)]
Sides = Annotated[tuple[Margin, ...], Field(strict=False, min_length=2, max_length=2)]
BothSides = Annotated[tuple[Sides, ...], Field(strict=False, min_length=1, max_length=AXES)]


def padding_kind(value: Any) -> str:
    """The tag of a padding: a word, a number, a number for each axis, or two."""
    if isinstance(value, str):
        return "<word>"
    if isinstance(value, list | tuple):
        return "<sides>" if value and isinstance(value[0], list | tuple) else "<list>"
    return "<number>"


OneOrEach = Annotated[Annotated[Size, Tag("<number>")] | Annotated[Sizes, Tag("<list>")], Discriminator(list_or_number)]
MarginOrEach = Annotated[
    Annotated[Margin, Tag("<number>")] | Annotated[Margins, Tag("<list>")], Discriminator(list_or_number)
]
Padding = Annotated[
    Annotated[Literal["same"], Tag("<word>")]
    | Annotated[Margin, Tag("<number>")]
    | Annotated[Margins, Tag("<list>")]
    | Annotated[BothSides, Tag("<sides>")],
    Discriminator(padding_kind),
]


class Windows(Model):
    """The windows of a layer: ``kernel`` has a number for each spatial axis, and so says how many there are."""

    kernel: Sizes = Field(description="the length of the window along each spatial axis: [3] or [3, 3]")
    stride: OneOrEach | None = Field(
        default=None, description="how far a window moves, one number or one for each axis"
    )
    padding: Padding = Field(
        default=0,
        description="zeros around the input: one number, one for each axis, [before, after] for each axis, or same:"
        " as many as keep the size at a stride of 1",
    )
    dilation: OneOrEach = Field(default=1, description="the distance between the taps of a window; 1 if absent")

    @property
    def text(self) -> str:
        """The kernel in a few characters: ``3×3``."""
        return "×".join(map(str, self.kernel))

    @property
    def strides(self) -> tuple[int, ...]:
        """The stride of each axis."""
        return self.each("stride")

    @property
    def dilations(self) -> tuple[int, ...]:
        """The dilation of each axis."""
        return self.each("dilation")

    @property
    def reaches(self) -> tuple[int, ...]:
        """From the first to the last tap of a window along each axis."""
        return tuple((taps - 1) * dilation + 1 for taps, dilation in zip(self.kernel, self.dilations, strict=True))

    def each(self, key: str) -> tuple[int, ...]:
        """A number for each axis.

        Raises:
            ShapeError: there are more or fewer.
        """
        value: Any = getattr(self, key)
        if isinstance(value, int):
            return (value,) * len(self.kernel)
        self._counted(key, len(value))
        return tuple(value)

    def _counted(self, key: str, count: int) -> None:
        if count != len(self.kernel):
            message = _("the kernel has {wanted} axes, this has {found}")
            raise ShapeError(key, message.format(wanted=len(self.kernel), found=count))

    @property
    def margins(self) -> tuple[tuple[int, int], ...]:
        """The padding before and after each axis.

        Raises:
            ShapeError: ``same`` with a stride, or not one for each axis.
        """
        value: Any = self.padding
        if value == "same":
            if any(stride != 1 for stride in self.strides):
                raise ShapeError("padding", _("same needs a stride of 1; give the numbers"))
            return tuple(((reach - 1) // 2, reach - 1 - (reach - 1) // 2) for reach in self.reaches)
        if isinstance(value, int):
            return ((value, value),) * len(self.kernel)
        self._counted("padding", len(value))
        return tuple((one, one) if isinstance(one, int) else (one[0], one[1]) for one in value)

    def lengths(self, source: Form) -> Shape:
        """The spatial axes of what comes before.

        Raises:
            ShapeError: it is a sequence, or has not one axis more than the kernel.
        """
        if source.steps:
            message = _("this takes one array, not {steps} time steps")
            raise ShapeError("inputs", message.format(steps=source.steps))
        if len(source.shape) != len(self.kernel) + 1:
            message = _(
                "a kernel of {count} axes slides over channels with {count} axes each; what comes before it is {shape}"
                " (network.input_shape or a reshape gives it axes)"
            )
            raise ShapeError("kernel", message.format(count=len(self.kernel), shape=source))
        return source.shape[1:]

    def counts(self, source: Form) -> Shape:
        """How many windows there are along each axis.

        Raises:
            ShapeError: a window does not fit, or lies in the padding alone.
        """
        found = []
        for length, reach, stride, (before, after) in zip(
            self.lengths(source), self.reaches, self.strides, self.margins, strict=True
        ):
            space = length + before + after - reach
            if space < 0:
                message = _("a window of {reach} does not fit into {length} positions with {padding} of padding")
                raise ShapeError("kernel", message.format(reach=reach, length=length, padding=before + after))
            found.append(self.fits(space, stride, length + before))
        return tuple(found)

    def fits(self, space: int, stride: int, begins: int) -> int:
        """How many windows there are along an axis whose first can move so far until it ends where the padding does."""
        del begins
        return space // stride + 1

    def axes(self, source: Form) -> tuple[Axis, ...]:
        """The windows along each axis, as the ops have them."""
        from retrograde.engine.ops.window import Axis

        return tuple(
            Axis(length=length, count=count, taps=taps, stride=stride, dilation=dilation, before=before)
            for length, count, taps, stride, dilation, (before, _after) in zip(
                self.lengths(source),
                self.counts(source),
                self.kernel,
                self.strides,
                self.dilations,
                self.margins,
                strict=True,
            )
        )


def empty(windows: Windows, source: Form) -> bool:
    """Whether some window lies in the padding alone."""
    # The last window begins the furthest; those that begin in the padding reach the first values by their first tap
    # that is not in it.
    return any(
        (count - 1) * stride - before >= length
        or any(
            (tap := -((position * stride - before) // dilation)) >= taps
            or position * stride - before + tap * dilation >= length
            for position in range(min(count, -(-before // stride)))
        )
        for length, count, taps, stride, dilation, (before, _after) in zip(
            windows.lengths(source),
            windows.counts(source),
            windows.kernel,
            windows.strides,
            windows.dilations,
            windows.margins,
            strict=True,
        )
    )


def spatial(source: Sequence[Form]) -> Shape:
    """The spatial axes of one array with channels.

    Raises:
        ShapeError: there are none.
    """
    (form,) = source
    if form.steps or len(form.shape) < 2:
        message = _("this needs channels with axes of their own; what comes before it is {shape}")
        raise ShapeError("inputs", message.format(shape=form))
    return form.shape[1:]
