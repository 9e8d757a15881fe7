"""Recurrent layers, embeddings, attention and layer norm, as they are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.oracles.random_networks.plan import MOST_SLOTS, Form, Plan
from tests.oracles.random_networks.walk import FIRST

MOST_STEPS = 5
"""Time steps of a recurrent layer."""


def recurrent(plan: Plan, x: str) -> str | None:
    """A simple recurrent layer, a GRU or an LSTM, with all their options."""
    draw, form = plan.draw, plan.forms[x]
    if len(form.shape) > (1 if form.steps else 2) or not form.shape:
        return None
    steps = form.steps or form.shape[0]
    if steps > MOST_STEPS:
        return None
    kind = draw.among("rnn", "gru", "lstm")
    units = draw.between(1, 3)
    keys: dict[str, Any] = {
        "units": units,
        "outputs": draw.among(None, None, "all", "last"),
        "direction": draw.among(None, None, "forward", "backward", "both", "both"),
        "bias": draw.among(None, "one", "both", "none"),
        "truncate": draw.among(None, None, 1, 2, 3),
        "initial": draw.among(None, None, "trained"),
    }
    both = keys["direction"] == "both"
    # An initial state that truncation cuts off has no gradient, and yet a penalty.
    plan.cut = plan.cut or bool(keys["truncate"] and keys["initial"])
    biases = {"none": (), "both": ("b", "bu")}.get(keys["bias"], ("b",))
    keys["frozen"] = plan.frozen("W", "U", *biases, *(("Wr", "Ur") if both else ()))
    if draw.chance(0.4):
        keys["h0"] = draw.reals(units, -0.9, 0.9)
    if kind == "rnn":
        keys["activation"] = draw.among(None, "tanh", "relu", "sigmoid", "identity")
    elif kind == "gru":
        keys["reset"] = draw.among(None, "after", "before")
    else:
        keys["peepholes"] = draw.among(None, True)
        if draw.chance(0.3):
            keys["c0"] = draw.reals(units, -0.9, 0.9)
        if keys["bias"] != "none" and draw.chance(0.3):
            keys["forget_bias"] = draw.among(1.0, 0.5)
    if both and draw.chance(0.4):
        keys["reverse"] = {"h0": draw.reals(units, -0.9, 0.9)}
    width = units * (2 if both else 1)
    made = Form((width,), 0 if keys["outputs"] == "last" else steps)
    return plan.add(kind, [x], made, **keys)


def linear(plan: Plan, x: str) -> str | None:
    """Weighted sums along the last axis."""
    draw, form = plan.draw, plan.forms[x]
    if not form.shape:
        return None
    units = draw.between(1, 4)
    made = Form((*form.shape[:-1], units), form.steps)
    if made.size > MOST_SLOTS:
        return None
    keys: dict[str, Any] = {"units": units, "bias": draw.among(None, "neuron", "none"), **plan.activation(made)}
    shared = [
        table
        for table in plan.layers
        if table.get("kind") == "linear"
        and "share" not in table
        and plan.forms[sources_of(plan, table)].shape[-1] == form.shape[-1]
    ]
    if shared and draw.chance(0.5):
        table = draw.among(*shared)
        if keys["activation"] == "softmax" and table["units"] == 1:
            return None
        made = Form((*form.shape[:-1], table["units"]), form.steps)
        if made.size > MOST_SLOTS:
            return None
        keys |= {"units": table["units"], "bias": table.get("bias"), "share": table["name"]}
    else:
        keys["frozen"] = plan.frozen("W", *(() if keys["bias"] == "none" else ("b",)))
    return plan.add("linear", [x], made, **keys)


def sources_of(plan: Plan, table: dict[str, Any]) -> str:
    """The name of what a layer reads first."""
    number = plan.layers.index(table)
    above = plan.layers[number - 1]["name"] if number else FIRST
    return str(table.get("inputs", [above])[0])


def embedding(plan: Plan, x: str) -> str | None:
    """A vector for each index of the inputs."""
    if not plan.tokens or x != FIRST:
        return None
    units = plan.draw.between(1, 4)
    keys = {"vocabulary": plan.tokens, "units": units, "frozen": plan.frozen("W")}
    return plan.add("embedding", [x], Form((*plan.form.shape, units)), **keys)


def position(plan: Plan, x: str) -> str | None:
    """Positions, as sines or learned."""
    draw, form = plan.draw, plan.forms[x]
    if form.steps or len(form.shape) != 2:
        return None
    encoding = draw.among(None, "sinusoidal", "learned", "learned")
    frozen = plan.frozen("P") if encoding == "learned" else None
    return plan.add("position", [x], form, encoding=encoding, frozen=frozen)


def layer_norm(plan: Plan, x: str) -> str | None:
    """Layer norm over the last axis."""
    draw, form = plan.draw, plan.forms[x]
    if not form.shape or form.shape[-1] < 2:
        return None
    keys: dict[str, Any] = {"epsilon": draw.among(None, 1e-3, 0.1)}
    if form.shape[-1] == 2 or plan.table(x).get("kind", "dense") not in WIDE:
        # Of two values nearly nothing is left but their order, and of values that are nearly equal nothing at all:
        # the slopes are small differences of large numbers.
        plan.noisy = True
        keys["epsilon"] = draw.among(0.03, 0.1)
    if draw.chance(0.15):
        keys["affine"] = False
    elif draw.chance(0.7):
        keys |= {"gamma": draw.reals(form.shape[-1], 0.4, 1.6), "beta": draw.reals(form.shape[-1], -0.5, 0.5)}
        keys["frozen"] = plan.frozen("gamma", "beta")
    return plan.add("layer_norm", [x], form, **keys)


WIDE = ("dense", "linear", "embedding", "position", "conv", "add", "rnn", "gru", "lstm")
"""Kinds of layer whose units differ."""


def attention(plan: Plan, x: str) -> str | None:
    """Attention of one value to itself, or to one or two others."""
    draw, form = plan.draw, plan.forms[x]
    if form.steps or len(form.shape) != 2:
        return None
    sources = [x]
    if draw.chance(0.35):
        others = [name for name, other in plan.forms.items() if not other.steps and len(other.shape) == 2]
        keys_from = draw.among(*others)
        sources.append(keys_from)
        if draw.chance(0.4):
            count = plan.forms[keys_from].shape[0]
            sources.append(draw.among(*(name for name in others if plan.forms[name].shape[0] == count)))
    before = [plan.forms[name].shape for name in (sources[0], sources[min(1, len(sources) - 1)], sources[-1])]
    if max(shape[0] for shape in before) > 8 or form.size > MOST_SLOTS:
        return None
    projections = draw.among("qkvo", "qkvo", "qkvo", "qkv", "vo", "qk", "")
    heads = draw.among(1, 1, 2, 3)
    width = heads * draw.between(1, 3) if "q" in projections and draw.chance(0.6) else None
    units = draw.between(1, 4) if "o" in projections and draw.chance(0.5) else None
    widths = {
        name: (width or before[0][1]) if name in projections else shape[1]
        for name, shape in zip("qkv", before, strict=True)
    }
    if widths["q"] != widths["k"] or widths["q"] % heads or widths["v"] % heads:
        return None
    made = Form((before[0][0], (units or before[0][1]) if "o" in projections else widths["v"]))
    bias = draw.among(None, "neuron", "none") if projections else None
    if "k" in projections and bias != "none":
        # A bias of all keys changes no share.
        plan.noisy = True
    keys = {
        "heads": heads if heads > 1 or draw.chance(0.2) else None,
        "causal": draw.among(None, True, True, False),
        "width": width,
        "units": units,
        "projections": None if projections == "qkvo" else list(projections) or EMPTY,
        "bias": bias,
        "frozen": plan.frozen(*(f"W{name}" for name in projections)),
    }
    return plan.add("attention", sources, made, **keys)


EMPTY: tuple[str, ...] = ()
"""An empty list that is written; a list without entries is left out."""

SEQUENTIAL: dict[str, Callable[[Plan, str], str | None]] = {
    "recurrent": recurrent,
    "linear": linear,
    "embedding": embedding,
    "position": position,
    "layer_norm": layer_norm,
    "attention": attention,
}
"""The moves over time and positions."""
