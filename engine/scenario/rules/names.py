"""Every name means one value: those of layers, of weights, and of what a layer calls itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from retrograde.engine.errors import Violation
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.scenario.rules.reserved import naming_faults
from retrograde.engine.text import _

_SYMBOLS = "i t w b x y E W S e lr net out grad delta slope new prev"


_WORDS = "abs and batch data epoch exp inf iteration ln log loss max min nan not or step"


_RESERVED = frozenset(f"{_SYMBOLS} {_WORDS}".split(" "))


# Single letters are good names of weights; E is the loss.
_RESERVED_WEIGHT = re.compile(
    r"(?:W|b|t|net|out|E|e|max|S)_.*|[bi]\d+|E|" + "|".join(sorted(name for name in _RESERVED if len(name) > 1))
)


def name_rules(parts: Parts) -> Iterator[Violation]:
    """Yield the names of layers that mean something else, or that two layers have."""
    taken: dict[str, int] = {}
    for number, name in enumerate(parts.names):
        path = ("network", "layers", number, "name")
        if not name:
            continue
        if name in _RESERVED:
            message = _("{name} means something else in Retrograde; choose another name")
            yield Violation(path=path, message=message.format(name=name))
        elif name in taken:
            message = _("layer {other} is called {name} too; names are unique")
            yield Violation(path=path, message=message.format(name=name, other=taken[name] + 1))
        else:
            taken[name] = number
    for number, name in enumerate(parts.names):
        base = name.rstrip("0123456789") if name else ""
        if base != name and (base in taken or base == "i"):
            message = _("{name} is also what a neuron of layer {base} is called; choose another name")
            path = ("network", "layers", number, "name")
            yield Violation(path=path, message=message.format(name=name, base=base))
        for other, layer in zip(parts.names, parts.layers, strict=False):
            if layer is not None and any(name == f"{head}_{other}" for head in layer.gate_names):
                message = _("{name} is also what a gate of layer {base} is called; choose another name")
                path = ("network", "layers", number, "name")
                yield Violation(path=path, message=message.format(name=name, base=other))


def own_name_rules(parts: Parts) -> Iterator[Violation]:
    """Names of values that layers choose mean nothing else."""
    chosen = [
        (name, ("network", "layers", number, *inside))
        for number, layer in enumerate(parts.layers)
        if layer is not None
        for name, inside in layer.own_names()
    ]
    if not chosen:
        return
    weights = {
        name
        for layer in parts.layers
        if isinstance(layer, DenseLayer) and layer.numbering is not None and not isinstance(layer.numbering, str)
        for row in layer.numbering
        for name in row
    }
    counted = {name for name, _path in chosen if re.fullmatch(r"w[1-9]\d*", name) and _counted_name(parts, 0, name)}
    for path, message in naming_faults(parts.names, chosen, weights | counted):
        yield Violation(path=path, message=message)


def weight_name_rules(parts: Parts, number: int, names: Sequence[Sequence[str]]) -> Iterator[Violation]:
    """Yield the names in a layer's table that mean something else, or that another weight has."""
    layers = set(parts.names)
    earlier = {
        name
        for other in parts.layers[:number]
        if isinstance(other, DenseLayer) and other.numbering is not None and not isinstance(other.numbering, str)
        for row in other.numbering
        for name in row
    }
    counted = any(
        isinstance(other, DenseLayer) and (other.numbering is None or isinstance(other.numbering, str))
        for other in parts.layers
    )
    for i, row in enumerate(names):
        for j, name in enumerate(row):
            path = ("network", "layers", number, "numbering", i, j)
            base = name.rstrip("0123456789")
            if not name:
                continue
            if name in earlier:
                message = _("two weights are called {name}")
                yield Violation(path=path, message=message.format(name=name))
            elif _RESERVED_WEIGHT.fullmatch(name) or name in layers or (base != name and base in layers):
                message = _("{name} means something else in Retrograde; choose another name, such as w1")
                yield Violation(path=path, message=message.format(name=name))
            elif counted and re.fullmatch(r"w\d+", name) and _counted_name(parts, number, name):
                message = _("{name} is also counted in a layer without a table of names")
                yield Violation(path=path, message=message.format(name=name))
            earlier.add(name)


def _counted_name(parts: Parts, number: int, name: str) -> bool:
    """Whether a layer that is numbered by counting has a weight of this name."""
    del number
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
        if layer.numbering is None or isinstance(layer.numbering, str):
            counted += size
    # Larger networks do not count their weights: they are called W_h[2,1].
    return total <= 99 and 1 <= int(name[1:]) <= counted
