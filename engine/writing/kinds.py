"""Kinds of op that people do not write element by element: convolution, pooling, heads of attention, looked-up rows.

Each has a line for every library, or, on the way back, which only NumPy writes out, one for NumPy. The line stands for
the same sums as the equation of the op; tests run it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from retrograde.engine.equations.array import Array
from retrograde.engine.errors import EngineError
from retrograde.engine.ops.attention import Scores
from retrograde.engine.ops.base import Op, Part
from retrograde.engine.ops.blend import Blend, BlendPart, Mix
from retrograde.engine.ops.contract import Contract, ContractFactor, ContractPart
from retrograde.engine.ops.conv import Convolve, ConvolveTransposed, GatherPart, KernelPart, ScatterPart
from retrograde.engine.ops.dense import Dense, InputPart, WeightPart
from retrograde.engine.ops.edges import EdgePart
from retrograde.engine.ops.embedding import RowsPart, Sinusoids
from retrograde.engine.ops.gate import Collect
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.ops.link import Link
from retrograde.engine.ops.loss import Total
from retrograde.engine.ops.pool import AveragePool, MaxPool, RoutedPart, SharedPart, Winner
from retrograde.engine.ops.rearrange import Join, Permute, PermutePart, Recast, RecastPart
from retrograde.engine.ops.softmax import NormaliserPart, RowMaximum, RowSum
from retrograde.engine.ops.window import Axis
from retrograde.engine.writing.dialects import Dialect


class Form(Protocol):
    """What a line may ask of what writes it."""

    @property
    def dialect(self) -> Dialect:
        """The library."""
        ...

    @property
    def helpers(self) -> set[str]:
        """The names of the functions of ``HELPERS`` that have been used."""
        ...

    @property
    def count(self) -> str:
        """How many samples there are."""
        ...

    def name(self, array: Array) -> str:
        """What an array is called."""
        ...

    def equation(self, op: Op, rows: tuple[int, int] | None = None) -> str:
        """The right side as it follows from the equation of an element."""
        ...

    def own(self, op: Op) -> EngineError:
        """That a library has no line for an op, because it does without."""
        ...

    def refusal(self, op: Op | None) -> EngineError:
        """That an op has no short form."""
        ...


MOST_WEIGHTS = 200
"""Weights of an interpolation along an axis that stand in a line."""
Text = str | None
"""A right side; None where the equation itself is written."""


def line(form: Form, op: Op) -> Text:
    """The right side of a line that makes what an op makes, of an op that has one of its own.

    Raises:
        NoFormError: this library has none.
    """
    if isinstance(op, Gradient):
        return _gradient(form, op)
    write: Callable[[Form, Any], Text] | None = OPS.get(type(op))
    return None if write is None else write(form, op)


# -- sliding windows

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
    if any(axis.dilation != 1 for axis in axes):
        found["dilation"] = _tuple(axis.dilation for axis in axes)
    return "".join(f", {name}={value}" for name, value in (found | more).items())


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
    found += [f", dilation={_tuple(axis.dilation for axis in axes)}"] if any(a.dilation != 1 for a in axes) else []
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
        return self._split(_windows(self.form, x, self.link.axes), shape)

    def _weights(self, weights: str) -> str:
        return self._split(weights, [str(self.link.groups), "-1", str(self.link.columns), *self._lengths])

    def _result(self, g: str) -> str:
        return self._split(g, ["-1", str(self.link.groups), str(self.link.rows), *self._counts])


def _convolved(form: Form, op: Convolve) -> Text:
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
        more = "" if all(a.dilation == 1 for a in axes) else f", rhs_dilation={_tuple(a.dilation for a in axes)}"
        more += "" if groups == 1 else f", feature_group_count={groups}"
        return f"jax.lax.conv_general_dilated({x}, {weights}, {options}{more}){tail}"
    if library == "tensorflow":
        if groups != 1:
            raise form.refusal(op)
        form.helpers.add("convolution")
        return f"convolution({x}, {weights}{_options(axes)}){tail}"
    return f"{_Taps(form, op.link).gathered(x, weights)}{tail}"


def _transposed(form: Form, op: ConvolveTransposed) -> Text:
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


def _pooled(form: Form, op: MaxPool | AveragePool, kind: str) -> Text:
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
        if any(2 * axis.before > axis.taps for axis in axes) or not (largest or all(a.dilation == 1 for a in axes)):
            raise form.refusal(op)
        counted = ", count_include_pad=False" if padded and not largest and not _counts_padding(op) else ""
        return f"torch.nn.functional.{kind}_pool{rank}d({x}, {_lengths(axes)}{options}{counted})"
    if library == "jax":
        lengths, strides = (_tuple((1, 1, *each)) for each in ([a.taps for a in axes], [a.stride for a in axes]))
        start, fold = ("-jnp.inf", "jax.lax.max") if largest else ("0.0", "jax.lax.add")
        ends = _tuple(map(_tuple, [(0, 0), (0, 0), *_ends(axes)]))
        more = (
            ""
            if all(a.dilation == 1 for a in axes)
            else f", window_dilation={_tuple((1, 1, *(a.dilation for a in axes)))}"
        )
        total = f"jax.lax.reduce_window({x}, {start}, {fold}, {lengths}, {strides}, {ends}{more})"
        return total if largest else f"{total} / {_size(axes)}"
    if library == "tensorflow":
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


def _winner(form: Form, op: Winner) -> Text:
    if form.dialect.name != "numpy":
        raise form.own(op)
    filled = {"filled": "-np.inf"} if any(map(any, _ends(op.axes))) else {}
    found = _windows(form, form.name(op.x), op.axes, **filled)
    counts = ", ".join(str(axis.count) for axis in op.axes)
    flat = f"{found}.reshape(-1, {op.x.shape[1]}, {counts}, {_size(op.axes)})"
    return f"{flat}.argmax(axis=-1) + 1"


# -- heads, rows, positions


def _letters(factor: ContractFactor) -> str:
    # The sample has the letter of samples in all other lines.
    return factor.letters.replace("s", "n") if "n" not in factor.letters else factor.letters


def _headed(form: Form, factor: ContractFactor, sizes: Mapping[str, int]) -> str:
    """An array with an axis for each of its letters."""
    name = form.name(factor.array)
    if all(len(axis) == 1 for axis in factor.axes):
        return name
    lead = ["-1"] if factor.array.batched else []
    return form.dialect.reshaped(name, [*lead, *(str(sizes[letter]) for axis in factor.axes for letter in axis)])


def _contracted(form: Form, made: ContractFactor, factors: Sequence[ContractFactor], sizes: Mapping[str, int]) -> str:
    rule = f"{','.join(map(_letters, factors))}->{_letters(made)}"
    operands = ", ".join(_headed(form, factor, sizes) for factor in factors)
    found = f'{form.dialect.module}.einsum("{rule}", {operands})'
    if all(len(axis) == 1 for axis in made.axes):
        return found
    lead = ["-1"] if made.array.batched else []
    return form.dialect.reshaped(found, [*lead, *map(str, made.array.shape[len(lead) :])])


def _has_heads(*factors: ContractFactor) -> bool:
    return any(len(axis) > 1 for factor in factors for axis in factor.axes)


def _contraction(form: Form, op: Contract) -> Text:
    if not _has_heads(op.made, op.left, op.right) or op.bias is not None:
        return None
    return _contracted(form, op.made, (op.left, op.right), op.sizes)


def _scores(form: Form, op: Scores) -> Text:
    """The scores; of the positions to come −inf."""
    if not op.causal:
        return None
    seen = form.equation(replace(op, causal=False))
    square = op.target.shape[-2:]
    if square[0] != square[1]:
        raise form.refusal(op)
    return form.dialect.where(form.dialect.lower.format(size=square[0]), seen, form.dialect.lowest)


def _whole_row(form: Form, op: RowMaximum | RowSum) -> Text:
    """Of a row all: what is to come is −inf, and e to the power of that is 0."""
    return form.equation(replace(op, causal=False)) if op.causal else None


def _dense(form: Form, op: Dense) -> Text:
    if len(op.x.shape) <= 2:
        return None
    bias = "" if op.bias is None else f" + {form.name(op.bias)}"
    return f"{_flat(form, op.x)} @ {form.dialect.transposed(form.name(op.weights))}{bias}"


def _flat(form: Form, x: Array) -> str:
    """An array with all axes behind that of the samples as one."""
    return form.dialect.reshaped(form.name(x), [form.count, "-1"])


def _sinusoids(form: Form, op: Sinusoids) -> Text:
    form.helpers.add("sinusoids")
    positions, width = op.x.shape[1:]
    waves = f"sinusoids({positions}, {width})"
    return f"{form.name(op.x)} + {waves if form.dialect.name == 'numpy' else form.dialect.array.format(waves)}"


def _mixed(form: Form, op: Op, x: str, mixes: Sequence[Mix]) -> str:
    """Interpolation: a matrix along each axis."""
    letters = dict(zip(SPATIAL[len(mixes)], "pqr", strict=False))
    matrices = []
    for mix in mixes:
        if len(mix.taps) * mix.length > MOST_WEIGHTS:
            raise form.refusal(op)
        weights = [[float(dict(taps).get(source, 0)) for source in range(mix.length)] for taps in mix.taps]
        matrices.append(form.dialect.array.format(repr(weights)))
    rules = ",".join(f"{after}{before}" for before, after in letters.items())
    rule = f"nc{''.join(letters)},{rules}->nc{''.join(letters.values())}"
    return f'{form.dialect.module}.einsum("{rule}", {x}, {", ".join(matrices)})'


def _total(form: Form, op: Total) -> Text:
    return " + ".join(form.dialect.reduce("sum", form.name(array), ()) for array in op.loss_terms)


def _collected(form: Form, op: Collect) -> Text:
    values = ", ".join(map(form.name, op.values))
    return f"{form.dialect.module}.stack([{values}], {form.dialect.axis}=1)"


def _reshaped(form: Form, op: Recast) -> Text:
    return _recast(form, form.name(op.x), op.target)


def _permuted(form: Form, op: Permute) -> Text:
    return form.dialect.permuted(form.name(op.x), op.axes)


def _joined(form: Form, op: Join) -> Text:
    return form.dialect.joined(list(map(form.name, op.sources)), op.axis)


def _recast(form: Form, text: str, array: Array) -> str:
    """An array row by row in the shape of another one."""
    return form.dialect.reshaped(text, [form.count, *map(str, array.element_shape)])


OPS: Mapping[type[Op], Callable[[Form, Any], Text]] = {
    Convolve: _convolved,
    ConvolveTransposed: _transposed,
    MaxPool: lambda form, op: _pooled(form, op, "max"),
    AveragePool: lambda form, op: _pooled(form, op, "avg"),
    Winner: _winner,
    Dense: _dense,
    Sinusoids: _sinusoids,
    Blend: lambda form, op: _mixed(form, op, form.name(op.x), op.mixes),
    Collect: _collected,
    Recast: _reshaped,
    Join: _joined,
    Permute: _permuted,
    Total: _total,
    Scores: _scores,
    RowMaximum: _whole_row,
    RowSum: _whole_row,
    **dict.fromkeys(Contract.__subclasses__(), _contraction),
}
"""By class of op: its line; the gradient of an array, which has parts, is in ``line``."""


# -- the way back, with NumPy


def _gradient(form: Form, op: Gradient) -> Text:
    """The uses of an array added up; where a use reads a part of it only, part by part."""
    if any(part.region is not None for part in op.parts):
        return _stacked(form, op)
    if not any(type(part) in PARTS for part in op.parts):
        return None
    return " + ".join(_use(form, op, part) for part in op.parts)


def _use(form: Form, op: Gradient, part: Part) -> str:
    write: Callable[[Form, Gradient, Any], Text] | None = PARTS.get(type(part))
    found = None if write is None else write(form, op, part)
    return form.equation(replace(op, parts=(part,))) if found is None else found


def _stacked(form: Form, op: Gradient) -> Text:
    """Stretches of rows one below the other: the gates of a recurrent layer, the time steps that it reads."""
    length, *others = op.target.element_shape
    whole = [(0, size) for size in others]
    rows = sorted({part.region[0] for part in op.parts if part.region is not None})
    if any(part.region is None or list(part.region[1:]) != whole for part in op.parts):
        return None
    if [0, *(stop for _first, stop in rows)] != [*(first for first, _stop in rows), length]:
        return None
    found = []
    for bounds in rows:
        parts = tuple(part for part in op.parts if part.region is not None and part.region[0] == bounds)
        found.append(form.equation(replace(op, parts=parts), rows=bounds))
    if len(found) == 1:
        return found[0]
    return f"np.concatenate([{', '.join(found)}]{', axis=1' if op.target.batched else ''})"


def _dense_weights(form: Form, _op: Gradient, part: WeightPart) -> Text:
    return None if len(part.x.shape) <= 2 else f"{form.name(part.g)}.T @ {_flat(form, part.x)}"


def _dense_inputs(form: Form, op: Gradient, part: InputPart) -> Text:
    if len(op.of.shape) <= 2:
        return None
    return f"({form.name(part.g)} @ {form.name(part.weights)}).reshape({form.name(op.of)}.shape)"


def _kernel(form: Form, _op: Gradient, part: KernelPart) -> Text:
    return _Taps(form, part.link).paired(form.name(part.small), form.name(part.big))


def _scattered(form: Form, op: Gradient, part: ScatterPart) -> Text:
    parts = _Taps(form, part.link).scattered(form.name(part.g), form.name(part.weights))
    return _overlapped(form, parts, form.name(op.of), part.link.axes)


def _gathered(form: Form, _op: Gradient, part: GatherPart) -> Text:
    return _Taps(form, part.link).gathered(form.name(part.g), form.name(part.weights))


def _routed(form: Form, op: Gradient, part: RoutedPart) -> Text:
    """To the tap that won, counted in row order, goes all."""
    axes = part.axes
    form.helpers.add("routed")
    parts = f"routed({form.name(part.g)}, {form.name(part.winner)}, {_lengths(axes)})"
    return _overlapped(form, parts, form.name(op.of), axes)


def _shared(form: Form, op: Gradient, part: SharedPart) -> Text:
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


def _rows(form: Form, _op: Gradient, part: RowsPart) -> Text:
    """A row of the table gets the gradients of the places that name it."""
    rows = part.table.shape[0]
    letters = "npqr"[: len(part.numbers.shape)]
    nones = ", ".join(["None"] * len(part.numbers.shape))
    named = f"(np.arange({rows})[:, {nones}] == {form.name(part.numbers)}).astype(float)"
    return f'np.einsum("v{letters},{letters}d->vd", {named}, {form.name(part.g)})'


def _edges(form: Form, _op: Gradient, part: EdgePart) -> Text:
    """Of each edge the delta at its end times the value at its start."""
    sources = [
        form.name(source) if len(source.shape) == 2 else f"{form.name(source)}.reshape({form.count}, -1)"
        for source in part.columns.sources
    ]
    x = sources[0] if len(sources) == 1 else f"np.concatenate([{', '.join(sources)}], axis=1)"
    g = form.name(part.g)
    if part.edges is None:
        return f"{g}.T @ {x}"
    units, columns = (list(side) for side in zip(*part.edges, strict=True))
    return f"({g}[:, {units}] * {x}[:, {columns}]).sum(axis=0)"


def _heads(form: Form, _op: Gradient, part: ContractPart) -> Text:
    if not _has_heads(part.wanted, part.g, part.other):
        return None
    return _contracted(form, part.wanted, (part.g, part.other), part.sizes)


def _normaliser(form: Form, op: Gradient, part: NormaliserPart) -> Text:
    return form.equation(replace(op, parts=(replace(part, causal=False),))) if part.causal else None


def _permuted_back(form: Form, _op: Gradient, part: PermutePart) -> Text:
    back = sorted(range(len(part.axes)), key=part.axes.__getitem__)
    return form.dialect.permuted(form.name(part.g), back)


def _recast_back(form: Form, op: Gradient, part: RecastPart) -> Text:
    return _recast(form, form.name(part.g), op.target)


PARTS: Mapping[type[Part], Callable[[Form, Gradient, Any], Text]] = {
    WeightPart: _dense_weights,
    InputPart: _dense_inputs,
    KernelPart: _kernel,
    ScatterPart: _scattered,
    GatherPart: _gathered,
    RoutedPart: _routed,
    SharedPart: _shared,
    RowsPart: _rows,
    EdgePart: _edges,
    ContractPart: _heads,
    NormaliserPart: _normaliser,
    RecastPart: _recast_back,
    PermutePart: _permuted_back,
    BlendPart: lambda form, op, part: _mixed(form, op, form.name(part.g), part.mixes),
}
"""By class of use: what NumPy computes."""


# -- what lines call

_NUMPY = {
    "windows": '''
def windows(x, kernel, stride=None, padding=None, dilation=None, filled=0.0):
    """All windows of x: (samples, channels, *positions, *kernel)."""
    n = len(kernel)
    stride, padding, dilation = stride or (1,) * n, padding or ((0, 0),) * n, dilation or (1,) * n
    x = np.pad(x, [(0, 0), (0, 0), *padding], constant_values=filled)
    reach = [(taps - 1) * step + 1 for taps, step in zip(kernel, dilation)]
    found = np.lib.stride_tricks.sliding_window_view(x, reach, axis=tuple(range(2, 2 + n)))
    return found[(..., *(slice(None, None, step) for step in (*stride, *dilation)))]
''',
    "overlapped": '''
def overlapped(parts, shape, stride=None, padding=None, dilation=None):
    """The way back through windows: what lies on each other is added up in an array of a shape."""
    n = len(shape) - 2
    stride, padding, dilation = stride or (1,) * n, padding or ((0, 0),) * n, dilation or (1,) * n
    found = np.zeros((*shape[:2], *(length + before + behind for length, (before, behind) in zip(shape[2:], padding))))
    for tap in np.ndindex(parts.shape[-n:]):
        first = [t * step for t, step in zip(tap, dilation)]
        at = (slice(f, f + s * (count - 1) + 1, s) for f, s, count in zip(first, stride, parts.shape[2:]))
        found[(..., *at)] += parts[(..., *tap)]
    return found[(..., *(slice(before, before + length) for length, (before, _) in zip(shape[2:], padding)))]
''',
    "routed": '''
def routed(g, winner, kernel):
    """The windows of a gradient that goes to their winners, which are counted from 1."""
    taps = np.arange(1, np.prod(kernel) + 1)
    return np.where(winner[..., None] == taps, g[..., None], 0.0).reshape(*g.shape, *kernel)
''',
}
_WAVES = '''
def sinusoids(positions, width):
    """The waves that tell positions apart."""
    element = np.arange(width)
    place = np.arange(positions)[:, None] / 10000.0 ** ((element - element % 2) / width)
    return np.where(element % 2 == 0, np.sin(place), np.cos(place))
'''
_TENSORFLOW = {
    "convolution": '''
def convolution(x, W, stride=None, padding=None, dilation=None):
    """TensorFlow has channels last."""
    n = len(x.shape) - 2
    last, first = [0, *range(2, 2 + n), 1], [0, 1 + n, *range(1, 1 + n)]
    x = tf.transpose(tf.pad(x, [(0, 0), (0, 0), *(padding or ((0, 0),) * n)]), last)
    W = tf.transpose(W, [*range(2, 2 + n), 1, 0])
    net = tf.nn.convolution(x, W, strides=stride or 1, dilations=dilation or 1)
    return tf.transpose(net, first)
''',
    "pooled": '''
def pooled(x, kind, kernel, stride=None, padding=None, dilation=None, filled=0.0):
    """TensorFlow has channels last."""
    n = len(kernel)
    last, first = [0, *range(2, 2 + n), 1], [0, 1 + n, *range(1, 1 + n)]
    x = tf.pad(x, [(0, 0), (0, 0), *(padding or ((0, 0),) * n)], constant_values=tf.cast(filled, x.dtype))
    out = tf.nn.pool(tf.transpose(x, last), kernel, kind, strides=stride or (1,) * n, dilations=dilation)
    return tf.transpose(out, first)
''',
}
HELPERS: Mapping[str, Mapping[str, str]] = {
    "numpy": {**_NUMPY, "sinusoids": _WAVES},
    "torch": {"sinusoids": _WAVES},
    "tensorflow": {**_TENSORFLOW, "sinusoids": _WAVES},
    "jax": {"sinusoids": _WAVES},
}
"""By library: the functions that lines call, by name."""


def helpers(library: str, names: Iterable[str]) -> list[str]:
    """The lines of some of these functions, with two blank ones before each."""
    wanted = set(names)
    found: list[str] = []
    for name, text in HELPERS[library].items():
        if name in wanted:
            found += ["", *text.rstrip().splitlines()]
    return found
