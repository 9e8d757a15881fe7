"""What the parts of a scenario demand of each other, beyond what each field says for itself.

The rules run over whatever is valid, so that a file with a wrong name in one place still hears of a wrong
shape in another.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from retrograde.engine.errors import Violation
from retrograde.engine.layers.base import MAX_LEGACY_SEED
from retrograde.engine.scenario.rules.data import data_rules
from retrograde.engine.scenario.rules.draws import init_rules
from retrograde.engine.scenario.rules.held_out import held_out_rules
from retrograde.engine.scenario.rules.layers import layer_rules
from retrograde.engine.scenario.rules.losses import loss_rules
from retrograde.engine.scenario.rules.names import name_rules, own_name_rules
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.scenario.rules.size import sample_rules, training_count
from retrograde.engine.scenario.rules.training import training_rules
from retrograde.engine.scenario.sequences import window_starts
from retrograde.engine.scenario.shapes import INPUT_LAYER
from retrograde.engine.text import _


def broken_rules(parts: Parts) -> Iterator[Violation]:
    """Yield every rule that the parts of a scenario break; nothing large is allocated."""
    yield from _network_rules(parts)
    yield from name_rules(parts)
    yield from own_name_rules(parts)
    for number, layer in enumerate(parts.layers):
        if layer is not None:
            yield from layer_rules(parts, number, layer)
    if parts.data is not None:
        yield from data_rules(parts, parts.data)
        if parts.held_out is not None:
            yield from held_out_rules(parts, parts.data, parts.held_out)
    yield from _all_loss_rules(parts)
    yield from _unused_rules(parts)
    yield from training_rules(parts)
    yield from _expectation_rules(parts)
    yield from _count_rules(parts)


def _all_loss_rules(parts: Parts) -> Iterator[Violation]:
    if parts.loss is not None:
        yield from loss_rules(parts, parts.loss, ("loss",))
    for number, loss in enumerate(parts.losses):
        if loss is not None:
            yield from loss_rules(parts, loss, ("losses", number))
            others = (parts.loss, *parts.losses[:number])
            if any(other is not None and parts.number(other.layer) == parts.number(loss.layer) for other in others):
                message = _("two losses of the same layer; give each the name of another layer")
                yield Violation(path=("losses", number), message=message)


def _unused_rules(parts: Parts) -> Iterator[Violation]:
    """Yield the layers from which no way leads to a loss: odd, but they can be computed."""
    losses = (parts.loss, *parts.losses)
    used = {parts.number(None if loss is None else loss.layer) for loss in losses}
    if not parts.complete or None in (*parts.layers, *losses, *used):
        return
    for number in reversed(range(len(parts.layers))):
        layer, name = parts.layers[number], parts.names[number]
        assert layer is not None
        if number in used:
            above = parts.names[number - 1] if number else INPUT_LAYER
            used |= {parts.number(taken) for taken in layer.taken(above) if taken != INPUT_LAYER}
        else:
            message = _("no way leads from {name} to a loss: what it computes changes nothing")
            yield Violation(path=("network", "layers", number), message=message.format(name=name), warning=True)


def _expectation_rules(parts: Parts) -> Iterator[Violation]:
    for number, expectation in enumerate(parts.expect):
        if expectation is None or expectation.verdict != "source_wrong" or expectation.reason is not None:
            continue
        if ("expect", number, "reason") not in parts.unknown:
            yield Violation(
                path=("expect", number, "verdict"),
                message=_("source_wrong needs a reason: say what is wrong there"),
            )


def _count_rules(parts: Parts) -> Iterator[Violation]:
    """Rules that depend on the number of samples, where the scenario itself holds them."""
    data = parts.data
    rows = None if data is None else data.inputs if parts.inputs != 0 else data.inputs or data.targets or ((),)
    if data is not None and data.file is None and rows is not None:
        yield from sample_rules(parts, training_count(parts, len(rows)))
    elif data is not None and data.text is not None and parts.steps is not None:
        yield from sample_rules(
            parts, training_count(parts, max(1, len(window_starts(data.text, parts.steps, data.stride))))
        )


def _network_rules(parts: Parts) -> Iterator[Violation]:
    if not parts.inputs and parts.readers and ("network", "inputs") not in parts.unknown:
        yield Violation(path=("network", "inputs"), message=_("missing: {what}").format(what=_("number of inputs")))
    size = parts.input_shape
    if size is not None and parts.inputs is not None and prod(size) != parts.inputs:
        message = _("an array of {shape} does not have {inputs} inputs")
        text = message.format(shape="×".join(map(str, size)), inputs=parts.inputs)
        yield Violation(path=("network", "input_shape"), message=text)
    if parts.init is not None:
        yield from init_rules(parts, parts.init, ("network", "init"))
        if parts.init.generator == "numpy-legacy" and parts.seed is not None and parts.seed > MAX_LEGACY_SEED:
            message = _("seeds of numpy-legacy go from 0 to {last}")
            yield Violation(path=("network", "seed"), message=message.format(last=MAX_LEGACY_SEED))
