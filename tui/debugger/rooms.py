"""Where each part of the screen lies, for any size: a table of layouts, and the arithmetic that follows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import pairwise
from typing import NamedTuple

from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Span
from retrograde.tui.canvas.glyphs import Glyphs
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.records.marks import PanelEdge

LEAST_WIDTH, LEAST_HEIGHT = 40, 12
HEADER, FOOTER = "header", "footer"


class Seat(Enum):
    """What a panel asks for; where that is, the layout says. Panels whose seats are one box share it as tabs."""

    LEFT = auto()
    RIGHT = auto()
    BELOW = auto()
    BESIDE = auto()
    STRIP = auto()
    """A few rows above the footer."""


class Seated(NamedTuple):
    """What the arrangement asks of a panel.

    Attributes:
        id: its name, and that of its widget.
        key: the key that gives it the focus.
        title: the word in its edge, a message.
        seat: where it lies.
    """

    id: str
    key: str
    title: str
    seat: Seat


Box = tuple[Seat, ...]
"""The seats that share a rectangle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenLayout:
    """How a screen is divided: rows of boxes above each other, and the strip above the footer.

    Attributes:
        width: columns from which on it is used.
        height: rows from which on it is used.
        boxes: the boxes of each row, from above: one, or two side by side.
        left: the share of the columns of the first of two boxes.
        top: how many rows the upper row of boxes takes, of so many.
        strip: how many rows the strip takes, of the height of the screen.
        spread: seats whose panels lie side by side instead of sharing their box.
        lends: the rows that the lower row of boxes keeps when the parameters need no more; 0 where it keeps all.
    """

    width: int
    height: int
    boxes: tuple[tuple[Box, ...], ...]
    left: float = 1.0
    top: Callable[[int], int] = lambda body: body
    strip: Callable[[int], int] = lambda height: 3 if height >= 34 else 2
    spread: frozenset[Seat] = frozenset()
    lends: int = 0


