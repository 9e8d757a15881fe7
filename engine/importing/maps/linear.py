"""Products with weights: dense and linear layers, biases, embeddings."""

from __future__ import annotations

import math

import numpy as np

from retrograde.engine.importing.draft import Node
from retrograde.engine.importing.maps.rules import maps
from retrograde.engine.importing.tracing import Fixed, Held, Operation, Trace, UnmappedError, Weight
from retrograde.engine.text import _


@maps("addmm")
def addmm(trace: Trace, call: Operation) -> None:
    """``bias + x @ W``."""
    if trace.number(call, "beta", 1.0) != 1.0 or trace.number(call, "alpha", 1.0) != 1.0:
        raise UnmappedError(_("its factors are not 1"))
    node = _product(trace, call, "mat1", "mat2")
    bias = trace.given(call, "self")
    if not isinstance(bias, Weight) or not _is_bias(bias, node):
        raise UnmappedError(_("what is added is no bias of its own"))
    _give_bias(trace, node, bias)


@maps("mm")
def mm(trace: Trace, call: Operation) -> None:
    """``x @ W``."""
    _product(trace, call, "self", "mat2")


def _product(trace: Trace, call: Operation, left: str, right: str) -> Node:
    """A layer of weighted sums, without bias, and what it hands on."""
    x, weight = trace.held(call, left), trace.given(call, right)
    if not isinstance(weight, Weight):
        raise UnmappedError(_("the second factor is no parameter"))
    count, width = x.at.shape
    units = weight.at.shape[1]
    if trace.rows(x, width) is not None and x.at.size != trace.batch * math.prod(trace.form_of(x.node)):
        x = trace.sliced(call, x)
    form = trace.form_of(x.node)
    rows = trace.rows(x, width)
    if len(form) == 1 and rows is not None:
        kind, shape = "dense", (units,)
    elif rows is not None:
        kind, shape = "linear", (*form[:-1], units)
    else:
        x, rows = trace.arranged(call, x, (count, width)), np.arange(count)
        kind, shape = "dense", (units,)
    node = trace.layer(call, kind, [x.node], shape, units=units, bias="none", activation="identity")
    node.tensors["weight"] = trace.piece(weight, weight.at.T)
    trace.hand_on(call, node, rows[:, None] * units + np.arange(units))
    return node


def _is_bias(bias: Weight, node: Node) -> bool:
    return bias.at.ndim == 1 and bias.at.shape == node.form[-1:]


def _give_bias(trace: Trace, node: Node, bias: Weight) -> None:
    if "bias" in node.tensors:
        raise UnmappedError(_("the layer has a bias already"))
    node.keys["bias"] = "channel" if node.kind.startswith("conv") else "neuron"
    node.tensors["bias"] = trace.piece(bias, bias.at.reshape(-1))


def added_bias(trace: Trace, call: Operation, x: Held, other: Weight) -> bool:
    """Whether a sum is the bias of the layer before it, which then has it."""
    node = x.node
    if node is None or node.keys.get("bias") != "none" or node.kind not in {"dense", "linear"}:
        return False
    if trace.draft.users(node) or node.keys["activation"] != "identity" or not _is_bias(other, node):
        return False
    _give_bias(trace, node, other)
    trace.draft.links = [one for one in trace.draft.links if one.node is not node]
    trace.hand_on(call, node, x.at)
    return True


def added_positions(trace: Trace, call: Operation, x: Held, other: Weight | Fixed) -> None:
    """A sum with numbers that are the same for all samples: learned positions, or frozen ones.

    Raises:
        UnmappedError: it is no table of positions.
    """
    form = trace.form_of(x.node)
    at = np.broadcast_to(other.at, x.at.shape).reshape(trace.batch, -1)
    flat = x.at.reshape(-1)
    if len(form) != 2 or (flat != np.arange(flat.size)).any() or (at != at[:1]).any():
        raise UnmappedError(_("what is added is neither a layer nor a table of positions"))
    if not isinstance(other, Weight):
        raise UnmappedError(_("numbers that stay are added: no layer does this yet"))
    node = trace.layer(call, "position", [x.node], form, encoding="learned")
    node.tensors["weight"] = trace.piece(other, at[0].reshape(form))
    trace.hand_on(call, node, x.at)


@maps("embedding")
def embedding(trace: Trace, call: Operation) -> None:
    """A row of a table for each index."""
    weight, indices = trace.given(call, "weight"), trace.given(call, "indices")
    if not isinstance(weight, Weight):
        raise UnmappedError(_("its table is no parameter"))
    vocabulary, units = weight.at.shape
    if isinstance(indices, Fixed):
        # Rows of a table that are the same for all samples, as learned positions are.
        rows = indices.values.astype(np.intp)
        trace.put(call, Weight(name=weight.name, at=weight.at[rows]))
        return
    x = trace.held(call, "indices")
    if x.node is not None or not trace.indices:
        raise UnmappedError(_("its indices are not the inputs of the network"))
    node = trace.layer(call, "embedding", [None], (*trace.draft.shape, units), vocabulary=vocabulary, units=units)
    node.tensors["weight"] = trace.piece(weight, weight.at)
    trace.hand_on(call, node, x.at[..., None] * units + np.arange(units))
