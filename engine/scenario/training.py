"""The tables ``[training]`` and ``[training.schedule]`` of a scenario file: their keys, and how those fit together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field

from retrograde.engine.equations.optimisers import OPTIMISERS, OPTIONS
from retrograde.engine.layers.base import MAX_SEED, Model
from retrograde.engine.layers.options import MAX_EPOCHS
from retrograde.engine.text import _

OptimizerName = Literal[
    "sgd",
    "adagrad",
    "rmsprop",
    "adadelta",
    "adam",
    "amsgrad",
    "adamw",
    "adamax",
    "nadam",
    "radam",
    "rprop",
    "lion",
]
ScheduleKind = Literal["step", "exponential", "cosine", "warm_up", "one_cycle", "plateau"]

Pair = Annotated[tuple[float, ...], Field(strict=False, min_length=2, max_length=2)]

_WARM_UP: Mapping[str, Any] = {"warm_up": 0, "start_factor": 1 / 3}
SCHEDULES: Mapping[str, Mapping[str, Any]] = {
    "step": {"unit": "epoch", "every": 0, "milestones": (), "gamma": 0.1, **_WARM_UP},
    "exponential": {"unit": "epoch", "gamma": None, **_WARM_UP},
    "cosine": {"unit": "epoch", "period": 0, "end_factor": 0.0, **_WARM_UP},
    "warm_up": {"unit": "epoch", **_WARM_UP, "warm_up": None},
    "one_cycle": {
        "unit": "iteration",
        "cycle": 0,
        "peak": 0.3,
        "div_factor": 25.0,
        "final_div_factor": 1e4,
        "anneal": "cosine",
        "three_phases": False,
    },
    "plateau": {"factor": 0.1, "patience": 10, "threshold": 1e-4, "cooldown": 0, "min_factor": 0.0},
}
"""The keys of each kind of schedule with their defaults, those of PyTorch; None where the file has to say."""


class RateSchedule(Model):
    """How the learning rate changes: η_t = η·f(t)."""

    kind: ScheduleKind = Field(
        description="step: f = γ^⌊t/every⌋; exponential: γ^t; cosine: half a cosine from 1 to end_factor; warm_up: a"
        " line from start_factor to 1; one_cycle: up to η and down again; plateau: smaller when the loss of the epoch"
        " does not get better"
    )
    unit: Literal["epoch", "iteration"] | None = Field(
        default=None, description="what t counts; absent: iteration for one_cycle, else epoch"
    )
    every: int | None = Field(
        default=None, ge=1, le=MAX_EPOCHS, description="of step: after how many units the rate changes"
    )
    milestones: Annotated[tuple[int, ...], Field(strict=False)] | None = Field(
        default=None, min_length=1, max_length=1000, description="of step, instead of every: when the rate changes"
    )
    gamma: float | None = Field(
        default=None,
        gt=0,
        description="of step and exponential: γ, what the rate is multiplied by; of step 0.1 if absent",
    )
    period: int | None = Field(
        default=None, ge=1, le=MAX_EPOCHS, description="of cosine: units until end_factor; absent: the whole training"
    )
    end_factor: float | None = Field(
        default=None, ge=0, le=1, description="of cosine: the last rate, as a part of η; 0 if absent"
    )
    warm_up: int | None = Field(
        default=None, ge=0, le=MAX_EPOCHS, description="units in which the rate rises to η, before the schedule begins"
    )
    start_factor: float | None = Field(
        default=None, gt=0, le=1, description="the first rate of the warm-up, as a part of η; 1/3 if absent"
    )
    cycle: int | None = Field(
        default=None, ge=2, le=MAX_EPOCHS, description="of one_cycle: its units; absent: the whole training"
    )
    peak: float | None = Field(
        default=None, gt=0, lt=1, description="of one_cycle: the share of it in which the rate rises; 0.3 if absent"
    )
    div_factor: float | None = Field(
        default=None, ge=1, description="of one_cycle: the first rate is η / div_factor; 25 if absent"
    )
    final_div_factor: float | None = Field(
        default=None, ge=1, description="of one_cycle: the last rate is the first / final_div_factor; 1e4 if absent"
    )
    anneal: Literal["cosine", "linear"] | None = Field(
        default=None, description="of one_cycle: along half cosines or straight lines; cosine if absent"
    )
    three_phases: bool | None = Field(
        default=None, description="of one_cycle: down to the first rate as long as up, and then on; false if absent"
    )
    factor: float | None = Field(
        default=None, gt=0, le=1, description="of plateau: what the rate is multiplied by; 0.1 if absent"
    )
    patience: int | None = Field(
        default=None, ge=0, le=MAX_EPOCHS, description="of plateau: epochs without progress that pass; 10 if absent"
    )
    threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="of plateau: progress is a loss below best·(1 − threshold); 1e-4 if absent",
    )
    cooldown: int | None = Field(
        default=None,
        ge=0,
        le=MAX_EPOCHS,
        description="of plateau: epochs after a reduction in which none is counted; 0 if absent",
    )
    min_factor: float | None = Field(
        default=None, ge=0, le=1, description="of plateau: the smallest rate, as a part of η; 0 if absent"
    )

    def completed(self) -> RateSchedule:
        """The table with everything stated that a file may leave out."""
        defaults = SCHEDULES[self.kind]
        return self.model_copy(update={key: value for key, value in defaults.items() if getattr(self, key) is None})


def _option(key: str) -> Any:
    row = OPTIONS[key]
    # The bounds of a list are those of its entries.
    listed = key in {"betas", "etas", "step_sizes"}
    bounds = {} if listed else {"ge": row.least, "gt": row.above, "le": row.most, "lt": row.below}
    given: dict[str, Any] = {name: bound for name, bound in bounds.items() if bound is not None}
    names = ", ".join(name for name, each in OPTIMISERS.items() if key in each.options)
    return Field(default=None, description=f"of {names}: {row.text}", **given)


class Training(Model):
    """One training step, and which samples it sees."""

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
    momentum: float | None = _option("momentum")
    momentum_form: Literal["accumulated", "averaged", "step"] | None = _option("momentum_form")
    dampening: float | None = _option("dampening")
    nesterov: bool | None = _option("nesterov")
    betas: Pair | None = _option("betas")
    eps: float | None = _option("eps")
    eps_inside: bool | None = _option("eps_inside")
    alpha: float | None = _option("alpha")
    rho: float | None = _option("rho")
    centered: bool | None = _option("centered")
    amsgrad: bool | None = _option("amsgrad")
    lr_decay: float | None = _option("lr_decay")
    initial_accumulator: float | None = _option("initial_accumulator")
    momentum_decay: float | None = _option("momentum_decay")
    etas: Pair | None = _option("etas")
    step_sizes: Pair | None = _option("step_sizes")
    weight_decay: float | None = _option("weight_decay")
    decoupled: bool | None = _option("decoupled")
    decay_biases: bool | None = _option("decay_biases")
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
    for key in ("betas", "etas", "step_sizes"):
        pair, row = getattr(training, key), OPTIONS[key]
        if pair is not None and key in known and not all(map(row.allows, pair)):
            message = _("{found} is not in the range {bounds}")
            wrong = next(value for value in pair if not row.allows(value))
            yield (key,), message.format(found=f"{wrong:g}", bounds=row.bounds), False
    etas, sizes = training.etas, training.step_sizes
    if etas is not None and not 0 < etas[0] < 1 < etas[1]:
        yield ("etas",), _("the first factor is between 0 and 1, the second above 1, such as [0.5, 1.2]"), False
    if sizes is not None and sizes[0] > sizes[1]:
        yield ("step_sizes",), _("the smallest step size comes first, such as [1e-6, 50]"), False
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
    if training.optimizer == "rprop":
        message = _("rprop takes the learning rate as its first step size only; a schedule would change nothing")
        yield ("schedule",), message, True
    known = SCHEDULES[schedule.kind]
    given = schedule.model_fields_set - {"kind"}
    for key in RateSchedule.model_fields:
        if key in given and key not in known:
            message = _("{kind} has no {key}; it has {known}")
            yield ("schedule", key), message.format(kind=schedule.kind, key=key, known=", ".join(known)), True
    for key, default in known.items():
        if default is None and key not in given:
            yield ("schedule", "kind"), _("{kind} needs {key}").format(kind=schedule.kind, key=key), False
    if schedule.kind == "step" and not given & {"every", "milestones"}:
        yield ("schedule", "kind"), _("{kind} needs {key}").format(kind="step", key=_("every or milestones")), False
    if schedule.kind == "step" and {"every", "milestones"} <= given:
        yield ("schedule", "milestones"), _("every and milestones exclude each other"), True
    places = schedule.milestones or ()
    if any(later <= earlier for earlier, later in pairwise(places)) or any(at < 1 for at in places):
        message = _("milestones are 1 or more, and each is later than the one before")
        yield ("schedule", "milestones"), message, False
    if "start_factor" in given and "start_factor" in known and not schedule.warm_up and "warm_up" in known:
        yield ("schedule", "start_factor"), _("start_factor belongs to warm_up, which is not there"), True
