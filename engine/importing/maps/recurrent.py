"""Recurrent modules: those that run as one operator, and those that run step by step."""

from __future__ import annotations

import numpy as np

from retrograde.engine.importing.draft import Node
from retrograde.engine.importing.maps.rules import maps
from retrograde.engine.importing.recorded_trace import RecordedTrace
from retrograde.engine.importing.tracing import Fixed, Held, Meaning, Operation, Part, Trace, UnmappedError, Weight
from retrograde.engine.importing.unrolled import Unrolled
from retrograde.engine.text import _

_LSTM = 2
"""The number of an LSTM among the modes of oneDNN."""
_TENSORS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


@maps("mkldnn_rnn_layer")
def lstm(trace: Trace, call: Operation) -> None:
    """A layer of an LSTM, in one direction, as oneDNN runs it on the CPU in float32."""
    x = trace.held(call, "input")
    if trace.number(call, "mode") != _LSTM or trace.number(call, "num_layers", 1.0) != 1.0:
        raise UnmappedError(_("it is no LSTM of one layer"))
    for name in ("hx_", "cx_"):
        state = trace.given(call, name)
        if not isinstance(state, Fixed) or state.values.any():
            raise UnmappedError(_("it begins in states of its own, or has peepholes or lengths"))
    count, batch, features = x.at.shape
    units = int(trace.number(call, "hidden_size"))
    held = trace.arranged(call, Held(node=x.node, at=x.at.transpose(1, 0, 2)), (batch, count, features))
    backward = bool(call.arguments.get("reverse"))
    biased = bool(call.arguments.get("has_biases"))
    node = trace.layer(
        call,
        "lstm",
        [held.node],
        (count, units),
        units=units,
        outputs="all",
        bias="both" if biased else "none",
        direction="backward" if backward else None,
    )
    for number, name in enumerate(_TENSORS if biased else _TENSORS[:2]):
        weight = trace.given(call, f"weight{number}")
        if not isinstance(weight, Weight):
            raise UnmappedError(_("its weights are no parameters"))
        node.tensors[name] = trace.piece(weight, weight.at)
    at = np.arange(batch * count * units).reshape(batch, count, units)
    trace.hand_on(call, node, at.transpose(1, 0, 2))
    trace.put(call, Held(node=node, at=at[:, 0 if backward else -1]), position=1)


def stepwise(trace: RecordedTrace, call: Operation, found: Unrolled) -> None:
    """A layer that ran step by step; the linear layer before it becomes its weights.

    Raises:
        UnmappedError: it begins in states of its own, or reads something else than the steps of a sequence.
    """
    first = found.steps[0]
    for window in (first.last, first.last_cell):
        if window is None:
            continue
        state = trace.resolved(window)
        if not isinstance(state, Fixed) or state.values.any():
            raise UnmappedError(_("it begins in states of its own, or has peepholes or lengths"))
    source, times = _walked(trace, [trace.resolved(step.x) for step in found.steps])
    weight = trace.resolved(found.weight)
    bias = None if found.bias is None else trace.resolved(found.bias)
    if not isinstance(weight, Weight) or not (bias is None or isinstance(bias, Weight)):
        raise UnmappedError(_("its weights are no parameters"))
    if ("bias" in source.tensors) != (bias is not None):
        raise UnmappedError(_("its inputs have a bias and its state has none, or the other way round"))
    count, units = len(times), weight.at.shape[0]
    trace.draft.release([source])
    node = trace.layer(
        call,
        found.kind,
        source.inputs,
        (count, units),
        units=units,
        outputs="all",
        bias="none" if bias is None else "both",
        direction="backward" if times[0] > times[-1] else None,
        activation="relu" if found.activation == "relu" else None,
    )
    node.tensors["weight_ih_l0"], node.tensors["weight_hh_l0"] = (
        source.tensors["weight"],
        trace.piece(weight, weight.at.T),
    )
    if bias is not None:
        node.tensors["bias_ih_l0"], node.tensors["bias_hh_l0"] = source.tensors["bias"], trace.piece(bias, bias.at)
    trace.draft.forget([source])
    at = np.arange(trace.batch * count * units).reshape(trace.batch, count, units)
    for step, time in zip(found.steps, times, strict=True):
        trace.meaning[step.state] = Held(node=node, at=at[:, time])
        trace.draft.link(step.state, node, at[:, time])


