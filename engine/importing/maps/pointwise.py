"""What happens to each value by itself: activations, dropout, sums and products of layers, copies."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from retrograde.engine.importing.draft import Node
from retrograde.engine.importing.maps import handwritten
from retrograde.engine.importing.maps.attention import dropped, masked, maybe_scaled, maybe_shares, rate_of
from retrograde.engine.importing.maps.linear import added_bias, added_positions
from retrograde.engine.importing.maps.losses import divided, smoothed
from retrograde.engine.importing.maps.recurrent import both_ways, in_steps
from retrograde.engine.importing.maps.rules import maps
from retrograde.engine.importing.tracing import Fixed, Held, Operation, Part, Trace, UnmappedError, Weight
from retrograde.engine.recording.aten.reading import base_name
from retrograde.engine.text import _


@maps("clone", "contiguous", "alias", "detach", "to_copy", "_to_copy", "lift_fresh", "view", "_unsafe_view")
def same(trace: Trace, call: Operation) -> None:
    """A copy: the same values."""
    found = trace.given(call, "self")
    assert found is not None
    trace.put(call, found)


def _gelu(_trace: Trace, call: Operation) -> dict[str, Any]:
    return {"activation": "gelu_tanh" if call.arguments.get("approximate") == "tanh" else "gelu"}


def _elu(trace: Trace, call: Operation) -> dict[str, Any]:
    alpha, scale = trace.number(call, "alpha", 1.0), trace.number(call, "scale", 1.0)
    if (alpha, scale) == (1.6732632423543772848170429916717, 1.0507009873554804934193349852946):
        return {"activation": "selu"}
    if scale != 1.0 or trace.number(call, "input_scale", 1.0) != 1.0:
        raise UnmappedError(_("its factors are not 1"))
    return {"activation": "elu", "alpha": alpha}


def _hardtanh(trace: Trace, call: Operation) -> dict[str, Any]:
    match trace.number(call, "min_val", -1.0), trace.number(call, "max_val", 1.0):
        case (-1.0, 1.0):
            return {"activation": "hard_tanh"}
        case (0.0, 6.0):
            return {"activation": "relu6"}
    raise UnmappedError(_("its bounds are not −1 and 1, nor 0 and 6"))


def _softplus(trace: Trace, call: Operation) -> dict[str, Any]:
    if trace.number(call, "beta", 1.0) != 1.0:
        raise UnmappedError(_("its factors are not 1"))
    return {"activation": "softplus"}


_ACTIVATIONS: Mapping[str, Callable[[Trace, Operation], dict[str, Any]]] = {
    **{
        name: (lambda _trace, _call, word=word: {"activation": word})  # type: ignore[misc]
        for name, word in (
            ("relu", "relu"),
            ("tanh", "tanh"),
            ("sigmoid", "sigmoid"),
            ("silu", "silu"),
            ("mish", "mish"),
            ("hardswish", "hard_swish"),
            ("hardsigmoid", "hard_sigmoid"),
            ("relu6", "relu6"),
            ("log_sigmoid_forward", "log_sigmoid"),
            ("exp", "exp"),
        )
    },
    "gelu": _gelu,
    "elu": _elu,
    "hardtanh": _hardtanh,
    "softplus": _softplus,
    "leaky_relu": lambda trace, call: {
        "activation": "leaky_relu",
        "slope": trace.number(call, "negative_slope", 0.01),
    },
}
"""Activations, with the keys of a layer that has them."""


@maps(*_ACTIVATIONS)
def activation(trace: Trace, call: Operation) -> None:
    """An activation of each value."""
    x = trace.held(call, "self")
    keys = _ACTIVATIONS[base_name(call.op)](trace, call)
    node = trace.layer(call, "activation", [x.node], trace.form_of(x.node), **keys)
    trace.hand_on(call, node, x.at)


@maps("_softmax", "_safe_softmax", "_log_softmax")
def softmax(trace: Trace, call: Operation) -> None:
    """A softmax over the last axis of a layer's output: an activation; of scores: the weights of attention."""
    found = trace.given(call, "self")
    assert found is not None
    axis = int(trace.number(call, "dim")) % max(found.at.ndim, 1)
    if isinstance(found, Part):
        maybe_shares(trace, call, found, axis)
        return
    x = trace.held(call, "self")
    length = x.at.shape[axis]
    if trace.rows(Held(node=x.node, at=np.moveaxis(x.at, axis, -1)), length) is None:
        raise UnmappedError(_("it runs over an axis that is not the last one of a layer"))
    name = "log_softmax" if base_name(call.op) == "_log_softmax" else "softmax"
    node = trace.layer(call, "activation", [x.node], trace.form_of(x.node), activation=name)
    trace.hand_on(call, node, x.at)


