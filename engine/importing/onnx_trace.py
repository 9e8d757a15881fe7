"""A graph of ONNX on its way to become a network: its values by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import EngineError
from retrograde.engine.importing.onnx_file import OnnxGraph, OnnxNode
from retrograde.engine.importing.tracing import (
    MAX_VALUES,
    Fixed,
    Held,
    Meaning,
    Operation,
    Part,
    Trace,
    UnmappedError,
    Weight,
    numbered,
)
from retrograde.engine.text import _, visible

_BATCH = 2
"""Samples by which values are followed where the file does not say how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxCall:
    """An operator of PyTorch that stands for one of ONNX."""

    op: str
    module: str
    outputs: tuple[str, ...]
    arguments: dict[str, Any] = field(default_factory=dict)


class OnnxTrace(Trace):
    """A graph on its way to become a network.

    Attributes:
        graph: the graph.
        meaning: what each value means, by its name.
        read: the names of all that an operator reads, or that the graph gives.
    """

    def __init__(self, graph: OnnxGraph) -> None:
        super().__init__()
        self.graph = graph
        self.meaning: dict[str, Meaning] = {}
        self.read = {name for node in graph.nodes for name in node.inputs} | set(graph.outputs)
        for name, values in graph.weights.items():
            # Whole numbers are shapes and axes; what is learned is not whole.
            if values.dtype == np.int64:
                self.meaning[name] = Fixed(values=values.astype(np.float64))
            else:
                self.meaning[name] = Weight(name=name, at=numbered(values.shape))
        if len(graph.inputs) != 1:
            names = ", ".join(visible(one.name) for one in graph.inputs) or _("none")
            raise EngineError(_("the network has the inputs {names}; a scenario has one").format(names=names))
        (given,) = graph.inputs
        if len(given.shape) < 2 or any(length is None or length < 1 for length in given.shape[1:]):
            message = _("the shape of the input {name} is not stated but for the samples: {shape}")
            shape = "×".join("?" if one is None else str(one) for one in given.shape)
            raise EngineError(message.format(name=visible(given.name), shape=shape))
        self.batch = given.shape[0] or _BATCH
        self.draft.shape = tuple(int(one or 0) for one in given.shape[1:])
        if self.batch * prod(self.draft.shape) > MAX_VALUES:
            raise EngineError(_("it makes too many values"))
        self.indices = given.type in {6, 7}
        self.meaning[given.name] = Held(node=None, at=numbered((self.batch, *self.draft.shape)))

    def given(self, call: Operation, name: str) -> Meaning | None:
        """What a tensor that an operator is given means; None where it is given none."""
        found = call.arguments.get(name)
        return found if isinstance(found, Held | Weight | Fixed | Part) else None

    def listed(self, call: Operation, name: str) -> list[Meaning]:
        """The same of a list of tensors."""
        return list(call.arguments[name])

    def numbers(self, call: Operation, name: str) -> NDArray[np.float64]:
        """The numbers of a tensor that depends on nothing that is learned."""
        found = self.given(call, name)
        if isinstance(found, Weight):
            return self.weights(found.name).reshape(-1)[found.at]
        if not isinstance(found, Fixed):
            raise UnmappedError(_("{name} depends on what is learned").format(name=name))
        return found.values

    def weights(self, name: str) -> NDArray[np.float64]:
        """The numbers of a parameter."""
        return self.graph.weights[name]

    def buffer(self, call: Operation, name: str) -> str | None:
        """The name of a tensor that an operator keeps, such as a running average."""
        found = self.given(call, name)
        return found.name if isinstance(found, Weight) else None

    def put(self, call: Operation, meaning: Meaning, *, position: int = 0) -> None:
        """Says what a result means."""
        assert isinstance(call, OnnxCall)
        if position < len(call.outputs):
            self.meaning[call.outputs[position]] = meaning

    def fixed(self, call: Operation, *, position: int = 0) -> NDArray[np.float64]:
        """No operator that draws is known here."""
        raise UnmappedError(_("no layer does this"))

    def value(self, call: Operation) -> int:
        """There is no recording."""
        return 0


def place_of(node: OnnxNode) -> str:
    """The path of the module that an operator is named after: ``/net/fc1/Gemm`` is of ``net.fc1``."""
    parts = [part for part in node.name.split("/") if part]
    return ".".join(parts[:-1]) if len(parts) > 1 else (parts[0] if parts else node.op.lower())
