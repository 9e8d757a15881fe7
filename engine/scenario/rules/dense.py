"""What the tables of a dense layer demand of each other."""

from __future__ import annotations

from collections.abc import Iterator

from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.scenario.rules.names import weight_name_rules
from retrograde.engine.scenario.rules.nested_shapes import shape_rules
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.text import _, suggest


def dense_rules(parts: Parts, number: int, layer: DenseLayer) -> Iterator[Violation]:
    """Yield tables of a dense layer that do not fit its units, its edges, or each other."""
    path: KeyPath = ("network", "layers", number)
    sources = parts.sources[number]
    before = layer.width(sources) if sources else None
    wanted = None if before is None or layer.units is None else (layer.units, before)
    weights, biases = layer.spellings("W", "weights"), layer.spellings("b", "biases")
    for position, name in enumerate(layer.frozen or ()):
        message = ""
        if name in biases and layer.bias == "none":
            message = _("this layer has no bias that could be frozen")
        elif name not in weights | biases:
            message = _("this layer has no parameter {name}; it has {names}").format(name=name, names="weights, bias")
            message += suggest(name, ("weights", "bias"))
        if message:
            yield Violation(path=(*path, "frozen", position), message=message)
    if layer.weights is not None:
        yield from shape_rules(
            layer.weights, wanted, (*path, "weights"), _("weights"), _("units × inputs of the layer"), before
        )
    yield from _bias_rules(layer, path)
    if layer.numbering is not None and not isinstance(layer.numbering, str):
        yield from shape_rules(
            layer.numbering,
            wanted,
            (*path, "numbering"),
            _("names"),
            _("units × inputs of the layer"),
            before,
        )
        yield from weight_name_rules(parts, number, layer.numbering)
    yield from _edge_rules(layer, path, wanted)
    if layer.init is not None and layer.weights is not None and (layer.bias == "none" or layer.biases is not None):
        message = _("nothing is left to draw: weights and biases are given")
        yield Violation(path=(*path, "init"), message=message, key=True)


def _edge_rules(layer: DenseLayer, path: KeyPath, wanted: tuple[int, int] | None) -> Iterator[Violation]:
    """Weights and names belong to the edges that there are: no value and no name where there is none."""
    table = layer.edges
    if (
        wanted is not None
        and table is not None
        and (len(table), {len(row) for row in table}) != (wanted[0], {wanted[1]})
    ):
        return
    for key, rows in (("weights", layer.weights), ("numbering", layer.numbering)):
        if rows is None or isinstance(rows, str):
            continue
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                there = table is None or (i < len(table) and j < len(table[i]) and table[i][j] == 1)
                if not there and value not in {0, ""}:
                    message = _("there is no edge here, so it has no weight; write {blank}")
                    text = message.format(blank='""' if key == "numbering" else "0")
                    yield Violation(path=(*path, key, i, j), message=text)
                elif there and value == "":
                    message = _("{found} is not a name; use letters and digits, such as w1")
                    yield Violation(path=(*path, key, i, j), message=message.format(found='""'))


def _bias_rules(layer: DenseLayer, path: KeyPath) -> Iterator[Violation]:
    if layer.biases is None:
        return
    if layer.bias == "none":
        message = _('this layer has no bias (bias = "none"), so it takes no biases')
        yield Violation(path=(*path, "biases"), message=message, key=True)
    elif layer.bias is None or layer.units is None:
        return
    elif isinstance(layer.biases, tuple) and len(layer.biases) != layer.bias_count:
        if layer.bias == "shared":
            message = _("a list of {found}, but the layer shares one bias: give a number")
        else:
            message = _("a list of {found} for {units} units")
        text = message.format(found=len(layer.biases), units=layer.units)
        yield Violation(path=(*path, "biases"), message=text)
