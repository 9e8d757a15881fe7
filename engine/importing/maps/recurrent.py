"""Recurrent modules that run as one operator."""

from __future__ import annotations

import numpy as np

from retrograde.engine.importing.maps.rules import maps
from retrograde.engine.importing.tracing import Fixed, Held, Operation, Part, Trace, UnmappedError, Weight
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


@maps("stack")
def stack(trace: Trace, call: Operation) -> None:
    """One tensor with one more axis, as the states of a layer of an LSTM are handed on."""
    parts = trace.listed(call, "tensors")
    if len(parts) != 1 or isinstance(parts[0], Fixed):
        raise UnmappedError(_("no layer does this"))
    (one,) = parts
    at = np.expand_dims(one.at, int(trace.number(call, "dim")))
    match one:
        case Held():
            trace.put(call, Held(node=one.node, at=at, factor=one.factor))
        case Weight():
            trace.put(call, Weight(name=one.name, at=at))
        case Part():
            trace.put(call, Part(what=one.what, at=at, parts=one.parts))
