"""Convolution: patch × kernel = products, the map that they make, and the same on the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, prod
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.step import running_sum
from retrograde.engine.ops.conv import (
    BiasChannelPart,
    Convolve,
    ConvolveTransposed,
    GatherPart,
    KernelPart,
    ScatterPart,
)
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.pictures.planes import (
    Cell,
    Place,
    across,
    cells,
    channel_of,
    flat,
    head,
    left_out,
    plane,
    revealed,
    shape_of,
    signed_sum,
    spot,
    spots,
    summed,
)
from retrograde.tui.pictures.terms import term_bars
from retrograde.tui.reading.figures import show
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.pictures import Grid, JoinedPicture

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.ops.base import Part
    from retrograde.engine.ops.link import Link
    from retrograde.engine.ops.window import Axis
    from retrograde.tui.pictures.table import Table
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.pictures import Picture

MOST_TAPS = 25
"""Weights of a kernel whose gradients are shown beside it; each is a sum over the samples so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A plane of weights on a plane of what they multiply.

    Attributes:
        plane: the first two indices of the weights.
        channel: the channel that they lie on.
        products: the product at each cell; None where there is none, or none yet.
        active: the cell of the term at the cursor.
    """

    plane: tuple[int, int]
    channel: int
    products: tuple[float | None, ...]
    active: Cell | None

    @property
    def total(self) -> float:
        """The sum of the products so far."""
        return summed(product for product in self.products if product is not None)

    @property
    def largest(self) -> float:
        """The magnitude of the largest product."""
        known = (abs(product) for product in self.products if product is not None)
        return max((size for size in known if isfinite(size)), default=0.0)


def convolved(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """What a convolution makes of a patch."""
    op = step.op
    assert isinstance(op, Convolve)
    return _gathered(reading, step, digits, op.link, op.link.weights, op.x, op.bias)


def painted(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """What a transposed convolution lays down at a place."""
    op = step.op
    assert isinstance(op, ConvolveTransposed)
    return _scattered(reading, step, digits, op.link, op.link.weights, op.x, op.bias)


def returned(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The gradient of an input: of a convolution the kernel turned round over the deltas."""
    part = _part(step, ScatterPart, GatherPart)
    if isinstance(part, ScatterPart):
        return _scattered(reading, step, digits, part.link, part.weights, part.g, None)
    if isinstance(part, GatherPart):
        return _gathered(reading, step, digits, part.link, part.weights, part.g, None)
    return term_bars(reading, step, digits)


def _part(step: Step, *kinds: type[Part]) -> Part | None:
    """The first use of a gradient that is of some kinds."""
    parts = step.op.parts if isinstance(step.op, Gradient) else ()
    return next((part for part in parts if isinstance(part, kinds)), None)


def _gathered(
    reading: Reading, step: Step, digits: int, link: Link, weights: Array, x: Array, bias: Array | None
) -> tuple[Picture, ...]:
    _sample, a, *position = step.target.index
    first = a // link.rows * link.columns
    planes = [((a, c), first + c) for c in range(link.columns)]
    return _window(reading, step, digits, link.axes, tuple(position), weights, x, planes, bias)


def _scattered(
    reading: Reading, step: Step, digits: int, link: Link, weights: Array, g: Array, bias: Array | None
) -> tuple[Picture, ...]:
    _sample, channel, *position = step.target.index
    group, c = divmod(channel, link.columns)
    planes = [((a, c), a) for a in range(group * link.rows, (group + 1) * link.rows)]
    return _window(reading, step, digits, link.adjoint, tuple(position), weights, g, planes, bias)


def _window(
    reading: Reading,
    step: Step,
    digits: int,
    axes: tuple[Axis, ...],
    position: Place,
    weights: Array,
    x: Array,
    planes: Sequence[tuple[tuple[int, int], int]],
    bias: Array | None,
) -> tuple[Picture, ...]:
    """Patch × kernel = products of one channel, the sums of all channels, and where the patch lies."""
    window = cells(axes, position)
    sample = step.target.index[0]
    kernel, values = reading.frame.array(weights), reading.frame.array(x)[sample]
    terms, active = revealed(reading, step)
    shown = set(terms)

    def pair_of(indices: tuple[int, int], channel: int) -> _Pair:
        found: list[float | None] = []
        at: Cell | None = None
        for cell in window:
            if cell.source is None:
                found.append(None)
                continue
            slots = frozenset(
                (Ref(weights, (*indices, *cell.tap)), Ref(x, (sample, channel, *cell.source))),
            )
            at = cell if slots == active else at
            product = float(kernel[(*indices, *cell.tap)]) * float(values[(channel, *cell.source)])
            found.append(product if slots in shown else None)
        return _Pair(plane=indices, channel=channel, products=tuple(found), active=at)

    pairs = [pair_of(*indices) for indices in planes]
    pair = next((one for one in pairs if one.active is not None), None) or max(pairs, key=lambda one: one.largest)
    pictures: list[Picture] = [_products(reading, axes, window, weights, x, pair, len(pairs), digits)]
    if len(pairs) > 1:
        pictures.append(_sums(reading, pairs, pair, bias, terms))
    source = plane(
        reading, x, pair.channel, spots([cell.source for cell in window if cell.source is not None], Mark.OPERAND)
    )
    target = plane(reading, step.target.array, step.target.index[1], [spot(position, Mark.TARGET)])
    pictures.append(across(source, target))
    return tuple(pictures)


