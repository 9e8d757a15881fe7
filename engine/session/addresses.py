"""Addresses: where in a training a text such as ``2:1:17``, ``50%`` or ``+5i`` leads to."""

from __future__ import annotations

import re
from dataclasses import dataclass

from retrograde.engine.errors import EngineError
from retrograde.engine.network.program import require_within
from retrograde.engine.text import _, ngettext
from retrograde.engine.travel.calendar import Schedule

MAX_ADDRESS = 100
"""Characters of an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standpoint:
    """What an address is read from.

    Attributes:
        schedule: the iterations.
        position: the cursor's position.
        iteration: the iteration that the cursor is in, from 0.
        frontier: the furthest position that was reached.
        length: steps until the maximum of epochs.
    """

    schedule: Schedule
    position: int
    iteration: int
    frontier: int
    length: int


def position_of(where: int | str, here: Standpoint) -> int:
    """The position that an address means; ``Cursor.seek`` says which there are.

    Args:
        where: the address, or a position.
        here: where it is read.

    Raises:
        EngineError: the address makes no sense, or is not in the training.
    """
    position = where if isinstance(where, int) else _read(where, here)
    if not 0 <= position <= here.length:
        raise EngineError(_("step {number} is not in 0 to {last}").format(number=position, last=here.length))
    return position


def _read(where: str, here: Standpoint) -> int:
    text = where.strip().lower()
    if len(text) > MAX_ADDRESS:
        raise EngineError(_("an address has at most {limit} characters").format(limit=MAX_ADDRESS))
    if text in {"start", "0"}:
        return 0
    if text == "end":
        return here.frontier
    if percent := re.fullmatch(r"(\d+(?:\.\d*)?)\s*%", text):
        share = float(percent[1])
        if share > 100:
            raise EngineError(_("{where}: at most 100 %").format(where=where))
        return round(here.frontier * share / 100)
    if number := re.fullmatch(r"@(\d+)", text):
        return int(number[1])
    if relative := re.fullmatch(r"([+-]\d+)\s*([eis]?)", text):
        return _relative(int(relative[1]), relative[2], here)
    if worded := re.fullmatch(r"(epoch|round|step)\s*(\d+)", text):
        return int(worded[2]) if worded[1] == "step" else _absolute(int(worded[2]), None, None, here)
    if parts := re.fullmatch(r"(\d+)(?::(\d+))?(?::(\d+))?", text):
        epoch, iteration, step = (None if part is None else int(part) for part in parts.groups())
        assert epoch is not None
        return _absolute(epoch, iteration, step, here)
    raise EngineError(
        _("{where} is no address; try 2:1:17 (epoch:iteration:step), 50%, @100, +5i, start or end").format(where=where)
    )


def _relative(by: int, unit: str, here: Standpoint) -> int:
    """The position that lies steps, iterations or epochs from the cursor, at the same step of its iteration."""
    schedule = here.schedule
    match unit:
        case "e":
            position = here.position + by * schedule.steps_per_epoch
        case "i":
            revealed = here.position - schedule.start(here.iteration)
            iteration = max(here.iteration + by, 0)
            steps = schedule.program(iteration).steps
            position = 0 if here.iteration + by < 0 else schedule.start(iteration) + min(revealed, steps)
        case _:
            position = here.position + by
    return min(max(position, 0), here.length)


def _absolute(epoch: int, iteration: int | None, step: int | None, here: Standpoint) -> int:
    """The position of a step of an iteration of an epoch, all from 1; by default the last one."""
    schedule = here.schedule
    epochs = here.length // schedule.steps_per_epoch
    end = ngettext("the training has {count} epoch", "the training has {count} epochs", epochs)
    require_within(_("epoch"), epoch, epochs, why=end.format(count=epochs))
    if iteration is None:
        return epoch * schedule.steps_per_epoch
    end = ngettext("an epoch has {count} iteration", "an epoch has {count} iterations", schedule.per_epoch)
    require_within(_("iteration"), iteration, schedule.per_epoch, why=end.format(count=schedule.per_epoch))
    index = (epoch - 1) * schedule.per_epoch + iteration - 1
    steps = schedule.program(index).steps
    if step is None:
        return schedule.start(index) + steps
    end = _("iteration {epoch}:{iteration} ends at step {steps}")
    require_within(_("step"), step, steps, low=0, why=end.format(epoch=epoch, iteration=iteration, steps=steps))
    return schedule.start(index) + step