@maps("bernoulli")
def bernoulli(trace: Trace, call: Operation) -> None:
    """A mask of 0 and 1."""
    trace.put(call, Fixed(values=trace.fixed(call), drawn=trace.number(call, "p", 0.5)))


@maps("native_dropout")
def native_dropout(trace: Trace, call: Operation) -> None:
    """A dropout, whose mask is its second result."""
    rate = trace.number(call, "p", 0.5)
    fixed = Fixed(values=trace.fixed(call, position=1), drawn=1.0 - rate, scaled=1.0 - rate)
    _drop(trace, call, trace.held(call, "input"), fixed)


def _drop(trace: Trace, call: Operation, x: Held, mask: Fixed) -> None:
    """A dropout with a mask of each value, or of each channel."""
    assert mask.drawn is not None
    if abs(mask.scaled - mask.drawn) > 1e-12:
        raise UnmappedError(_("what stays is not scaled up by 1 / (1 − rate)"))
    form = trace.form_of(x.node)
    values = np.broadcast_to(mask.values, x.at.shape)
    placed = np.empty(x.at.size)
    placed[x.at.reshape(-1)] = values.reshape(-1)
    placed = placed.reshape(trace.batch, *form)
    node = trace.layer(call, "dropout", [x.node], form, rate=rate_of(mask.drawn))
    if mask.values.size != x.at.size:
        channels = placed.reshape(trace.batch, form[0], -1)
        if (channels != channels[:, :, :1]).any() or mask.values.size != trace.batch * form[0]:
            raise UnmappedError(_("its mask is neither one of values nor one of channels"))
        node.keys["whole_channels"] = True
        placed = channels[:, :, 0]
    node.drawn = (placed != 0.0).astype(np.float64)
    trace.hand_on(call, node, x.at)


@maps("div")
def div(trace: Trace, call: Operation) -> None:
    """A mask that is scaled up, or scores that are scaled."""
    found = trace.given(call, "self")
    if isinstance(found, Fixed) and found.drawn is not None:
        trace.put(call, Fixed(values=found.values, drawn=found.drawn, scaled=trace.number(call, "other", 1.0)))
    elif isinstance(found, Fixed):
        trace.put(call, Fixed(values=trace.fixed(call)))
    elif isinstance(found, Held) and isinstance(right := trace.given(call, "other"), Held):
        _merged(trace, call, "divide", found, right)
    elif not (isinstance(found, Part) and divided(trace, call, found)):
        maybe_scaled(trace, call, 1.0 / trace.number(call, "other", 1.0))


@maps("mul")
def mul(trace: Trace, call: Operation) -> None:
    """A dropout, a product of two layers, or scores that are scaled."""
    if handwritten.product(trace, call):
        return
    left, right = trace.given(call, "self"), trace.given(call, "other")
    if isinstance(right, Held | Part) and not isinstance(left, Part):
        left, right = (right, left) if isinstance(left, Fixed) or isinstance(right, Part) else (left, right)
    if isinstance(left, Part) and _gelu_part(trace, call, left, right):
        return
    if isinstance(left, Fixed) and (right is None or isinstance(right, Fixed)):
        trace.put(call, Fixed(values=trace.fixed(call)))
    elif isinstance(right, Fixed) and right.drawn is not None:
        if isinstance(left, Part):
            dropped(trace, call, left, right)
        elif isinstance(left, Held):
            _drop(trace, call, left, right)
    elif isinstance(left, Held) and isinstance(right, Held):
        _merged(trace, call, "multiply", left, right)
    elif right is None or (isinstance(right, Fixed) and right.values.size == 1):
        maybe_scaled(trace, call, trace.number(call, "other", 1.0))
    else:
        raise UnmappedError(_("no layer does this"))


