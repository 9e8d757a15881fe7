"""Every name means one value: those of layers, of weights, and of what a layer calls itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain

from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.layers.base import Layer
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.scenario.rules import reserved
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.scenario.shapes import INPUT_LAYER
from retrograde.engine.text import _


def name_rules(parts: Parts) -> Iterator[Violation]:
    """Yield the names of layers that mean something else, or that two layers have."""
    taken: dict[str, int] = {}
    for number, name in enumerate(parts.names):
        if not name:
            continue
        if name in reserved.LAYERS:
            yield _of_layer(number, _taken(name))
        elif name in taken:
            message = _("layer {other} is called {name} too; names are unique")
            yield _of_layer(number, message, name=name, other=taken[name] + 1)
        else:
            taken[name] = number
    for number, name in enumerate(parts.names):
        base = _base(name)
        if base != name and (base in taken or base == INPUT_LAYER):
            message = _("{name} is also what a neuron of layer {base} is called; choose another name")
            yield _of_layer(number, message, name=name, base=base)
        for other, layer in zip(parts.names, parts.layers, strict=False):
            if layer is not None and any(name == f"{head}_{other}" for head in layer.gate_names):
                message = _("{name} is also what a gate of layer {base} is called; choose another name")
                yield _of_layer(number, message, name=name, base=other)


def own_name_rules(parts: Parts) -> Iterator[Violation]:
    """Yield the names of values that layers choose, where they mean something else."""
    chosen: list[tuple[str, KeyPath]] = [
        (name, ("network", "layers", number, *inside))
        for number, layer in enumerate(parts.layers)
        if layer is not None
        for name, inside in layer.own_names()
    ]
    weights = _weight_names(parts.layers)
    known: set[str] = set()
    for name, path in chosen:
        base = _base(name)
        message = ""
        if name in reserved.VALUES or reserved.ARRAYS.fullmatch(name) or not name.isidentifier():
            message = _taken(name)
        elif name in parts.names:
            message = _("{name} is also what a layer is called; give that layer another name")
        elif base != name and (base in parts.names or base == INPUT_LAYER):
            message = _("{name} is also what a neuron of layer {base} is called; choose another name")
        elif name in weights or (re.fullmatch(r"w[1-9]\d*", name) and _counted_name(parts, name)):
            message = _("{name} is also what a weight is called; choose another name")
        elif name in known:
            message = _("two layers have a value called {name}")
        if message:
            yield Violation(path=path, message=message.format(name=name, base=base))
        known.add(name)


def weight_name_rules(parts: Parts, number: int, names: Sequence[Sequence[str]]) -> Iterator[Violation]:
    """Yield the names in a layer's table that mean something else, or that another weight has."""
    earlier = _weight_names(parts.layers[:number])
    counted = any(isinstance(other, DenseLayer) and _is_counted(other) for other in parts.layers)
    for i, row in enumerate(names):
        for j, name in enumerate(row):
            base, message = _base(name), ""
            if not name:
                continue
            if name in earlier:
                message = _("two weights are called {name}")
            elif reserved.WEIGHTS.fullmatch(name):
                message = _taken(name) + _(", such as w1")
            elif name in parts.names or (base != name and base in parts.names):
                message = _("{name} is also what a layer or a neuron of it is called; choose another name, such as w1")
            elif counted and re.fullmatch(r"w\d+", name) and _counted_name(parts, name):
                message = _("{name} is also counted in a layer without a table of names")
            if message:
                path = ("network", "layers", number, "numbering", i, j)
                yield Violation(path=path, message=message.format(name=name))
            earlier.add(name)


def _taken(name: str) -> str:
    """The message about a name that is taken, and what it means."""
    message = _("{name} means something else in Retrograde ({why}); choose another name")
    return message.format(name=name, why=reserved.why(name))


def _of_layer(number: int, message: str, **words: str | int) -> Violation:
    return Violation(path=("network", "layers", number, "name"), message=message.format(**words))


def _base(name: str) -> str:
    """The name without the digits that it ends in, as that of a layer stands in a neuron's."""
    return name.rstrip("0123456789")


def _is_counted(layer: DenseLayer) -> bool:
    return layer.numbering is None or isinstance(layer.numbering, str)


def _weight_names(layers: Sequence[Layer | None]) -> set[str]:
    """The names of weights that tables give."""
    tables = (layer.numbering for layer in layers if isinstance(layer, DenseLayer) and not _is_counted(layer))
    return set(chain.from_iterable(chain.from_iterable(table or () for table in tables)))


def _counted_name(parts: Parts, name: str) -> bool:
    """Whether a layer that is numbered by counting has a weight of this name."""
    total = counted = 0
    for layer, sources in zip(parts.layers, parts.sources, strict=True):
        if layer is None or sources is None:
            return False
        if not isinstance(layer, DenseLayer) or layer.share is not None:
            continue
        if layer.units is None:
            return False
        size = layer.units * layer.width(sources) if layer.pairs is None else len(layer.pairs)
        total += size
        if _is_counted(layer):
            counted += size
    # Larger networks do not count their weights: they are called W_h[2,1].
    return total <= 99 and 1 <= int(name[1:]) <= counted
