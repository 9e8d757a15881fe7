"""What the tables of a dense layer demand of each other."""

from __future__ import annotations

from collections.abc import Iterator

from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.layers.layouts import Arrangement
from retrograde.engine.scenario.rules.names import weight_name_rules
from retrograde.engine.scenario.rules.nested_shapes import axes, nested_shape, shape_rules
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.text import _


def dense_rules(parts: Parts, number: int, layer: DenseLayer) -> Iterator[Violation]:
    """Yield tables of a dense layer that do not fit its units, its edges, or each other."""
    path: KeyPath = ("network", "layers", number)
    sources = parts.sources[number]
    before = layer.width(sources) if sources else None
    wanted = None if before is None or layer.units is None else (layer.units, before)
    if layer.weights is not None:
        yield from _weight_rules(layer, wanted, (*path, "weights"))
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


def _weight_rules(layer: DenseLayer, wanted: tuple[int, int] | None, path: KeyPath) -> Iterator[Violation]:
    """Weights have a row per unit, or with the inputs first a column; the inputs may be nested as they are before."""
    rows, found = layer.weights or (), nested_shape(layer.weights)
    turned = layer.layout == "inputs_first"
    if any(isinstance(value, tuple) for row in rows for value in row):
        arrangement = Arrangement(turned=turned)
        if layer.edges is not None:
            yield Violation(path=path, message=_("with edges the weights are rows of numbers, as the edges are"))
        elif wanted is not None and not arrangement.fits(found, wanted):
            message = _("{found} values where the layer needs {wanted}")
            text = message.format(found=axes(found), wanted=axes(arrangement.shape(wanted)))
            yield Violation(path=path, message=text)
    elif turned:
        turned_to = None if wanted is None else (wanted[1], wanted[0])
        meaning = _("inputs of the layer × units")
        yield from shape_rules(
            rows, turned_to, path, _("weights"), meaning, wanted and wanted[0], layout="outputs_first"
        )
    else:
        meaning = _("units × inputs of the layer")
        yield from shape_rules(rows, wanted, path, _("weights"), meaning, wanted and wanted[1], layout="inputs_first")


def _edge_rules(layer: DenseLayer, path: KeyPath, wanted: tuple[int, int] | None) -> Iterator[Violation]:
    """Weights and names belong to the edges that there are: no value and no name where there is none."""
    table = layer.edges
    if (
        wanted is not None
        and table is not None
        and (len(table), {len(row) for row in table}) != (wanted[0], {wanted[1]})
    ):
        return
    turned = layer.layout == "inputs_first"
    for key, rows in (("weights", layer.weights and layer.rows), ("numbering", layer.numbering)):
        if rows is None or isinstance(rows, str):
            continue
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                there = table is None or (i < len(table) and j < len(table[i]) and table[i][j] == 1)
                if not there and value not in {0, ""}:
                    message = _("there is no edge here, so it has no weight; write {blank}")
                    text = message.format(blank='""' if key == "numbering" else "0")
                    place = (j, i) if key == "weights" and turned else (i, j)
                    yield Violation(path=(*path, key, *place), message=text)
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