@maps("erf")
def erf(trace: Trace, call: Operation) -> None:
    """The function within a GELU that is written out."""
    found = trace.given(call, "self")
    if not isinstance(found, Held) or not math.isclose(found.factor, math.sqrt(0.5), rel_tol=1e-6):
        raise UnmappedError(_("no layer does this"))
    trace.put(call, Part(what="erf", at=found.at, parts={"node": found.node}))


def _gelu_part(trace: Trace, call: Operation, part: Part, other: Any) -> bool:
    """Whether a sum or a product is a piece of a GELU."""
    one = float(other.values.reshape(-1)[0]) if isinstance(other, Fixed) and other.values.size == 1 else 0.0
    adds = base_name(call.op) == "add"
    if part.what == "erf" and adds and one == 1.0:
        trace.put(call, Part(what="erf+1", at=part.at, parts=part.parts))
    elif part.what == "erf+1" and not adds and isinstance(other, Held) and other.node is part.parts["node"]:
        if other.at.shape != part.at.shape or (other.at != part.at).any() or other.factor not in {1.0, 0.5}:
            return False
        whole = Part(what="gelu", at=part.at, parts=part.parts)
        if other.factor == 1.0:
            trace.put(call, whole)
        else:
            _hand_gelu(trace, call, whole)
    elif part.what == "gelu" and not adds and one == 0.5:
        _hand_gelu(trace, call, part)
    else:
        return False
    return True


def _hand_gelu(trace: Trace, call: Operation, part: Part) -> None:
    node = trace.layer(call, "activation", [part.parts["node"]], trace.form_of(part.parts["node"]), activation="gelu")
    trace.hand_on(call, node, part.at)


@maps("sub")
def sub(trace: Trace, call: Operation) -> None:
    """The difference of two layers."""
    if handwritten.difference(trace, call):
        return
    left, right = trace.given(call, "self"), trace.given(call, "other")
    if handwritten.joined(trace, call, left, right, sign=-1.0):
        return
    if trace.number(call, "alpha", 1.0) != 1.0 or not isinstance(left, Held) or not isinstance(right, Held):
        raise UnmappedError(_("no layer does this"))
    _merged(trace, call, "subtract", left, right)


@maps("_prelu_kernel", "prelu")
def prelu(trace: Trace, call: Operation) -> None:
    """A slope that is learned, one for all values or one for each channel."""
    x, weight = trace.held(call, "self"), trace.given(call, "weight")
    form = trace.form_of(x.node)
    if not isinstance(weight, Weight):
        raise UnmappedError(_("its slope is no parameter"))
    node = trace.layer(call, "prelu", [x.node], form)
    if weight.at.size > 1:
        if weight.at.size != form[0]:
            raise UnmappedError(_("its slopes are not those of the channels"))
        node.keys["per_channel"] = True
    at = weight.at.reshape(-1)
    node.tensors["weight"] = trace.piece(weight, at)
    trace.hand_on(call, node, x.at)