def _products(
    reading: Reading,
    axes: tuple[Axis, ...],
    window: Sequence[Cell],
    weights: Array,
    x: Array,
    pair: _Pair,
    count: int,
    digits: int,
) -> JoinedPicture:
    """One channel: what lies under the kernel, the kernel, and their products."""
    shape = shape_of(axes)
    kernel, values = reading.frame.array(weights), reading.frame.array(x)[reading.sample]
    outside = np.array([cell.source is None for cell in window]).reshape(shape)
    patch = [0.0 if cell.source is None else float(values[(pair.channel, *cell.source)]) for cell in window]
    taps = [float(kernel[(*pair.plane, *cell.tap)]) for cell in window]
    products = [0.0 if product is None else product for product in pair.products]
    known = np.array([product is not None for product in pair.products]).reshape(shape)
    at = pair.active
    read = () if at is None else (spot(at.place, Mark.OPERAND),)
    made = () if at is None else (spot(at.place, Mark.TARGET),)
    flipped = any(axis.flipped for axis in axes)
    title = head(reading, weights, *pair.plane)
    if flipped:
        title = _("{name} rotated").format(name=title)
    said = [f"Σ = {show(pair.total, digits)}"]
    if flipped:
        said.append(_("rotated by 180°"))
    if count > 1:
        said.append(_("channel {number} of {count}").format(number=pair.channel + 1, count=count))
    if outside.any():
        said.append(left_out(any(axis.up > 1 for axis in axes)))
    return JoinedPicture(
        grids=(
            Grid(
                values=np.array(patch).reshape(shape),
                title=head(reading, x, pair.channel),
                spots=read,
                outside=outside,
            ),
            Grid(values=np.array(taps).reshape(shape), title=title, spots=read),
            Grid(
                values=np.array(products).reshape(shape), title=_("products"), spots=made, known=known, outside=outside
            ),
        ),
        signs=("×", "="),
        caption=(Span(" " + " · ".join(said), Ink.DIM),),
    )


def _sums(
    reading: Reading,
    pairs: Sequence[_Pair],
    chosen: _Pair,
    bias: Array | None,
    terms: Sequence[frozenset[Ref]],
) -> Grid:
    """What each channel adds, and the bias."""
    values = [pair.total for pair in pairs]
    known = [any(product is not None for product in pair.products) for pair in pairs]
    columns = [str(pair.channel + 1) for pair in pairs]
    if bias is not None:
        own = next((ref for slots in terms for ref in slots if ref.array is bias), None)
        values.append(0.0 if own is None else reading.frame.value(own))
        known.append(own is not None)
        columns.append("b")
    return Grid(
        values=np.array([values]),
        known=np.array([known]),
        columns=tuple(columns),
        title=_("the sum of each channel"),
        spots=(spot((pairs.index(chosen),), Mark.OPERAND),),
    )


