"""Products of matrices, and convolutions with their gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from retrograde.engine.equations.expression import ZERO, Expr, Index, Product, Ref, Sum
from retrograde.engine.recording.aten.reading import Given, UnstatedError, states, times, total
from retrograde.engine.recording.window import Tensor


def _dotted(left: Sequence[Ref], right: Sequence[Ref]) -> Expr:
    return total([Product(pair) for pair in zip(left, right, strict=True)])


@states("mm", "bmm")
def _mm(given: Given, index: Index) -> Expr:
    return _matrix(given.tensor("self"), given.maybe("mat2") or given.tensor("other"), index)


def _matrix(left: Tensor, right: Tensor, index: Index) -> Expr:
    *batch, row, column = index
    inner = range(left.shape[-1])
    return _dotted([left.at(*batch, row, k) for k in inner], [right.at(*batch, k, column) for k in inner])


def _added(given: Given, product: Expr, index: Index) -> Expr:
    own = times(given.const("beta", 1.0), given.operand("self", index))
    alpha = given.const("alpha", 1.0)
    if alpha.value == 1.0 and isinstance(product, Sum):
        parts: tuple[Expr, ...] = product.terms
    else:
        parts = (times(alpha, product),)
    return Sum(parts) if given.number("beta", 1.0) == 0 else Sum((*parts, own))


@states("addmm")
def _addmm(given: Given, index: Index) -> Expr:
    return _added(given, _matrix(given.tensor("mat1"), given.tensor("mat2"), index), index)


@states("baddbmm")
def _baddbmm(given: Given, index: Index) -> Expr:
    return _added(given, _matrix(given.tensor("batch1"), given.tensor("batch2"), index), index)


@states("mv")
def _mv(given: Given, index: Index) -> Expr:
    return _vector(given.tensor("self"), given.tensor("vec"), index)


def _vector(matrix: Tensor, vector: Tensor, index: Index) -> Expr:
    inner = range(matrix.shape[-1])
    return _dotted([matrix.at(*index, k) for k in inner], [vector.at(k) for k in inner])


@states("addmv")
def _addmv(given: Given, index: Index) -> Expr:
    return _added(given, _vector(given.tensor("mat"), given.tensor("vec"), index), index)


@states("dot")
def _dot(given: Given, index: Index) -> Expr:
    del index
    left, right = given.tensor("self"), given.tensor("tensor")
    return _dotted([left.at(k) for k in range(left.size)], [right.at(k) for k in range(left.size)])


class _Geometry(NamedTuple):
    """How a convolution walks: per spatial axis, and its groups."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int


def _geometry(given: Given, axes: int) -> _Geometry:
    def wide(name: str, default: int) -> tuple[int, ...]:
        found = given.ints(name) or (default,)
        return found * axes if len(found) == 1 else found

    groups = int(given.number("groups", 1))
    return _Geometry(wide("stride", 1), wide("padding", 0), wide("dilation", 1), groups)


def _inputs_of(geometry: _Geometry, place: Index, tap: tuple[int, ...], shape: Sequence[int]) -> tuple[int, ...] | None:
    """Where an output reads the input at a tap of the kernel; None in the padding."""
    found = tuple(
        o * s - p + k * d
        for o, s, p, k, d in zip(place, geometry.stride, geometry.padding, tap, geometry.dilation, strict=True)
    )
    return found if all(0 <= i < n for i, n in zip(found, shape, strict=True)) else None


def _outputs_of(
    geometry: _Geometry, place: Index, tap: tuple[int, ...], shape: Sequence[int]
) -> tuple[int, ...] | None:
    """Which output reads the input at a place by a tap of the kernel; None where none does."""
    found = []
    for i, s, p, k, d, n in zip(place, geometry.stride, geometry.padding, tap, geometry.dilation, shape, strict=True):
        o, rest = divmod(i + p - k * d, s)
        if rest or not 0 <= o < n:
            return None
        found.append(o)
    return tuple(found)


def _taps(shape: Sequence[int]) -> Iterator[tuple[int, ...]]:
    yield from np.ndindex(*shape)


def _forward(source: Tensor, weight: Tensor, geometry: _Geometry, index: Index) -> list[Expr]:
    sample, channel, *place = index
    inner, per_group = weight.shape[1], weight.shape[0] // geometry.groups
    first = channel // per_group * inner
    found: list[Expr] = []
    for k in range(inner):
        for tap in _taps(weight.shape[2:]):
            at = _inputs_of(geometry, tuple(place), tap, source.shape[2:])
            if at is not None:
                found.append(Product((source.at(sample, first + k, *at), weight.at(channel, k, *tap))))
    return found


def _towards(grad: Tensor, weight: Tensor, geometry: _Geometry, index: Index) -> list[Expr]:
    """What a transposed convolution reads: the gradient of a convolution's input."""
    sample, channel, *place = index
    outer, inner = weight.shape[0] // geometry.groups, weight.shape[1]
    group, own = divmod(channel, inner)
    found: list[Expr] = []
    for k in range(outer):
        for tap in _taps(weight.shape[2:]):
            at = _outputs_of(geometry, tuple(place), tap, grad.shape[2:])
            if at is not None:
                out = group * outer + k
                found.append(Product((grad.at(sample, out, *at), weight.at(out, own, *tap))))
    return found


def _of_weight(grad: Tensor, source: Tensor, geometry: _Geometry, shape: Sequence[int], index: Index) -> list[Expr]:
    channel, k, *tap = index
    first = channel // (shape[0] // geometry.groups) * shape[1]
    found: list[Expr] = []
    for sample in range(grad.shape[0]):
        for place in _taps(grad.shape[2:]):
            at = _inputs_of(geometry, place, tuple(tap), source.shape[2:])
            if at is not None:
                found.append(Product((grad.at(sample, channel, *place), source.at(sample, first + k, *at))))
    return found


@states("convolution", meshable=False)
def _convolution(given: Given, index: Index) -> Expr:
    source, weight, bias = given.tensor("input"), given.tensor("weight"), given.maybe("bias")
    geometry = _geometry(given, weight.rank - 2)
    if source.rank != weight.rank:
        raise UnstatedError("input")
    walk = _towards if given.arguments.get("transposed") else _forward
    return total([*walk(source, weight, geometry, index), *([] if bias is None else [bias.at(index[1])])])


@states("convolution_backward", meshable=False)
def _convolution_backward(given: Given, index: Index) -> Expr:
    grad, source, weight = (given.tensor(name) for name in ("grad_output", "input", "weight"))
    geometry = _geometry(given, weight.rank - 2)
    transposed = bool(given.arguments.get("transposed"))
    if source.rank != weight.rank:
        raise UnstatedError("input")
    if given.position == 0:
        walk = _forward if transposed else _towards
        return total(walk(grad, weight, geometry, index))
    if given.position == 1:
        # Of a transposed convolution the input and the output change places.
        ends = (source, grad) if transposed else (grad, source)
        return total(_of_weight(*ends, geometry, weight.shape, index))
    channel = index[0]
    places = [(sample, *place) for sample in range(grad.shape[0]) for place in _taps(grad.shape[2:])]
    found: list[Expr] = [grad.at(sample, channel, *place) for sample, *place in places]
    return total(found) if found else ZERO
