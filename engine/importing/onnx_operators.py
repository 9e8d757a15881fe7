"""Operators of ONNX, each as the operator of PyTorch whose rule makes the layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from retrograde.engine.importing.maps.rules import TABLE
from retrograde.engine.importing.onnx_file import OnnxNode
from retrograde.engine.importing.onnx_moves import axes_of, gather
from retrograde.engine.importing.onnx_trace import OnnxCall, OnnxTrace, place_of
from retrograde.engine.importing.tracing import Fixed, Held, Meaning, Part, UnmappedError, Weight
from retrograde.engine.text import _

Translated = tuple[str, dict[str, Any]]


def _gemm(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> Translated:
    settings = node.attributes
    if settings.get("alpha", 1.0) != 1.0 or settings.get("beta", 1.0) != 1.0 or settings.get("transA", 0):
        raise UnmappedError(_("its factors are not 1"))
    weight = read[1]
    if isinstance(weight, Weight) and settings.get("transB", 0):
        weight = Weight(name=weight.name, at=weight.at.T)
    if len(read) < 3 or read[2] is None:
        return "mm", {"self": read[0], "mat2": weight}
    return "addmm", {"self": read[2], "mat1": read[0], "mat2": weight}


def _matmul(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> Translated:
    left, right = read
    if isinstance(right, Weight) and isinstance(left, Held) and right.at.ndim == 2:
        # Rows of all leading axes, as PyTorch views them for mm.
        flat = Held(node=left.node, at=left.at.reshape(-1, left.at.shape[-1]))
        call = OnnxCall(op="aten.mm.default", module=place_of(node), outputs=node.outputs)
        call.arguments.update({"self": flat, "mat2": right})
        TABLE["mm"](trace, call)
        made = trace.meaning[node.outputs[0]]
        assert isinstance(made, Held)
        shaped = Held(node=made.node, at=made.at.reshape(*left.at.shape[:-1], right.at.shape[1]))
        return "clone", {"self": shaped}
    if left is None or right is None or isinstance(right, Fixed | Weight):
        raise UnmappedError(_("it is no product with weights, and none of attention"))
    lead = left.at.shape[:-2]
    pair = [_flat(one) for one in (left, right)]
    TABLE["bmm"](
        trace,
        OnnxCall(
            op="aten.bmm.default",
            module=place_of(node),
            outputs=node.outputs,
            arguments=dict(zip(("self", "mat2"), pair, strict=True)),
        ),
    )
    made = trace.meaning[node.outputs[0]]
    shape = (*lead, *made.at.shape[1:])
    if isinstance(made, Held):
        return "clone", {"self": Held(node=made.node, at=made.at.reshape(shape), factor=made.factor)}
    assert isinstance(made, Part)
    return "clone", {"self": Part(what=made.what, at=made.at.reshape(shape), parts=made.parts)}


def _flat(one: Meaning) -> Meaning:
    """A tensor of matrices with one leading axis."""
    at = one.at.reshape(-1, *one.at.shape[-2:])
    match one:
        case Held():
            return Held(node=one.node, at=at, factor=one.factor)
        case Part():
            return Part(what=one.what, at=at, parts=one.parts)
    raise UnmappedError(_("it is no product of attention"))


def _pads(node: OnnxNode, axes: int) -> Any:
    """Padding, which is the same at both ends."""
    if node.attributes.get("auto_pad", "NOTSET") not in {"NOTSET", "VALID"}:
        raise UnmappedError(_("its padding is worked out by the program that runs it"))
    pads = node.attributes.get("pads") or [0] * (2 * axes)
    if pads[:axes] != pads[axes:]:
        raise UnmappedError(_("its padding is not the same at both ends"))
    return list(pads[:axes])


def _conv(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> Translated:
    weight = read[1]
    if not isinstance(weight, Weight):
        raise UnmappedError(_("its weights are no parameters"))
    axes = weight.at.ndim - 2
    settings = node.attributes
    return "convolution", {
        "input": read[0],
        "weight": weight,
        "bias": read[2] if len(read) > 2 else None,
        "stride": settings.get("strides") or [1] * axes,
        "padding": _pads(node, axes),
        "dilation": settings.get("dilations") or [1] * axes,
        "transposed": node.op == "ConvTranspose",
        "output_padding": settings.get("output_padding") or [0] * axes,
        "groups": settings.get("group", 1),
    }


def _pool(op: str) -> Callable[[OnnxTrace, OnnxNode, list[Meaning | None]], Translated]:
    def translated(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> Translated:
        kernel = list(node.attributes["kernel_shape"])
        found: dict[str, Any] = {
            "self": read[0],
            "kernel_size": kernel,
            "stride": node.attributes.get("strides") or [1] * len(kernel),
            "padding": _pads(node, len(kernel)),
            "dilation": node.attributes.get("dilations") or [1] * len(kernel),
            "ceil_mode": bool(node.attributes.get("ceil_mode")),
        }
        if op == "avg_pool":
            found["count_include_pad"] = bool(node.attributes.get("count_include_pad"))
            del found["dilation"]
        return f"{op}{len(kernel)}d" + ("_with_indices" if op == "max_pool" else ""), found

    return translated


def _batch_norm(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> Translated:
    names = ("input", "weight", "bias", "running_mean", "running_var")
    # The network of a scenario trains, and evaluates with the running averages, as the file does.
    momentum = round(1.0 - node.attributes.get("momentum", 0.9), 12)
    found = dict(zip(names, read, strict=True))
    return "native_batch_norm", {
        **found,
        "training": True,
        "momentum": momentum,
        "eps": node.attributes.get("epsilon", 1e-5),
    }


def _layer_norm(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> Translated:
    if read[0] is None or node.attributes.get("axis", -1) not in {-1, read[0].at.ndim - 1}:
        raise UnmappedError(_("it runs over more than the last axis of a layer"))
    bias = read[2] if len(read) > 2 else None
    shape = [read[0].at.shape[-1]]
    eps = node.attributes.get("epsilon", 1e-5)
    return "native_layer_norm", {
        "input": read[0],
        "normalized_shape": shape,
        "weight": read[1],
        "bias": bias,
        "eps": eps,
    }


def _add(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> Translated:
    left, right = read
    # What is added may stand first, and numbers that stay may be tensors of the file.
    if isinstance(left, Weight):
        left, right = right, left
    if isinstance(left, Part) and isinstance(right, Weight) and right.at.size == 1:
        right = Fixed(values=trace.weights(right.name))
    return "add", {"self": left, "other": right}


def _scaled(op: str) -> Callable[[OnnxTrace, OnnxNode, list[Meaning | None]], Translated]:
    def translated(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> Translated:
        numbers = [
            Fixed(values=trace.weights(one.name)) if isinstance(one, Weight) and one.at.size == 1 else one
            for one in read
        ]
        if op == "mul" and isinstance(numbers[0], Fixed):
            numbers.reverse()
        return op, {"self": numbers[0], "other": numbers[1]}

    return translated


def _embedding(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> Translated:
    table = read[0]
    if isinstance(table, Held):
        return "clone", {"self": Held(node=table.node, at=gather(node, table.at, read)[0])}
    if not isinstance(table, Weight) or node.attributes.get("axis", 0):
        raise UnmappedError(_("no layer does this"))
    return "embedding", {"weight": table, "indices": read[1]}


def _plain(op: str, **more: tuple[str, Any]) -> Callable[[OnnxTrace, OnnxNode, list[Meaning | None]], Translated]:
    """An operator of one value, with settings that are called otherwise: ``dim=("axis", -1)``."""

    def translated(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> Translated:
        return op, {"self": read[0], **{key: node.attributes.get(name, usual) for key, (name, usual) in more.items()}}

    return translated


def _clip(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> Translated:
    bounds = [node.attributes.get(key) for key in ("min", "max")]
    for place, one in enumerate(read[1:3]):
        if isinstance(one, Fixed | Weight):
            bounds[place] = float(
                np.asarray(one.values if isinstance(one, Fixed) else trace.weights(one.name)).reshape(-1)[0]
            )
    if bounds[1] is None and bounds[0] == 0.0:
        return "relu", {"self": read[0]}
    return "hardtanh", {"self": read[0], "min_val": bounds[0], "max_val": bounds[1]}


def _mean(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> Translated:
    axes = axes_of(node, read)
    return "mean", {"self": read[0], "dim": axes, "keepdim": bool(node.attributes.get("keepdims", 1))}


def _global(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> Translated:
    if read[0] is None:
        raise UnmappedError(_("it reads what is not there"))
    return "mean", {"self": read[0], "dim": list(range(2, read[0].at.ndim)), "keepdim": True}


def _cat(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> Translated:
    return "cat", {"tensors": [one for one in read if one is not None], "dim": node.attributes.get("axis", 0)}


OPERATORS: Mapping[str, Callable[[OnnxTrace, OnnxNode, list[Meaning | None]], Translated]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Conv": _conv,
    "ConvTranspose": _conv,
    "MaxPool": _pool("max_pool"),
    "AveragePool": _pool("avg_pool"),
    "GlobalAveragePool": _global,
    "ReduceMean": _mean,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "Add": _add,
    "Mul": _scaled("mul"),
    "Div": _scaled("div"),
    "Gather": _embedding,
    "Concat": _cat,
    "Clip": _clip,
    "Sub": lambda _trace, _node, read: ("sub", {"self": read[0], "other": read[1]}),
    "PRelu": lambda _trace, _node, read: ("prelu", {"self": read[0], "weight": read[1]}),
    "Erf": _plain("erf"),
    "Relu": _plain("relu"),
    "Sigmoid": _plain("sigmoid"),
    "Tanh": _plain("tanh"),
    "Exp": _plain("exp"),
    "Mish": _plain("mish"),
    "HardSwish": _plain("hardswish"),
    "Softplus": _plain("softplus"),
    "Elu": _plain("elu", alpha=("alpha", 1.0)),
    "LeakyRelu": _plain("leaky_relu", negative_slope=("alpha", 0.01)),
    "Gelu": _plain("gelu", approximate=("approximate", "none")),
    "Softmax": _plain("_softmax", dim=("axis", -1)),
    "LogSoftmax": _plain("_log_softmax", dim=("axis", -1)),
}
"""Operators of ONNX, each as one of PyTorch."""
