"""What the keys of the training demand of each other and of the network."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from retrograde.engine.equations.optimisers import OPTIMISERS, OPTIONS
from retrograde.engine.equations.rate_schedules import SCHEDULES
from retrograde.engine.errors import KeyPath, Violation
from retrograde.engine.late import late
from retrograde.engine.layers.base import MAX_LEGACY_SEED
from retrograde.engine.scenario.rules.memory import memory_rules
from retrograde.engine.scenario.rules.parts import Parts
from retrograde.engine.scenario.training import Training
from retrograde.engine.synonyms import meanings
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.scenario import schedule_table
    from retrograde.engine.scenario.schedule_table import RateSchedule
else:
    schedule_table = late("retrograde.engine.scenario.schedule_table")


def training_rules(parts: Parts) -> Iterator[Violation]:
    """Yield what the keys of the training demand of each other."""
    training = parts.training
    if training is None:
        return
    for violation in _key_rules(training):
        yield violation.below("training")
    if training.memory and training.optimizer is not None:
        yield from memory_rules(parts, training)
    unrolled = next((n for n, layer in enumerate(parts.layers) if layer is not None and layer.sequential), None)
    if unrolled is not None and training.update == "in_place":
        message = _(
            "in_place is for parameters that are used once; the recurrent layer {name} uses its own at each step"
        )
        yield Violation(path=("training", "update"), message=message.format(name=parts.names[unrolled]))
    if training.shuffle == "numpy-legacy":
        own = parts.init is not None and parts.init.generator != "numpy-legacy"
        if own and (training.seed or 0) > MAX_LEGACY_SEED:
            message = _("seeds of numpy-legacy go from 0 to {last}")
            yield Violation(path=("training", "seed"), message=message.format(last=MAX_LEGACY_SEED))


def odd_rate(rate: float, path: KeyPath) -> Iterator[Violation]:
    """Yield the warning about a learning rate, or a factor of it, that descends nowhere."""
    if rate == 0:
        message = _("a learning rate of 0 changes no parameter by its gradient")
        yield Violation(path=path, message=message, warning=True)
    elif rate < 0:
        message = _("a learning rate below 0 climbs: each update goes up the gradient, and the loss grows")
        yield Violation(path=path, message=message, warning=True)


def _key_rules(training: Training) -> Iterator[Violation]:
    """Yield what the keys of a training demand of each other; a key that is wrong by itself is None."""
    if training.learning_rate is not None:
        yield from odd_rate(training.learning_rate, ("learning_rate",))
    if training.optimizer is not None:
        yield from _option_rules(training)
    if training.clip_value is not None and training.clip_norm is not None:
        message = _("gradients are clipped by value or by their norm, not both; drop clip_value or clip_norm")
        yield Violation(path=("clip_norm",), message=message, key=True)
    if training.update == "in_place" and training.optimizer == "rprop" and training.rprop_form == "irprop_plus":
        message = _('irprop_plus asks whether E has grown, which is not known before the gradients; use "simultaneous"')
        yield Violation(path=("update",), message=message)
    if training.update == "in_place" and training.look_ahead:
        message = _('the network runs with all parameters where the velocity leads; use update = "simultaneous"')
        yield Violation(path=("look_ahead",), message=message, key=True)
    if training.clip_norm is not None and training.update == "in_place":
        message = _(
            "clip_norm needs the gradients of all parameters before the first update, and in_place updates a parameter"
            ' before the next gradient is known; use clip_value, or update = "simultaneous"'
        )
        yield Violation(path=("clip_norm",), message=message, key=True)
    for key, needs in (("l2_half", ("l2",)), ("penalise_biases", ("l1", "l2"))):
        if key in training.model_fields_set and not any(getattr(training, need) for need in needs):
            message = _("{key} belongs to {needs}, which is not there")
            yield Violation(path=(key,), message=message.format(key=key, needs=_(" or ").join(needs)), key=True)
    if training.schedule is not None:
        yield from _schedule_rules(training, training.schedule)


def _option_rules(training: Training) -> Iterator[Violation]:
    known = OPTIMISERS[training.optimizer].options
    for key in OPTIONS:
        if key in training.model_fields_set and key not in known:
            message = _("{optimizer} has no {key}; it has {known}")
            text = message.format(optimizer=training.optimizer, key=key, known=", ".join(known) or _("no options"))
            if training.learning_rate is None and meanings(key, ["learning_rate"]):
                text = _("{optimizer} has no {key}; its learning rate is called learning_rate").format(
                    optimizer=training.optimizer, key=key
                )
            yield Violation(path=(key,), message=text, key=True)
    for key, row in OPTIONS.items():
        value = getattr(training, key) if key in known else None
        if value is None:
            continue
        if row.kind == "pair" and not all(map(row.allows, value)):
            message = _("{found} is not in the range {bounds}")
            wrong = next(part for part in value if not row.allows(part))
            yield Violation(path=(key,), message=message.format(found=f"{wrong:g}", bounds=row.bounds))
        if (complaint := row.wrong(value)) is not None:
            yield Violation(path=(key,), message=complaint)
    if training.optimizer == "sgd":
        yield from _momentum_rules(training)


def _momentum_rules(training: Training) -> Iterator[Violation]:
    given = training.model_fields_set
    if not training.momentum:
        for key in ("nesterov", "dampening", "momentum_form"):
            if getattr(training, key) and "momentum" not in given - {key}:
                yield Violation(
                    path=(key,), message=_("{key} needs momentum, such as momentum = 0.9").format(key=key), key=True
                )
    if training.look_ahead and not training.nesterov and "nesterov" not in given:
        message = _("look_ahead is a form of Nesterov's momentum, which needs nesterov = true")
        yield Violation(path=("look_ahead",), message=message, key=True)
    if training.dampening and (training.momentum_form or "accumulated") != "accumulated":
        message = _("dampening belongs to the form accumulated; {form} has factors of its own")
        yield Violation(path=("dampening",), message=message.format(form=training.momentum_form), key=True)
    elif training.dampening and training.nesterov:
        yield Violation(path=("dampening",), message=_("Nesterov's momentum takes no dampening"), key=True)


def _schedule_rules(training: Training, schedule: RateSchedule) -> Iterator[Violation]:
    kind: str | None = schedule.kind
    if kind is None:
        return
    optimiser = OPTIMISERS.get(training.optimizer)
    if optimiser is not None and not optimiser.follows_rate:
        message = _("{optimizer} takes the learning rate as its first step size only; a schedule would change nothing")
        yield Violation(path=("schedule",), message=message.format(optimizer=training.optimizer), key=True)
    yield from _schedule_key_rules(schedule)
    places = schedule.milestones or ()
    if any(later <= earlier for earlier, later in pairwise(places)) or any(at < 1 for at in places):
        message = _("milestones are 1 or more, and each is later than the one before")
        yield Violation(path=("schedule", "milestones"), message=message)
    given, known = schedule.model_fields_set, SCHEDULES[schedule.kind].keys
    if "start_factor" in given and "start_factor" in known and not schedule.warm_up and "warm_up" in known:
        message = _("start_factor belongs to warm_up, which is not there")
        yield Violation(path=("schedule", "start_factor"), message=message, key=True)


def _schedule_key_rules(schedule: RateSchedule) -> Iterator[Violation]:
    """The keys that a kind of schedule has, needs, or takes one of."""
    row = SCHEDULES[schedule.kind]
    known = row.keys
    given = schedule.model_fields_set - {"kind"}
    for key in schedule_table.RateSchedule.model_fields:
        if key in given and key not in known:
            message = _("{kind} has no {key}; it has {known}")
            yield Violation(
                path=("schedule", key),
                message=message.format(kind=schedule.kind, key=key, known=", ".join(known)),
                key=True,
            )
    for key, default in known.items():
        if default is None and key not in given:
            yield Violation(
                path=("schedule", "kind"), message=_("{kind} needs {key}").format(kind=schedule.kind, key=key)
            )
    if row.instead and not given & set(row.instead):
        keys = _(" or ").join(row.instead)
        yield Violation(path=("schedule", "kind"), message=_("{kind} needs {key}").format(kind=row.name, key=keys))
    if row.instead and set(row.instead) <= given:
        message = _("{keys} exclude each other").format(keys=_(" and ").join(row.instead))
        yield Violation(path=("schedule", row.instead[-1]), message=message, key=True)
