"""A scenario in the making: layers that were found elsewhere, their tensors, and the tables around them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from retrograde.engine.equations.array import Role
from retrograde.engine.errors import EngineError
from retrograde.engine.layers.any_layer import model_of
from retrograde.engine.layers.base import Layer
from retrograde.engine.scenario.rules import reserved
from retrograde.engine.scenario.shapes import INPUT_LAYER, Shapes
from retrograde.engine.text import _

Numbers = NDArray[np.intp]

_MAX_NAME = 24
_FUSED = ("dense", "linear", "conv", "conv_transpose", "batch_norm", "add", "multiply")
"""Kinds whose activation can stand in the same layer."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """Where a tensor of a layer comes from: numbers of tensors of the source, all of which are counted through.

    Attributes:
        places: which numbers, in the shape of the layer's tensor; see ``Sources``.
        name: what the source calls it, where it is a tensor of that as it stands.
    """

    places: Numbers
    name: str | None = None


class Sources:
    """The tensors of the source, one after the other, so that each of their numbers has a place."""

    def __init__(self) -> None:
        self._begins: list[int] = []
        self._names: list[str] = []
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._end = 0

    def piece(self, name: str, shape: tuple[int, ...], at: Numbers) -> Piece:
        """Numbers of a tensor.

        Args:
            name: its name.
            shape: its shape.
            at: which of its numbers, counted row by row.
        """
        if name not in self._shapes:
            self._begins.append(self._end)
            self._names.append(name)
            self._shapes[name] = shape
            self._end += prod(shape)
        whole = at.shape == shape and bool((at.reshape(-1) == np.arange(at.size)).all())
        return Piece(places=at + self._begins[self._names.index(name)], name=name if whole else None)

    def numbers(self, places: Numbers, read: Callable[[str], NDArray[np.float64]]) -> NDArray[np.float64]:
        """The numbers at places, of what is read for each tensor: itself, its gradient, what is remembered of it."""
        flat = places.reshape(-1)
        which = np.searchsorted(np.array(self._begins), flat, side="right") - 1
        found = np.empty(flat.size)
        for number in np.unique(which):
            chosen = which == number
            found[chosen] = read(self._names[number]).reshape(-1)[flat[chosen] - self._begins[number]]
        return found.reshape(places.shape)

    def owner(self, places: Numbers) -> str:
        """The tensor that the first of some places is in."""
        number = int(np.searchsorted(np.array(self._begins), places.reshape(-1)[0], side="right")) - 1
        return self._names[number]


@dataclass(slots=True, kw_only=True, eq=False)
class Node:
    """A layer in the making; None among its inputs stands for the inputs of the network.

    Attributes:
        name: its name.
        kind: its kind.
        keys: the keys of its table.
        inputs: the layers before it.
        form: the shape that it hands on for a sample.
        tensors: where its tensors come from, by the name that a file of weights has behind the layer's.
        drawn: the mask of its first iteration.
    """

    name: str
    kind: str
    keys: dict[str, Any]
    inputs: list[Node | None]
    form: tuple[int, ...]
    tensors: dict[str, Piece] = field(default_factory=dict)
    drawn: NDArray[np.float64] | None = None

    @property
    def size(self) -> int:
        """Values for a sample."""
        return prod(self.form)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Link:
    """What of the source is the same as what of the network.

    Attributes:
        value: the number of the value in a recording.
        chosen: which of its elements, counted row by row; None for all.
        stem: what the array of the network is called before the layer's name.
        node: the layer.
        places: for each of these elements, which of that array's.
    """

    value: int
    chosen: Numbers | None
    stem: str
    node: Node
    places: Numbers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Made:
    """A parameter of the network.

    Attributes:
        node: its layer.
        word: what ``frozen`` calls it.
        name: the name of its array.
        role: weight or bias.
        places: which numbers of the source it is.
    """

    node: Node
    word: str
    name: str
    role: Role
    places: Numbers


class Draft:
    """The layers so far.

    Attributes:
        nodes: the layers, each after those that it reads.
        links: what is the same in the source.
        shape: the shape of the inputs for a sample.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.links: list[Link] = []
        self.shape: tuple[int, ...] = ()
        self.sources = Sources()
        self._names: set[str] = set()

    def add(self, kind: str, inputs: list[Node | None], form: tuple[int, ...], where: str, **keys: Any) -> Node:
        """A new layer.

        Args:
            kind: its kind.
            inputs: the layers before it.
            form: what it hands on.
            where: the path of the module, or the name of the node, that it is made of.
            keys: the keys of its table.
        """
        node = Node(name=self._named(where, kind), kind=kind, keys=keys, inputs=inputs, form=form)
        self.nodes.append(node)
        return node

    def _named(self, where: str, kind: str) -> str:
        """A free name, as near to that of the module as the names of layers allow."""
        parts = [part for part in re.split(r"[^A-Za-z0-9]+", where) if part] or [kind]
        while len("_".join(parts)) > _MAX_NAME - 3 and len(parts) > 1:
            del parts[0]
        stem = "_".join(parts)[: _MAX_NAME - 3]
        stem = stem if stem[0].isalpha() else f"l{stem}"
        number, name = 1, stem
        while not self._is_free(name):
            number += 1
            name = f"{stem}_{chr(96 + number)}" if number <= 26 else f"{stem}_x{number}"
        self._names.add(name)
        return name

    def _is_free(self, name: str) -> bool:
        base = name.rstrip("0123456789")
        others = {one.rstrip("0123456789") for one in self._names if one.rstrip("0123456789") != one}
        taken = name in self._names or name in reserved.LAYERS or base == INPUT_LAYER
        # Neuron 2 of layer h is h2.
        return not taken and name not in others and not (base != name and base in self._names)

    def rename(self, node: Node, name: str) -> None:
        """Gives a layer another name, where that is free."""
        if self._is_free(name):
            self._names.discard(node.name)
            self._names.add(name)
            node.name = name

    def release(self, nodes: Sequence[Node]) -> None:
        """Gives the names of layers free that another one is going to be instead."""
        self._names -= {node.name for node in nodes}

    def forget(self, nodes: Sequence[Node]) -> None:
        """Takes layers out that another one is instead."""
        self.nodes = [node for node in self.nodes if all(node is not one for one in nodes)]
        self.links = [link for link in self.links if all(link.node is not one for one in nodes)]

    def users(self, node: Node) -> list[Node]:
        """The layers that read a layer."""
        return [other for other in self.nodes if any(one is node for one in other.inputs)]

    def drop(self, node: Node, instead: Node | None) -> None:
        """Takes a layer out; what read it reads another."""
        self.nodes.remove(node)
        self._names.discard(node.name)
        for other in self.nodes:
            other.inputs = [instead if one is node else one for one in other.inputs]

    def link(self, value: int, node: Node, places: Numbers, *, stem: str = "out") -> None:
        """Notes that a value of the source is the output of a layer, or another array of it."""
        self.links.append(Link(value=value, chosen=None, stem=stem, node=node, places=places))

    def keep_last(self, node: Node, steps: int, width: int) -> None:
        """Of the output of a recurrent layer only the last step is left: so it is in what is noted of it."""
        found: list[Link] = []
        for one in self.links:
            if one.node is not node or one.stem != "out":
                found.append(one)
                continue
            places = one.places.reshape(-1)
            chosen = np.flatnonzero(places // width % steps == steps - 1)
            if not chosen.size:
                continue
            places = places[chosen] // (steps * width) * width + places[chosen] % width
            found.append(Link(value=one.value, chosen=chosen, stem="out", node=node, places=places))
        self.links = found

    def relink(self, node: Node, stem: str, other: Node, to: str) -> None:
        """Notes that an array of a layer is one of another layer instead."""
        self.links = [
            Link(value=one.value, chosen=one.chosen, stem=to, node=other, places=one.places)
            if one.node is node and one.stem == stem
            else one
            for one in self.links
        ]

    def fuse(self, last: Node | None) -> None:
        """Lets activations stand in the layers that they follow, and an output projection in its attention.

        Args:
            last: the layer that the loss reads, which is a reader too.
        """
        for node in list(self.nodes):
            before = node.inputs[0] if node.inputs else None
            if before is None or len(self.users(before)) != 1 or before is last or len(node.inputs) != 1:
                continue
            if (
                node.kind == "activation"
                and before.kind in _FUSED
                and before.keys.get("activation") == "identity"
                and not (before.kind.startswith("conv") and "softmax" in node.keys["activation"])
            ):
                self._activate(before, node)
            elif node.kind == "linear" and before.kind == "attention" and "o" not in before.keys["projections"]:
                self._project(before, node)

    def _activate(self, before: Node, node: Node) -> None:
        before.keys |= node.keys
        self.relink(before, "out", before, "net")
        self.relink(node, "out", before, "out")
        self.drop(node, before)

    def _project(self, attention: Node, node: Node) -> None:
        if node.keys.get("activation", "identity") != "identity":
            return
        if ("bias" in node.tensors) != (attention.keys.get("bias") != "none"):
            return
        attention.keys["projections"] = [*attention.keys["projections"], "o"]
        attention.keys["units"] = node.form[-1]
        attention.form = node.form
        attention.tensors["out_proj.weight"] = node.tensors["weight"]
        if "bias" in node.tensors:
            attention.tensors["out_proj.bias"] = node.tensors["bias"]
        self.relink(attention, "out", attention, "z")
        self.relink(node, "out", attention, "out")
        self.drop(node, attention)

    def tables(self) -> list[dict[str, Any]]:
        """The tables of the layers."""
        found: list[dict[str, Any]] = []
        above = INPUT_LAYER
        for node in self.nodes:
            inputs = [INPUT_LAYER if one is None else one.name for one in node.inputs]
            table: dict[str, Any] = {"name": node.name}
            if node.kind != "dense":
                table["kind"] = node.kind
            table |= {key: one for key, one in node.keys.items() if one is not None}
            if table.get("bias") in {"neuron", "channel"}:
                del table["bias"]
            # A dense layer is a sigmoid unless it says something else; the others are not.
            if node.kind != "dense" and table.get("activation") == "identity":
                del table["activation"]
            if inputs != [above]:
                table["inputs"] = inputs
            if node.tensors and (where := self._from(node)) != node.name:
                table["weights_from"] = where
            found.append(table)
            above = node.name
        return found

    def _from(self, node: Node) -> str | dict[str, str]:
        """Where the layer's tensors are in the file of weights: behind a name, where no others are there."""
        names = {name: _stored(node, name, piece) for name, piece in node.tensors.items()}
        prefixes = {full.removesuffix(name).removesuffix(".") for name, full in names.items() if full.endswith(name)}
        prefix = next(iter(prefixes), "")
        others = {_stored(other, name, one) for other in self.nodes for name, one in other.tensors.items()}
        beside = {one for one in others if one.startswith(f"{prefix}.") and "." not in one[len(prefix) + 1 :]}
        if (
            len(prefixes) == 1
            and all(f"{prefix}.{name}".strip(".") == one for name, one in names.items())
            and beside <= set(names.values())
        ):
            return prefix
        return names

    def layers(self) -> tuple[list[Layer], Shapes]:
        """The layers as the network takes them, and their shapes."""
        tables = self.tables()
        layers = [_layer(table) for table in tables]
        shapes = Shapes(
            inputs=prod(self.shape),
            input_shape=self.shape,
            layers=layers,
            names=[node.name for node in self.nodes],
        )
        return layers, shapes

    def parameters(self) -> Iterator[Made]:
        """Each parameter of the network with the numbers of the source that it is."""
        layers, shapes = self.layers()
        for node, layer, sources in zip(self.nodes, layers, shapes.sources, strict=True):
            if sources is None or layer.share is not None:
                continue
            rows = {one.name: one for one in layer.parameters(sources)}
            for stored in layer.stored(sources):
                piece = node.tensors.get(stored.name)
                if piece is None or not stored.parameters:
                    continue
                taken = stored.taken(piece.places.astype(np.float64))
                for name, places in taken.items():
                    full = name if rows[name].alone else f"{name}_{node.name}"
                    yield Made(
                        node=node,
                        word=rows[name].words[0],
                        name=full,
                        role=rows[name].role,
                        places=places.astype(np.intp),
                    )


def _layer(table: dict[str, Any]) -> Layer:
    """A layer as the network takes it.

    Raises:
        EngineError: a setting of the source is none that a layer may have.
    """
    try:
        return model_of(table).model_validate(table)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"]))
        message = _("layer {name} can not have the {key} that the source has: {reason}")
        raise EngineError(message.format(name=table["name"], key=key, reason=first["msg"])) from None


def _stored(node: Node, name: str, piece: Piece) -> str:
    """What a tensor is called in the file of weights: as in the source where it is all of one."""
    return piece.name or f"{node.name}.{name}"


def file_tensors(draft: Draft, read: Callable[[str], NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """The tensors of the file of weights.

    Args:
        draft: the layers.
        read: the numbers of a tensor of the source.
    """
    found: dict[str, NDArray[np.float64]] = {}
    for node in draft.nodes:
        for name, piece in node.tensors.items():
            found[_stored(node, name, piece)] = draft.sources.numbers(piece.places, read)
    return found
