"""Operators of ONNX that only move values, and those that are computed where what they read stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.importing.onnx_file import OnnxNode
from retrograde.engine.importing.tracing import MAX_VALUES, Fixed, Held, Meaning, UnmappedError, Weight
from retrograde.engine.text import _


def whole(one: Meaning | None) -> list[int]:
    """The whole numbers of a tensor that stays.

    Raises:
        UnmappedError: it is none.
    """
    if not isinstance(one, Fixed):
        raise UnmappedError(_("a shape depends on what is learned"))
    return [int(value) for value in one.values.reshape(-1)]


def axes_of(node: OnnxNode, read: list[Meaning | None], place: int = 1) -> list[int] | None:
    """Axes, which older files have as a setting and newer ones as an input."""
    if "axes" in node.attributes:
        return list(node.attributes["axes"])
    return whole(read[place]) if len(read) > place and read[place] is not None else None


def _reshape(node: OnnxNode, at: Any, read: list[Meaning | None]) -> list[Any]:
    wanted = whole(read[1])
    if not node.attributes.get("allowzero"):
        wanted = [at.shape[place] if length == 0 else length for place, length in enumerate(wanted)]
    return [at.reshape(wanted)]


def _flatten(node: OnnxNode, at: Any, _read: list[Meaning | None]) -> list[Any]:
    axis = node.attributes.get("axis", 1)
    return [at.reshape(prod(at.shape[:axis]), -1)]


def _squeeze(node: OnnxNode, at: Any, read: list[Meaning | None]) -> list[Any]:
    axes = axes_of(node, read)
    return [np.squeeze(at, None if axes is None else tuple(axes))]


def _unsqueeze(node: OnnxNode, at: Any, read: list[Meaning | None]) -> list[Any]:
    return [np.expand_dims(at, tuple(axes_of(node, read) or ()))]


def _transpose(node: OnnxNode, at: Any, _read: list[Meaning | None]) -> list[Any]:
    return [at.transpose(node.attributes.get("perm"))]


def _slice(node: OnnxNode, at: Any, read: list[Meaning | None]) -> list[Any]:
    starts, ends = whole(read[1]), whole(read[2])
    axes = whole(read[3]) if len(read) > 3 and read[3] is not None else list(range(len(starts)))
    steps = whole(read[4]) if len(read) > 4 and read[4] is not None else [1] * len(starts)
    cut = [slice(None)] * at.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        cut[axis] = slice(start, end, step)
    return [at[tuple(cut)]]


def _split(node: OnnxNode, at: Any, read: list[Meaning | None]) -> list[Any]:
    axis = node.attributes.get("axis", 0)
    sizes = node.attributes.get("split") or (whole(read[1]) if len(read) > 1 and read[1] is not None else None)
    if sizes is None:
        return list(np.array_split(at, len(node.outputs), axis))
    return list(np.split(at, np.cumsum(sizes)[:-1].tolist(), axis))


def gather(node: OnnxNode, at: Any, read: list[Meaning | None]) -> list[Any]:
    """Values at indices that stay."""
    if isinstance(read[0], Weight) and isinstance(read[1], Held):
        raise UnmappedError(_("no layer does this"))
    indices = np.array(whole(read[1]), dtype=np.intp)
    shape = read[1].at.shape if read[1] is not None else ()
    return [np.take(at, indices.reshape(shape), axis=node.attributes.get("axis", 0))]


def _expand(_node: OnnxNode, at: Any, read: list[Meaning | None]) -> list[Any]:
    return [np.broadcast_to(at, np.broadcast_shapes(at.shape, tuple(whole(read[1]))))]


def _same(_node: OnnxNode, at: Any, _read: list[Meaning | None]) -> list[Any]:
    return [at]


MOVES: Mapping[str, Callable[[OnnxNode, Any, list[Meaning | None]], list[Any]]] = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Transpose": _transpose,
    "Slice": _slice,
    "Split": _split,
    "Expand": _expand,
    "Identity": _same,
    "Dropout": _same,
    "Cast": _same,
}
"""Operators that only move values; a dropout of a file is one of evaluation, which passes all."""


def folded(node: OnnxNode, read: list[Meaning | None]) -> NDArray[np.float64] | None:
    """What an operator makes of numbers that stay; None where it reads others."""
    if node.op == "Constant":
        value = next((node.attributes[key] for key in node.attributes if key.startswith("value")), None)
        return np.asarray(value, dtype=np.float64)
    if node.op == "Shape" and read[0] is not None:
        return np.array(read[0].at.shape, dtype=np.float64)
    fold = FOLDS.get(node.op)
    if fold is None or not all(isinstance(one, Fixed) for one in read if one is not None):
        return None
    values = [one.values for one in read if isinstance(one, Fixed)]
    with np.errstate(all="ignore"):
        return np.asarray(fold(node, values), dtype=np.float64)


def _range(_node: OnnxNode, values: list[Any]) -> Any:
    start, stop, step = (float(one) for one in values)
    if not abs(stop - start) <= MAX_VALUES * abs(step):
        raise UnmappedError(_("it makes too many values"))
    return np.arange(start, stop, step)


def _filled(node: OnnxNode, values: list[Any]) -> Any:
    if not prod(float(one) for one in values[0]) <= MAX_VALUES:
        raise UnmappedError(_("it makes too many values"))
    value = node.attributes.get("value")
    return np.full([int(one) for one in values[0]], 0.0 if value is None else float(np.asarray(value).reshape(-1)[0]))


FOLDS: Mapping[str, Callable[[OnnxNode, list[Any]], Any]] = {
    "Add": lambda _node, values: values[0] + values[1],
    "Sub": lambda _node, values: values[0] - values[1],
    "Mul": lambda _node, values: values[0] * values[1],
    "Div": lambda _node, values: values[0] / values[1],
    "Mod": lambda _node, values: np.mod(values[0], values[1]),
    "Sqrt": lambda _node, values: np.sqrt(values[0]),
    "Equal": lambda _node, values: values[0] == values[1],
    "Less": lambda _node, values: values[0] < values[1],
    "Greater": lambda _node, values: values[0] > values[1],
    "Not": lambda _node, values: values[0] == 0,
    "Where": lambda _node, values: np.where(values[0] != 0, values[1], values[2]),
    "Concat": lambda node, values: np.concatenate(values, node.attributes.get("axis", 0)),
    "Gather": lambda node, values: np.take(values[0], values[1].astype(int), node.attributes.get("axis", 0)),
    "Range": _range,
    "ConstantOfShape": _filled,
    "Trilu": lambda node, values: (np.triu if node.attributes.get("upper", 1) else np.tril)(
        values[0], int(values[1]) if len(values) > 1 else 0
    ),
    "Unsqueeze": lambda node, values: np.expand_dims(
        values[0], tuple(node.attributes.get("axes") or values[1].astype(int).tolist())
    ),
    "ReduceProd": lambda _node, values: np.prod(values[0]),
}
"""Operators that are computed where what they read stays."""
