"""Losses that are written out: differences, squares, absolute values, logarithms, their means and sums.

A term of a loss is followed as a part: of which output it is, what that is compared with, and what it is multiplied by.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.importing.draft import Node, Numbers
from retrograde.engine.importing.maps.rules import maps
from retrograde.engine.importing.tracing import Fixed, Held, Meaning, Operation, Part, Trace, UnmappedError
from retrograde.engine.recording.aten.reading import base_name
from retrograde.engine.text import _

_GAP, _LOG, _TERMS = "gap", "log", "terms"
_PICKED = "picked"
_HALVES = ("half of binary", "other half of binary")


def _part(trace: Trace, call: Operation, what: str, at: Numbers, **parts: Any) -> None:
    """Says what a result is: a part whose places and numbers stand row by row."""
    flat = {key: one.reshape(-1) if isinstance(one, np.ndarray) else one for key, one in parts.items()}
    shape = at.shape
    trace.put(call, Part(what=what, at=np.arange(math.prod(shape), dtype=np.intp).reshape(shape), parts=flat))


def _moved(part: Part, name: str) -> NDArray[Any]:
    """Places or numbers of a part, in the shape that it has by now."""
    found: NDArray[Any] = part.parts[name][part.at]
    return found


def _other(trace: Trace, call: Operation) -> Meaning | float | None:
    """The second operand: a tensor, or a number."""
    found = call.arguments.get("other")
    return float(found) if isinstance(found, int | float) else trace.given(call, "other")


def _numbers(found: Meaning | float | None, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    """Numbers that stay, in a shape; None for what is something else."""
    if isinstance(found, Fixed) and found.drawn is None:
        return np.broadcast_to(found.values, shape)
    return np.full(shape, found) if isinstance(found, float) else None


def _output(found: Meaning | float | None) -> Held | None:
    """What a layer hands on, whole: a loss has no other operand."""
    return found if isinstance(found, Held) and found.node is not None and found.factor == 1.0 else None


def difference(trace: Trace, call: Operation) -> bool:
    """Whether a difference is that of outputs and targets."""
    left, right = trace.given(call, "self"), _other(trace, call)
    if base_name(call.op) == "rsub":
        left, right = right, left  # type: ignore[assignment]
    if trace.number(call, "alpha", 1.0) != 1.0:
        return False
    for one, other, sign in ((left, right, 1.0), (right, left, -1.0)):
        held = _output(one)
        if held is None:
            continue
        targets = _numbers(other, held.at.shape)
        if targets is not None:
            _part(trace, call, _GAP, held.at, node=held.node, places=held.at, targets=targets, sign=sign)
            return True
    return False


def raised(trace: Trace, call: Operation) -> bool:
    """Whether a sum is an output, or 1 less it, with the ε that keeps its logarithm finite."""
    found, number = trace.given(call, "self"), call.arguments.get("other")
    if not isinstance(number, int | float) or trace.number(call, "alpha", 1.0) != 1.0:
        return False
    held = _output(found)
    if held is not None:
        zeros = np.zeros(held.at.shape)
        _part(trace, call, _GAP, held.at, node=held.node, places=held.at, targets=zeros, sign=1.0, plus=float(number))
        return True
    if isinstance(found, Part) and found.what == _GAP and "plus" not in found.parts:
        trace.put(call, Part(what=_GAP, at=found.at, parts={**found.parts, "plus": float(number)}))
        return True
    return False


@maps("rsub")
def rsub(trace: Trace, call: Operation) -> None:
    """A number less an output."""
    if not difference(trace, call):
        raise UnmappedError(_("no layer does this"))


def _terms(
    trace: Trace,
    call: Operation,
    kind: str,
    node: Node,
    places: Numbers,
    targets: NDArray[np.float64],
    *,
    factor: float = 1.0,
    epsilon: float = 0.0,
) -> None:
    """Says that a result is the terms of a loss, one for each place."""
    parts = {
        "kind": kind,
        "node": node,
        "factor": factor,
        "epsilon": epsilon,
        "over": {},
        "of": places.reshape(-1),
        "targets": targets.reshape(-1),
    }
    _part(trace, call, _TERMS, places, places=places, **parts)


def _gap_terms(trace: Trace, call: Operation, part: Part, kind: str) -> None:
    if "plus" in part.parts:
        raise UnmappedError(_("no layer does this"))
    _terms(trace, call, kind, part.parts["node"], _moved(part, "places"), _moved(part, "targets"))


@maps("pow")
def power(trace: Trace, call: Operation) -> None:
    """The square of a difference."""
    found = trace.given(call, "self")
    if not isinstance(found, Part) or found.what != _GAP or call.arguments.get("exponent") != 2:
        raise UnmappedError(_("no layer does this"))
    _gap_terms(trace, call, found, "squared_error")


@maps("abs")
def absolute(trace: Trace, call: Operation) -> None:
    """The absolute value of a difference."""
    found = trace.given(call, "self")
    if not isinstance(found, Part) or found.what != _GAP:
        raise UnmappedError(_("no layer does this"))
    _gap_terms(trace, call, found, "mean_absolute_error")


@maps("log")
def log(trace: Trace, call: Operation) -> None:
    """The logarithm of an output, or of 1 less it."""
    found = trace.given(call, "self")
    held = _output(found)
    if held is not None:
        _part(trace, call, _LOG, held.at, node=held.node, places=held.at, rest=False, epsilon=0.0)
        return
    if not isinstance(found, Part) or found.what != _GAP:
        raise UnmappedError(_("no layer does this"))
    rest, epsilon = found.parts["sign"] < 0, found.parts.get("plus", 0.0)
    if (_moved(found, "targets") != (1.0 if rest else 0.0)).any() or not 0.0 <= epsilon < 1.0:
        raise UnmappedError(_("no layer does this"))
    places = _moved(found, "places")
    _part(trace, call, _LOG, found.at, node=found.parts["node"], places=places, rest=rest, epsilon=epsilon)


def product(trace: Trace, call: Operation) -> bool:
    """Whether a product is one of a loss: a difference by itself, or by numbers a logarithm, log-probabilities, terms.

    Raises:
        UnmappedError: terms are multiplied by different numbers.
    """
    left, right = trace.given(call, "self"), _other(trace, call)
    if isinstance(left, Part) and isinstance(right, Part) and left.what == right.what == _GAP:
        same = left.parts["node"] is right.parts["node"] and left.at.shape == right.at.shape
        same = same and left.parts["sign"] == right.parts["sign"]
        if not same or any((_moved(left, one) != _moved(right, one)).any() for one in ("places", "targets")):
            return False
        _gap_terms(trace, call, left, "squared_error")
        return True
    return any(_by_numbers(trace, call, one, other) for one, other in ((left, right), (right, left)))


def _by_numbers(trace: Trace, call: Operation, one: Meaning | float | None, other: Meaning | float | None) -> bool:
    held = _output(one)
    log_softmax = held is not None and _is_log_softmax(held.node)
    if not log_softmax and not (isinstance(one, Part) and one.what in {_TERMS, _LOG}):
        return False
    assert isinstance(one, Held | Part)
    numbers = _numbers(other, one.at.shape)
    if numbers is None:
        return False
    if isinstance(one, Held):
        assert one.node is not None
        _terms(trace, call, "nll", one.node, one.at, numbers, factor=-1.0)
    elif one.what == _LOG:
        node, places = one.parts["node"], _moved(one, "places")
        softmax = node.keys.get("activation") == "softmax" and not one.parts["rest"]
        kind = "cross_entropy" if softmax else _HALVES[one.parts["rest"]]
        turned = bool((numbers <= 0.0).all() and numbers.any())
        _terms(
            trace,
            call,
            kind,
            node,
            places,
            -numbers if turned else numbers,
            factor=1.0 if turned else -1.0,
            epsilon=one.parts["epsilon"],
        )
    elif numbers.size and (numbers == numbers.reshape(-1)[0]).all():
        scaled(trace, call, one, float(numbers.reshape(-1)[0]))
    else:
        raise UnmappedError(_("its terms have weights"))
    return True


def _is_log_softmax(node: Node | None) -> bool:
    return node is not None and node.kind == "activation" and bool(node.keys["activation"] == "log_softmax")


def scaled(trace: Trace, call: Operation, part: Part, factor: float) -> None:
    """Terms by a number."""
    trace.put(call, Part(what=part.what, at=part.at, parts={**part.parts, "factor": part.parts["factor"] * factor}))


def joined(trace: Trace, call: Operation, left: Meaning | None, right: Meaning | None, sign: float = 1.0) -> bool:
    """Whether a sum is that of the two halves of a binary cross-entropy.

    Raises:
        UnmappedError: it is one of other terms.
    """
    if not (isinstance(left, Part) and isinstance(right, Part) and left.what == right.what == _TERMS):
        return False
    first, second = (left, right) if left.parts["kind"] == _HALVES[False] else (right, left)
    if (first.parts["kind"], second.parts["kind"]) != _HALVES:
        raise UnmappedError(_("two losses are added: a scenario has targets for each"))
    same = (
        all(first.parts[key] == second.parts[key] for key in ("epsilon", "over"))
        and first.parts["node"] is second.parts["node"]
        and np.array_equal(_moved(first, "places"), _moved(second, "places"))
        and left.parts["factor"] == sign * right.parts["factor"]
        and not first.parts["over"]
    )
    if not same or (_moved(first, "targets") + _moved(second, "targets") != 1.0).any():
        raise UnmappedError(_("its halves are not t·log y and (1 − t)·log(1 − y)"))
    places, targets, kind = _moved(first, "places"), _moved(first, "targets"), "binary_cross_entropy"
    factor, epsilon = left.parts["factor"], first.parts["epsilon"]
    _terms(trace, call, kind, first.parts["node"], places, targets, factor=factor, epsilon=epsilon)
    return True


@maps("index", "gather")
def picked(trace: Trace, call: Operation) -> None:
    """Of each row of a log-softmax that of a class: the cross-entropy, but for the sign."""
    held = _output(trace.given(call, "self"))
    if held is None or held.node is None or not _is_log_softmax(held.node):
        raise UnmappedError(_("no layer does this"))
    if base_name(call.op) == "gather":
        index = trace.numbers(call, "index").astype(np.intp)
        places = np.take_along_axis(held.at, index, int(trace.number(call, "dim")) % held.at.ndim)
    else:
        found = trace.listed(call, "indices")
        if len(found) != len(call.arguments["indices"]) or not all(isinstance(one, Fixed) for one in found):
            raise UnmappedError(_("no layer does this"))
        places = held.at[tuple(one.values.astype(np.intp) for one in found if isinstance(one, Fixed))]
    classes = held.node.form[-1]
    _terms(trace, call, _PICKED, held.node, places // classes, (places % classes).astype(float), factor=-1.0)


def reduced(trace: Trace, call: Operation, part: Part) -> None:
    """The sum or the mean of terms, over all or over some axes.

    Raises:
        UnmappedError: it is over a part of the outputs, or of the samples, or in two ways.
    """
    how, places, over = base_name(call.op), _moved(part, "places"), dict(part.parts["over"])
    dims = {axis % max(places.ndim, 1) for axis in trace.ints(call, "dim")} or set(range(places.ndim))
    kept = [axis for axis in range(places.ndim) if axis not in dims]
    groups = places.transpose(*kept, *sorted(dims)).reshape(math.prod(places.shape[axis] for axis in kept), -1)
    size = _size(part)
    if (groups // size == groups[:, :1] // size).all():
        ways = ["outputs"]
    elif (groups % size == groups[:, :1] % size).all() and groups.shape[1] == trace.batch:
        ways = ["batch"]
    elif not kept:
        ways = ["outputs", "batch"]
    else:
        raise UnmappedError(_("it adds up a part of the samples"))
    for way in ways:
        if over.setdefault(way, how) != how:
            raise UnmappedError(_("its terms are added up in two ways"))
    if kept:
        shape = tuple(
            1 if axis in dims else n
            for axis, n in enumerate(places.shape)
            if axis not in dims or call.arguments.get("keepdim")
        )
        _part(trace, call, _TERMS, groups[:, 0].reshape(shape), **{**part.parts, "over": over, "places": groups[:, 0]})
        return
    over.setdefault("outputs", how)
    over.setdefault("batch", how)
    _close(trace, call, part, over)


def _size(part: Part) -> int:
    """How many terms a sample has."""
    node = part.parts["node"]
    size: int = node.size // node.form[-1] if part.parts["kind"] == _PICKED else node.size
    return size


def _close(trace: Trace, call: Operation, part: Part, over: dict[str, str]) -> None:
    """Says that a result is a loss."""
    kind, node, places = part.parts["kind"], part.parts["node"], part.parts["of"]
    size = _size(part)
    if kind in _HALVES:
        raise UnmappedError(_("its halves are not t·log y and (1 − t)·log(1 − y)"))
    if not np.array_equal(np.sort(places), np.arange(trace.batch * size)):
        raise UnmappedError(_("it reads a part of what the layer hands on"))
    targets = np.empty(places.size)
    targets[places] = part.parts["targets"]
    factor, keys = part.parts["factor"], {"kind": kind, "over_outputs": over["outputs"], "over_batch": over["batch"]}
    classes = 0
    if kind == _PICKED:
        keys, classes = {"kind": "nll", "over_outputs": "sum", "over_batch": over["batch"]}, node.form[-1]
        if size > 1 and over["outputs"] == over["batch"]:
            keys["over_time"] = over["outputs"]
        elif size > 1:
            raise UnmappedError(_("its terms are added up in two ways"))
    if part.parts["epsilon"]:
        keys["log_epsilon"] = part.parts["epsilon"]
    if keys["over_batch"] == "sum" and factor == 1.0 / trace.batch:
        keys["over_batch"], factor = "mean", 1.0
    if kind == "squared_error" and factor == 0.5:
        keys["kind"], factor = "half_squared_error", 1.0
    parts = {
        "factor": factor,
        "keys": keys,
        "node": node,
        "targets": targets.reshape(trace.batch, size),
        "classes": classes,
    }
    trace.put(call, Part(what="loss", at=np.zeros((), dtype=np.intp), parts=parts))
