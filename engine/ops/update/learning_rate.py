"""The learning rate of an iteration: η times what its schedule says, and what a schedule remembers of the epochs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import (
    ONE,
    ZERO,
    Compare,
    Comparison,
    Div,
    Expr,
    Max,
    Product,
    Select,
    Sub,
    Sum,
)
from retrograde.engine.equations.rate_schedules import SCHEDULES, Keys
from retrograde.engine.ops.pointwise import Rule
from retrograde.engine.text import N_

if TYPE_CHECKING:
    from retrograde.engine.ops.update.appending import Updates

RATE = Rule(
    name="learning rate",
    title=N_("learning rate"),
    why=N_("The learning rate of this update: η, as large a part of it as the schedule says."),
    value=lambda rate, factor: Product((rate, factor)),
)
LAYER_RATE = Rule(
    name="learning rate of a layer",
    title=N_("learning rate"),
    why=N_("The learning rate of this layer: η times a factor of its own."),
    value=lambda rate, factor: Product((rate, factor)),
)
EPOCH_SUM = Rule(
    name="sum of losses",
    title=N_("loss of the epoch"),
    why=N_("E of the epoch's iterations, added up; the next epoch begins at 0 again."),
    value=lambda total, loss, last: Select(Compare(Comparison.EQ, last, ONE), ZERO, Sum((total, loss))),
)
EPOCH_MEAN = Rule(
    name="mean loss",
    title=N_("loss of the epoch"),
    why=N_("The loss of the epoch, when this is its last iteration."),
    value=lambda total, loss, count: Div(Sum((total, loss)), count),
)


def _ended(last: Expr, then: Expr, otherwise: Expr) -> Expr:
    """``then`` in the last iteration of an epoch."""
    return Select(Compare(Comparison.EQ, last, ONE), then, otherwise)


def _better(mean: Expr, best: Expr, threshold: Expr, then: Expr, otherwise: Expr) -> Expr:
    bound = Product((best, Sub(ONE, threshold)))
    return Select(Compare(Comparison.LT, mean, bound), then, otherwise)


BAD_EPOCHS = Rule(
    name="bad epochs",
    title=N_("waiting"),
    why=N_("How many epochs in a row were no better than the best, with this one."),
    value=lambda bad, last, mean, best, threshold: _ended(
        last, _better(mean, best, threshold, ZERO, Sum((bad, ONE))), bad
    ),
    source="torch.optim.lr_scheduler.ReduceLROnPlateau",
)
BAD_EPOCHS_COOLING = Rule(
    name="bad epochs",
    title=N_("waiting"),
    why=N_("How many epochs in a row were no better than the best; none are counted during the cool-down."),
    value=lambda bad, last, mean, best, threshold, cool: _ended(
        last,
        _better(mean, best, threshold, ZERO, Select(Compare(Comparison.GT, cool, ZERO), ZERO, Sum((bad, ONE)))),
        bad,
    ),
    source="torch.optim.lr_scheduler.ReduceLROnPlateau",
)
BEST = Rule(
    name="best loss",
    title=N_("best loss"),
    why=N_("The best loss of an epoch so far."),
    value=lambda best, last, mean, threshold: _ended(last, _better(mean, best, threshold, mean, best), best),
)
REDUCED = Rule(
    name="reduced",
    title=N_("plateau"),
    why=N_("After more bad epochs than its patience the schedule makes the learning rate smaller."),
    value=lambda factor, bad, patience, by, least: Select(
        Compare(Comparison.GT, bad, patience), Max((Product((factor, by)), least)), factor
    ),
    source="torch.optim.lr_scheduler.ReduceLROnPlateau",
)
WAITED = Rule(
    name="waited",
    title=N_("waiting"),
    why=N_("The bad epochs that count on: none once the learning rate was made smaller."),
    value=lambda bad, patience: Select(Compare(Comparison.GT, bad, patience), ZERO, bad),
)
COOLED = Rule(
    name="cooled",
    title=N_("cool-down"),
    why=N_("The epochs after a reduction in which bad ones do not count."),
    value=lambda cool, last, bad, patience, cooldown: Select(
        Compare(Comparison.GT, bad, patience),
        cooldown,
        _ended(last, Select(Compare(Comparison.GT, cool, ZERO), Sub(cool, ONE), cool), cool),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateFactor:
    """The factor of a schedule, for ``Leaves``.

    Attributes:
        keys: the table ``[training.schedule]``, complete.
        epochs: the most epochs of the training, for what runs over all of it.
    """

    keys: Keys
    epochs: int = 1

    def values(self, iteration: int, per_epoch: int) -> Floats:
        """The factor in an iteration; see ``leaves.Source``."""
        fine = self.keys["unit"] == "iteration"
        t, whole = (iteration, self.epochs * per_epoch) if fine else (iteration // per_epoch, self.epochs)
        return np.array(SCHEDULES[self.keys["kind"]].at(self.keys, t, whole))


@dataclass(frozen=True, slots=True)
class LastOfEpoch:
    """1 in the last iteration of each epoch, else 0, for ``Leaves``."""

    def values(self, iteration: int, per_epoch: int) -> Floats:
        """Whether an iteration is the last of its epoch; see ``leaves.Source``."""
        return np.array(float((iteration + 1) % per_epoch == 0))


@dataclass(frozen=True, slots=True)
class PerEpoch:
    """The number of iterations in an epoch, for ``Leaves``."""

    def values(self, iteration: int, per_epoch: int) -> Floats:
        """The number; see ``leaves.Source``."""
        del iteration
        return np.array(float(per_epoch))


def current_rate(updates: Updates) -> Array:
    """The learning rate of the iteration and the layer: η itself where there is neither a schedule nor one of its own.

    A rate of a layer follows the schedule; a factor of a layer multiplies η_t.
    """
    builder, own, layer = updates.builder, updates.layer_rate, updates.layer
    table: dict[str, Any] | None = builder.settings.get("schedule")
    if own is None:
        if table is None:
            return builder.rate
        return updates.shared("lr_now", RATE, builder.rate, _scheduled(updates, table), sign="η_t")
    if own.factor:
        updates.layer = ""
        common = updates.rate
        updates.layer = layer
        factor = updates.setting(f"rate_factor_{layer}", own.value, sign=f"k_{layer}")
        return updates.shared(f"rate_{layer}", LAYER_RATE, common, factor, sign=f"η_{layer}")
    rate = updates.setting(f"rate_{layer}", own.value, sign=f"η_{layer}")
    if table is None:
        return rate
    return updates.shared(f"rate_now_{layer}", RATE, rate, _scheduled(updates, table), sign=f"η_t_{layer}")


def _scheduled(updates: Updates, table: dict[str, Any]) -> Array:
    """The factor of the schedule."""
    builder = updates.builder
    if SCHEDULES[table["kind"]].factor is None:
        return updates.remembered("plateau", 1.0, sign="f")
    source = RateFactor(keys=table, epochs=int(builder.settings.get("epochs", 1)))
    return updates.once("schedule", lambda: builder.changing("schedule", source, sign="f"))


def note_epoch(updates: Updates) -> None:
    """What a schedule on a plateau remembers of the epochs: their loss, the best one, and how long it was the best."""
    builder = updates.builder
    table: dict[str, Any] | None = builder.settings.get("schedule")
    if table is None or SCHEDULES[table["kind"]].factor is not None:
        return
    last = builder.changing("last_iteration", LastOfEpoch())
    count = builder.changing("per_epoch", PerEpoch())
    total, best = updates.remembered("epoch_sum", 0.0), updates.remembered("best", math.inf)
    waited, factor = updates.remembered("waited", 0.0), updates.remembered("plateau", 1.0, sign="f")
    threshold = updates.setting("threshold", table["threshold"])
    patience = updates.setting("patience", float(table["patience"]))
    mean = updates.shared("epoch_mean", EPOCH_MEAN, total, builder.total, count)
    updates.renewed(total, EPOCH_SUM, total, builder.total, last)
    if table["cooldown"]:
        cool, cooldown = updates.remembered("cool", 0.0), updates.setting("cooldown", float(table["cooldown"]))
        bad = updates.shared("bad_epochs", BAD_EPOCHS_COOLING, waited, last, mean, best, threshold, cool)
        updates.renewed(cool, COOLED, cool, last, bad, patience, cooldown)
    else:
        bad = updates.shared("bad_epochs", BAD_EPOCHS, waited, last, mean, best, threshold)
    updates.renewed(best, BEST, best, last, mean, threshold)
    updates.renewed(waited, WAITED, bad, patience)
    smaller = updates.setting("plateau_factor", table["factor"])
    least = updates.setting("least_factor", table["min_factor"])
    updates.renewed(factor, REDUCED, factor, bad, patience, smaller, least)
