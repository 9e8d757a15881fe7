"""Operators that move elements: joining, picking, padding, pooling, and the gradients of views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from retrograde.engine.equations.expression import ZERO, ArgMax, Comparison, Const, Div, Expr, Index, Max
from retrograde.engine.recording.aten.reading import Given, UnstatedError, states, times, total, where
from retrograde.engine.recording.aten.reductions import count
from retrograde.engine.recording.window import Tensor


def _axis(given: Given, rank: int, name: str = "dim") -> int:
    return int(given.number(name)) % max(rank, 1)


def _tensors(given: Given) -> list[Tensor]:
    found = given.arguments.get("tensors")
    if not isinstance(found, list) or not all(isinstance(one, Tensor) for one in found):
        raise UnstatedError("tensors")
    return found


@states("cat", meshable=False)
def _cat(given: Given, index: Index) -> Expr:
    axis = _axis(given, len(index))
    place = index[axis]
    for source in _tensors(given):
        if source.shape == (0,) and len(index) != 1:
            continue
        if place < source.shape[axis]:
            return source.at(*index[:axis], place, *index[axis + 1 :])
        place -= source.shape[axis]
    raise UnstatedError("dim")


@states("stack", meshable=False)
def _stack(given: Given, index: Index) -> Expr:
    axis = _axis(given, len(index))
    return _tensors(given)[index[axis]].at(*index[:axis], *index[axis + 1 :])


@states("flip", meshable=False)
def _flip(given: Given, index: Index) -> Expr:
    source = given.tensor("self")
    flipped = {axis % source.rank for axis in given.ints("dims")}
    return source.at(*(source.shape[axis] - 1 - i if axis in flipped else i for axis, i in enumerate(index)))


@states("repeat")
def _repeat(given: Given, index: Index) -> Expr:
    source = given.tensor("self")
    own = index[len(index) - source.rank :]
    return source.at(*(i % length for i, length in zip(own, source.shape, strict=True)))


@states("constant_pad_nd", meshable=False)
def _pad(given: Given, index: Index) -> Expr:
    source, pad = given.tensor("self"), given.ints("pad")
    place = list(index)
    for number in range(len(pad) // 2):
        axis = source.rank - 1 - number
        place[axis] -= pad[2 * number]
        if not 0 <= place[axis] < source.shape[axis]:
            return given.const("value")
    return source.at(*place)


@states("select_backward", meshable=False)
def _select_backward(given: Given, index: Index) -> Expr:
    axis = _axis(given, len(index))
    chosen = int(given.number("index")) % given.out.shape[axis]
    grad = given.tensor("grad_output")
    return grad.at(*index[:axis], *index[axis + 1 :]) if index[axis] == chosen else ZERO


@states("slice_backward", meshable=False)
def _slice_backward(given: Given, index: Index) -> Expr:
    axis, step = _axis(given, len(index)), int(given.number("step", 1))
    length, grad = given.out.shape[axis], given.tensor("grad_output")
    start = int(given.number("start"))
    place, rest = divmod(index[axis] - max(start + length if start < 0 else start, 0), step)
    if rest or not 0 <= place < grad.shape[axis]:
        return ZERO
    return grad.at(*index[:axis], place, *index[axis + 1 :])


@states("embedding")
def _embedding(given: Given, index: Index) -> Expr:
    row = given.known(given.tensor("indices").at(*index[:-1]))
    return given.tensor("weight").at(row, index[-1])


@states("embedding_dense_backward", meshable=False)
def _embedding_backward(given: Given, index: Index) -> Expr:
    grad, indices = given.tensor("grad_output"), given.tensor("indices")
    row, column = index
    if given.arguments.get("scale_grad_by_freq"):
        raise UnstatedError("scale_grad_by_freq")
    if row == int(given.number("padding_idx", -1)):
        return ZERO
    places = [place for place in np.ndindex(*indices.shape) if given.known(indices.at(*place)) == row]
    return total([grad.at(*place, column) for place in places])


@states("index_select")
def _index_select(given: Given, index: Index) -> Expr:
    source = given.tensor("self")
    axis = _axis(given, source.rank)
    place = given.known(given.tensor("index").at(index[axis] if index else 0))
    return source.at(*index[:axis], place, *index[axis + 1 :])


@states("gather")
def _gather(given: Given, index: Index) -> Expr:
    source = given.tensor("self")
    axis = _axis(given, source.rank)
    place = given.known(given.tensor("index").at(*index))
    return source.at(*index[:axis], place, *index[axis + 1 :])


@states("topk", "sort", positions=(0,))
def _topk(given: Given, index: Index) -> Expr:
    source = given.tensor("self")
    axis = _axis(given, source.rank) if given.arguments.get("dim") is not None else source.rank - 1
    place = given.known(given.results[1].at(*index))
    return source.at(*index[:axis], place, *index[axis + 1 :])


@states("index")
def _index(given: Given, index: Index) -> Expr:
    source, listed = given.tensor("self"), given.arguments.get("indices")
    if not isinstance(listed, list):
        raise UnstatedError("indices")
    tensors = [*listed, *[None] * (source.rank - len(listed))]
    picked = [axis for axis, one in enumerate(tensors) if isinstance(one, Tensor)]
    if not picked or any(tensors[axis].dtype in {"bool", "uint8"} for axis in picked):
        raise UnstatedError("indices")
    rank = max(tensors[axis].rank for axis in picked)
    together = picked == [*range(picked[0], picked[-1] + 1)]
    first = picked[0] if together else 0
    shared, others = index[first : first + rank], iter([*index[:first], *index[first + rank :]])
    place: list[Any] = []
    for axis, one in enumerate(tensors):
        if isinstance(one, Tensor):
            found = given.known(one.spread(shared))
            place.append(found % source.shape[axis])
        else:
            place.append(next(others))
    return source.at(*place)


def _wide(given: Given, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
    found = given.ints(name) or default
    return found * 2 if len(found) == 1 else found


def _window(given: Given, place: Sequence[Any], shape: Sequence[int]) -> Iterator[tuple[int, ...]]:
    kernel = _wide(given, "kernel_size", (1, 1))
    stride, padding = _wide(given, "stride", kernel), _wide(given, "padding", (0, 0))
    dilation = _wide(given, "dilation", (1, 1))
    for tap in np.ndindex(*kernel):
        at = tuple(o * s - p + k * d for o, s, p, k, d in zip(place, stride, padding, tap, dilation, strict=True))
        if all(0 <= i < n for i, n in zip(at, shape, strict=True)):
            yield at


def _outputs(given: Given, place: Sequence[int], shape: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """The outputs of a pooling whose windows hold an input."""
    kernel = _wide(given, "kernel_size", (1, 1))
    stride, padding = _wide(given, "stride", kernel), _wide(given, "padding", (0, 0))
    dilation = _wide(given, "dilation", (1, 1))
    for tap in reversed([*np.ndindex(*kernel)]):
        found = []
        for i, s, p, k, d, n in zip(place, stride, padding, tap, dilation, shape, strict=True):
            o, rest = divmod(i + p - k * d, s)
            if not rest and 0 <= o < n:
                found.append(o)
        if len(found) == len(shape):
            yield tuple(found)


@states("max_pool2d_with_indices", meshable=False)
def _max_pool(given: Given, index: Index) -> Expr:
    source = given.tensor("self")
    *before, row, column = index
    places = [*_window(given, (row, column), source.shape[-2:])]
    terms = Max(tuple(source.at(*before, *place) for place in places))
    if given.position == 0:
        return terms if len(places) > 1 else terms.terms[0]
    return ArgMax(terms, tuple(i * source.shape[-1] + j for i, j in places))


@states("max_pool2d_with_indices_backward", meshable=False)
def _max_pool_backward(given: Given, index: Index) -> Expr:
    grad, chosen, width = given.tensor("grad_output"), given.tensor("indices"), given.out.shape[-1]
    *before, row, column = index
    own = Const(float(row * width + column))
    return total(
        [
            where(Comparison.EQ, chosen.at(*before, *out), own, grad.at(*before, *out), ZERO)
            for out in sorted(_outputs(given, (row, column), grad.shape[-2:]))
        ]
    )


def _divisor(given: Given, place: Sequence[int], shape: Sequence[int]) -> int:
    """By what the sum of a window is divided: its size, the padding counted or not."""
    if given.arguments.get("divisor_override") is not None:
        return int(given.number("divisor_override"))
    if not given.arguments.get("count_include_pad", True):
        return len([*_window(given, place, shape)])
    kernel = _wide(given, "kernel_size", (1, 1))
    stride, padding = _wide(given, "stride", kernel), _wide(given, "padding", (0, 0))
    found = 1
    for o, s, p, k, n in zip(place, stride, padding, kernel, shape, strict=True):
        start = o * s - p
        found *= min(start + k, n + p) - start
    return found


@states("avg_pool2d", meshable=False)
def _avg_pool(given: Given, index: Index) -> Expr:
    source = given.tensor("self")
    *before, row, column = index
    shape = source.shape[-2:]
    slots: list[Expr] = [source.at(*before, *place) for place in _window(given, (row, column), shape)]
    return Div(total(slots), count(_divisor(given, (row, column), shape)))


@states("avg_pool2d_backward", meshable=False)
def _avg_pool_backward(given: Given, index: Index) -> Expr:
    grad, shape = given.tensor("grad_output"), given.out.shape[-2:]
    *before, row, column = index
    return total(
        [
            Div(grad.at(*before, *out), count(_divisor(given, out, shape)))
            for out in sorted(_outputs(given, (row, column), grad.shape[-2:]))
        ]
    )


def _places(given: Given, picked: Sequence[Tensor]) -> Iterator[tuple[tuple[int, ...], Any]]:
    """The elements of a written value, each with the place that the indices send it to."""
    shape = np.broadcast_shapes(*(one.shape for one in picked))
    for place in np.ndindex(*shape):
        yield place, tuple(int(given.known(one.spread(place))) for one in picked)


@states("index_add", meshable=False)
def _index_add(given: Given, index: Index) -> Expr:
    source, indices = given.tensor("source"), given.tensor("index")
    axis, alpha = _axis(given, len(index)), given.const("alpha", 1.0)
    parts = [
        times(alpha, source.at(*index[:axis], k, *index[axis + 1 :]))
        for k in range(indices.size)
        if given.known(indices.at(*((k,) if indices.rank else ()))) == index[axis]
    ]
    return total([given.tensor("self").at(*index), *parts])


@states("index_put", "_unsafe_index_put", meshable=False)
def _index_put(given: Given, index: Index) -> Expr:
    target, written, listed = given.tensor("self"), given.tensor("values"), given.arguments.get("indices")
    if not isinstance(listed, list) or not all(isinstance(one, Tensor) for one in listed):
        raise UnstatedError("indices")
    if any(one.dtype in {"bool", "uint8"} for one in listed):
        raise UnstatedError("indices")
    count_, rest = len(listed), index[len(listed) :]
    found: list[Expr] = []
    for place, chosen in _places(given, listed):
        if all(one % n == i for one, n, i in zip(chosen, target.shape, index[:count_], strict=False)):
            found.append(written.spread((*place, *rest)))
    if given.arguments.get("accumulate"):
        return total([target.at(*index), *found])
    return found[-1] if found else target.at(*index)


@states("scatter", "scatter_add", meshable=False)
def _scatter(given: Given, index: Index) -> Expr:
    target, indices = given.tensor("self"), given.tensor("index")
    if given.arguments.get("reduce") is not None:
        raise UnstatedError("reduce")
    axis = _axis(given, target.rank)
    found: list[Expr] = []
    if all(i < n for a, (i, n) in enumerate(zip(index, indices.shape, strict=True)) if a != axis):
        for k in range(indices.shape[axis]):
            place = (*index[:axis], k, *index[axis + 1 :])
            if given.known(indices.at(*place)) == index[axis]:
                source = given.maybe("src")
                found.append(given.const("value") if source is None else source.at(*place))
    if given.arguments["__op__"] == "scatter_add":
        return total([target.at(*index), *found])
    return found[-1] if found else target.at(*index)


def _nearest(given: Given, out: Sequence[int], source: Sequence[int], place: Sequence[int]) -> tuple[int, ...]:
    if given.arguments.get("scales_h") is None and any(o % s for o, s in zip(out, source, strict=True)):
        raise UnstatedError("scales_h")
    return tuple(i * s // o for i, s, o in zip(place, source, out, strict=True))


@states("upsample_nearest2d", meshable=False)
def _upsample(given: Given, index: Index) -> Expr:
    source = given.tensor("self")
    return source.at(*index[:-2], *_nearest(given, given.out.shape[-2:], source.shape[-2:], index[-2:]))


@states("upsample_nearest2d_backward", meshable=False)
def _upsample_backward(given: Given, index: Index) -> Expr:
    grad, shape = given.tensor("grad_output"), given.out.shape[-2:]
    places = np.ndindex(*grad.shape[-2:])
    slots = [
        grad.at(*index[:-2], *place)
        for place in places
        if _nearest(given, grad.shape[-2:], shape, place) == tuple(index[-2:])
    ]
    return total(slots)