_TWO_BY_TWO = (((Seat.LEFT,), (Seat.RIGHT,)), ((Seat.BELOW,), (Seat.BESIDE,)))
LAYOUTS = (
    ScreenLayout(
        width=160,
        height=26,
        boxes=_TWO_BY_TWO,
        left=0.48,
        top=lambda body: round(body * 0.62),
        spread=frozenset({Seat.BESIDE}),
        lends=13,
    ),
    ScreenLayout(width=100, height=26, boxes=_TWO_BY_TWO, left=0.48, top=lambda body: round(body * 0.62)),
    ScreenLayout(
        width=72,
        height=18,
        boxes=(((Seat.LEFT,), (Seat.RIGHT,)), ((Seat.BELOW, Seat.BESIDE),)),
        left=0.44,
        top=lambda body: body - min(max(round(body * 0.3), 5), 9),
    ),
    ScreenLayout(
        width=LEAST_WIDTH,
        height=LEAST_HEIGHT,
        boxes=(((Seat.LEFT, Seat.RIGHT, Seat.BELOW, Seat.BESIDE),),),
        strip=lambda height: 2 if height >= 16 else 0,
    ),
)
"""The layouts, the largest first; the last one, of a single panel, is also that of an enlarged one."""


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
        tabs: by the id of a panel that is shown: those that share its place, in order, itself among them.
        joints: of a panel below others, the columns of its top edge where verticals above it end.
        open_ends: of a panel below others, which ends of its top edge have no vertical above them: 0, 1.
    """

    places: dict[str, Room] = field(default_factory=dict)
    tabs: dict[str, tuple[Seated, ...]] = field(default_factory=dict)
    joints: dict[str, tuple[int, ...]] = field(default_factory=dict)
    open_ends: dict[str, frozenset[int]] = field(default_factory=dict)

    @property
    def tiny(self) -> bool:
        """Whether nothing but one line fits."""
        return not self.places


def arrange(
    width: int,
    height: int,
    panels: Sequence[Seated],
    *,
    focus: str,
    brought: Sequence[str],
    zoom: bool,
    needed: int | None = None,
    footer: int = 1,
) -> Rooms:
    """Divides the screen.

    Args:
        width: columns.
        height: rows.
        panels: all panels, in order.
        focus: the panel in which the arrows move: the one that is shown, where there is room for one.
        brought: the panels that share a place somewhere; of those that do, the first of them here is in front.
        zoom: show the panel with the focus alone.
        needed: rows that show all parameters; None where that is not known.
        footer: rows of the footer; the layout is that of a footer of one row.
    """
    fitting = [one for one in LAYOUTS if width >= one.width and height >= one.height]
    if not fitting:
        return Rooms()
    alone = LAYOUTS[-1]
    layout = alone if zoom else fitting[0]
    order = [focus, *brought] if layout is alone else brought
    strip = layout.strip(height)
    body = height - 1 - footer - strip
    top = layout.top(body)
    if layout.lends and needed is not None:
        top = max(top, body - max(needed, layout.lends))
    made = Rooms(places={HEADER: Room(0, 0, width, 1), FOOTER: Room(0, height - footer, width, footer)})
    y, above = 1, None
    for boxes, rows in zip((*layout.boxes, _STRIP), (*(top, body - top)[: len(layout.boxes)], strip), strict=True):
        level = _level(layout, boxes, panels, width) if rows else []
        for group, x, end in level:
            front = _front(group, order)
            made.places[front] = Room(x, y, end - x, rows)
            made.tabs[front] = group
            if above is not None:
                made.joints[front] = tuple(cut for one in above if x < one < end for cut in (one - 1, one))
                made.open_ends[front] = frozenset(k for k, at in enumerate((x, end)) if at not in {*above, width})
        y, above = y + rows, [x for _group, x, _end in level]
    return made


_STRIP = ((Seat.STRIP,),)


def _front(group: Sequence[Seated], order: Sequence[str]) -> str:
    """The panel of a group that is in front: the first of an order, else the first of the group."""
    names = [panel.id for panel in group]
    return next((name for name in order if name in names), names[0])


def _level(
    layout: ScreenLayout, boxes: tuple[Box, ...], panels: Sequence[Seated], width: int
) -> list[tuple[tuple[Seated, ...], int, int]]:
    """The places of a row of boxes: the panels that share it, its first column, and the one after its last."""
    left = round(width * layout.left)
    edges = ((0, width),) if len(boxes) == 1 else ((0, left), (left, width))
    found: list[tuple[tuple[Seated, ...], int, int]] = []
    for box, (start, stop) in zip(boxes, edges, strict=True):
        inside = tuple(panel for panel in panels if panel.seat in box)
        groups = [(panel,) for panel in inside] if layout.spread & {*box} else [inside] if inside else []
        cuts = [start + (stop - start) * place // max(len(groups), 1) for place in range(len(groups) + 1)]
        found += [(group, *cut) for group, cut in zip(groups, pairwise(cuts), strict=True)]
    return found


def frame(rooms: Rooms, panel: str, focus: str, glyphs: Glyphs) -> PanelEdge:
    """The edge of a panel: its title (or the tabs), and how it joins its neighbours.

    Args:
        rooms: the rooms.
        panel: the panel.
        focus: the panel in which the arrows move.
        glyphs: the characters.
    """
    title: list[Span] = []
    for each in rooms.tabs[panel]:
        if title:
            title.append(Span(f" {glyphs.vertical} ", Ink.FRAME))
        ink = Ink.TITLE_ON if each.id == focus else Ink.TITLE if each.id == panel else Ink.FAINT
        title.append(Span(f"{each.key} ", Ink.FAINT))
        title.append(Span(_(each.title), ink))
    corners = list(glyphs.tees[:2] if panel in rooms.joints else glyphs.corners[:2])
    for side in rooms.open_ends.get(panel, ()):
        corners[side] = glyphs.tees[3]
    return PanelEdge(
        title=tuple(title),
        focused=panel == focus,
        corners="".join(corners),
        joints=rooms.joints.get(panel, ()),
    )
