"""A network of ONNX as a scenario: its graph and its weights; the loss and the training are the user's.

Operators are those of PyTorch under other names: each is stated here as that operator, whose rule makes the layer. What
only moves values (Reshape, Transpose, Slice) moves the numbers of the values along, and what depends on nothing that is
learned (shapes, masks) is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.atomic import write_bytes, write_whole
from retrograde.engine.errors import EngineError
from retrograde.engine.importing.draft import Draft, file_tensors
from retrograde.engine.importing.maps import attention, linear, losses, pointwise, spatial
from retrograde.engine.importing.maps.rules import TABLE
from retrograde.engine.importing.onnx_file import OnnxNode, read_onnx
from retrograde.engine.importing.onnx_moves import MOVES, folded
from retrograde.engine.importing.onnx_operators import OPERATORS
from retrograde.engine.importing.onnx_recurrent import RECURRENT, recurrent
from retrograde.engine.importing.onnx_trace import OnnxCall, OnnxTrace, place_of
from retrograde.engine.importing.toml_text import toml_text
from retrograde.engine.importing.tracing import UNFIT, Fixed, Held, Meaning, Part, Refusal, UnmappedError, Weight
from retrograde.engine.scenario.weights.npz import npz_bytes
from retrograde.engine.scenario.weights.safetensors import safe_bytes
from retrograde.engine.text import _, visible

FILES = (attention, linear, losses, pointwise, spatial)
"""Each enters its rules into the table."""

_SHOWN = 20


def follow(trace: OnnxTrace) -> None:
    """Follows all operators; those without a layer are noted."""
    lost: set[str] = set()
    for node in trace.graph.nodes:
        if any(name in lost for name in node.inputs):
            lost |= set(node.outputs)
            continue
        try:
            _one(trace, node)
        except (UnmappedError, *UNFIT) as error:
            reason = str(error) if isinstance(error, UnmappedError) else _("its arguments do not fit")
            trace.refused.append(Refusal(op=node.op, module=node.name, place="", reason=reason))
            lost |= set(node.outputs)


def _one(trace: OnnxTrace, node: OnnxNode) -> None:
    read = [trace.meaning.get(name) for name in node.inputs]
    if any(name and one is None for name, one in zip(node.inputs, read, strict=True)):
        raise UnmappedError(_("it reads what is not there"))
    stays = folded(node, read)
    if stays is not None:
        trace.meaning[node.outputs[0]] = Fixed(values=stays)
    elif node.op in MOVES:
        _move(trace, node, read)
    elif node.op in RECURRENT:
        recurrent(trace, node, read)
    elif node.op in OPERATORS:
        op, arguments = OPERATORS[node.op](trace, node, read)
        call = OnnxCall(op=f"aten.{op}.default", module=place_of(node), outputs=node.outputs, arguments=arguments)
        TABLE[op](trace, call)
    else:
        raise UnmappedError(_("no layer does this"))


def _move(trace: OnnxTrace, node: OnnxNode, read: list[Meaning | None]) -> None:
    """Values that change their places alone."""
    first = read[0]
    assert first is not None
    moved = MOVES[node.op](node, first.at, read)
    for name, at in zip(node.outputs, moved, strict=False):
        match first:
            case Held():
                trace.meaning[name] = Held(node=first.node, at=at, factor=first.factor)
            case Weight():
                trace.meaning[name] = Weight(name=first.name, at=at)
            case Part():
                trace.meaning[name] = Part(what=first.what, at=at, parts=first.parts)
            case Fixed():
                trace.meaning[name] = Fixed(values=first.values.reshape(-1)[at])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImportedOnnx:
    """A network of ONNX as a scenario that is not written yet.

    Attributes:
        draft: its layers.
        tensors: what is in its file of weights.
        content: the tables of the scenario.
        samples: one sample of zeros; None where there is a file of samples.
    """

    draft: Draft
    tensors: dict[str, NDArray[np.float64]]
    content: dict[str, Any]
    samples: dict[str, NDArray[np.float64]] | None

    def write(self, target: Path) -> list[Path]:
        """Writes the scenario, and beside it its weights; returns the files.

        Raises:
            EngineError: one of them is there already, or cannot be written.
        """
        beside = {target.with_suffix(".safetensors"): safe_bytes(self.tensors)}
        if self.samples is not None:
            beside[target.with_suffix(".npz")] = npz_bytes(self.samples)
            self.content["data"]["file"] = target.with_suffix(".npz").name
        for path in (target, *beside):
            if path.exists() or path.is_symlink():
                raise EngineError(_("{file} exists; nothing was written").format(file=path))
        for path, content in beside.items():
            write_bytes(path, content)
        self.content["network"]["weights_file"] = target.with_suffix(".safetensors").name
        write_whole(target, toml_text(self.content) + _TEMPLATE)
        return [target, *beside]


_TEMPLATE = """
# A file of ONNX has neither samples nor a loss nor a training: those above are stand-ins to be replaced.
# [data]
# file = "samples.npz"                      # arrays "inputs" and "targets"; or CSV: see `retrograde data FILE`
# classes = 10                              # where targets are class indices
# [loss]
# kind = "cross_entropy"                    # after a softmax; or mean_squared_error, ...
# [training]
# optimizer = "adam"
# learning_rate = 0.001
# batch_size = 32
"""


def import_onnx(path: Path, *, loss: str | None, data: str | None) -> ImportedOnnx:
    """Returns a network of ONNX as a scenario.

    Args:
        path: the file.
        loss: the loss; None for one that fits the last layer.
        data: the file of samples, as the scenario names it; None for one sample of zeros.

    Raises:
        EngineError: it cannot be read, or some of its operators have no layer.
        OSError: it cannot be read.
    """
    graph = read_onnx(path)
    trace = OnnxTrace(graph)
    follow(trace)
    if trace.refused:
        raise EngineError(_refusal(path, trace.refused))
    last = trace.meaning.get(graph.outputs[0]) if graph.outputs else None
    if not isinstance(last, Held) or last.node is None or not trace.draft.nodes:
        raise EngineError(_("what the network gives is not what a layer hands on"))
    trace.draft.fuse(None)
    final = trace.draft.nodes[-1]
    classes = final.keys.get("activation") == "softmax"
    shape = trace.draft.shape
    samples = None
    if data is None:
        samples = {"inputs": np.zeros((1, *shape)), "targets": np.zeros((1, prod(final.form)))}
    content = {
        "format": 1,
        "title": {"en": path.stem, "zh": path.stem},
        "network": {
            "inputs": prod(shape),
            "input_shape": list(shape) if len(shape) > 1 else None,
            "weights_file": "",
            "layers": trace.draft.tables(),
        },
        "data": {"file": data},
        "loss": {"kind": loss or ("cross_entropy" if classes and data else "mean_squared_error")},
        "training": {"optimizer": "sgd", "learning_rate": 0.01},
        "stop": {"epochs": 10},
    }
    tensors = file_tensors(trace.draft, trace.weights)
    return ImportedOnnx(draft=trace.draft, tensors=tensors, content=content, samples=samples)


def _refusal(path: Path, refused: list[Refusal]) -> str:
    message = _("{path} does not become a scenario: {count} of its operators have no layer")
    lines = [message.format(path=visible(path.name), count=len(refused))]
    lines += [f"  {one.op} {visible(one.module)}: {one.reason}" for one in refused[:_SHOWN]]
    return "\n".join(lines)
