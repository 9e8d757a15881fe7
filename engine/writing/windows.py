"""Sliding windows: convolution and pooling, the way there in every library and the way back with NumPy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from retrograde.engine.equations.array import Array
from retrograde.engine.ops.base import Op
from retrograde.engine.ops.conv import Convolve, ConvolveTransposed, GatherPart, KernelPart, ScatterPart
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.ops.link import Link
from retrograde.engine.ops.pool import AveragePool, MaxPool, RoutedPart, SharedPart, Winner
from retrograde.engine.ops.window import Axis
from retrograde.engine.writing.form import Form, Text

SPATIAL = {1: "x", 2: "yx", 3: "zyx"}
TAPS = {1: "i", 2: "ij", 3: "ijk"}
"""The letters of positions and of taps, by how many axes windows slide along."""


def _lengths(axes: Sequence[Axis]) -> str:
    return _tuple(axis.taps for axis in axes)


def _tuple(numbers: Iterable[object]) -> str:
    found = [str(number) for number in numbers]
    return f"({', '.join(found)}{',' if len(found) == 1 else ''})"


def _ends(axes: Sequence[Axis]) -> list[tuple[int, int]]:
    """The padding before and behind each axis."""
    return [
        (axis.before, max(0, (axis.count - 1) * axis.stride + _reach(axis) - axis.length - axis.before))
        for axis in axes
    ]


def _reach(axis: Axis) -> int:
    return (axis.taps - 1) * axis.dilation + 1


def _options(axes: Sequence[Axis], **more: str) -> str:
    """The arguments of a helper that are not as usual."""
    found: dict[str, str] = {}
    if any(axis.stride != 1 for axis in axes):
        found["stride"] = _tuple(axis.stride for axis in axes)
    if any(map(any, _ends(axes))):
        found["padding"] = _tuple(map(_tuple, _ends(axes)))
    if any(dilation != 1 for dilation in _dilations(axes)):
        found["dilation"] = _tuple(_dilations(axes))
    return "".join(f", {name}={value}" for name, value in (found | more).items())


def _dilations(axes: Sequence[Axis]) -> list[int]:
    """How far the taps lie apart; a single one lies nowhere."""
    return [axis.dilation if axis.taps > 1 else 1 for axis in axes]


def _for_tensorflow(form: Form, op: Op, axes: Sequence[Axis], *, pool: bool) -> None:
    """Refuses what TensorFlow has not: strides where taps lie apart, and pools that leave values out.

    Raises:
        EngineError: it is such an op.
    """
    strides = any(axis.stride > 1 for axis in axes)
    if (strides and max(_dilations(axes)) > 1) or (pool and any(axis.stride > axis.taps for axis in axes)):
        raise form.refusal(op)


def _windows(form: Form, x: str, axes: Sequence[Axis], **more: str) -> str:
    """The windows of an array, (samples, channels, *positions, *taps), with NumPy."""
    form.helpers.add("windows")
    return f"windows({x}, {_lengths(axes)}{_options(axes, **more)})"


def _overlapped(form: Form, parts: str, x: str, axes: Sequence[Axis]) -> str:
    """What lies in windows, added up where it came from, with NumPy."""
    form.helpers.add("overlapped")
    return f"overlapped({parts}, {x}.shape{_options(axes)})"


def _over(axes: Sequence[Axis]) -> str:
    """The axes of the taps, which are the last ones."""
    return _tuple(range(-len(axes), 0)) if len(axes) > 1 else "-1"


def _biased(form: Form, bias: Array | None, axes: Sequence[Axis]) -> str:
    if bias is None:
        return ""
    return f" + {form.name(bias)}[:, {', '.join(['None'] * len(axes))}]"


def _same_ends(form: Form, op: Op, axes: Sequence[Axis]) -> str:
    """The padding of PyTorch, the same at both ends."""
    for axis in axes:
        if (axis.length + 2 * axis.before - _reach(axis)) // axis.stride + 1 != axis.count:
            raise form.refusal(op)
    return _tuple(axis.before for axis in axes)


def _torch_options(form: Form, op: Op, axes: Sequence[Axis]) -> str:
    padding = _same_ends(form, op, axes)
    found = [f", stride={_tuple(axis.stride for axis in axes)}"]
    found += [f", padding={padding}"] if any(axis.before for axis in axes) else []
    found += [f", dilation={_tuple(_dilations(axes))}"] if max(_dilations(axes)) > 1 else []
    return "".join(found)


@dataclass(frozen=True, slots=True)
class _Taps:
    """The sums of a convolution over windows, with NumPy; groups of channels have an axis of their own."""

    form: Form
    link: Link

    def gathered(self, x: str, weights: str) -> str:
        """Σ W · x over the taps of each window: (samples, channels of the result, *positions)."""
        at, tap = self._letters
        found = self._einsum(f"nc{at}{tap},oc{tap}->no{at}", self._windows(x), self._weights(weights))
        return self._joined(found, ["-1", str(self.link.weights.shape[0]), *self._counts])

    def scattered(self, g: str, weights: str) -> str:
        """W · g for each tap of each window: (samples, channels of the input, *positions, *taps)."""
        at, tap = self._letters
        found = self._einsum(f"no{at},oc{tap}->nc{at}{tap}", self._result(g), self._weights(weights))
        channels = str(self.link.groups * self.link.columns)
        return self._joined(found, ["-1", channels, *self._counts, *self._lengths])

    def paired(self, small: str, big: str) -> str:
        """Σ small · big over samples and positions, for each weight."""
        at, tap = self._letters
        found = self._einsum(f"no{at},nc{at}{tap}->oc{tap}", self._result(small), self._windows(big))
        return self._joined(found, [str(length) for length in self.link.weights.shape])

    @property
    def _letters(self) -> tuple[str, str]:
        rank = len(self.link.axes)
        return SPATIAL[rank], TAPS[rank]

    @property
    def _counts(self) -> list[str]:
        return [str(axis.count) for axis in self.link.axes]

    @property
    def _lengths(self) -> list[str]:
        return [str(axis.taps) for axis in self.link.axes]

    def _einsum(self, rule: str, *operands: str) -> str:
        if self.link.groups != 1:
            # In front of the channels, behind the samples.
            rule = rule.replace("oc", "goc").replace("nc", "ngc").replace("no", "ngo")
        return f'np.einsum("{rule}", {", ".join(operands)})'

    def _joined(self, found: str, shape: list[str]) -> str:
        return found if self.link.groups == 1 else f"{found}.reshape({', '.join(shape)})"

    def _split(self, text: str, shape: list[str]) -> str:
        return text if self.link.groups == 1 else f"{text}.reshape({', '.join(shape)})"

    def _windows(self, x: str) -> str:
        groups, columns = str(self.link.groups), str(self.link.columns)
        shape = ["-1", groups, columns, *self._counts, *self._lengths]
        return self._split(_windows(self.form, x, self.link.axes) + self._cut, shape)

    @property
    def _cut(self) -> str:
        """What leaves out windows of what an output has beyond those that reach it."""
        axes = self.link.axes
        found = [
            (axis.length + before + behind - _reach(axis)) // axis.stride + 1
            for axis, (before, behind) in zip(axes, _ends(axes), strict=True)
        ]
        if found == [axis.count for axis in axes]:
            return ""
        return f"[:, :, {', '.join(f':{axis.count}' for axis in axes)}]"

    def _weights(self, weights: str) -> str:
        return self._split(weights, [str(self.link.groups), "-1", str(self.link.columns), *self._lengths])

    def _result(self, g: str) -> str:
        return self._split(g, ["-1", str(self.link.groups), str(self.link.rows), *self._counts])


def convolved(form: Form, op: Convolve) -> Text:
    """Σ W · x over each window, and the bias."""
    axes, library = op.link.axes, form.dialect.name
    x, weights, rank = form.name(op.x), form.name(op.link.weights), len(op.link.axes)
    groups = op.link.groups
    if library == "torch":
        bias = "" if op.bias is None else f", {form.name(op.bias)}"
        grouped = "" if groups == 1 else f", groups={groups}"
        options = _torch_options(form, op, axes)
        return f"torch.nn.functional.conv{rank}d({x}, {weights}{bias}{options}{grouped})"
    tail = _biased(form, op.bias, axes)
    if library == "jax":
        options = f"{_tuple(axis.stride for axis in axes)}, {_tuple(map(_tuple, _ends(axes)))}"
        more = "" if max(_dilations(axes)) == 1 else f", rhs_dilation={_tuple(_dilations(axes))}"
        more += "" if groups == 1 else f", feature_group_count={groups}"
        return f"jax.lax.conv_general_dilated({x}, {weights}, {options}{more}){tail}"
    if library == "tensorflow":
        if groups != 1:
            raise form.refusal(op)
        _for_tensorflow(form, op, axes, pool=False)
        form.helpers.add("convolution")
        return f"convolution({x}, {weights}{_options(axes)}){tail}"
    return f"{_Taps(form, op.link).gathered(x, weights)}{tail}"


def transposed(form: Form, op: ConvolveTransposed) -> Text:
    """Each input times the kernel, laid down where its window is."""
    axes, library = op.link.axes, form.dialect.name
    x, weights, rank = form.name(op.x), form.name(op.link.weights), len(op.link.axes)
    if library == "torch":
        bias = "" if op.bias is None else f", {form.name(op.bias)}"
        left = [a.length - ((a.count - 1) * a.stride - 2 * a.before + _reach(a)) for a in axes]
        if any(not 0 <= more < max(a.stride, a.dilation) for more, a in zip(left, axes, strict=True)):
            raise form.refusal(op)
        found = [f", stride={_tuple(axis.stride for axis in axes)}"]
        found += [f", padding={_tuple(axis.before for axis in axes)}"] if any(a.before for a in axes) else []
        found += [f", output_padding={_tuple(left)}"] if any(left) else []
        found += [f", dilation={_tuple(a.dilation for a in axes)}"] if any(a.dilation != 1 for a in axes) else []
        found += [f", groups={op.link.groups}"] if op.link.groups != 1 else []
        return f"torch.nn.functional.conv_transpose{rank}d({x}, {weights}{bias}{''.join(found)})"
    if library != "numpy":
        raise form.refusal(op)
    parts = _Taps(form, op.link).scattered(x, weights)
    shape = f"np.zeros(({form.count}, {', '.join(map(str, op.target.shape[1:]))}))"
    return f"{_overlapped(form, parts, shape, axes)}{_biased(form, op.bias, axes)}"


def pooled(form: Form, op: MaxPool | AveragePool, kind: str) -> Text:
    """The largest value or the mean of each window."""
    axes, library, x, rank = op.axes, form.dialect.name, form.name(op.x), len(op.axes)
    largest = kind == "max"
    padded = any(map(any, _ends(axes)))
    if isinstance(op, AveragePool):
        if op.ends is not None:
            raise form.refusal(op)
        if padded and not op.padded and library not in {"numpy", "torch"}:
            raise form.refusal(op)
    if library == "torch":
        options = _torch_options(form, op, axes)
        if any(2 * axis.before > axis.taps for axis in axes) or not (largest or max(_dilations(axes)) == 1):
            raise form.refusal(op)
        counted = ", count_include_pad=False" if padded and not largest and not _counts_padding(op) else ""
        return f"torch.nn.functional.{kind}_pool{rank}d({x}, {_lengths(axes)}{options}{counted})"
    if library == "jax":
        lengths, strides = (_tuple((1, 1, *each)) for each in ([a.taps for a in axes], [a.stride for a in axes]))
        start, fold = ("-jnp.inf", "jax.lax.max") if largest else ("0.0", "jax.lax.add")
        ends = _tuple(map(_tuple, [(0, 0), (0, 0), *_ends(axes)]))
        apart = max(_dilations(axes)) > 1
        if apart and largest:
            # JAX does not differentiate it.
            raise form.refusal(op)
        more = f", window_dilation={_tuple((1, 1, *_dilations(axes)))}" if apart else ""
        total = f"jax.lax.reduce_window({x}, {start}, {fold}, {lengths}, {strides}, {ends}{more})"
        return total if largest else f"{total} / {_size(axes)}"
    if library == "tensorflow":
        _for_tensorflow(form, op, axes, pool=True)
        form.helpers.add("pooled")
        word = "MAX" if largest else "AVG"
        filled = {"filled": '-float("inf")'} if largest and padded else {}
        return f'pooled({x}, "{word}", {_lengths(axes)}{_options(axes, **filled)})'
    if largest:
        filled = {"filled": "-np.inf"} if padded else {}
        return f"{_windows(form, x, axes, **filled)}.max(axis={_over(axes)})"
    if padded and not _counts_padding(op):
        there = _windows(form, f"np.ones_like({x})", axes)
        return f"{_windows(form, x, axes)}.sum(axis={_over(axes)}) / {there}.sum(axis={_over(axes)})"
    return f"{_windows(form, x, axes)}.mean(axis={_over(axes)})"


def _counts_padding(op: Any) -> bool:
    return bool(op.padded)


def _size(axes: Sequence[Axis]) -> int:
    size = 1
    for axis in axes:
        size *= axis.taps
    return size


def winner(form: Form, op: Winner) -> Text:
    """Which tap of each window is the largest, from 1."""
    if form.dialect.name != "numpy":
        raise form.own(op)
    filled = {"filled": "-np.inf"} if any(map(any, _ends(op.axes))) else {}
    found = _windows(form, form.name(op.x), op.axes, **filled)
    counts = ", ".join(str(axis.count) for axis in op.axes)
    flat = f"{found}.reshape(-1, {op.x.shape[1]}, {counts}, {_size(op.axes)})"
    return f"{flat}.argmax(axis=-1) + 1"


# -- the way back, with NumPy


def kernel(form: Form, _op: Gradient, part: KernelPart) -> Text:
    """∂E/∂W of a convolution."""
    return _Taps(form, part.link).paired(form.name(part.small), form.name(part.big))


def scattered(form: Form, op: Gradient, part: ScatterPart) -> Text:
    """∂E/∂x of a convolution: each window gets W times its delta."""
    parts = _Taps(form, part.link).scattered(form.name(part.g), form.name(part.weights))
    return _overlapped(form, parts, form.name(op.of), part.link.axes)


def gathered(form: Form, _op: Gradient, part: GatherPart) -> Text:
    """∂E/∂x of a transposed convolution."""
    return _Taps(form, part.link).gathered(form.name(part.g), form.name(part.weights))


def routed(form: Form, op: Gradient, part: RoutedPart) -> Text:
    """To the tap that won, counted in row order, goes all."""
    axes = part.axes
    form.helpers.add("routed")
    parts = f"routed({form.name(part.g)}, {form.name(part.winner)}, {_lengths(axes)})"
    return _overlapped(form, parts, form.name(op.of), axes)


def shared(form: Form, op: Gradient, part: SharedPart) -> Text:
    """∂E/∂x of a mean: each tap of a window gets the same share."""
    axes, g = part.axes, form.name(part.g)
    if part.ends is not None:
        raise form.refusal(op)
    share = f"{g} / {_size(axes)}"
    if any(map(any, _ends(axes))) and not part.padded:
        there = _windows(form, f"np.ones_like({form.name(op.of)})", axes)
        share = f"{g} / {there}.sum(axis={_over(axes)})"
    nones = ", ".join(["None"] * len(axes))
    ones = f"np.ones({_lengths(axes)})"
    return _overlapped(form, f"({share})[..., {nones}] * {ones}", form.name(op.of), axes)
