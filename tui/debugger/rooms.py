"""Where each part of the main screen lies, for any size; pure arithmetic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Span
from retrograde.tui.canvas.look import Glyphs, Ink
from retrograde.tui.records.marks import PanelEdge, PanelId

LEAST_WIDTH, LEAST_HEIGHT = 40, 12
THREE_WIDTH = 160
"""Columns from which on nothing shares the place beside the weights."""
HEADER, FOOTER = "header", "footer"


class Room(NamedTuple):
    """A rectangle of the screen."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """The rectangles of the parts that are shown.

    Attributes:
        places: by the id of the widget; parts that are missing are hidden.
        tabs: panels that share a place, the shown one among them.
        joints: columns where verticals end on the panel below.
        below: panels whose top edge closes the ones above.
        open_ends: of a panel below others, which end of its top edge has no vertical above it: 0 or 1.
        tiny: nothing but one line fits.
    """

    places: dict[str, Room]
    tabs: tuple[PanelId, ...] = ()
    joints: dict[str, tuple[int, ...]]
    below: frozenset[str] = frozenset()
    open_ends: dict[str, int] = field(default_factory=dict)
    tiny: bool = False


BESIDE = (PanelId.LOSS, PanelId.DEBUG)
"""The panels that share the place beside the weights, where there is one."""
BELOW = (PanelId.WEIGHTS, *BESIDE)
"""The panels that share the place below network and equation, where there is only one."""
ALL = (PanelId.NETWORK, PanelId.EQUATION, *BELOW)


def arrange(
    width: int, height: int, *, tab: PanelId, front: PanelId, zoom: bool, beside: PanelId = PanelId.LOSS
) -> Rooms:
    """Divides the screen.

    Args:
        width: columns.
        height: rows.
        tab: which of ``BELOW`` is in front, where they share a place.
        front: which panel is shown, where there is room for one.
        zoom: show the front panel alone.
        beside: which of ``BESIDE`` is in front, where they share a place.
    """
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return Rooms(places={}, joints={}, tiny=True)
    time_rows = 3 if height >= 34 else 2
    wide = width >= 100 and height >= 26
    pair = width >= 72 and height >= 18
    if zoom or not (wide or pair):
        time_rows = 2 if height >= 16 else 0
        places = {HEADER: Room(0, 0, width, 1), FOOTER: Room(0, height - 1, width, 1)}
        shown = front if front in ALL else tab
        places[shown] = Room(0, 1, width, height - 2 - time_rows)
        if time_rows:
            places[PanelId.TIMELINE] = Room(0, height - 1 - time_rows, width, time_rows)
        return Rooms(places=places, tabs=ALL, joints={}, below=frozenset({PanelId.TIMELINE}))
    body = height - 2 - time_rows
    left = round(width * (0.48 if wide else 0.44))
    places = {
        HEADER: Room(0, 0, width, 1),
        FOOTER: Room(0, height - 1, width, 1),
        PanelId.TIMELINE: Room(0, height - 1 - time_rows, width, time_rows),
    }
    if wide:
        top = round(body * 0.62)
        places |= {
            PanelId.NETWORK: Room(0, 1, left, top),
            PanelId.EQUATION: Room(left, 1, width - left, top),
            PanelId.WEIGHTS: Room(0, 1 + top, left, body - top),
            beside: Room(left, 1 + top, width - left, body - top),
        }
        if width >= THREE_WIDTH:
            middle = left + (width - left) // 2
            places[PanelId.LOSS] = Room(left, 1 + top, middle - left, body - top)
            places[PanelId.DEBUG] = Room(middle, 1 + top, width - middle, body - top)
            return Rooms(
                places=places,
                joints={PanelId.TIMELINE: (left - 1, left, middle - 1, middle)},
                below=frozenset({*BELOW, PanelId.TIMELINE}),
                open_ends={PanelId.LOSS: 1, PanelId.DEBUG: 0},
            )
        return Rooms(
            places=places,
            tabs=BESIDE,
            joints={PanelId.TIMELINE: (left - 1, left)},
            below=frozenset({PanelId.WEIGHTS, beside, PanelId.TIMELINE}),
        )
    bottom = min(max(round(body * 0.3), 5), 9)
    top = body - bottom
    places |= {
        PanelId.NETWORK: Room(0, 1, left, top),
        PanelId.EQUATION: Room(left, 1, width - left, top),
        tab: Room(0, 1 + top, width, bottom),
    }
    return Rooms(
        places=places,
        tabs=BELOW,
        joints={tab: (left - 1, left)},
        below=frozenset({tab, PanelId.TIMELINE}),
    )


def panel_title(panel: PanelId) -> str:
    """The word in the edge of a panel."""
    return {
        PanelId.NETWORK: _("network"),
        PanelId.EQUATION: _("equation"),
        PanelId.WEIGHTS: _("weights"),
        PanelId.LOSS: _("loss"),
        PanelId.TIMELINE: _("timeline"),
        PanelId.DEBUG: _("debug"),
    }[panel]


def frame(rooms: Rooms, panel: PanelId, focus: PanelId, glyphs: Glyphs) -> PanelEdge:
    """The edge of a panel: its title (or the tabs), and how it joins its neighbours."""
    numbers = {each: str(number) for number, each in enumerate(PanelId, 1)}
    shown = rooms.tabs if panel in rooms.tabs else (panel,)
    title: list[Span] = []
    for position, each in enumerate(shown):
        if position:
            title.append(Span(f" {glyphs.vertical} ", Ink.FRAME))
        ink = Ink.TITLE_ON if each == focus else Ink.TITLE if each == panel else Ink.FAINT
        title.append(Span(f"{numbers[each]} ", Ink.FAINT))
        title.append(Span(panel_title(each), ink))
    corners = glyphs.tees[:2] if panel in rooms.below else glyphs.corners[:2]
    if panel in rooms.open_ends:
        corners = corners[0] + glyphs.tees[2] if rooms.open_ends[panel] else glyphs.tees[2] + corners[1]
    return PanelEdge(
        title=tuple(title),
        focused=panel == focus,
        corners=corners,
        joints=rooms.joints.get(panel, ()),
    )
