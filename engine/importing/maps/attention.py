"""Scaled dot-product attention, however it is written: two products with a softmax between them, or one operator.

Queries, keys and values are parts of what linear layers hand on. These layers become the projections of the attention.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from retrograde.engine.importing.draft import Link, Node, Numbers, Piece
from retrograde.engine.importing.maps.rules import maps
from retrograde.engine.importing.tracing import Fixed, Held, Meaning, Operation, Part, Trace, UnmappedError
from retrograde.engine.text import _


class _Heads(NamedTuple):
    """Queries, keys or values: a part of the features of a layer, in heads.

    Attributes:
        held: the values, (batch · heads, positions, depth).
        first: the first of the features.
        heads: how many heads.
        positions: how many positions.
        depth: the width of a head.
    """

    held: Held
    first: int
    heads: int
    positions: int
    depth: int


def _heads(trace: Trace, held: Held) -> _Heads:
    """Finds the heads of values that are (batch, heads, positions, depth), in one way or another.

    Raises:
        UnmappedError: they are no such values.
    """
    form = trace.form_of(held.node)
    at = held.at.reshape(-1, *held.at.shape[-2:])
    if len(form) != 2 or at.shape[0] % trace.batch or at.shape[1] != form[0]:
        raise UnmappedError(_("what attention reads is no array (positions, width) of a layer"))
    positions, width = form
    heads, depth = at.shape[0] // trace.batch, at.shape[2]
    first = int(at.min()) if at.size else 0
    sample, head, position, part = np.ogrid[: trace.batch, :heads, :positions, :depth]
    wanted = (sample * positions + position) * width + head * depth + part + first
    if (at != wanted.reshape(at.shape)).any() or first + heads * depth > width:
        raise UnmappedError(_("the heads of attention do not stand side by side"))
    return _Heads(held, first, heads, positions, depth)


@maps("bmm")
def bmm(trace: Trace, call: Operation) -> None:
    """The scores of attention, or the mixture of values by their weights."""
    left, right = trace.given(call, "self"), trace.given(call, "mat2")
    if isinstance(left, Held) and isinstance(right, Held):
        queries, keys = _heads(trace, left), _heads(trace, Held(node=right.node, at=right.at.transpose(0, 2, 1)))
        factor = left.factor * right.factor
        shape = (trace.batch * queries.heads, queries.positions, keys.positions)
        parts = {"q": queries, "k": keys, "factor": factor, "causal": False}
        trace.put(call, Part(what="scores", at=np.arange(math.prod(shape)).reshape(shape), parts=parts))
    elif isinstance(left, Part) and left.what == "shares" and isinstance(right, Held):
        if (left.at.reshape(-1) != np.arange(left.at.size)).any():
            raise UnmappedError(_("the weights of attention are in another order"))
        values = _heads(trace, right)
        node = _attention(trace, call, left.parts, values)
        trace.hand_on(call, node, _mixed(trace, values).reshape(-1, values.positions, values.depth))
    else:
        raise UnmappedError(_("it is no product of attention"))


def maybe_scaled(trace: Trace, call: Operation, factor: float) -> None:
    """Queries, keys or scores times a number.

    Raises:
        UnmappedError: it is a number of something else.
    """
    found = trace.given(call, "self")
    if isinstance(found, Part) and found.what == "scores":
        parts = {**found.parts, "factor": found.parts["factor"] * factor}
        trace.put(call, Part(what="scores", at=found.at, parts=parts))
    elif isinstance(found, Part) and found.what in {"loss", "mean", "terms"}:
        trace.put(
            call, Part(what=found.what, at=found.at, parts={**found.parts, "factor": found.parts["factor"] * factor})
        )
    elif isinstance(found, Held):
        trace.put(call, Held(node=found.node, at=found.at, factor=found.factor * factor))
    else:
        raise UnmappedError(_("no layer does this"))


def masked(trace: Trace, call: Operation, scores: Part, mask: Meaning | None) -> None:
    """Scores with −∞ where a position is not seen: those that come later.

    Raises:
        UnmappedError: the mask is another one.
    """
    if not isinstance(mask, Fixed):
        raise UnmappedError(_("no layer does this"))
    parts = {**scores.parts, **_hiding(mask.values, scores.at.shape)}
    trace.put(call, Part(what="scores", at=scores.at, parts=parts))


def _hiding(values: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    """What a mask of 0 and −∞ that is added to scores says: only positions up to one's own, or which keys are seen.

    Raises:
        UnmappedError: it has other numbers, or differs from sample to sample.
    """
    table = np.broadcast_to(values, shape).reshape(-1, *shape[-2:])
    if (table != table[:1]).any() or not ((table == 0.0) | np.isneginf(table)).all():
        raise UnmappedError(_("its mask differs from sample to sample, or has numbers besides 0 and −∞"))
    seen = table[0] == 0.0
    if (seen == np.tril(np.ones_like(seen))).all():
        return {"causal": True}
    return {} if seen.all() else {"seen": seen.astype(float).tolist()}


def maybe_shares(trace: Trace, call: Operation, scores: Part, axis: int) -> None:
    """The softmax of scores."""
    if scores.what != "scores" or axis != scores.at.ndim - 1:
        raise UnmappedError(_("it is no softmax of scores over the keys"))
    parts = {**scores.parts, "shares": trace.value(call)}
    trace.put(call, Part(what="shares", at=scores.at, parts=parts))


def rate_of(kept: float) -> float:
    """The rate of a dropout that keeps a share; as short as people write it, where that gives the same share."""
    short = round(1.0 - kept, 12)
    return short if 1.0 - short == kept else 1.0 - kept


def dropped(trace: Trace, call: Operation, shares: Part, mask: Fixed) -> None:
    """Weights of attention that are left out at random."""
    if shares.what != "shares" or mask.drawn is None or abs(mask.scaled - mask.drawn) > 1e-12:
        raise UnmappedError(_("no layer does this"))
    placed = np.empty(shares.at.size)
    placed[shares.at.reshape(-1)] = np.broadcast_to(mask.values, shares.at.shape).reshape(-1)
    trace.put(
        call, Part(what="shares", at=shares.at, parts={**shares.parts, "mask": placed, "rate": rate_of(mask.drawn)})
    )


_FUSED = (
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_attention_math",
    "_scaled_dot_product_cudnn_attention",
    "scaled_dot_product_attention",
)


@maps(*_FUSED)
def fused(trace: Trace, call: Operation) -> None:
    """Attention in one operator."""
    queries, keys, values = (_heads(trace, trace.held(call, name)) for name in ("query", "key", "value"))
    if trace.number(call, "dropout_p"):
        raise UnmappedError(_("its dropout is within the operator"))
    scale = trace.number(call, "scale", 1.0 / math.sqrt(queries.depth))
    parts = {"q": queries, "k": keys, "factor": scale, "causal": bool(call.arguments.get("is_causal"))}
    mask = trace.given(call, "attn_mask") or trace.given(call, "attn_bias")
    if mask is not None:
        if not isinstance(mask, Fixed):
            raise UnmappedError(_("its mask depends on what is learned"))
        parts |= _hiding(mask.values, (trace.batch * queries.heads, queries.positions, keys.positions))
    node = _attention(trace, call, parts, values)
    at = _mixed(trace, values).reshape(trace.batch, values.heads, values.positions, values.depth)
    trace.hand_on(call, node, at)


def _mixed(trace: Trace, values: _Heads) -> Numbers:
    """For each value of a head, which value of the mixture (positions, width) it is."""
    sample, head, position, part = np.ogrid[: trace.batch, : values.heads, : values.positions, : values.depth]
    width = values.heads * values.depth
    return np.asarray((sample * values.positions + position) * width + head * values.depth + part)


def _attention(trace: Trace, call: Operation, parts: dict[str, Any], values: _Heads) -> Node:
    """The layer, with the linear layers before it as its projections where nothing else reads them."""
    queries, keys = parts["q"], parts["k"]
    if not math.isclose(parts["factor"], 1.0 / math.sqrt(queries.depth), rel_tol=1e-12):
        raise UnmappedError(_("its scores are not scaled by 1/√{depth}").format(depth=queries.depth))
    if len({one.heads for one in (queries, keys, values)}) > 1:
        raise UnmappedError(_("queries, keys and values have different numbers of heads"))
    named = {"q": queries, "k": keys, "v": values}
    for name, one in named.items():
        if one.held.node is None or one.held.node.kind != "linear" or one.held.node.keys["activation"] != "identity":
            raise UnmappedError(_("{name} of attention is not made by a linear layer").format(name=name))
    sources = [one.held.node for one in named.values() if one.held.node is not None]
    biases = {node.keys["bias"] for node in sources}
    if len(biases) > 1:
        raise UnmappedError(_("some of its projections have a bias, and some have none"))
    before = [node.inputs[0] for node in sources]
    trace.draft.release(sources)
    inputs = before[:1] if before[0] is before[1] is before[2] else before[:2] if before[1] is before[2] else before
    node = trace.layer(
        call,
        "attention",
        inputs,
        (queries.positions, values.heads * values.depth),
        heads=queries.heads,
        causal=parts["causal"],
        width=queries.heads * queries.depth,
        projections=["q", "k", "v"],
        bias=biases.pop(),
    )
    if "seen" in parts:
        node.keys["mask"] = parts["seen"]
    if "rate" in parts:
        _dropout(trace, node, parts, queries, keys)
    _take(trace, node, named)
    if "shares" in parts:
        size = trace.batch * queries.heads * queries.positions * keys.positions
        trace.draft.link(parts["shares"], node, np.arange(size), stem="a")
    trace.draft.forget(sources)
    return node


def _dropout(trace: Trace, node: Node, parts: dict[str, Any], queries: _Heads, keys: _Heads) -> None:
    heads = (queries.heads,) if queries.heads > 1 else ()
    node.keys["dropout"] = parts["rate"]
    node.drawn = parts["mask"].reshape(trace.batch, *heads, queries.positions, keys.positions)


def _take(trace: Trace, node: Node, named: dict[str, _Heads]) -> None:
    """Gives the attention the weights of the layers that project, and what these made as its q, k and v."""
    pieces: dict[str, list[Piece]] = {"weight": [], "bias": []}
    for name, one in named.items():
        source = one.held.node
        assert source is not None
        rows = slice(one.first, one.first + one.heads * one.depth)
        for kind, found in pieces.items():
            if kind in source.tensors:
                piece = source.tensors[kind]
                whole = piece.name if one.heads * one.depth == source.form[-1] else None
                found.append(Piece(places=piece.places[rows], name=whole))
        _relink(trace, node, name, one, source)
    if len({one.places.shape[1] for one in pieces["weight"]}) == 1:
        node.tensors["in_proj_weight"] = _stacked(pieces["weight"], named)
    else:
        node.tensors |= {f"{name}_proj_weight": one for name, one in zip("qkv", pieces["weight"], strict=True)}
    if pieces["bias"]:
        node.tensors["in_proj_bias"] = _stacked(pieces["bias"], named)


def _stacked(pieces: list[Piece], named: dict[str, _Heads]) -> Piece:
    """Several tensors in one; by its name where it was one before."""
    places = np.concatenate([one.places for one in pieces])
    sources = [one.held.node for one in named.values()]
    stem = "bias" if places.ndim == 1 else "weight"
    first = sources[0]
    if first is not None and sources[0] is sources[1] is sources[2]:
        before = first.tensors[stem]
        if before.places.shape == places.shape and (before.places == places).all():
            return before
    return Piece(places=places)


def _relink(trace: Trace, node: Node, name: str, one: _Heads, source: Node) -> None:
    """Notes that what the linear layer made is q, k or v of the attention."""
    width, own = source.form[-1], one.heads * one.depth
    for link in [link for link in trace.draft.links if link.node is source]:
        feature = link.places.reshape(-1) % width
        chosen = np.flatnonzero((feature >= one.first) & (feature < one.first + own))
        places = link.places.reshape(-1)[chosen]
        places = places // width * own + places % width - one.first
        trace.draft.links.append(Link(value=link.value, chosen=chosen, stem=name, node=node, places=places))
