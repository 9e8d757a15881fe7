"""What a loss demands of the layer that it looks at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrograde.engine.equations.losses import CROSS_ENTROPY, LOSSES
from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.scenario.rules.pairs import loss_pairs
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import LossTable


def loss_rules(parts: Parts, loss: LossTable, path: KeyPath) -> Iterator[Violation]:
    """Yield what is wrong with a loss, whose table lies at ``path``."""
    if loss.kind is None:
        return
    owners: dict[str, list[str]] = {"label_smoothing": [CROSS_ENTROPY.name]}
    for row in LOSSES.values():
        for option in row.options:
            owners.setdefault(option.key, []).append(row.name)
    for key, names in owners.items():
        if getattr(loss, key) not in {None, type(loss).model_fields[key].default} and loss.kind not in names:
            message = _("{key} belongs to {owner}; this loss is {kind}")
            text = message.format(key=key, owner=_(" or ").join(names), kind=loss.kind)
            yield Violation(path=(*path, key), message=text, key=True)
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
        yield from loss_pairs(parts, number, loss, path)
