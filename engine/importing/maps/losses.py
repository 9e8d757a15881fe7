"""What the backward pass begins with: one loss of one layer, and its targets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from retrograde.engine.importing.maps.attention import masked, rate_of
from retrograde.engine.importing.maps.handwritten import reduced
from retrograde.engine.importing.maps.rules import maps
from retrograde.engine.importing.tracing import Fixed, Held, Operation, Part, Trace, UnmappedError
from retrograde.engine.recording.aten.reading import base_name
from retrograde.engine.text import _

_REDUCTIONS = {0: "none", 1: "mean", 2: "sum"}


def _loss(trace: Trace, call: Operation, **parts: Any) -> None:
    """Says that a result is a loss."""
    trace.put(call, Part(what="loss", at=np.zeros((), dtype=np.intp), parts={"factor": 1.0, **parts}))


def _reduction(trace: Trace, call: Operation) -> str:
    found = _REDUCTIONS.get(int(trace.number(call, "reduction", 1.0)), "none")
    if found == "none":
        raise UnmappedError(_("its terms are not added up"))
    return found


def _targets(trace: Trace, call: Operation, x: Held, name: str = "target") -> np.ndarray[Any, Any]:
    """The targets in the order of the layer's outputs, (batch, outputs).

    Raises:
        UnmappedError: they depend on what is learned, or the loss reads a part of the layer.
    """
    values = trace.numbers(call, name)
    size = math.prod(trace.form_of(x.node))
    if x.at.size != trace.batch * size:
        raise UnmappedError(_("it reads a part of what the layer hands on"))
    placed = np.empty(x.at.size)
    placed[x.at.reshape(-1)] = np.broadcast_to(values, x.at.shape).reshape(-1)
    return placed.reshape(trace.batch, size)


_TERMWISE: Mapping[str, str] = {
    "mse_loss": "mean_squared_error",
    "l1_loss": "mean_absolute_error",
    "huber_loss": "huber",
    "smooth_l1_loss": "huber",
    "binary_cross_entropy": "binary_cross_entropy",
    "binary_cross_entropy_with_logits": "binary_cross_entropy_logits",
}


@maps(*_TERMWISE)
def termwise(trace: Trace, call: Operation) -> None:
    """A loss of each output by itself."""
    base = base_name(call.op)
    x = trace.held(call, "self")
    reduction = _reduction(trace, call)
    keys: dict[str, Any] = {"kind": _TERMWISE[base], "over_outputs": reduction, "over_batch": reduction}
    if call.arguments.get("weight") is not None or call.arguments.get("pos_weight") is not None:
        raise UnmappedError(_("its terms have weights"))
    if base == "huber_loss":
        keys["delta"] = trace.number(call, "delta", 1.0)
    elif base == "smooth_l1_loss":
        if trace.number(call, "beta", 1.0) != 1.0:
            raise UnmappedError(_("its factors are not 1"))
        keys["delta"] = 1.0
    elif base == "binary_cross_entropy":
        keys["log_floor"] = -100.0
    _loss(trace, call, keys=keys, node=x.node, targets=_targets(trace, call, x), classes=0)


@maps("nll_loss_forward")
def nll(trace: Trace, call: Operation) -> None:
    """The cross-entropy with classes, of the logarithm of a softmax."""
    x = trace.held(call, "self")
    found = trace.numbers(call, "target")
    if call.arguments.get("weight") is not None:
        raise UnmappedError(_("its classes have weights"))
    form = trace.form_of(x.node)
    rows = trace.rows(x, form[-1]) if form else None
    positions = math.prod(form[:-1])
    if rows is None or sorted(rows.tolist()) != list(range(trace.batch * positions)):
        raise UnmappedError(_("it does not read each row of the layer once"))
    targets = np.empty(trace.batch * positions)
    targets[rows] = found.reshape(-1)
    if (targets == trace.number(call, "ignore_index", -100.0)).any():
        raise UnmappedError(_("it leaves targets out"))
    reduction = _reduction(trace, call)
    keys: dict[str, Any] = {"kind": "nll", "over_outputs": "sum", "over_batch": reduction}
    if positions > 1:
        keys["over_time"] = reduction
    _loss(
        trace,
        call,
        keys=keys,
        node=x.node,
        targets=targets.reshape(trace.batch, positions),
        classes=form[-1],
        term="nll",
    )
    trace.put(call, Fixed(values=np.array(float(len(targets)))), position=1)


@maps("sum")
def total(trace: Trace, call: Operation) -> None:
    """A sum of what a loss is made of."""
    found = trace.given(call, "self")
    axes = trace.ints(call, "dim")
    if isinstance(found, Part) and found.what == "terms":
        reduced(trace, call, found)
        return
    if isinstance(found, Part) and found.what == "surprise":
        # The sum over the samples, after that over the classes.
        parts = {**found.parts, "factor": found.parts["factor"]}
        trace.put(
            call, Part(what="loss", at=np.zeros((), dtype=np.intp), parts={**parts, "term": "smooth", "sum": True})
        )
        return
    if not isinstance(found, Held) or found.node is None or found.node.keys.get("activation") != "log_softmax":
        raise UnmappedError(_("no layer does this"))
    axis = axes[0] % found.at.ndim if len(axes) == 1 else -1
    rows = trace.rows(Held(node=found.node, at=np.moveaxis(found.at, axis, -1)), found.at.shape[axis])
    if len(axes) != 1 or rows is None or call.arguments.get("keepdim"):
        raise UnmappedError(_("no layer does this"))
    at = np.arange(found.at.size // found.at.shape[axis]).reshape(tuple(np.delete(found.at.shape, axis)))
    parts = {"node": found.node, "classes": found.at.shape[axis], "count": at.size, "factor": 1.0}
    trace.put(call, Part(what="surprise", at=at, parts=parts))


@maps("neg")
def neg(trace: Trace, call: Operation) -> None:
    """The other sign of a part of a loss."""
    found = trace.given(call, "self")
    if not isinstance(found, Part) or "factor" not in found.parts:
        raise UnmappedError(_("no layer does this"))
    trace.put(call, Part(what=found.what, at=found.at, parts={**found.parts, "factor": -found.parts["factor"]}))


@maps("masked_fill")
def masked_fill(trace: Trace, call: Operation) -> None:
    """Targets that are left out, of which there are none; scores of positions that are not seen."""
    found, mask = trace.given(call, "self"), trace.given(call, "mask")
    if isinstance(found, Part) and isinstance(mask, Fixed):
        if found.what == "surprise" and not mask.values.any():
            trace.put(call, found)
            return
        value = trace.number(call, "value")
        if found.what == "scores" and math.isinf(value) and value < 0:
            hidden = np.where(mask.values != 0.0, -np.inf, 0.0)
            masked(trace, call, found, Fixed(values=hidden))
            return
    raise UnmappedError(_("no layer does this"))


def total_mean(trace: Trace, call: Operation, x: Held) -> None:
    """The mean of outputs is a loss of its own: the outputs themselves.

    Raises:
        UnmappedError: it reads a part of what the layer hands on.
    """
    if x.at.size != trace.batch * math.prod(trace.form_of(x.node)) or x.node is None or trace.ints(call, "dim"):
        raise UnmappedError(_("it is no mean over all outputs"))
    keys = {"kind": "value", "over_outputs": "mean", "over_batch": "mean"}
    _loss(trace, call, keys=keys, node=x.node, targets=None, classes=0)


def divided(trace: Trace, call: Operation, found: Part) -> bool:
    """Whether a quotient is a part of a loss by how many there are."""
    if found.what != "loss" or found.parts.get("term") != "smooth":
        return False
    trace.put(call, Part(what="loss", at=found.at, parts={**found.parts, "count_by": trace.number(call, "other", 1.0)}))
    return True


def smoothed(trace: Trace, call: Operation, left: Part, right: Part) -> None:
    """The two parts of a cross-entropy with label smoothing: (1 − ε)·nll + ε/K · Σ of all classes.

    Raises:
        UnmappedError: they are two losses.
    """
    terms = {left.parts.get("term"): left, right.parts.get("term"): right}
    if set(terms) != {"nll", "smooth"} or left.parts["node"] is not right.parts["node"]:
        raise UnmappedError(_("two losses are added: a scenario has targets for each"))
    main, smooth = terms["nll"], terms["smooth"]
    classes = smooth.parts["classes"]
    epsilon = smooth.parts["factor"] * -classes
    count = smooth.parts["count"]
    reduction = "mean" if smooth.parts.get("count_by") == count else "sum" if "count_by" not in smooth.parts else ""
    if (
        not math.isclose(main.parts["factor"], 1.0 - epsilon, rel_tol=1e-12)
        or reduction != main.parts["keys"]["over_batch"]
    ):
        raise UnmappedError(_("its parts do not add up to label smoothing"))
    keys = {**main.parts["keys"], "label_smoothing": rate_of(main.parts["factor"])}
    trace.put(call, Part(what="loss", at=main.at, parts={**main.parts, "factor": 1.0, "keys": keys}))
