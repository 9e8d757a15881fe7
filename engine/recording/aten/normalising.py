"""Normalisation over a batch, a layer or a group, stated as PyTorch computes it, and its gradients.

The statistics that the operator gives besides are read, not computed again: they are results of the same call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retrograde.engine.equations.expression import (
    ONE,
    SQUARE,
    Call,
    Div,
    Expr,
    Index,
    Neg,
    Product,
    Ref,
    Sub,
    Sum,
)
from retrograde.engine.equations.functions import SQRT
from retrograde.engine.recording.aten.reading import Given, states, times, total
from retrograde.engine.recording.aten.reductions import count
from retrograde.engine.recording.window import Tensor


def _mean(slots: Sequence[Ref]) -> Expr:
    return Div(total(slots), count(len(slots)))


def _inverse_deviation(slots: Sequence[Ref], mean: Expr, epsilon: Expr) -> Expr:
    variance = Div(total([Call(SQUARE, Sub(slot, mean)) for slot in slots]), count(len(slots)))
    return Div(ONE, Call(SQRT, Sum((variance, epsilon))))


def _affine(x: Ref, mean: Expr, scale: Expr, weight: Ref | None, bias: Ref | None) -> Expr:
    """x·α + β with α = γ·s and β = b − μ·α: the association that PyTorch uses for a batch."""
    alpha = scale if weight is None else Product((scale, weight))
    beta: Expr = Neg(Product((mean, alpha))) if bias is None else Sub(bias, Product((mean, alpha)))
    return Sum((Product((x, alpha)), beta))


def _channel(source: Tensor, channel: Any) -> list[Ref]:
    """All elements of a channel, the samples in order."""
    places = np.ndindex(source.shape[0], *source.shape[2:])
    return [source.at(sample, channel, *place) for sample, *place in places]


@states("native_batch_norm")
def _batch_norm(given: Given, index: Index) -> Expr:
    source = given.tensor("input")
    training = bool(given.arguments.get("training"))
    channel = index[1] if given.position == 0 else index[0]
    epsilon = given.const("eps")
    weight, bias = given.maybe("weight"), given.maybe("bias")
    if given.position == 0:
        own, shift = (None if one is None else one.at(channel) for one in (weight, bias))
        if training:
            return _affine(source.at(*index), given.results[1].at(channel), given.results[2].at(channel), own, shift)
        mean, variance = given.tensor("running_mean").at(channel), given.tensor("running_var").at(channel)
        return _affine(source.at(*index), mean, Div(ONE, Call(SQRT, Sum((variance, epsilon)))), own, shift)
    slots = _channel(source, channel)
    if given.position == 1:
        return _mean(slots)
    mean = given.results[1].at(channel)
    if given.position == 2:
        return _inverse_deviation(slots, mean, epsilon)
    momentum = given.const("momentum")
    kept = given.rounded(1 - given.number("momentum"))
    if given.position == 3:
        return Sum((Product((momentum, mean)), Product((kept, given.tensor("running_mean").at(channel)))))
    spread = Div(total([Call(SQUARE, Sub(slot, mean)) for slot in slots]), count(len(slots) - 1))
    return Sum((Product((momentum, spread)), Product((kept, given.tensor("running_var").at(channel)))))


@states("native_batch_norm_backward")
def _batch_norm_backward(given: Given, index: Index) -> Expr:
    grad, source = given.tensor("grad_out"), given.tensor("input")
    training = bool(given.arguments.get("train", True))
    channel = index[1] if given.position == 0 else index[0]
    weight = given.maybe("weight")
    if training:
        mean: Expr = given.tensor("save_mean").at(channel)
        scale: Expr = given.tensor("save_invstd").at(channel)
    else:
        mean = given.tensor("running_mean").at(channel)
        variance = given.tensor("running_var").at(channel)
        scale = Div(ONE, Call(SQRT, Sum((variance, given.const("eps", 1e-5)))))
    grads = _channel(grad, channel)
    if given.position == 2:
        return total(grads)
    slots = _channel(source, channel)
    dot = total([Product((Sub(x, mean), g)) for x, g in zip(slots, grads, strict=True)])
    if given.position == 1:
        return Product((dot, scale))
    gain: tuple[Expr, ...] = (scale,) if weight is None else (scale, weight.at(channel))
    own = grad.at(*index)
    if not training:
        return Product((own, *gain))
    n = count(len(slots))
    part = Product((Sub(source.at(*index), mean), Div(Product((dot, scale, scale)), n)))
    return Product((Sub(Sub(own, Div(total(grads), n)), part), *gain))


def _inner(given: Given) -> int:
    return len(given.ints("normalized_shape"))


@states("native_layer_norm")
def _layer_norm(given: Given, index: Index) -> Expr:
    source, axes = given.tensor("input"), _inner(given)
    outer = index[: source.rank - axes]
    if given.position == 0:
        inner = index[source.rank - axes :]
        mean, scale = (given.results[place].at(*outer, *(0,) * axes) for place in (1, 2))
        normed: Expr = Product((Sub(source.at(*index), mean), scale))
        weight, bias = given.maybe("weight"), given.maybe("bias")
        normed = normed if weight is None else Product((Sub(source.at(*index), mean), scale, weight.at(*inner)))
        return normed if bias is None else Sum((normed, bias.at(*inner)))
    slots = [source.at(*outer, *place) for place in np.ndindex(*source.shape[source.rank - axes :])]
    if given.position == 1:
        return _mean(slots)
    return _inverse_deviation(slots, given.results[1].at(*index), given.const("eps"))


@states("native_layer_norm_backward")
def _layer_norm_backward(given: Given, index: Index) -> Expr:
    source, grad, axes = given.tensor("input"), given.tensor("grad_out"), _inner(given)
    mean, scale, weight = given.tensor("mean"), given.tensor("rstd"), given.maybe("weight")
    split = source.rank - axes
    ones = (0,) * axes
    if given.position:
        places = [*np.ndindex(*source.shape[:split])]
        if given.position == 2:
            return total([grad.at(*place, *index) for place in places])
        return total(
            [
                Product(
                    (
                        grad.at(*place, *index),
                        Sub(source.at(*place, *index), mean.at(*place, *ones)),
                        scale.at(*place, *ones),
                    )
                )
                for place in places
            ]
        )
    outer = index[:split]
    places = [*np.ndindex(*source.shape[split:])]

    def scaled(place: Index) -> Expr:
        own = grad.at(*outer, *place)
        return own if weight is None else Product((own, weight.at(*place)))

    return _back(
        own=scaled(index[split:]),
        x=source.at(*index),
        mean=mean.at(*outer, *ones),
        scale=scale.at(*outer, *ones),
        grads=[scaled(place) for place in places],
        slots=[source.at(*outer, *place) for place in places],
    )


def _back(*, own: Expr, x: Expr, mean: Expr, scale: Expr, grads: Sequence[Expr], slots: Sequence[Ref]) -> Expr:
    """S · (g − Σg/n − x̂ · Σ(g·x̂)/n), with x̂ = (x − μ)·s."""
    n = count(len(slots))

    def normed(slot: Expr) -> Expr:
        return Product((Sub(slot, mean), scale))

    dot = total([Product((g, normed(slot))) for g, slot in zip(grads, slots, strict=True)])
    inner = Sub(Sub(own, Div(total(grads), n)), Product((normed(x), Div(dot, n))))
    return Product((scale, inner))


def _of_group(source: Tensor, groups: int) -> Callable[[Any, Any], list[tuple[Any, ...]]]:
    per_group = source.shape[1] // groups

    def places(sample: Any, group: Any) -> list[tuple[Any, ...]]:
        inner = np.ndindex(per_group, *source.shape[2:])
        return [(sample, group * per_group + channel, *place) for channel, *place in inner]

    return places


@states("native_group_norm")
def _group_norm(given: Given, index: Index) -> Expr:
    source, groups = given.tensor("input"), int(given.number("group"))
    if given.position == 0:
        channel = index[1]
        group = channel // (source.shape[1] // groups)
        mean, scale = (given.results[place].at(index[0], group) for place in (1, 2))
        own, shift = (None if one is None else one.at(channel) for one in (given.maybe("weight"), given.maybe("bias")))
        return _affine(source.at(*index), mean, scale, own, shift)
    slots = [source.at(*place) for place in _of_group(source, groups)(*index)]
    if given.position == 1:
        return _mean(slots)
    return _inverse_deviation(slots, given.results[1].at(*index), given.const("eps"))


@states("native_group_norm_backward")
def _group_norm_backward(given: Given, index: Index) -> Expr:
    source, grad, groups = given.tensor("input"), given.tensor("grad_out"), int(given.number("group"))
    mean, scale, weight = given.tensor("mean"), given.tensor("rstd"), given.maybe("weight")
    size = source.shape[1] // groups
    if given.position:
        channel = index[0]
        places = [(sample, channel, *place) for sample, *place in np.ndindex(source.shape[0], *source.shape[2:])]
        if given.position == 2:
            return total([grad.at(*place) for place in places])
        return total(
            [
                Product(
                    (
                        grad.at(*place),
                        Sub(source.at(*place), mean.at(place[0], channel // size)),
                        scale.at(place[0], channel // size),
                    )
                )
                for place in places
            ]
        )

    def scaled(place: tuple[Any, ...]) -> Expr:
        return times(grad.at(*place), *([] if weight is None else [weight.at(place[1])]))

    group = index[1] // size
    places = _of_group(source, groups)(index[0], group)
    return _back(
        own=scaled(index),
        x=source.at(*index),
        mean=mean.at(index[0], group),
        scale=scale.at(index[0], group),
        grads=[scaled(place) for place in places],
        slots=[source.at(*place) for place in places],
    )
