"""What a slot, an edge or a panel may be marked as."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from retrograde.tui.canvas.canvas import Line


class PanelId(StrEnum):
    """The panels that others speak of by name; one that nobody speaks of needs none here."""

    NETWORK = "network"
    EQUATION = "equation"
    WEIGHTS = "weights"
    LOSS = "loss"
    TIMELINE = "timeline"
    DEBUG = "debug"


class Mark(Enum):
    """The part that a node, edge or cell plays in the step on the screen."""

    IDLE = 0
    OPERAND = 1
    TARGET = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelEdge:
    """The edge of a panel.

    Attributes:
        title: spans in the top edge.
        focused: whether the arrows move in this panel.
        corners: the characters at the ends of the top edge.
        bottom: whether the panel draws its own bottom edge.
        joints: columns of the top edge where the verticals above end.
    """

    title: Line
    focused: bool = False
    corners: str = "┌┐"
    bottom: bool = False
    joints: tuple[int, ...] = ()
