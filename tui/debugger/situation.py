"""What the person at the keyboard is likely to want next: it picks the keys of the footer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from retrograde.engine.equations.array import Phase
from retrograde.tui.commands.command import Situation
from retrograde.tui.records.marks import PanelId

if TYPE_CHECKING:
    from retrograde.tui.debugger.desk import Desk


class Situated(NamedTuple):
    """A situation.

    Attributes:
        kind: which it is.
        name: the parameter that the key ``t`` goes to; empty for none.
        original: of a variant, what the scenario is called that it leads back to; else empty.
    """

    kind: Situation = Situation.READING
    name: str = ""
    original: str = ""


ANYWHERE = Situated()


def situation(desk: Desk) -> Situated:
    """Where the cursor and the selection are, the most telling thing first."""
    reading, step = desk.reading, desk.reading.step
    row = desk.lens.weight
    name = reading.symbol(desk.parameters.ref(row)) if desk.parameters else ""
    if desk.told or (step is None and len(desk.session.chapters)):
        kind = Situation.TOLD
    elif step is None:
        kind = Situation.START
    elif (value := reading.visible(step.target)) is not None and not math.isfinite(value):
        kind = Situation.BROKEN
    elif desk.focus in {PanelId.NETWORK, PanelId.WEIGHTS} and desk.selected is not None:
        kind = Situation.SELECTED
    elif desk.stopped == reading.position:
        kind = Situation.STOPPED
    elif desk.outcome and reading.position == reading.frontier:
        kind = Situation.ENDED
    elif step.moment.phase is Phase.BACKWARD:
        kind = Situation.GRADIENT
    else:
        kind = Situation.READING
    return Situated(kind, name, desk.session.original)