def kernel_gradient(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """One product a position, and the sum that all positions and samples share."""
    part = _part(step, KernelPart)
    if not isinstance(part, KernelPart):
        return term_bars(reading, step, digits)
    link, small, big = part.link, part.small, part.big
    a, c, *tap = step.target.index
    channel = a // link.rows * link.columns + c
    sample = step.place.sample or 0
    reached = [axis.reached(number) for axis, number in zip(link.axes, tap, strict=True)]
    shape = flat_shape([axis.count for axis in link.axes])
    left = reading.frame.array(small)[sample][a]
    right = reading.frame.array(big)[sample][channel]
    terms, active = revealed(reading, step)
    shown = set(terms)
    lower, upper, products = (np.zeros(shape) for _grid in range(3))
    outside, known = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    at: Place | None = None
    for place in np.ndindex(*(axis.count for axis in link.axes)):
        lower[flat(place)] = left[place]
        inside = all(
            first <= here < first + count for here, (first, count, _source) in zip(place, reached, strict=True)
        )
        if not inside:
            outside[flat(place)] = True
            continue
        source = tuple(
            start + (here - first) * axis.stride
            for here, (first, _count, start), axis in zip(place, reached, link.axes, strict=True)
        )
        upper[flat(place)] = right[source]
        slots = frozenset((Ref(small, (sample, a, *place)), Ref(big, (sample, channel, *source))))
        at = place if slots == active else at
        known[flat(place)] = slots in shown
        products[flat(place)] = float(left[place]) * float(right[source])
    read = () if at is None else (spot(at, Mark.OPERAND),)
    made = () if at is None else (spot(at, Mark.TARGET),)
    under = _("{name} beneath").format(name=head(reading, big, channel))
    deltas, inputs = head(reading, small, a), under
    if part.transposed:
        inputs, deltas = head(reading, small, a), under
    first = Grid(values=lower, title=inputs if part.transposed else deltas, spots=read)
    second = Grid(values=upper, title=deltas if part.transposed else inputs, spots=read, outside=outside)
    grids = (second, first) if part.transposed else (first, second)
    result = Grid(values=products, title=_("products"), spots=made, known=known, outside=outside)
    caption = _accumulated(reading, step, int(np.count_nonzero(known)), digits)
    pictures: list[Picture] = [JoinedPicture(grids=(*grids, result), signs=("×", "="), caption=caption)]
    if prod(axis.taps for axis in link.axes) <= MOST_TAPS:
        pictures.append(_kernel_so_far(reading, step, link, (a, c), tuple(tap)))
    return tuple(pictures)


def flat_shape(lengths: Sequence[int]) -> tuple[int, int]:
    """The rows and columns of a plane; a line is one row."""
    return (1, lengths[0]) if len(lengths) == 1 else (lengths[0], lengths[1])


def _accumulated(reading: Reading, step: Step, positions: int, digits: int) -> Line:
    """The sum of this sample, added to that of the samples before it."""
    own = step.result if reading.term else step.contribution
    running = step.running
    if running is not None and running.done > 1 and not reading.term:
        before = running_sum(reading.frame, step.target, running.done - 1)
        text = _("shared: {sum} from {count} positions = {total}").format(
            sum=signed_sum((before, own), digits), count=positions, total=show(step.result, digits)
        )
        return (Span(" " + text, Ink.ACCENT),)
    text = _("Σ over {count} positions = {sum}").format(count=positions, sum=show(own, digits))
    return (Span(" " + text, Ink.DIM),)


def _kernel_so_far(reading: Reading, step: Step, link: Link, indices: tuple[int, int], tap: Place) -> JoinedPicture:
    """The kernel, and the gradient of each of its weights so far."""
    shape = shape_of(link.axes)
    values, known = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    target = step.target.array
    for place in np.ndindex(*(axis.taps for axis in link.axes)):
        ref = Ref(target, (*indices, *place))
        found = (step.result, 1) if ref == step.target and reading.term else reading.partial(ref)
        if found is not None:
            values[flat(place)], known[flat(place)] = found[0], True
    kernel = np.atleast_2d(reading.frame.array(link.weights)[indices])
    gradient = Grid(values=values, known=known, title=head(reading, target, *indices), spots=(spot(tap, Mark.TARGET),))
    weights = Grid(values=kernel, title=head(reading, link.weights, *indices), spots=(spot(tap, Mark.OPERAND),))
    return JoinedPicture(grids=(weights, gradient), signs=("",))


def bias_gradient(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The deltas of a channel, each of which its bias gets in full."""
    part = _part(step, BiasChannelPart)
    if not isinstance(part, BiasChannelPart):
        return term_bars(reading, step, digits)
    (channel,) = step.target.index
    _values, known = channel_of(reading, part.g, channel)
    terms, active = revealed(reading, step)
    at = next((ref.index[2:] for ref in active if ref.array is part.g), None)
    marks = () if at is None else (spot(at, Mark.OPERAND),)
    deltas = plane(reading, part.g, channel, marks)
    caption = _accumulated(reading, step, len(terms) if reading.term else known.size, digits)
    return (JoinedPicture(grids=(deltas,), caption=caption),)


PICTURES: Table = {
    Convolve: convolved,
    ConvolveTransposed: painted,
    ScatterPart: returned,
    GatherPart: returned,
    KernelPart: kernel_gradient,
    BiasChannelPart: bias_gradient,
}
