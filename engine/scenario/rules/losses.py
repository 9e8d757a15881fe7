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
    yield from _weight_rules(parts, loss, path)


def _layer_rules(parts: Parts, loss: LossTable, path: KeyPath) -> Iterator[Violation]:
    """What a loss demands of the layer whose outputs it compares."""
    number = parts.number(loss.layer)
    form = None if number is None else parts.forms[number]
    masked = parts.data is not None and parts.data.masked
    positions = (_joined(loss) or masked) and form is not None and len(form.shape) > 1
    if loss.over_time is not None and form is not None and not form.steps and not positions:
        message = _("over_time belongs to a sequence; this layer hands on one array")
        yield Violation(path=(*path, "over_time"), message=message, key=True)
    if number is None and loss.layer is not None and parts.complete:
        message = _("there is no layer {name}; there are {names}")
        text = message.format(name=loss.layer, names=", ".join(parts.names))
        yield Violation(path=(*path, "layer"), message=text)
    if number is not None:
        yield from loss_pairs(parts, number, loss, path)


def _joined(loss: LossTable) -> bool:
    """Whether a loss compares distributions, one at each position of an array."""
    return LOSSES[loss.kind].targets == "distributions"


def _weight_rules(parts: Parts, loss: LossTable, path: KeyPath) -> Iterator[Violation]:
    """Weights and exceptions of a loss: as many as classes, and what they need besides."""
    number = parts.number(loss.layer)
    form = None if number is None else parts.forms[number]
    if loss.class_weights is not None and form is not None:
        binary = form.shape[-1:] == (1,) and LOSSES[loss.kind].targets == "probabilities"
        wanted = 2 if binary else form.shape[-1]
        if len(loss.class_weights) != wanted:
            message = _("{found} weights where {wanted} are needed: {meaning}")
            meaning = _("of the classes 0 and 1") if binary else _("one per class or output")
            text = message.format(found=len(loss.class_weights), wanted=wanted, meaning=meaning)
            yield Violation(path=(*path, "class_weights"), message=text)
    data = parts.data
    classes = data is not None and (data.class_count is not None or ("data", "classes") in parts.unknown)
    if loss.ignore_index is not None and (path != ("loss",) or parts.losses or not classes):
        message = _("ignore_index belongs to targets that are class indices, of one loss; give data.classes")
        yield Violation(path=(*path, "ignore_index"), message=message, key=True)
    batch = loss.over_batch or LOSSES[loss.kind].over_batch
    if loss.over_time == "pooled" and batch != "mean":
        message = _('pooled is a mean over the samples too; say over_batch = "mean"')
        yield Violation(path=(*path, "over_time"), message=message)
    if loss.normalise == "weights":
        yield from _normaliser_rules(parts, loss, path, batch)


def _normaliser_rules(parts: Parts, loss: LossTable, path: KeyPath, batch: str) -> Iterator[Violation]:
    """What a mean that divides by weights needs."""
    data = parts.data
    weighted = loss.class_weights is not None or (data is not None and data.weighted)
    if batch != "mean" or not weighted:
        message = _("a mean can divide by weights where there are some: class_weights or data.sample_weights")
        text = message if batch == "mean" else _('a sum divides by nothing; say over_batch = "mean"')
        yield Violation(path=(*path, "normalise"), message=text)
    number = parts.number(loss.layer)
    form = None if number is None else parts.forms[number]
    several = form is not None and (form.steps > 0 or (_joined(loss) and len(form.shape) > 1))
    if loss.class_weights is not None and several and loss.over_time != "pooled":
        message = _('over positions a mean divides by class weights in one way: say over_time = "pooled"')
        yield Violation(path=(*path, "normalise"), message=message)
    kinds = LOSSES[loss.kind].targets
    if loss.class_weights is not None and kinds not in {"distributions", "probabilities"}:
        message = _("{kind} has no classes whose weights a mean could divide by")
        yield Violation(path=(*path, "normalise"), message=message.format(kind=loss.kind))
