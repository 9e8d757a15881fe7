"""Convolutions, pooling and normalisation."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import ValidationError

from retrograde.engine.importing.draft import Node
from retrograde.engine.importing.maps.handwritten import reduced
from retrograde.engine.importing.maps.losses import total_mean
from retrograde.engine.importing.maps.rules import maps
from retrograde.engine.importing.tracing import Held, Operation, Part, Trace, UnmappedError, Weight
from retrograde.engine.layers.any_layer import model_of
from retrograde.engine.layers.base import Form, ShapeError
from retrograde.engine.text import _


def _image(trace: Trace, call: Operation, name: str, axes: int) -> Held:
    """What is read, as (batch, channels, ...)."""
    x = trace.held(call, name)
    if x.at.ndim != axes + 2:
        raise UnmappedError(_("it runs over {found} axes; layers have one or two").format(found=x.at.ndim - 2))
    return trace.arranged(call, x, x.at.shape)


def _result(trace: Trace, call: Operation, node: Node) -> None:
    trace.hand_on(call, node, np.arange(trace.batch * node.size).reshape(trace.batch, *node.form))


def _windowed(trace: Trace, call: Operation, kind: str, x: Held, keys: dict[str, Any]) -> Node:
    """A layer with windows, which knows what it hands on."""
    table = {"kind": kind, **keys}
    try:
        form = model_of(table).model_validate(table).form([Form(trace.form_of(x.node))]).shape
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UnmappedError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ShapeError as error:
        raise UnmappedError(str(error)) from None
    return trace.layer(call, kind, [x.node], form, **keys)


def _sides(values: list[int], count: int) -> list[int]:
    return values * count if len(values) == 1 else values


@maps("convolution")
def convolution(trace: Trace, call: Operation) -> None:
    """A convolution or its transpose."""
    weight, bias = trace.given(call, "weight"), trace.given(call, "bias")
    if not isinstance(weight, Weight) or not (bias is None or isinstance(bias, Weight)):
        raise UnmappedError(_("its weights are no parameters"))
    kernel = list(weight.at.shape[2:])
    x = _image(trace, call, "input", len(kernel))
    turned = bool(call.arguments.get("transposed"))
    groups = int(trace.number(call, "groups", 1.0))
    channels = weight.at.shape[1] * groups if turned else weight.at.shape[0]
    keys: dict[str, Any] = {"channels": channels, "kernel": kernel}
    for key, usual in (("stride", 1), ("padding", 0), ("dilation", 1), ("output_padding", 0)):
        found = _sides(trace.ints(call, key), len(kernel))
        if set(found) - {usual} and (key != "output_padding" or turned):
            keys[key] = found[0] if len(set(found)) == 1 else found
    if groups != 1:
        keys["groups"] = groups
    keys |= {"bias": "none" if bias is None else "channel", "activation": "identity"}
    node = _windowed(trace, call, "conv_transpose" if turned else "conv", x, keys)
    node.tensors["weight"] = trace.piece(weight, weight.at)
    if bias is not None:
        node.tensors["bias"] = trace.piece(bias, bias.at)
    _result(trace, call, node)


def _window(trace: Trace, call: Operation, axes: int) -> dict[str, Any]:
    """The keys of a pooling layer."""
    kernel = _sides(trace.ints(call, "kernel_size"), axes)
    stride = _sides(trace.ints(call, "stride"), axes) or kernel
    keys: dict[str, Any] = {"kernel": kernel}
    if stride != kernel:
        keys["stride"] = stride[0] if len(set(stride)) == 1 else stride
    for key, usual in (("padding", 0), ("dilation", 1)):
        found = _sides(trace.ints(call, key), axes)
        if set(found) - {usual}:
            keys[key] = found[0] if len(set(found)) == 1 else found
    if call.arguments.get("ceil_mode"):
        keys["ceil_mode"] = True
    return keys


@maps("max_pool2d_with_indices", "max_pool1d_with_indices")
def max_pool(trace: Trace, call: Operation) -> None:
    """The largest value of each window."""
    axes = 2 if "2d" in call.op else 1
    x = _image(trace, call, "self", axes)
    _result(trace, call, _windowed(trace, call, "max_pool", x, _window(trace, call, axes)))


@maps("avg_pool2d", "avg_pool1d")
def average_pool(trace: Trace, call: Operation) -> None:
    """The mean of each window."""
    axes = 2 if "2d" in call.op else 1
    if call.arguments.get("divisor_override") is not None:
        raise UnmappedError(_("it divides by another number than that of the values"))
    x = _image(trace, call, "self", axes)
    keys = _window(trace, call, axes)
    if call.arguments.get("count_include_pad") is False:
        keys["count_include_pad"] = False
    _result(trace, call, _windowed(trace, call, "average_pool", x, keys))


@maps("_adaptive_avg_pool2d")
def adaptive(trace: Trace, call: Operation) -> None:
    """Means over windows that divide the image evenly."""
    x = _image(trace, call, "self", 2)
    form, wanted = trace.form_of(x.node), _sides(trace.ints(call, "output_size"), 2)
    if form[1] % wanted[0] or form[2] % wanted[1]:
        raise UnmappedError(_("its windows have different sizes"))
    keys = {"kernel": [form[1] // wanted[0], form[2] // wanted[1]]}
    _result(trace, call, _windowed(trace, call, "average_pool", x, keys))


@maps("mean")
def mean(trace: Trace, call: Operation) -> None:
    """The mean over whole axes of a sample, or of the terms of a loss."""
    found = trace.given(call, "self")
    if isinstance(found, Part) and found.what == "terms":
        reduced(trace, call, found)
        return
    x = trace.held(call, "self")
    axes = sorted({axis % x.at.ndim for axis in trace.ints(call, "dim")})
    if not axes or 0 in axes:
        total_mean(trace, call, x)
        return
    x = trace.arranged(call, x, x.at.shape)
    form = trace.form_of(x.node)
    kept = call.arguments.get("keepdim")
    shape = [1 if axis in axes else n for axis, n in enumerate(x.at.shape) if kept or axis not in axes]
    left = tuple(length for axis, length in enumerate(form, 1) if axis not in axes)
    if axes == list(range(2, x.at.ndim)) and len(form) in {2, 3}:
        node = trace.layer(call, "global_average_pool", [x.node], left)
    else:
        node = trace.layer(call, "mean", [x.node], left, axes=axes)
    trace.hand_on(call, node, np.arange(trace.batch * node.size).reshape(shape))


def _affine(trace: Trace, call: Operation, node: Node) -> None:
    """γ and β of a normalisation, or none."""
    weight, bias = trace.given(call, "weight"), trace.given(call, "bias")
    if weight is None and bias is None:
        node.keys["affine"] = False
        return
    if not isinstance(weight, Weight) or not isinstance(bias, Weight):
        raise UnmappedError(_("it has one of a scale and a shift"))
    node.tensors |= {"weight": trace.piece(weight, weight.at), "bias": trace.piece(bias, bias.at)}


@maps("native_batch_norm", "cudnn_batch_norm", "_native_batch_norm_legit")
def batch_norm(trace: Trace, call: Operation) -> None:
    """A batch norm over the samples of the batch."""
    if not call.arguments.get("training"):
        raise UnmappedError(_("it takes the running averages, as in evaluation"))
    x = trace.held(call, "input")
    if _is_of_instances(trace, x):
        _instance_norm(trace, call, x)
        return
    x = trace.arranged(call, x, x.at.shape)
    node = trace.layer(call, "batch_norm", [x.node], trace.form_of(x.node), activation="identity")
    node.keys |= {"epsilon": trace.number(call, "eps", 1e-5), "momentum": trace.number(call, "momentum", 0.1)}
    _affine(trace, call, node)
    for key in ("running_mean", "running_var"):
        name = trace.buffer(call, key)
        if name is not None:
            at = np.arange(trace.weights(name).size)
            node.tensors[key] = trace.piece(Weight(name=name, at=at), at)
    trace.hand_on(call, node, x.at)


def _is_of_instances(trace: Trace, x: Held) -> bool:
    """Whether samples stand side by side as channels: that is how PyTorch computes an instance norm."""
    form = trace.form_of(x.node)
    return x.at.ndim >= 3 and x.at.shape[0] == 1 and len(form) >= 2 and x.at.shape[1] == trace.batch * form[0] > 1


def _instance_norm(trace: Trace, call: Operation, x: Held) -> None:
    form = trace.form_of(x.node)
    x = trace.arranged(call, Held(node=x.node, at=x.at.reshape(trace.batch, *form)), (trace.batch, *form))
    weight, bias = trace.given(call, "weight"), trace.given(call, "bias")
    if trace.buffer(call, "running_mean") is not None:
        raise UnmappedError(_("it keeps running averages"))
    keys: dict[str, Any] = {"epsilon": trace.number(call, "eps", 1e-5)}
    node = trace.layer(call, "instance_norm", [x.node], form, **keys)
    if isinstance(weight, Weight) and isinstance(bias, Weight):
        node.keys["affine"] = True
        for name, one in (("weight", weight), ("bias", bias)):
            at = one.at.reshape(trace.batch, form[0])
            if (at != at[:1]).any():
                raise UnmappedError(_("its scale differs from sample to sample"))
            node.tensors[name] = trace.piece(Weight(name=one.name, at=at[0]), at[0])
    trace.hand_on(call, node, x.at.reshape(1, -1, *form[1:]))


@maps("native_group_norm")
def group_norm(trace: Trace, call: Operation) -> None:
    """A group norm over channels."""
    x = trace.held(call, "input")
    x = trace.arranged(call, x, x.at.shape)
    groups = int(trace.number(call, "group", 1.0))
    keys = {"groups": groups, "epsilon": trace.number(call, "eps", 1e-5)}
    node = trace.layer(call, "group_norm", [x.node], trace.form_of(x.node), **keys)
    _affine(trace, call, node)
    trace.hand_on(call, node, x.at)


@maps("_fused_rms_norm", "rms_norm")
def rms_norm(trace: Trace, call: Operation) -> None:
    """An RMS norm over the last axis."""
    x = trace.held(call, "input")
    shape, weight = trace.ints(call, "normalized_shape"), trace.given(call, "weight")
    if len(shape) != 1 or trace.rows(x, shape[0]) is None:
        raise UnmappedError(_("it runs over more than the last axis of a layer"))
    epsilon = trace.number(call, "eps", 2.0**-52)
    node = trace.layer(call, "rms_norm", [x.node], trace.form_of(x.node), epsilon=epsilon)
    if isinstance(weight, Weight):
        node.tensors["weight"] = trace.piece(weight, weight.at)
    else:
        node.keys["affine"] = False
    trace.hand_on(call, node, x.at)


@maps("repeat")
def repeat(trace: Trace, call: Operation) -> None:
    """A parameter several times, as an instance norm has it for each sample."""
    weight = trace.given(call, "self")
    if not isinstance(weight, Weight):
        raise UnmappedError(_("no layer does this"))
    trace.put(call, Weight(name=weight.name, at=np.tile(weight.at, trace.ints(call, "repeats"))))


@maps("upsample_nearest1d", "upsample_nearest2d", "upsample_linear1d", "upsample_bilinear2d")
def upsample(trace: Trace, call: Operation) -> None:
    """Longer axes, with values repeated or mixed."""
    axes = 2 if "2d" in call.op else 1
    x = _image(trace, call, "self", axes)
    size = trace.ints(call, "output_size")
    before = x.at.shape[2:]
    if any(after % length for after, length in zip(size, before, strict=True)):
        raise UnmappedError(_("its axes do not become a whole number of times longer"))
    factors = [after // length for after, length in zip(size, before, strict=True)]
    keys: dict[str, Any] = {"factor": factors[0] if len(set(factors)) == 1 else factors}
    if "nearest" not in call.op:
        keys["mode"] = "linear"
        if call.arguments.get("align_corners"):
            keys["align_corners"] = True
    _result(trace, call, _windowed(trace, call, "upsample", x, keys))


@maps("native_layer_norm")
def layer_norm(trace: Trace, call: Operation) -> None:
    """A layer norm over the last axis."""
    x = trace.held(call, "input")
    shape = trace.ints(call, "normalized_shape")
    if len(shape) != 1 or trace.rows(x, shape[0]) is None:
        raise UnmappedError(_("it runs over more than the last axis of a layer"))
    node = trace.layer(call, "layer_norm", [x.node], trace.form_of(x.node), epsilon=trace.number(call, "eps", 1e-5))
    _affine(trace, call, node)
    trace.hand_on(call, node, x.at)
