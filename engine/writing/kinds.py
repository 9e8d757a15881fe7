"""Kinds of op that people do not write element by element: convolution, pooling, heads of attention, looked-up rows.

Each has a line for every library, or, on the way back, which only NumPy writes out, one for NumPy. The line stands for
the same sums as the equation of the op; tests run it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from retrograde.engine.equations.array import Array
from retrograde.engine.ops.attention import Scores
from retrograde.engine.ops.base import Op, Part
from retrograde.engine.ops.blend import Blend, BlendPart, Mix
from retrograde.engine.ops.contract import Contract, ContractFactor, ContractPart
from retrograde.engine.ops.conv import Convolve, ConvolveTransposed, GatherPart, KernelPart, ScatterPart
from retrograde.engine.ops.dense import Dense, InputPart, WeightPart
from retrograde.engine.ops.edges import EdgeColumns, EdgePart, EdgeSum, SourcePart
from retrograde.engine.ops.embedding import RowsPart, Sinusoids
from retrograde.engine.ops.gate import Collect
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.ops.loss import Total
from retrograde.engine.ops.pool import AveragePool, MaxPool, RoutedPart, SharedPart, Winner
from retrograde.engine.ops.rearrange import Join, Permute, PermutePart, Recast, RecastPart
from retrograde.engine.ops.slice import SlicePart
from retrograde.engine.ops.softmax import NormaliserPart, RowMaximum, RowSum
from retrograde.engine.writing.form import Form, Text
from retrograde.engine.writing.windows import (
    SPATIAL,
    convolved,
    gathered,
    kernel,
    pooled,
    routed,
    scattered,
    shared,
    transposed,
    winner,
)

MOST_WEIGHTS = 200
"""Weights of an interpolation along an axis that stand in a line."""


def line(form: Form, op: Op) -> Text:
    """The right side of a line that makes what an op makes, of an op that has one of its own.

    Raises:
        EngineError: this library has none.
    """
    if isinstance(op, Gradient):
        return _gradient(form, op)
    write: Callable[[Form, Any], Text] | None = OPS.get(type(op))
    return None if write is None else write(form, op)


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


def _edge_sum(form: Form, op: EdgeSum) -> Text:
    """The units of several layers side by side; of edges the weight of each times its start, added up at its end."""
    if op.edges is None and all(len(source.shape) == 2 for source in op.columns.sources):
        return None
    x, weights = _side_by_side(form, op.columns), form.name(op.weights)
    bias = "" if op.bias is None else f" + {form.name(op.bias)}"
    if op.edges is None:
        return f"{x} @ {form.dialect.transposed(weights)}{bias}"
    units, columns = (list(side) for side in zip(*op.edges, strict=True))
    starts = form.dialect.columns.format(x=x, places=columns)
    return f"({starts} * {weights}) @ {form.dialect.unit_rows.format(size=op.units, places=units)}{bias}"


def _side_by_side(form: Form, columns: EdgeColumns) -> str:
    """The units of some arrays in turn."""
    sources = [form.name(source) if len(source.shape) == 2 else _flat(form, source) for source in columns.sources]
    return sources[0] if len(sources) == 1 else form.dialect.joined(sources, 1)


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
    Convolve: convolved,
    ConvolveTransposed: transposed,
    MaxPool: lambda form, op: pooled(form, op, "max"),
    AveragePool: lambda form, op: pooled(form, op, "avg"),
    Winner: winner,
    Dense: _dense,
    EdgeSum: _edge_sum,
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
        found = _stacked(form, op)
        return _placed(form, op) if found is None else found
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


def _placed(form: Form, op: Gradient) -> Text:
    """Uses of all of an array, and of stretches of rows, each with zeros around it, added up."""
    length, *others = op.target.element_shape
    whole = [(0, size) for size in others]
    found = []
    for region in dict.fromkeys(part.region for part in op.parts):
        parts = tuple(part for part in op.parts if part.region == region)
        if region is None:
            found += [_use(form, op, part) for part in parts]
            continue
        if list(region[1:]) != whole:
            raise form.refusal(op)
        first, stop = region[0]
        text = form.equation(replace(op, parts=parts), rows=(first, stop))
        found.append(_padded(text, op.target, 0, first, length - stop))
    return " + ".join(found)


def _padded(text: str, array: Array, axis: int, before: int, behind: int) -> str:
    """What has zeros around it along an axis of an array, counted without the sample."""
    ends = [(0, 0)] * len(array.shape)
    ends[axis + array.batched] = before, behind
    return f"np.pad({text}, {tuple(ends) if len(ends) > 1 else ends})" if before or behind else text


def _sliced(form: Form, op: Gradient, part: SlicePart) -> Text:
    """The gradient of a part where that was taken, and zeros around it."""
    places, axis = part.stretch.places, part.stretch.axis - 1
    if places.step != 1:
        raise form.refusal(op)
    text = form.name(part.g)
    if part.stretch.dropped:
        kept = [*part.shape[:axis], 1, *part.shape[axis + 1 :]]
        text = form.dialect.reshaped(text, [form.count, *map(str, kept)])
    return _padded(text, op.target, axis, places.start, part.shape[axis] - places.stop)


def _dense_weights(form: Form, _op: Gradient, part: WeightPart) -> Text:
    return None if len(part.x.shape) <= 2 else f"{form.name(part.g)}.T @ {_flat(form, part.x)}"


def _dense_inputs(form: Form, op: Gradient, part: InputPart) -> Text:
    if len(op.of.shape) <= 2:
        return None
    return f"({form.name(part.g)} @ {form.name(part.weights)}).reshape({form.name(op.of)}.shape)"


def _rows(form: Form, _op: Gradient, part: RowsPart) -> Text:
    """A row of the table gets the gradients of the places that name it."""
    rows = part.table.shape[0]
    letters = "npqr"[: len(part.numbers.shape)]
    nones = ", ".join(["None"] * len(part.numbers.shape))
    named = f"(np.arange({rows})[:, {nones}] == {form.name(part.numbers)}).astype(float)"
    return f'np.einsum("v{letters},{letters}d->vd", {named}, {form.name(part.g)})'


def _edges(form: Form, _op: Gradient, part: EdgePart) -> Text:
    """Of each edge the delta at its end times the value at its start."""
    x, g = _side_by_side(form, part.columns), form.name(part.g)
    if part.edges is None:
        return f"{g}.T @ {x}"
    units, columns = (list(side) for side in zip(*part.edges, strict=True))
    return f"({g}[:, {units}] * {x}[:, {columns}]).sum(axis=0)"


def _edge_sources(form: Form, op: Gradient, part: SourcePart) -> Text:
    """Of each edge its weight times the delta at its end, added up at its start."""
    if part.edges is None and len(part.shape) == 1:
        return None
    size = prod(part.shape)
    weights, g = form.name(part.weights), form.name(part.g)
    if part.edges is None:
        text = f"({g} @ {weights}[:, {part.first}:{part.first + size}])"
    else:
        inside = [(k, *edge) for k, edge in enumerate(part.edges) if part.first <= edge[1] < part.first + size]
        if not inside:
            return f"np.zeros_like({form.name(op.of)})"
        which, units, columns = (list(side) for side in zip(*inside, strict=True))
        starts = form.dialect.unit_rows.format(size=size, places=[column - part.first for column in columns])
        text = f"({g}[:, {units}] * {weights}{'' if len(which) == len(part.edges) else f'[{which}]'}) @ {starts}"
    return text if len(part.shape) == 1 else f"({text}).reshape({form.name(op.of)}.shape)"


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
    KernelPart: kernel,
    ScatterPart: scattered,
    GatherPart: gathered,
    RoutedPart: routed,
    SharedPart: shared,
    RowsPart: _rows,
    EdgePart: _edges,
    SourcePart: _edge_sources,
    SlicePart: _sliced,
    ContractPart: _heads,
    NormaliserPart: _normaliser,
    RecastPart: _recast_back,
    PermutePart: _permuted_back,
    BlendPart: lambda form, op, part: _mixed(form, op, form.name(part.g), part.mixes),
}
"""By class of use: what NumPy computes."""
