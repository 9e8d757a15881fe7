"""Activations and losses that do not go together, though what they compute is defined: warnings that name the pair."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrograde.engine.equations.activation_table import ACTIVATIONS, JOINING, LOG_SOFTMAX, SOFTMAX, Elementwise
from retrograde.engine.equations.losses import LOSSES
from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.layers.base import ActivatedLayer, Layer
from retrograde.engine.scenario.shapes import INPUT_LAYER, Shapes
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import LossTable
    from retrograde.engine.scenario.rules.parts import Parts

HANDING_ON = frozenset({"flatten", "reshape", "permute", "transpose", "upsample", "max_pool"})
"""Kinds of layer whose values are those of the layer before it."""
FREE = frozenset({"graph"})
"""Kinds of layer that may compute anything."""
_JOINED = frozenset(row.name for row in JOINING)


def ending(shapes: Shapes, number: int) -> str:
    """The activation whose values a layer hands on; the kind of a layer without one, and empty where none is known."""
    for _times in range(len(shapes.layers)):
        layer = shapes.layers[number]
        if layer is None or layer.kind in FREE:
            return ""
        if layer.kind not in HANDING_ON:
            found = getattr(layer, "activation", None)
            return found or ("" if isinstance(layer, ActivatedLayer) else layer.kind)
        before = _before(shapes, number, layer)
        if before is None:
            return ""
        number = before
    return ""


def _before(shapes: Shapes, number: int, layer: Layer) -> int | None:
    """The number of the one layer before a layer; None for the inputs, and for several."""
    above = shapes.names[number - 1] if number else INPUT_LAYER
    taken = layer.taken(above)
    if len(taken) != 1 or taken[0] not in shapes.names[:number]:
        return None
    return shapes.names.index(taken[0])


def bounds(activation: str) -> tuple[float, float] | None:
    """The range of an activation's values; None where it has none that is known."""
    if activation == SOFTMAX.name:
        return 0.0, 1.0
    row = ACTIVATIONS.get(activation)
    return row.bounds if isinstance(row, Elementwise) else None


def loss_pairs(parts: Parts, number: int, loss: LossTable, path: KeyPath) -> Iterator[Violation]:
    """Yield what is odd about a loss after the activation of the layer with a number."""
    found, row = ending(parts, number), LOSSES[loss.kind]
    if found and row.activations and found not in row.activations:
        message = _("{kind} after {found}: {reason}; it goes with {needed}")
        text = message.format(kind=loss.kind, found=found, reason=_(row.misfit), needed=_(" or ").join(row.activations))
        yield Violation(path=(*path, "kind"), message=text, warning=True)
    form = parts.forms[number]
    if row.targets == "distributions" and form is not None and form.shape[-1:] == (1,):
        message = _("{kind} over one output has one class, which is always the right one; for two classes take")
        text = message.format(kind=loss.kind) + " binary_cross_entropy + sigmoid"
        yield Violation(path=(*path, "kind"), message=text, warning=True)


def layer_pairs(parts: Parts, number: int, layer: Layer) -> Iterator[Violation]:
    """Yield what is odd about the activation of a layer: a softmax of one unit, or of a softmax."""
    activation, form = getattr(layer, "activation", None), parts.forms[number]
    if activation not in _JOINED:
        return
    path: KeyPath = ("network", "layers", number, "activation")
    if form is not None and form.shape[-1:] == (1,):
        value = 1 if activation == SOFTMAX.name else 0
        message = _("{activation} over one unit is always {value}: no gradient passes it; sigmoid gives a probability")
        yield Violation(path=path, message=message.format(activation=activation, value=value), warning=True)
    before = _before(parts, number, layer) if layer.kind == "activation" else None
    found = "" if before is None else ending(parts, before)
    if found in _JOINED:
        message = _("{activation} of a {found}: {reason}")
        reason = (
            _("it changes nothing")
            if found == LOG_SOFTMAX.name
            else _("its inputs lie between 0 and 1, so no share comes near 0 or 1 and the gradients are small")
        )
        text = message.format(activation=activation, found=found, reason=reason)
        yield Violation(path=path, message=text, warning=True)
