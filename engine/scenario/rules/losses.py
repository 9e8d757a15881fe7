"""What a loss demands of the layer that it looks at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrograde.engine.equations.losses import CROSS_ENTROPY, LOSSES
from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.layers.base import ActivatedLayer
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import LossTable


def loss_rules(parts: Parts, loss: LossTable, path: KeyPath) -> Iterator[Violation]:
    """Yield what is wrong with a loss, whose table lies at ``path``."""
    if loss.kind is None:
        return
    owners = {row.parameter.key: row.name for row in LOSSES.values() if row.parameter is not None}
    for key, owner in (*owners.items(), ("label_smoothing", CROSS_ENTROPY.name)):
        if getattr(loss, key) not in {None, type(loss).model_fields[key].default} and loss.kind != owner:
            message = _("{key} belongs to {owner}; this loss is {kind}")
            yield Violation(path=(*path, key), message=message.format(key=key, owner=owner, kind=loss.kind), key=True)
    yield from _layer_rules(parts, loss, path)


def _layer_rules(parts: Parts, loss: LossTable, path: KeyPath) -> Iterator[Violation]:
    """What a loss demands of the layer whose outputs it compares."""
    number = parts.number(loss.layer)
    form = None if number is None else parts.forms[number]
    positions = loss.kind == CROSS_ENTROPY.name and form is not None and len(form.shape) > 1
    if loss.over_time is not None and form is not None and not form.steps and not positions:
        message = _("over_time belongs to a sequence; this layer hands on one array")
        yield Violation(path=(*path, "over_time"), message=message, key=True)
    if number is None and loss.layer is not None and parts.complete:
        message = _("there is no layer {name}; there are {names}")
        text = message.format(name=loss.layer, names=", ".join(parts.names))
        yield Violation(path=(*path, "layer"), message=text)
    if number is not None:
        yield from _activation_rules(parts, number, loss, path)


def _activation_rules(parts: Parts, number: int, loss: LossTable, path: KeyPath) -> Iterator[Violation]:
    """The activation that a loss needs, of the layer with a number."""
    last, form = parts.layers[number], parts.forms[number]
    activation = getattr(last, "activation", None)
    if last is None or (activation is None and isinstance(last, ActivatedLayer)):
        return
    activation = activation or last.kind
    needed = LOSSES[loss.kind].activations
    if needed and activation not in needed:
        message = _("{kind} needs {needed} in the last layer, which has {found}")
        text = message.format(kind=loss.kind, needed=_(" or ").join(needed), found=activation)
        yield Violation(path=(*path, "kind"), message=text)
    if loss.kind == CROSS_ENTROPY.name and form is not None and form.shape[-1:] == (1,):
        message = _("cross_entropy over one output is always 0; use binary_cross_entropy with sigmoid")
        yield Violation(path=(*path, "kind"), message=message)