@maps("add")
def add(trace: Trace, call: Operation) -> None:
    """A residual connection, a bias, or positions."""
    if handwritten.raised(trace, call):
        return
    left, right = trace.given(call, "self"), trace.given(call, "other")
    if trace.number(call, "alpha", 1.0) != 1.0:
        raise UnmappedError(_("its factors are not 1"))
    if not isinstance(left, Held | Part):
        left, right = right, left
    if isinstance(left, Part) and _gelu_part(trace, call, left, right):
        return
    if handwritten.joined(trace, call, left, right):
        return
    if isinstance(left, Held) and isinstance(right, Held):
        _merged(trace, call, "add", left, right)
    elif isinstance(left, Held) and isinstance(right, Weight):
        if not added_bias(trace, call, left, right):
            added_positions(trace, call, left, right)
    elif isinstance(left, Held) and isinstance(right, Fixed):
        added_positions(trace, call, left, right)
    elif isinstance(left, Part) and left.what == "loss" and isinstance(right, Part) and right.what == "loss":
        smoothed(trace, call, left, right)
    elif isinstance(left, Part) and left.what == "scores":
        masked(trace, call, left, right)
    else:
        raise UnmappedError(_("no layer does this"))


def _merged(trace: Trace, call: Operation, kind: str, left: Held, right: Held) -> None:
    """Two layers of one shape, value by value."""
    if left.factor != 1.0 or right.factor != 1.0:
        raise UnmappedError(_("no layer does this"))
    shape = np.broadcast_shapes(left.at.shape, right.at.shape)
    forms = [trace.form_of(one.node) for one in (left, right)]
    if forms[0] != forms[1] or left.at.shape != right.at.shape or (left.at != right.at).any():
        if shape[0] != trace.batch or any(one.at.ndim != len(shape) for one in (left, right)):
            raise UnmappedError(_("the two have different shapes"))
        left, right = (trace.arranged(call, one, one.at.shape) for one in (left, right))
        inputs: list[Node | None] = [left.node, right.node]
        node = trace.layer(call, kind, inputs, tuple(shape[1:]), activation="identity")
        trace.hand_on(call, node, np.arange(trace.batch * node.size).reshape(shape))
        return
    inputs = [left.node, right.node]
    node = trace.layer(call, kind, inputs, trace.form_of(left.node), activation="identity")
    trace.hand_on(call, node, left.at)


@maps("cat")
def cat(trace: Trace, call: Operation) -> None:
    """Layers side by side."""
    parts = []
    for found in trace.listed(call, "tensors"):
        if not isinstance(found, Held) or found.factor != 1.0:
            raise UnmappedError(_("one of them is not what a layer hands on"))
        parts.append(found)
    axis = int(trace.number(call, "dim")) % parts[0].at.ndim
    if axis == parts[0].at.ndim - 1 and _cat_rows(trace, call, parts):
        return
    if not axis:
        raise UnmappedError(_("samples are joined, not values of a sample"))
    parts = [trace.arranged(call, part, part.at.shape) for part in parts]
    form = list(trace.form_of(parts[0].node))
    form[axis - 1] = sum(part.at.shape[axis] for part in parts)
    node = trace.layer(call, "concatenate", [part.node for part in parts], tuple(form), axis=axis)
    trace.hand_on(call, node, np.arange(trace.batch * node.size).reshape(trace.batch, *form))


def _cat_rows(trace: Trace, call: Operation, parts: list[Held]) -> bool:
    """Whether rows of layers are joined, the same of each, in whatever order they are: time first, samples second."""
    forms = [trace.form_of(part.node) for part in parts]
    rows = [trace.rows(part, form[-1] if form else 0) for part, form in zip(parts, forms, strict=True)]
    first = rows[0]
    if (
        first is None
        or any(form[:-1] != forms[0][:-1] for form in forms)
        or first.size * forms[0][-1] != parts[0].at.size
    ):
        return False
    if any(one is None or one.shape != first.shape or (one != first).any() for one in rows):
        return False
    if sorted(first.tolist()) != list(range(trace.batch * math.prod(forms[0][:-1]))):
        return False
    width = sum(form[-1] for form in forms)
    node = both_ways(trace, call, parts)
    if node is None:
        form = (*forms[0][:-1], width)
        axis = 1 if any(in_steps(part.node) for part in parts) else len(form)
        node = trace.layer(call, "concatenate", [part.node for part in parts], form, axis=axis)
    at = first[:, None] * width + np.arange(width)
    trace.hand_on(call, node, at.reshape(*parts[0].at.shape[:-1], width))
    return True
