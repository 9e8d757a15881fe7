"""Recurrent operators of ONNX as layers: gates in PyTorch's order, both biases, one direction or two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from retrograde.engine.importing.draft import Node
from retrograde.engine.importing.onnx_file import OnnxNode
from retrograde.engine.importing.onnx_trace import OnnxCall, OnnxTrace, place_of
from retrograde.engine.importing.tracing import Fixed, Held, Meaning, UnmappedError, Weight
from retrograde.engine.text import _

RECURRENT: Mapping[str, tuple[int, ...]] = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""The operators, with the number in the file of each gate of the layer: of iofc those of ifgo, of zrh those of rzn."""
_DIRECTIONS = {"forward": "forward", "reverse": "backward", "bidirectional": "both"}
_USUAL = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}


def recurrent(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> None:
    """An LSTM, a GRU or a simple recurrent layer.

    Raises:
        UnmappedError: it has settings that layers do not have.
    """
    x = read[0]
    weights, states, biases = (read[place] if len(read) > place else None for place in (1, 2, 3))
    if not isinstance(x, Held) or not isinstance(weights, Weight) or not isinstance(states, Weight):
        raise UnmappedError(_("its weights are no parameters"))
    for one in read[4:]:
        if one is not None and not (isinstance(one, Fixed) and not one.values.any()):
            raise UnmappedError(_("it begins in states of its own, or has peepholes or lengths"))
    keys = _keys(node)
    units = states.at.shape[2]
    count, batch, features = x.at.shape
    held = trace.arranged(_call(node), Held(node=x.node, at=x.at.transpose(1, 0, 2)), (batch, count, features))
    every = node.outputs[0] in trace.read if node.outputs else False
    directions = weights.at.shape[0]
    width = directions * units
    keys |= {"units": units, "outputs": "all" if every else "last", "bias": "none" if biases is None else "both"}
    form = (count, width) if every else (width,)
    made = trace.layer(_call(node), node.op.lower(), [held.node], form, **keys)
    _tensors(trace, made, node.op, units, (weights, states, biases))
    whole = np.arange(batch * count * width if every else batch * width)
    if every:
        at = whole.reshape(batch, count, directions, units).transpose(1, 2, 0, 3)
        trace.meaning[node.outputs[0]] = Held(node=made, at=at)
    last = whole.reshape(batch, -1, directions, units)[:, -1].transpose(1, 0, 2)
    if len(node.outputs) > 1 and node.outputs[1] and (not every or directions == 1):
        trace.meaning[node.outputs[1]] = Held(node=made, at=last)


def _call(node: OnnxNode) -> OnnxCall:
    return OnnxCall(op=node.op, module=place_of(node), outputs=node.outputs)


def _keys(node: OnnxNode) -> dict[str, Any]:
    settings = node.attributes
    direction = _DIRECTIONS.get(settings.get("direction", "forward"))
    several = 2 if direction == "both" else 1
    wanted = settings.get("activations", _USUAL[node.op] * several)
    keys: dict[str, Any] = {}
    if node.op == "RNN" and set(wanted) == {"Relu"}:
        keys["activation"] = "relu"
    elif wanted != _USUAL[node.op] * several:
        raise UnmappedError(_("it has other activations than layers have"))
    if settings.get("clip") or settings.get("input_forget") or settings.get("layout") or direction is None:
        raise UnmappedError(_("it has settings that layers do not have"))
    if direction != "forward":
        keys["direction"] = direction
    if node.op == "GRU" and not settings.get("linear_before_reset"):
        keys["reset"] = "before"
    return keys


def _tensors(trace: OnnxTrace, made: Node, op: str, units: int, given: tuple[Weight, Weight, Meaning | None]) -> None:
    """The tensors of the layer, from those of the file."""
    weights, states, biases = given
    order = RECURRENT[op]
    rows = np.concatenate([np.arange(gate * units, (gate + 1) * units) for gate in order])
    height = len(order) * units
    for number in range(weights.at.shape[0]):
        end = "_reverse" if number else ""
        made.tensors["weight_ih_l0" + end] = trace.piece(weights, weights.at[number][rows])
        made.tensors["weight_hh_l0" + end] = trace.piece(states, states.at[number][rows])
        if isinstance(biases, Weight):
            made.tensors["bias_ih_l0" + end] = trace.piece(biases, biases.at[number][:height][rows])
            made.tensors["bias_hh_l0" + end] = trace.piece(biases, biases.at[number][height:][rows])
        elif biases is not None:
            raise UnmappedError(_("its weights are no parameters"))
