"""The tables ``[training]`` and ``[training.schedule]`` of a scenario file: their keys, and how those fit together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from retrograde.engine.equations.optimisers import OPTIMISERS, OPTIONS
from retrograde.engine.equations.rate_schedules import KEYS, SCHEDULES
from retrograde.engine.layers.base import MAX_SEED, Model
from retrograde.engine.layers.options import with_options, words
from retrograde.engine.text import _

if TYPE_CHECKING:
    OptimizerName = str
    ScheduleKind = str
else:
    OptimizerName = words(OPTIMISERS)
    ScheduleKind = words(SCHEDULES)


class _ScheduleKind(Model):
    kind: ScheduleKind = Field(description="; ".join(f"{row.name}: {row.text}" for row in SCHEDULES.values()))


if TYPE_CHECKING:

    class _ScheduleKeys(_ScheduleKind):
        """The kind, and a key for each row of ``KEYS``."""

        def __getattr__(self, key: str) -> Any: ...
else:
    _ScheduleKeys = with_options(_ScheduleKind, ((option, option.text) for option in KEYS.values()))


class RateSchedule(_ScheduleKeys):
    """How the learning rate changes: η_t = η·f(t)."""

    def completed(self) -> RateSchedule:
        """The table with everything stated that a file may leave out."""
        defaults = SCHEDULES[self.kind].keys
        return self.model_copy(update={key: value for key, value in defaults.items() if getattr(self, key) is None})


class _Step(Model):
    optimizer: OptimizerName = Field(default="sgd", description="the update rule; sgd: w⁺ = w − η·∂E/∂w")
    learning_rate: float = Field(gt=0, description="η")
    update: Literal["simultaneous", "in_place"] = Field(
        default="simultaneous",
        description="simultaneous: every gradient is computed with the old weights; in_place: a weight is updated"
        " as soon as its own gradient is known, so that gradients of earlier layers see the new one",
    )
    batch_size: int = Field(default=0, ge=0, description="samples in an iteration; 0: all of them")
    shuffle: Literal["none", "seeded", "numpy-legacy"] = Field(
        default="none",
        description="the order of the samples: as given, a new one each epoch, or that of NumPy's RandomState"
        " shuffling in place (orders compose)",
    )
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="seed of the shuffling")


def _owners(key: str) -> str:
    return ", ".join(row.name for row in OPTIMISERS.values() if key in row.options)


if TYPE_CHECKING:

    class _StepWithOptions(_Step):
        """The keys of every training, and a key for each row of ``OPTIONS``."""

        def __getattr__(self, key: str) -> Any: ...
else:
    _StepWithOptions = with_options(
        _Step, ((option, f"of {_owners(option.key)}: {option.text}") for option in OPTIONS.values())
    )


class Training(_StepWithOptions):
    """One training step, and which samples it sees."""

    l1: float = Field(default=0.0, ge=0, description="λ1: E has λ1·Σ|w| besides")
    l2: float = Field(default=0.0, ge=0, description="λ2: E has ½·λ2·Σw² besides; see l2_half")
    l2_half: bool = Field(
        default=True,
        description="true: the penalty is ½·λ2·Σw², with the gradient λ2·w; false: λ2·Σw², with 2·λ2·w, as in Keras",
    )
    penalise_biases: bool = Field(default=False, description="whether l1 and l2 count biases too")
    clip_value: float | None = Field(
        default=None, gt=0, description="c: every element of a gradient is cut to −c … c before the update"
    )
    clip_norm: float | None = Field(
        default=None,
        gt=0,
        description="c: all gradients are multiplied by min(1, c / (norm + 1e-6)), the norm being that of all of them"
        " together",
    )
    schedule: RateSchedule | None = Field(default=None, description="how the learning rate changes")

    def completed(self) -> Training:
        """The table with everything stated that a file may leave out."""
        defaults = OPTIMISERS[self.optimizer].options
        update: dict[str, Any] = {key: value for key, value in defaults.items() if getattr(self, key) is None}
        if self.schedule is not None:
            update["schedule"] = self.schedule.completed()
        return self.model_copy(update=update)


Fault = tuple[tuple[str, ...], str, bool]
"""A key path in ``[training]``, what is wrong there, and whether with the key rather than with its value."""


def faults(training: Training) -> Iterator[Fault]:
    """Yield what the keys of a training demand of each other; a key that is wrong by itself is None."""
    if training.optimizer is not None:
        yield from _option_faults(training)
    if training.clip_value is not None and training.clip_norm is not None:
        message = _("gradients are clipped by value or by their norm, not both; drop clip_value or clip_norm")
        yield ("clip_norm",), message, True
    if training.clip_norm is not None and training.update == "in_place":
        message = _(
            "clip_norm needs the gradients of all parameters before the first update, and in_place updates a parameter"
            ' before the next gradient is known; use clip_value, or update = "simultaneous"'
        )
        yield ("clip_norm",), message, True
    for key, needs in (("l2_half", ("l2",)), ("penalise_biases", ("l1", "l2"))):
        if key in training.model_fields_set and not any(getattr(training, need) for need in needs):
            message = _("{key} belongs to {needs}, which is not there")
            yield (key,), message.format(key=key, needs=_(" or ").join(needs)), True
    if training.schedule is not None:
        yield from _schedule_faults(training, training.schedule)


def _option_faults(training: Training) -> Iterator[Fault]:
    known = OPTIMISERS[training.optimizer].options
    for key in OPTIONS:
        if key in training.model_fields_set and key not in known:
            message = _("{optimizer} has no {key}; it has {known}")
            text = message.format(optimizer=training.optimizer, key=key, known=", ".join(known) or _("no options"))
            yield (key,), text, True
    for key, row in OPTIONS.items():
        value = getattr(training, key) if key in known else None
        if value is None:
            continue
        if row.kind == "pair" and not all(map(row.allows, value)):
            message = _("{found} is not in the range {bounds}")
            wrong = next(part for part in value if not row.allows(part))
            yield (key,), message.format(found=f"{wrong:g}", bounds=row.bounds), False
        if (complaint := row.wrong(value)) is not None:
            yield (key,), complaint, False
    if training.optimizer == "sgd":
        yield from _momentum_faults(training)


def _momentum_faults(training: Training) -> Iterator[Fault]:
    given = training.model_fields_set
    if not training.momentum:
        for key in ("nesterov", "dampening", "momentum_form"):
            if getattr(training, key) and "momentum" not in given - {key}:
                yield (key,), _("{key} needs momentum, such as momentum = 0.9").format(key=key), True
    if training.dampening and (training.momentum_form or "accumulated") != "accumulated":
        message = _("dampening belongs to the form accumulated; {form} has factors of its own")
        yield ("dampening",), message.format(form=training.momentum_form), True
    elif training.dampening and training.nesterov:
        yield ("dampening",), _("Nesterov's momentum takes no dampening"), True


def _schedule_faults(training: Training, schedule: RateSchedule) -> Iterator[Fault]:
    kind: str | None = schedule.kind
    if kind is None:
        return
    optimiser = OPTIMISERS.get(training.optimizer)
    if optimiser is not None and not optimiser.follows_rate:
        message = _("{optimizer} takes the learning rate as its first step size only; a schedule would change nothing")
        yield ("schedule",), message.format(optimizer=training.optimizer), True
    row = SCHEDULES[schedule.kind]
    known = row.keys
    given = schedule.model_fields_set - {"kind"}
    for key in RateSchedule.model_fields:
        if key in given and key not in known:
            message = _("{kind} has no {key}; it has {known}")
            yield ("schedule", key), message.format(kind=schedule.kind, key=key, known=", ".join(known)), True
    for key, default in known.items():
        if default is None and key not in given:
            yield ("schedule", "kind"), _("{kind} needs {key}").format(kind=schedule.kind, key=key), False
    if row.instead and not given & set(row.instead):
        keys = _(" or ").join(row.instead)
        yield ("schedule", "kind"), _("{kind} needs {key}").format(kind=row.name, key=keys), False
    if row.instead and set(row.instead) <= given:
        message = _("{keys} exclude each other").format(keys=_(" and ").join(row.instead))
        yield ("schedule", row.instead[-1]), message, True
    places = schedule.milestones or ()
    if any(later <= earlier for earlier, later in pairwise(places)) or any(at < 1 for at in places):
        message = _("milestones are 1 or more, and each is later than the one before")
        yield ("schedule", "milestones"), message, False
    if "start_factor" in given and "start_factor" in known and not schedule.warm_up and "warm_up" in known:
        yield ("schedule", "start_factor"), _("start_factor belongs to warm_up, which is not there"), True
