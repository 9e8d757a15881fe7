"""What a scenario file says, as the references read it: complete tables, the rows of an iteration, names.

Nothing of the engine takes part: the file is parsed with ``tomllib``, and the defaults of the format stand here again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FIRST = "i"
"""The name of the inputs."""


@dataclass(frozen=True)
class Given:
    """What the references take from the engine, because it is drawn there: each by its name.

    Attributes:
        parameters: the initial value of every parameter array.
        trainable: those that are trained, in their order.
        reached: those of them that a loss depends on; the others have no gradient and stay as they are.
        biases: those that count as biases where weight decay or a penalty leaves biases out.
        rows: the rows of each iteration.
        masks: the dropout masks of each iteration.
    """

    parameters: Mapping[str, Floats]
    trainable: tuple[str, ...]
    reached: frozenset[str]
    biases: frozenset[str]
    rows: tuple[tuple[int, ...], ...]
    masks: tuple[Mapping[str, Floats], ...]


@dataclass
class Iteration:
    """What is compared of an iteration, by the engine's names.

    Attributes:
        values: E, the values of the layers and the gradients.
        after: the parameters and the running statistics after the update.
    """

    values: dict[str, Floats] = field(default_factory=dict)
    after: dict[str, Floats] = field(default_factory=dict)


class Spec:
    """A scenario.

    Args:
        text: the file.

    Attributes:
        layers: the tables of the layers, each with its name and its inputs.
        losses: the tables of the losses, each with its layer and its reductions.
        training: the table of the training.
        inputs: the inputs, (samples, *shape).
        targets: the targets, (samples, columns).
        lengths: how many steps of each sample count; None where all do.
        steps: the time steps of the inputs.
        epochs: the epochs.
    """

    def __init__(self, text: str) -> None:
        file = tomllib.loads(text)
        network = file["network"]
        self.layers: list[dict[str, Any]] = []
        above = FIRST
        hidden = len(network["layers"]) - 1
        for number, table in enumerate(network["layers"]):
            unnamed = "o" if number == hidden else "h" if hidden == 1 else f"h{number + 1}"
            table = {"kind": "dense", "name": unnamed, **table}
            table.setdefault("inputs", [] if table["kind"] == "graph" else [above])
            self.layers.append(table)
            above = table["name"]
        self.named = {table["name"]: table for table in self.layers}
        self.losses = [complete_loss({"layer": above, **table}) for table in (file["loss"], *file.get("losses", ()))]
        self.training: dict[str, Any] = file["training"]
        self.epochs: int = file["stop"]["epochs"]
        data = file.get("data", {})
        targets, classes, shape = data.get("targets"), data.get("classes"), network.get("input_shape")
        rows = np.array(data.get("inputs", [[]] * len(targets or [0])), dtype=np.float64)
        readers = [table["kind"] for table in self.layers if FIRST in table["inputs"]]
        if shape is not None and any(kind != "dense" for kind in readers):
            rows = rows.reshape(-1, *shape)
        self.inputs: Floats = rows
        targets = np.zeros((len(rows), 0)) if targets is None else targets
        if classes:
            targets = np.eye(classes)[np.array(targets)].reshape(len(targets), -1)
        self.targets: Floats = np.array(targets, dtype=np.float64)
        self.lengths: list[int] | None = data.get("lengths")
        self.steps: int = shape[0] if shape else network.get("inputs", 0)

    def owner(self, table: Mapping[str, Any]) -> str:
        """The name of the layer whose parameters a layer uses."""
        return str(table.get("share", table["name"]))


def complete_loss(table: dict[str, Any]) -> dict[str, Any]:
    """A table of a loss with what a file may leave out."""
    kind = table["kind"]
    means = kind.startswith(("mean_", "binary_")) or kind == "huber"
    sums = kind in {"half_squared_error", "squared_error", "value"}
    found = {
        "over_outputs": "mean" if means else "sum",
        "over_batch": "sum" if sums else "mean",
        "delta": 1.0,
        "weight": 1.0,
        "label_smoothing": 0.0,
        **table,
    }
    return {"over_time": found["over_batch"], **found}


def share_of(loss: Mapping[str, Any], shape: tuple[int, ...], steps: int, lengths: Any) -> Any:
    """What the terms of a loss are divided by: a number, or one for each sample.

    Args:
        loss: the table of the loss, complete.
        shape: (batch, ...), the shape of an output at one time.
        steps: the time steps of the output; 0 where it has none.
        lengths: (batch,), how many of them count; None where all do.
    """
    count = float(prod(shape[1:])) if loss["over_outputs"] == "mean" else 1.0
    count *= shape[0] if loss["over_batch"] == "mean" else 1
    if loss["kind"] == "cross_entropy" and loss["over_outputs"] == "sum" and loss["over_time"] == "mean":
        # One distribution a position.
        count *= prod(shape[1:-1])
    if loss["over_time"] != "mean" or not steps:
        return count
    if lengths is None:
        return count * steps
    return count * lengths.reshape(-1, *(1,) * (len(shape) - 1))


def named(stem: str, layer: str, time: int | None) -> str:
    """The name of an array: ``net_h``, ``net_h@3``."""
    return f"{stem}_{layer}" + ("" if time is None else f"@{time}")


def each(value: Any, build: Callable[[Any, int | None], Any]) -> Any:
    """Once for an array, or once for each time step of a sequence, which is a list; the time counts from 1."""
    if isinstance(value, list):
        return [build(step, time) for time, step in enumerate(value, 1)]
    return build(value, None)


def together(values: list[Any], build: Callable[[list[Any], int | None], Any]) -> Any:
    """The same for several arrays or sequences of one length."""
    if isinstance(values[0], list):
        return [build(list(steps), time) for time, steps in enumerate(zip(*values, strict=True), 1)]
    return build(values, None)


def width(value: Any) -> int:
    """How many columns of the targets an output takes."""
    return sum(prod(step.shape[1:]) for step in (value if isinstance(value, list) else [value]))


def slices(value: Any) -> list[Any]:
    """The steps of a sequence: of an array, along its first axis after the sample."""
    if isinstance(value, list):
        return value
    if value.ndim == 2:
        return [value[:, place : place + 1] for place in range(value.shape[1])]
    return [value[:, place] for place in range(value.shape[1])]


def windows(table: Mapping[str, Any]) -> tuple[list[int], list[int], list[int], list[tuple[int, int]]]:
    """Kernel, stride, dilation and padding (before, after) along each axis of a layer with windows."""
    taps = list(table["kernel"])

    def every(key: str, default: Any) -> list[int]:
        value = table.get(key, default)
        return [value] * len(taps) if isinstance(value, int) else list(value)

    stride, dilation = every("stride", taps if table["kind"].endswith("_pool") else 1), every("dilation", 1)
    padding = table.get("padding", 0)
    if padding == "same":
        reach = [(one - 1) * apart for one, apart in zip(taps, dilation, strict=True)]
        margins = [(whole // 2, whole - whole // 2) for whole in reach]
    else:
        sides = [padding] * len(taps) if isinstance(padding, int) else padding
        margins = [(side, side) if isinstance(side, int) else (side[0], side[1]) for side in sides]
    return taps, stride, dilation, margins
