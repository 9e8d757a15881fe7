"""What is on the screen of the losses; compared by identity, so that the widget is repainted for another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.tui.canvas.canvas import Line

if TYPE_CHECKING:
    from retrograde.tui.records.value_types import Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossView:
    """The loss curve.

    Attributes:
        first: the first iteration of each bucket, shape (buckets,).
        low: the least loss in each bucket, shape (buckets,).
        high: the greatest, shape (buckets,).
        iterations: how many iterations the curve covers.
        cursor: the iteration of the cursor, from 0.
        lines: what is said above the curve.
        progress: 0 to 1 while a run is under way, else None.
        other: first iteration, least and greatest loss of each bucket of another branch, drawn in dots.
        names: the two branches.
    """

    first: Floats
    low: Floats
    high: Floats
    iterations: int
    cursor: int
    lines: tuple[Line, ...] = ()
    progress: float | None = None
    other: tuple[Floats, Floats, Floats] | None = None
    names: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RunView:
    """A run that is under way, as its last message told it.

    Attributes:
        epoch: complete epochs.
        epochs: the most epochs.
        iterations: complete iterations.
        loss: E of the last one.
        rate: epochs a second.
        seconds_left: an upper bound by the rate so far.
        points: the loss curve: first iterations, least, greatest.
        alerts: what the doctor has seen so far, with the moments.
    """

    epoch: int
    epochs: int
    iterations: int
    loss: float
    rate: float
    seconds_left: float
    points: tuple[Floats, Floats, Floats]
    alerts: tuple[str, ...] = ()