def in_steps(node: Node | None) -> bool:
    """Whether a layer hands on a sequence step by step, whose axes are counted without that of time."""
    if node is None or node.kind in {"attention", "flatten", "reshape", "permute", "slice", "mean", "position"}:
        return False
    if node.kind in {"rnn", "lstm", "gru"}:
        return bool(node.keys["outputs"] == "all")
    return any(in_steps(one) for one in node.inputs)


def both_ways(trace: Trace, call: Operation, parts: list[Held]) -> Node | None:
    """The layer in both directions that two layers are which read the same, one forward and one backward."""
    nodes = [part.node for part in parts if part.node is not None]
    if len(nodes) != 2 or any(node.kind not in {"rnn", "lstm", "gru"} or trace.draft.users(node) for node in nodes):
        return None
    forward, backward = nodes
    keys = [{**node.keys, "direction": None} for node in nodes]
    directions = [node.keys["direction"] for node in nodes]
    if keys[0] != keys[1] or forward.inputs[0] is not backward.inputs[0] or directions != [None, "backward"]:
        return None
    trace.draft.release(nodes)
    count, units = forward.form
    node = trace.layer(call, forward.kind, forward.inputs, (count, 2 * units), **{**keys[0], "direction": "both"})
    node.tensors = {**forward.tensors, **{f"{name}_reverse": one for name, one in backward.tensors.items()}}
    trace.draft.forget(nodes)
    return node


def _walked(trace: Trace, inputs: list[Meaning]) -> tuple[Node, list[int]]:
    """The linear layer that weighs the inputs, and which of its positions each step reads.

    Raises:
        UnmappedError: they are not the positions of a sequence, each once and in their order.
    """
    unfit = UnmappedError(_("its steps do not read the positions of a sequence one after the other"))
    node = inputs[0].node if isinstance(inputs[0], Held) else None
    if node is not None and node.kind == "dense":
        raise UnmappedError(_("it is a cell in a loop of one's own, or its inputs have the time before the samples"))
    if node is None or node.kind != "linear" or len(node.form) != 2 or node.keys["activation"] != "identity":
        raise unfit
    (count, width), times = node.form, []
    for one in inputs:
        if (
            not isinstance(one, Held)
            or one.node is not node
            or one.factor != 1.0
            or one.at.shape != (trace.batch, width)
        ):
            raise unfit
        time = int(one.at[0, 0]) // width
        wanted = (np.arange(trace.batch)[:, None] * count + time) * width + np.arange(width)
        if (one.at != wanted).any():
            raise unfit
        times.append(time)
    if times not in (list(range(count)), list(range(count))[::-1]) or trace.draft.users(node):
        raise unfit
    return node, times


@maps("stack")
def stack(trace: Trace, call: Operation) -> None:
    """Tensors side by side along one more axis, as the states of a recurrent layer are handed on."""
    parts = trace.listed(call, "tensors")
    one = parts[0]
    if isinstance(one, Fixed) or any(type(part) is not type(one) for part in parts):
        raise UnmappedError(_("no layer does this"))
    at = np.stack([part.at for part in parts], int(trace.number(call, "dim")))
    match one:
        case Held() if all(
            isinstance(part, Held) and part.node is one.node and part.factor == one.factor for part in parts
        ):
            trace.put(call, Held(node=one.node, at=at, factor=one.factor))
            if one.node is not None and one.factor == 1.0:
                trace.draft.link(trace.value(call), one.node, at)
        case Weight() if all(isinstance(part, Weight) and part.name == one.name for part in parts):
            trace.put(call, Weight(name=one.name, at=at))
        case Part() if len(parts) == 1:
            trace.put(call, Part(what=one.what, at=at, parts=one.parts))
        case _:
            raise UnmappedError(_("no layer does this"))
