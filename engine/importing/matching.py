"""Which tensors of a file belong to which layers: by name, then by order; what could be another is never guessed.

A file of weights has names and shapes, and no network. Shapes alone do not tell: most networks have layers of the same
shape, and a square matrix looks the same when it is turned. So names come first; where they say nothing, the numbers in
them do (``net.0``, ``net.2``); and shapes only check.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from retrograde.engine.errors import EngineError
from retrograde.engine.layers.base import Form, Layer
from retrograde.engine.layers.stored import Stored
from retrograde.engine.scenario.weights.tensors import Tensor, axes
from retrograde.engine.text import _, suggest, visible

_COUNTERS = ("num_batches_tracked",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A layer that takes weights.

    Attributes:
        name: its name.
        kind: its kind.
        tensors: what it takes; those of which it has no parameter need not be there.
    """

    name: str
    kind: str
    tensors: tuple[Stored, ...]

    @property
    def needed(self) -> tuple[Stored, ...]:
        """The tensors without which it has no weights."""
        return tuple(one for one in self.tensors if one.parameters)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Where a layer gets its weights from.

    Attributes:
        layer: its name.
        tensors: the name of each tensor in the file, by its name behind the layer's.
        prefix: what all of these names begin with; None where they have nothing in common.
        by: how it was found: "map", "name" or "order".
    """

    layer: str
    tensors: Mapping[str, str]
    prefix: str | None
    by: str


def wanted(layers: Sequence[Layer], sources: Mapping[str, Sequence[Form]]) -> list[Wanted]:
    """The layers that have weights of their own."""
    found = [
        Wanted(name=layer.name, kind=layer.kind, tensors=layer.stored(sources[layer.name]))
        for layer in layers
        if layer.share is None
    ]
    return [one for one in found if one.needed]


def matched(
    layers: Sequence[Wanted], tensors: Mapping[str, Tensor], given: Sequence[tuple[str, str]], file: str
) -> list[Match]:
    """Return where each layer gets its weights from.

    Args:
        layers: the layers that have weights.
        tensors: what is in the file.
        given: pairs of a prefix in the file and a layer, or of a tensor and one of a layer: ``fc1=h``, ``W1=h.weight``.
        file: how messages name the file.

    Raises:
        EngineError: something is missing, does not fit, or could belong to several; with a table.
    """
    there = {name: one for name, one in tensors.items() if name.rpartition(".")[2] not in _COUNTERS}
    matching = _Matching(layers=tuple(layers), tensors=there, file=file)
    found = matching.mapped(given)
    found |= matching.by_name(found)
    found |= matching.by_order(found)
    left = [one for one in layers if one.name not in found]
    if left:
        raise EngineError(matching.refusal(left, found))
    for one in layers:
        matching.check(one, found[one.name])
    return [found[one.name] for one in layers]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Matching:
    layers: tuple[Wanted, ...]
    tensors: Mapping[str, Tensor]
    file: str

    def mapped(self, given: Sequence[tuple[str, str]]) -> dict[str, Match]:
        """What the user says."""
        found: dict[str, Match] = {}
        known = {one.name: one for one in self.layers}
        for source, target in given:
            name, _dot, part = target.partition(".")
            layer = known.get(name)
            if layer is None:
                message = _("--map {pair}: there is no layer {name} with weights; there are: {known}")
                text = message.format(pair=f"{source}={target}", name=name, known=", ".join(known) or _("none"))
                raise EngineError(text)
            if not part:
                found[name] = self._match(layer, source, "map", f"{source}={target}")
                continue
            if source not in self.tensors or all(one.name != part for one in layer.tensors):
                wrong = source if source not in self.tensors else part
                names = list(self.tensors) if wrong == source else [one.name for one in layer.tensors]
                message = _("--map {pair}: there is no tensor {name}{hint}")
                hint = suggest(wrong, names, most=3, between=_(" or "))
                raise EngineError(message.format(pair=f"{source}={target}", name=wrong, hint=hint))
            before = found.get(name) or Match(layer=name, tensors={}, prefix=None, by="map")
            found[name] = replace(before, tensors={**before.tensors, part: source}, prefix=None)
        return found

    def _match(self, layer: Wanted, prefix: str, by: str, pair: str = "") -> Match:
        """The tensors of a layer behind a prefix."""
        start = f"{prefix}." if prefix else ""
        found = {one.name: start + one.name for one in layer.tensors if start + one.name in self.tensors}
        missing = [start + one.name for one in layer.needed if one.name not in found]
        if missing and by == "map":
            message = _("--map {pair}: {file} has no tensor {name}{hint}")
            hint = suggest(missing[0], list(self.tensors), most=3, between=_(" or "))
            raise EngineError(message.format(pair=pair, file=self.file, name=missing[0], hint=hint))
        return Match(layer=layer.name, tensors=found, prefix=prefix, by=by)

    def prefixes(self, layer: Wanted) -> list[str]:
        """Prefixes behind which all tensors of a layer are, whatever their shapes."""
        first = layer.needed[0].name
        found = [name.removesuffix(first) for name in self.tensors if name == first or name.endswith(f".{first}")]
        complete = [one for one in found if all(one + part.name in self.tensors for part in layer.needed)]
        return [one.removesuffix(".") for one in complete]

    def by_name(self, done: Mapping[str, Match]) -> dict[str, Match]:
        """Layers whose name is that of a module in the file: all of it, or its last part where only one has it."""
        found: dict[str, Match] = {}
        taken = {one.prefix for one in done.values()}
        for layer in self.layers:
            if layer.name in done:
                continue
            free = [one for one in self.prefixes(layer) if one not in taken]
            same = [one for one in free if one == layer.name]
            # A layer may not have a dot in its name, which modules have.
            same = same or [one for one in free if re.sub(r"\W", "_", one) == layer.name]
            same = same or [one for one in free if one.rpartition(".")[2] == layer.name]
            if len(same) == 1:
                found[layer.name] = self._match(layer, same[0], "name")
        return found

    def by_order(self, done: Mapping[str, Match]) -> dict[str, Match]:
        """Layers in their order, where what is left in the file is numbered in just that many places."""
        left = [layer for layer in self.layers if layer.name not in done]
        taken = {one.prefix for one in done.values()}
        free = dict.fromkeys(prefix for layer in left for prefix in self.prefixes(layer) if prefix not in taken)
        patterns = {re.sub(r"\d+", "#", one) for one in free}
        if not left or len(free) != len(left) or len(patterns) != 1 or (len(free) > 1 and "#" not in patterns.pop()):
            return {}
        ordered = sorted(free, key=_numbers)
        if any(prefix not in self.prefixes(layer) for layer, prefix in zip(left, ordered, strict=True)):
            return {}
        return {layer.name: self._match(layer, prefix, "order") for layer, prefix in zip(left, ordered, strict=True)}

    def check(self, layer: Wanted, match: Match) -> None:
        """Refuses tensors whose shapes are not those of the layer.

        Raises:
            EngineError: with the name of the tensor, and both shapes.
        """
        for one in layer.tensors:
            name = match.tensors.get(one.name)
            if name is None:
                if one.parameters:
                    message = _("{file} has no tensor for {layer}.{name}: say it with --map TENSOR={layer}.{name}")
                    raise EngineError(message.format(file=self.file, layer=layer.name, name=one.name))
                continue
            shape = self.tensors[name].shape
            if shape != one.shape:
                message = _("{file}: {name} has the shape {found}; layer {layer} needs {wanted} (found by {by})")
                values = {"name": visible(name), "found": axes(shape), "wanted": axes(one.shape), "layer": layer.name}
                text = message.format(file=self.file, by=_how(match.by), **values)
                if shape == one.shape[::-1]:
                    text += _("; it is turned: PyTorch has the outputs first")
                raise EngineError(text)

    def refusal(self, left: Sequence[Wanted], found: Mapping[str, Match]) -> str:
        """What is said where layers are left: a table of them, each with what could be meant."""
        taken = {one.prefix for one in found.values()}
        lines = []
        for layer in left:
            fitting = [
                prefix or _("(no prefix)")
                for prefix in self.prefixes(layer)
                if prefix not in taken and self._fits(layer, prefix)
            ]
            shapes = ", ".join(f"{one.name} {axes(one.shape)}" for one in layer.needed)
            choice = _(" or ").join(map(visible, fitting[:8])) or _("nothing in the file fits")
            lines.append(f"  {layer.name:<12} {shapes:<40} {choice}")
        first = left[0].name
        message = _("names do not say which tensors of {file} belong to these layers, and nothing is guessed:")
        hint = _("say it: --map PREFIX={layer} for each, or --map TENSOR={layer}.weight").format(layer=first)
        return "\n".join([message.format(file=self.file), *lines, hint])

    def _fits(self, layer: Wanted, prefix: str) -> bool:
        start = f"{prefix}." if prefix else ""
        return all(self.tensors[start + one.name].shape == one.shape for one in layer.needed)


def _how(by: str) -> str:
    return {"map": "--map", "name": _("its name"), "order": _("its place in the order")}[by]


def _numbers(text: str) -> list[tuple[int, str]]:
    """A key that sorts numbers in a text by their value."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d{1,18})", text)]
