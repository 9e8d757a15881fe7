"""What a layer demands of those before it, and of its own keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from retrograde.engine.equations.activation_table import ACTIVATIONS
from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.layers.base import ActivatedLayer, Layer, ShapeError
from retrograde.engine.layers.dense import DenseLayer
from retrograde.engine.layers.layouts import OTHER_LAYOUT
from retrograde.engine.scenario.rules.dense import dense_rules
from retrograde.engine.scenario.rules.draws import init_rules
from retrograde.engine.scenario.rules.nested_shapes import axes, nested_shape
from retrograde.engine.scenario.rules.pairs import layer_pairs
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.scenario.rules.training import odd_rate
from retrograde.engine.scenario.shapes import INPUT_LAYER
from retrograde.engine.text import _, suggest


def layer_rules(parts: Parts, number: int, layer: Layer) -> Iterator[Violation]:
    """Yield what is wrong with a layer: what comes before it, its parameters, its keys."""
    path: KeyPath = ("network", "layers", number)
    yield from _source_rules(parts, number, layer)
    yield from _index_rules(parts, number, layer)
    if isinstance(layer, ActivatedLayer):
        for row in ACTIVATIONS.values():
            key = None if row.parameter is None else row.parameter.key
            if key and getattr(layer, key) is not None and layer.activation not in {row.name, None}:
                message = _("{name} belongs to {activation}; this layer has {found}")
                text = message.format(name=key, activation=row.name, found=layer.activation)
                yield Violation(path=(*path, key), message=text, key=True)
        yield from layer_pairs(parts, number, layer)
    yield from _own_parameter_rules(parts, number, layer)
    if layer.init is not None:
        yield from init_rules(parts, layer.init, (*path, "init"))
    if isinstance(layer, DenseLayer):
        yield from dense_rules(parts, number, layer)
    else:
        yield from _parameter_rules(parts, number, layer)


def _source_rules(parts: Parts, number: int, layer: Layer) -> Iterator[Violation]:
    """What comes before a layer: names that exist, as many as it takes, of shapes that it can take."""
    path: KeyPath = ("network", "layers", number)
    earlier = (INPUT_LAYER, *parts.names[:number])
    for position, name in enumerate(layer.inputs or ()):
        place = (*path, "inputs", position)
        if name in parts.names[number:]:
            message = _("{name} comes later; a layer takes the outputs of those above it")
            yield Violation(path=place, message=message.format(name=name))
        elif name not in earlier:
            message = _("there is no layer {name}; above are {names}")
            yield Violation(path=place, message=message.format(name=name, names=", ".join(earlier)))
    yield from _kind_rules(parts, number, layer)
    low, high = layer.arity
    count = len(layer.taken(""))
    if not low <= count <= high:
        message = _("{kind} takes {low} layers before it; inputs names {count}")
        wanted = str(low) if low == high else _("{low} or more").format(low=low)
        yield Violation(
            path=(*path, "inputs") if layer.inputs else path,
            message=message.format(kind=layer.kind, low=wanted, count=count),
            key=True,
        )
        return
    sources = parts.sources[number]
    if sources is not None and not any(known[:3] == path for known in parts.unknown):
        for violation in layer.faults(sources):
            yield violation.below(*path)
        try:
            layer.form(sources)
        except ShapeError as error:
            place = (*path, *error.path) if error.key in layer.model_fields_set else path
            yield Violation(path=place, message=error.message)
    if layer.share is not None:
        yield from _sharing_rules(parts, number, layer)


def _kind_rules(parts: Parts, number: int, layer: Layer) -> Iterator[Violation]:
    """A layer that reads more of another than what that hands on reads one of the kinds that have it."""
    if not layer.kinds_before:
        return
    above = parts.names[number - 1] if number else INPUT_LAYER
    for position, name in enumerate(layer.taken(above)):
        other = parts.number(name) if name != INPUT_LAYER else None
        found = "" if other is None else getattr(parts.layers[other], "kind", None)
        if found is not None and found not in layer.kinds_before:
            path: KeyPath = ("network", "layers", number)
            message = _("a layer of the kind {kind} reads a layer of the kind {kinds}; {name} is none")
            text = message.format(kind=layer.kind, kinds=_(" or ").join(layer.kinds_before), name=name)
            yield Violation(path=(*path, "inputs", position) if layer.inputs else path, message=text)


def _index_rules(parts: Parts, number: int, layer: Layer) -> Iterator[Violation]:
    """What takes indices takes those of the inputs, which are then all of them indices."""
    path: KeyPath = ("network", "layers", number)
    taken = layer.taken(parts.names[number - 1] if number else INPUT_LAYER)
    if layer.indices is not None and taken != (INPUT_LAYER,):
        message = _('an {kind} takes the indices of the inputs: put it first, or say inputs = ["i"]')
        yield Violation(path=path, message=message.format(kind=layer.kind))
    if layer.indices is not None and parts.data is not None:
        for key in ("divide_inputs_by", "standardise"):
            if getattr(parts.data, key):
                message = _("the inputs are indices, which are not scaled")
                yield Violation(path=("data", key), message=message)


def _sharing_rules(parts: Parts, number: int, layer: Layer) -> Iterator[Violation]:
    """A layer that uses the parameters of another: one above, with the same shapes, and none of its own."""
    path: KeyPath = ("network", "layers", number)
    other = parts.number(layer.share)
    if other is None or other >= number:
        message = _("there is no layer {name} above; above are {names}")
        text = message.format(name=layer.share, names=", ".join(parts.names[:number]))
        yield Violation(path=(*path, "share"), message=text)
        return
    model, mine, theirs = parts.layers[other], parts.sources[number], parts.sources[other]
    if model is None or mine is None or theirs is None or parts.forms[number] is None or parts.forms[other] is None:
        return
    shapes = [[(one.name, one.shape) for one in each.parameters(of)] for each, of in ((layer, mine), (model, theirs))]
    edges = [getattr(each, "edges", None) for each in (layer, model)]
    tied = model.kind == "embedding" and layer.kind in {"linear", "dense"}
    if (
        not (tied or model.kind == layer.kind)
        or shapes[0] != shapes[1]
        or edges[0] != edges[1]
        or model.share is not None
    ):
        message = _("{name} does not have the same parameters as this layer")
        yield Violation(path=(*path, "share"), message=message.format(name=layer.share))
    given = {one.key for one in layer.parameters(mine) if one.given is not None} | {
        "init",
        "frozen",
        "learning_rate",
        "rate_factor",
    }
    for key in sorted(given & layer.model_fields_set):
        message = _("the parameters are those of {name}; {key} belongs there")
        yield Violation(path=(*path, key), message=message.format(name=layer.share, key=key), key=True)


def _own_parameter_rules(parts: Parts, number: int, layer: Layer) -> Iterator[Violation]:
    """Only what exists is frozen, each once; only what has parameters has a learning rate, and one."""
    path: KeyPath = ("network", "layers", number)
    if layer.learning_rate is not None and layer.rate_factor is not None:
        message = _("{keys} exclude each other").format(keys=_(" and ").join(("learning_rate", "rate_factor")))
        yield Violation(path=(*path, "rate_factor"), message=message, key=True)
    sources = parts.sources[number]
    if sources is None or parts.forms[number] is None:
        return
    parameters = layer.parameters(sources)
    for key in ("learning_rate", "rate_factor"):
        if (rate := getattr(layer, key)) is not None and parameters:
            yield from odd_rate(rate, (*path, key))
        if getattr(layer, key) is not None and not parameters:
            message = _("a layer of the kind {kind} has no parameters here that could be trained")
            yield Violation(path=(*path, key), message=message.format(kind=layer.kind), key=True)
    seen: set[str] = set()
    for position, word in enumerate(layer.frozen or ()):
        named = [one.name for one in parameters if word in one.words]
        if not named:
            message = _("this layer has no parameter {name}; it has {names}")
            known = dict.fromkeys(known for one in parameters for known in one.words[:1])
            text = message.format(name=word, names=", ".join(known) or _("none")) + suggest(word, known)
            yield Violation(path=(*path, "frozen", position), message=text)
        if not seen.isdisjoint(named):
            yield Violation(path=(*path, "frozen"), message=_("the same parameter is named twice"))
        seen.update(named)


def _parameter_rules(parts: Parts, number: int, layer: Layer) -> Iterator[Violation]:
    """Values that the file gives have the shape of their parameter."""
    path: KeyPath = ("network", "layers", number)
    sources = parts.sources[number]
    if sources is None or parts.forms[number] is None:
        return
    parameters = layer.parameters(sources)
    for one in parameters:
        found, arrangement = nested_shape(one.given), layer.arrangement(one)
        if one.given is None or arrangement.fits(found, one.shape):
            continue
        message = _("{found} values where the layer needs {wanted}")
        text = message.format(found=axes(found), wanted=axes(arrangement.shape(one.shape)))
        other = replace(arrangement, turned=not arrangement.turned)
        if len(one.shape) > 1 and layer.turns and other.fits(found, one.shape):
            text += _('; layout = "{layout}" reads this').format(layout=OTHER_LAYOUT[layer.layout or "outputs_first"])
        yield Violation(path=(*path, one.key), message=text)
