"""A step that PyTorch ran becomes a scenario: network, weights, batch, masks, the optimiser and what it remembers."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.atomic import write_bytes, write_whole
from retrograde.engine.errors import EngineError
from retrograde.engine.importing.draft import Draft, Node, file_tensors
from retrograde.engine.importing.maps import attention, linear, losses, pointwise, recurrent, spatial
from retrograde.engine.importing.maps.rules import TABLE
from retrograde.engine.importing.recorded_trace import RecordedTrace, needed
from retrograde.engine.importing.toml_text import toml_text
from retrograde.engine.importing.tracing import Part, Refusal
from retrograde.engine.importing.training import TrainingFound
from retrograde.engine.recording.recording import Recording
from retrograde.engine.scenario.weights.npz import npz_bytes
from retrograde.engine.scenario.weights.safetensors import safe_bytes
from retrograde.engine.text import _

FILES = (attention, linear, losses, pointwise, recurrent, spatial)
"""Each enters its rules into the table."""

_SHOWN = 20
"""Operators that a refusal lists."""


class RefusedError(EngineError):
    """A recording that is no scenario, with every operator that has no layer."""

    def __init__(self, path: Path, refused: list[Refusal]) -> None:
        self.refused = tuple(refused)
        message = _("{path} does not become a scenario: {count} of its operators have no layer")
        lines = [message.format(path=path.name, count=len(refused))]
        for one in refused[:_SHOWN]:
            where = "  ".join(part for part in (one.module, one.place) if part)
            lines.append(f"  {one.op}: {one.reason}" + (f"\n      {where}" if where else ""))
        if len(refused) > _SHOWN:
            lines.append("  " + _("and {count} more").format(count=len(refused) - _SHOWN))
        super().__init__("\n".join(lines))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mapped:
    """A recording as a scenario that is not written yet.

    Attributes:
        draft: its layers, with what is the same in the recording.
        loss: the node that the loss reads.
        tables: the tables of the scenario besides the network.
        tensors: what is in its file of weights.
        samples: what is in its file of samples.
        notes: what a reader should know.
    """

    draft: Draft
    loss: int
    tables: dict[str, Any]
    tensors: dict[str, NDArray[np.float64]]
    samples: dict[str, NDArray[np.float64]]
    notes: tuple[str, ...]

    def content(self, stem: str) -> dict[str, Any]:
        """The tables of the scenario; its files begin with ``stem``."""
        network = {
            "inputs": prod(self.draft.shape),
            "input_shape": list(self.draft.shape) if len(self.draft.shape) > 1 else None,
            "weights_file": f"{stem}.safetensors",
            "layers": self.draft.tables(),
        }
        data = {"file": f"{stem}.npz", **self.tables["data"]}
        others = {key: one for key, one in self.tables.items() if key not in {"data", "title"}}
        return {"format": 1, "title": self.tables["title"], "network": network, "data": data, **others}

    def write(self, target: Path) -> list[Path]:
        """Writes the scenario, and beside it its weights and its samples; returns the files.

        Raises:
            EngineError: one of them is there already, or cannot be written.
        """
        beside = [target.with_suffix(".safetensors"), target.with_suffix(".npz")]
        for path in (target, *beside):
            if path.exists() or path.is_symlink():
                raise EngineError(_("{file} exists; nothing was written").format(file=path))
        write_bytes(beside[0], safe_bytes(self.tensors))
        write_bytes(beside[1], npz_bytes(self.samples))
        write_whole(target, toml_text(self.content(target.stem)))
        return [target, *beside]


def map_recording(recording: Recording) -> Mapped:
    """Returns a recorded step as a scenario.

    Raises:
        RefusedError: some of its operators have no layer.
        EngineError: there is no loss, or its numbers are not in the file.
    """
    calls, root = needed(recording)
    trace = RecordedTrace(recording)
    trace.walk(calls, TABLE.get, recurrent.stepwise)
    if trace.refused:
        raise RefusedError(recording.file.path, trace.refused)
    loss = trace.meaning.get(root)
    if not isinstance(loss, Part) or loss.what != "loss" or trace.inputs is None:
        raise EngineError(_("what the backward pass begins with is no loss of a layer that reads the inputs"))
    tables, samples, read = _loss(trace, loss)
    trace.draft.fuse(read)
    _share(trace.draft)
    training = TrainingFound(recording, trace.draft)
    tensors = file_tensors(trace.draft, trace.weights)
    for node in trace.draft.nodes:
        if node.drawn is not None:
            key = f"{node.name}.mask"
            tensors[key] = node.drawn
            node.keys["first_mask"] = key
    tables |= {
        "title": {"en": recording.file.path.stem, "zh": recording.file.path.stem},
        "training": training.table,
        "stop": {"epochs": 10},
    }
    return Mapped(
        draft=trace.draft,
        loss=root,
        tables=tables,
        tensors=tensors | training.tensors,
        samples=samples,
        notes=tuple(training.notes),
    )


def _share(draft: Draft) -> None:
    """Lets layers whose weights are those of an earlier one share them.

    Raises:
        EngineError: weights are tied in another way, which no scenario has.
    """
    owners: dict[int, Node] = {}
    for node in draft.nodes:
        places = {name: piece.places for name, piece in node.tensors.items()}
        firsts = {owners[first] for one in places.values() if (first := int(one.reshape(-1)[0])) in owners}
        for other in firsts:
            tied = other.kind == "embedding" and node.kind in {"linear", "dense"}
            same = (tied or other.kind == node.kind) and places.keys() == other.tensors.keys()
            if not same or any(not np.array_equal(one, other.tensors[name].places) for name, one in places.items()):
                message = _(
                    "{node} and {other} have weights in common: layers share all of theirs, and are of one kind, or one"
                    " is an embedding and the other a linear layer without a bias"
                )
                raise EngineError(message.format(node=node.name, other=other.name))
            node.keys["share"] = other.name
            node.tensors = {}
        owners |= {int(place): node for one in places.values() for place in one.reshape(-1)[:1] if not firsts}


def _loss(trace: RecordedTrace, loss: Part) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]], Node]:
    """The tables of the loss and of the data, the samples, and the layer that the loss reads."""
    keys, node = dict(loss.parts["keys"]), loss.parts["node"]
    if keys["kind"] == "nll" and node.keys.get("activation") == "log_softmax" and node.kind == "activation":
        # Cross-entropy of a softmax is what people write, and what the screen explains best.
        node.keys["activation"] = "softmax"
        trace.draft.rename(node, "softmax")
        keys["kind"] = "cross_entropy"
        trace.draft.links = [link for link in trace.draft.links if link.node is not node]
    if loss.parts["factor"] != 1.0:
        keys["weight"] = loss.parts["factor"]
    if node is not trace.draft.nodes[-1]:
        raise EngineError(_("the loss does not read the last layer"))
    samples = {"inputs": trace.samples()}
    data: dict[str, Any] = {}
    if loss.parts["targets"] is not None:
        targets = loss.parts["targets"]
        samples["targets"] = targets[:, 0] if targets.shape[1] == 1 and loss.parts["classes"] else targets
        if loss.parts["classes"]:
            data["classes"] = loss.parts["classes"]
    return {"data": data, "loss": keys}, samples, node
