"""ONNX operators with windows: convolution, its transpose, and pooling."""

from __future__ import annotations

from math import prod
from typing import Any, Literal

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.ops.conv import Convolve, ConvolveTransposed
from retrograde.engine.ops.link import Link
from retrograde.engine.ops.pool import AveragePool, GlobalAverage, MaxPool, Winner
from retrograde.engine.ops.window import Axis
from tests.oracles.onnx_bench import Bench
from tests.oracles.onnx_cases import Case

Outputs = dict[int, Floats]


def tensor(case: Case, number: int) -> Any:
    """An input; None where it is left out."""
    return case.inputs[number] if number < len(case.inputs) else None


def axes_of(case: Case, lengths: tuple[int, ...], taps: tuple[int, ...]) -> tuple[Axis, ...]:
    """The windows along each spatial axis, with the padding that the attributes ask for."""
    count = len(lengths)
    found = []
    for number, (length, tap) in enumerate(zip(lengths, taps, strict=True)):
        stride = case.attributes.get("strides", [1] * count)[number]
        dilation = case.attributes.get("dilations", [1] * count)[number]
        reach = (tap - 1) * dilation + 1
        before, after = padding(case, number, length, reach, stride, count)
        room = length + before + after - reach
        made = room // stride + 1
        if case.attributes.get("ceil_mode"):
            made = -(-room // stride) + 1
            # A window that begins in the padding behind the last value is none.
            made -= (made - 1) * stride >= length + before
        found.append(Axis(length=length, count=made, taps=tap, stride=stride, dilation=dilation, before=before))
    return tuple(found)


def padding(case: Case, number: int, length: int, reach: int, stride: int, count: int) -> tuple[int, int]:
    """The padding before and after an axis."""
    pads = case.attributes.get("pads", [0] * 2 * count)
    match case.attributes.get("auto_pad", "NOTSET"):
        case "SAME_UPPER" | "SAME_LOWER" as mode:
            total = max(0, (-(-length // stride) - 1) * stride + reach - length)
            small, large = total // 2, total - total // 2
            return (small, large) if mode == "SAME_UPPER" else (large, small)
        case "VALID":
            return 0, 0
        case _:
            return pads[number], pads[number + count]


def conv(case: Case) -> Outputs:
    """Convolution."""
    x, weights, bias = tensor(case, 0), tensor(case, 1), tensor(case, 2)
    axes = axes_of(case, x.shape[2:], weights.shape[2:])
    bench = Bench(len(x))
    link = Link(weights=bench.leaf(weights, batched=False), axes=axes, groups=case.attributes.get("group", 1))
    made = bench.add(
        Convolve,
        (len(weights), *(axis.count for axis in axes)),
        x=bench.leaf(x),
        bias=None if bias is None else bench.leaf(bias, batched=False),
        link=link,
    )
    return {0: bench.run(made)[0]}


def conv_transpose(case: Case) -> Outputs:
    """Transposed convolution."""
    x, weights, bias = tensor(case, 0), tensor(case, 1), tensor(case, 2)
    groups, count = case.attributes.get("group", 1), x.ndim - 2
    wanted = case.attributes.get("output_shape")
    axes = []
    for number in range(count):
        stride = case.attributes.get("strides", [1] * count)[number]
        dilation = case.attributes.get("dilations", [1] * count)[number]
        extra = case.attributes.get("output_padding", [0] * count)[number]
        taps, positions = weights.shape[2 + number], x.shape[2 + number]
        whole = stride * (positions - 1) + extra + (taps - 1) * dilation + 1
        mode = case.attributes.get("auto_pad", "NOTSET")
        if wanted is not None or mode.startswith("SAME"):
            length = wanted[number] if wanted is not None else positions * stride
            total = max(0, whole - length)
            before = total // 2 if mode == "SAME_UPPER" else total - total // 2
        else:
            pads = case.attributes.get("pads", [0] * 2 * count)
            before = pads[number]
            length = whole - before - pads[number + count]
        axes.append(Axis(length=length, count=positions, taps=taps, stride=stride, dilation=dilation, before=before))
    bench = Bench(len(x))
    link = Link(weights=bench.leaf(weights, batched=False), axes=tuple(axes), groups=groups)
    made = bench.add(
        ConvolveTransposed,
        (weights.shape[1] * groups, *(axis.length for axis in axes)),
        x=bench.leaf(x),
        bias=None if bias is None else bench.leaf(bias, batched=False),
        link=link,
    )
    return {0: bench.run(made)[0]}


def max_pool(case: Case) -> Outputs:
    """Max pooling; the second output says where in the whole tensor each winner stands."""
    x = tensor(case, 0)
    axes = axes_of(case, x.shape[2:], tuple(case.attributes["kernel_shape"]))
    shape = (x.shape[1], *(axis.count for axis in axes))
    bench = Bench(len(x))
    source = bench.leaf(x)
    winner = bench.add(Winner, shape, x=source, axes=axes)
    made = bench.add(MaxPool, shape, x=source, winner=winner, axes=axes)
    out, taps = bench.run(made, winner)
    return {0: out, 1: _places(case, x.shape, axes, taps)}


def _places(case: Case, shape: tuple[int, ...], axes: tuple[Axis, ...], winners: Floats) -> Floats:
    """The positions of winners in the tensor laid out row by row, or with ``storage_order`` column by column."""
    spatial = tuple(axis.length for axis in axes)
    taps = np.unravel_index(winners.astype(np.intp) - 1, tuple(axis.taps for axis in axes))
    sample, channel, *position = np.indices(winners.shape)
    place = tuple(
        part * axis.stride + tap * axis.dilation - axis.before
        for part, tap, axis in zip(position, taps, axes, strict=True)
    )
    order: Literal["C", "F"] = "F" if case.attributes.get("storage_order") else "C"
    within = np.ravel_multi_index(place, spatial, order=order)
    return ((sample * shape[1] + channel) * prod(spatial) + within).astype(np.float64)


def average_pool(case: Case) -> Outputs:
    """Average pooling."""
    x = tensor(case, 0)
    axes = axes_of(case, x.shape[2:], tuple(case.attributes["kernel_shape"]))
    padded = bool(case.attributes.get("count_include_pad"))
    ends = None
    if padded and case.attributes.get("ceil_mode"):
        ends = tuple(axis.length + pad for axis, pad in zip(axes, _after(case, axes), strict=True))
    bench = Bench(len(x))
    shape = (x.shape[1], *(axis.count for axis in axes))
    return {0: bench.run(bench.add(AveragePool, shape, x=bench.leaf(x), axes=axes, padded=padded, ends=ends))[0]}


def _after(case: Case, axes: tuple[Axis, ...]) -> list[int]:
    """The padding behind each axis."""
    count = len(axes)
    return [
        padding(case, number, axis.length, (axis.taps - 1) * axis.dilation + 1, axis.stride, count)[1]
        for number, axis in enumerate(axes)
    ]


def global_average_pool(case: Case) -> Outputs:
    """The mean of each channel."""
    x = tensor(case, 0)
    bench = Bench(len(x))
    made = bench.run(bench.add(GlobalAverage.of, x.shape[1:2], x=bench.leaf(x)))[0]
    return {0: made.reshape(*x.shape[:2], *(1,) * (x.ndim - 2))}
