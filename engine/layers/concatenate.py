"""Several layers side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from retrograde.engine.equations.array import Role
from retrograde.engine.layers.base import Form, Layer, ShapeError, common_steps
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.layers.base import Forward, Value


class ConcatenateLayer(Layer):
    """Several layers side by side along one axis; the other axes have the same length."""

    kind: Literal["concatenate"] = Field(description="the kind of layer")
    axis: int = Field(
        default=1,
        ge=-4,
        le=4,
        description="the axis along which they stand side by side, from 1, the sample not counted: 1 is that of the"
        " units of a row, or of the channels of an image; -1 is the last",
    )

    @property
    def label(self) -> str:
        """The layer in a few words."""
        return "concatenate"

    @property
    def arity(self) -> tuple[int, int]:
        """Two layers or more."""
        return 2, 64

    def form(self, sources: Sequence[Form]) -> Form:
        """The shape they have in common, with the lengths of one axis added up."""
        steps = common_steps(sources)
        shapes = [source.shape for source in sources]
        shown = ", ".join(str(Form(shape)) if shape else _("a single number") for shape in shapes)
        if len({len(shape) for shape in shapes}) > 1:
            message = _("the layers before it have different numbers of axes: {shapes}")
            raise ShapeError("inputs", message.format(shapes=shown))
        axis = axis_of(self.axis, len(shapes[0]), "axis")
        if len({(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}) > 1:
            message = _("the layers before it may differ along axis {axis} alone; they have {shapes}")
            raise ShapeError("inputs", message.format(axis=axis + 1, shapes=shown))
        length = sum(shape[axis] for shape in shapes)
        return Form((*shapes[0][:axis], length, *shapes[0][axis + 1 :]), steps)

    def build(self, forward: Forward, sources: Sequence[Value]) -> Value:
        """One copy an element."""
        from retrograde.engine.equations.array import Extent, Phase
        from retrograde.engine.ops.rearrange import Join

        def joined(arrays: Sequence[Array], time: int | None) -> Array:
            shape = self.form([Form(array.element_shape) for array in arrays]).shape
            return forward.append(
                Join(
                    target=forward.made("out", shape, role=Role.OUT, time=time),
                    phase=Phase.FORWARD,
                    layer=self.name,
                    extent=Extent.SAMPLE,
                    sources=tuple(arrays),
                    axis=axis_of(self.axis, len(shape), "axis") + 1,
                )
            )

        return forward.together(sources, joined)


def axis_of(number: int, axes: int, key: str) -> int:
    """The axis from 0 that a number from 1, or from -1 for the last, means.

    Args:
        number: the number.
        axes: how many axes there are.
        key: the key that gives it.

    Raises:
        ShapeError: there is no such axis.
    """
    if not 1 <= abs(number) <= axes:
        raise ShapeError(key, _("there is no axis {axis}: the array has {axes}").format(axis=number, axes=axes))
    return number - 1 if number > 0 else axes + number
