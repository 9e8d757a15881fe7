"""Stop rules: when a run ends, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.scenario.models import StopTable
from retrograde.engine.text import _


class StopRule(StrEnum):
    """What ended a run."""

    EPOCHS = "epochs"
    LOSS = "loss_below"
    CHANGE = "loss_change_below"
    GRADIENT = "gradient_norm_below"
    DIVERGED = "diverged"
    CONDITION = "condition"
    BREAKPOINT = "breakpoint"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Where a divergence begins: the first slot that is not finite, in the order of the steps.

    Attributes:
        name: the name of the slot, as it is shown.
        value: what it is worth.
        step: the number of the step that made it.
        address: that step as ``epoch:iteration:step``.
        epoch: the epoch of that step, from 1; the loss may show it in a later one only.
    """

    name: str
    value: float
    step: int
    address: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended.

    Attributes:
        rule: the rule that ended it.
        message: the same for people.
        epoch: complete epochs from the start of the training; of a divergence, the epoch (from 1) where it
            begins.
        iterations: complete iterations from the start of the training.
        loss: the loss of the last complete epoch; NaN when there is none.
        fault: where a divergence begins; None for every other end.
        step: the number of the step at which a divergence begins, or at which a breakpoint was hit.
    """

    rule: StopRule
    message: str
    epoch: int
    iterations: int
    loss: float
    fault: Fault | None = None
    step: int | None = None

    @property
    def first(self) -> str | None:
        """The name of the slot at which a divergence begins."""
        return None if self.fault is None else self.fault.name


class Ending(NamedTuple):
    """A rule that holds after so many complete iterations; of a breakpoint, with the number of its step."""

    iterations: int
    rule: StopRule
    step: int | None = None


_NONE = np.zeros(0, dtype=np.intp)


class Judge:
    """Watches the losses of a run and says where a rule ends it.

    Args:
        stop: the rules.
        per_epoch: iterations in an epoch.
        start: complete iterations when the run begins; the end of an epoch.
    """

    def __init__(self, stop: StopTable, per_epoch: int, start: int) -> None:
        self._stop = stop
        self._per_epoch = per_epoch
        self._at = start
        self._bound = math.inf if stop.loss_above is None else stop.loss_above
        self._pending = 0.0
        self._previous = math.nan
        self._quiet = 0
        self.loss = math.nan

    def recall(self, losses: Sequence[float]) -> None:
        """Takes E of the whole epochs just before the run, which no rule ends any more."""
        per_epoch = self._per_epoch
        for first in range(0, len(losses), per_epoch):
            total = losses[first]
            for loss in losses[first + 1 : first + per_epoch]:
                total += loss
            self._take(total / per_epoch)

    def _take(self, loss: float) -> None:
        """Takes the loss of an epoch."""
        bound = self._stop.loss_change_below
        quiet = bound is not None and abs(loss - self._previous) < bound
        self._quiet = self._quiet + 1 if quiet else 0
        self._previous = self.loss = loss

    def scan(self, losses: Sequence[float]) -> Ending | None:
        """Takes E of the next iterations; returns the first hit, if any.

        After a hit ``loss`` is that of the last epoch that was complete there.
        """
        start, per_epoch = self._at, self._per_epoch
        values = np.array(losses, dtype=np.float64)
        bad = self._bad(values)
        limit = int(bad[0]) if len(bad) else len(values)
        hit = self._scan_epochs(losses[:limit] if len(bad) else losses, start)
        self._at = start + len(values)
        if hit is None and len(bad):
            if (start + limit + 1) % per_epoch == 0:
                self.loss = losses[limit] if per_epoch == 1 else (self._pending + losses[limit]) / per_epoch
            return Ending(start + limit + 1, StopRule.DIVERGED)
        return hit

    def _bad(self, values: Floats) -> NDArray[np.intp]:
        """Where E is not finite, or above its bound."""
        if len(values) and math.isfinite(values.min()) and math.isfinite(top := values.max()) and top <= self._bound:
            return _NONE
        return np.flatnonzero(~(np.isfinite(values) & (values <= self._bound)))

    def _scan_epochs(self, losses: Sequence[float], start: int) -> Ending | None:
        stop, per_epoch = self._stop, self._per_epoch
        if per_epoch == 1 and stop.loss_change_below is None:
            if not losses:
                return None
            if stop.loss_below is not None:
                found = np.flatnonzero(np.asarray(losses) < stop.loss_below)
                if len(found):
                    self.loss = losses[int(found[0])]
                    return Ending(start + int(found[0]) + 1, StopRule.LOSS)
            self.loss = losses[-1]
            return None
        for position, value in enumerate(losses, start + 1):
            first = (position - 1) % per_epoch == 0
            self._pending = value if first else self._pending + value
            if position % per_epoch:
                continue
            self._take(self._pending / per_epoch)
            if stop.loss_below is not None and self.loss < stop.loss_below:
                return Ending(position, StopRule.LOSS)
            if stop.loss_change_below is not None and self._quiet >= stop.change_epochs:
                return Ending(position, StopRule.CHANGE)
        return None


def describe(rule: StopRule, stop: StopTable, *, epoch: int, fault: Fault | None = None) -> str:
    """Why a run ended, for people.

    Args:
        rule: the rule.
        stop: the rules' bounds.
        epoch: complete epochs.
        fault: of a divergence, where it begins.
    """
    match rule:
        case StopRule.EPOCHS:
            return _("the maximum of epochs: {epoch}").format(epoch=f"{epoch:,}")
        case StopRule.LOSS:
            return _("the loss fell below {bound:g} in epoch {epoch}").format(bound=stop.loss_below, epoch=f"{epoch:,}")
        case StopRule.CHANGE:
            return _("the loss changed by less than {bound:g} for {count} epochs, up to epoch {epoch}").format(
                bound=stop.loss_change_below, count=f"{stop.change_epochs:,}", epoch=f"{epoch:,}"
            )
        case StopRule.GRADIENT:
            return _("the norm of the gradient fell below {bound:g} in epoch {epoch}").format(
                bound=stop.gradient_norm_below, epoch=f"{epoch:,}"
            )
        case StopRule.DIVERGED:
            assert fault is not None
            return _("diverged in epoch {epoch}, first at {first} = {value:g} in step {address}").format(
                epoch=f"{fault.epoch:,}", first=fault.name, value=fault.value, address=fault.address
            )
        case StopRule.CONDITION:
            return _("the condition held at the end of epoch {epoch}").format(epoch=f"{epoch:,}")
        case StopRule.BREAKPOINT:
            return _("stopped in epoch {epoch}").format(epoch=f"{epoch + 1:,}")
        case StopRule.CANCELLED:
            return _("paused in epoch {epoch}").format(epoch=f"{epoch + 1:,}")
