"""What is said of a panel: a row of the table, and the part that shows it and answers in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from retrograde.tui.debugger.rooms import Seat, Seated

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.tui.debugger.badges import Badges
    from retrograde.tui.debugger.beside import Beside
    from retrograde.tui.debugger.breakpoints import Breaking
    from retrograde.tui.debugger.chaptering import Chaptering
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.doctoring import Doctoring
    from retrograde.tui.debugger.listing import Listing
    from retrograde.tui.debugger.moving import Moving
    from retrograde.tui.debugger.racing import Racing
    from retrograde.tui.debugger.unfolding import Unfolding
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.widgets.panel import Panel


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleagues:
    """The parts of the debugger that a panel may ask."""

    working: Working
    listing: Listing
    badges: Badges
    beside: Beside
    moving: Moving
    breaking: Breaking
    doctoring: Doctoring
    racing: Racing
    chaptering: Chaptering
    unfolding: Unfolding


class PanelPart:
    """A panel of a screen: what it shows, and what is done in it. By itself it has nothing to select.

    Args:
        desk: the session, and what is selected.
        colleagues: the other parts.

    Attributes:
        always: whether it is made ready also while it is not shown.
        live: whether it shows how far a run is.
        wheeled: whether the wheel moves its selection.
    """

    always: ClassVar[bool] = False
    live: ClassVar[bool] = False
    wheeled: ClassVar[bool] = True

    def __init__(self, desk: Desk, colleagues: Colleagues) -> None:
        self.desk = desk
        self.colleagues = colleagues

    def depends(self, height: int) -> tuple[object, ...]:
        """What the view depends on: while it is the same, the view is not made again.

        Args:
            height: rows of the panel, 0 while it is not shown.
        """
        return (self.desk.reading, height)

    def view(self, height: int) -> object:
        """What the widget draws.

        Args:
            height: rows of the panel, 0 while it is not shown.
        """
        raise NotImplementedError

    def select(self, by: int) -> None:
        """Moves the selection by so many rows."""

    def enter(self) -> None:
        """Goes to what is selected."""

    def point(self, item: int) -> None:
        """Selects what was pressed with the mouse."""

    @property
    def slot(self) -> Ref | None:
        """The slot that is selected, if one is."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelRow:
    """A row of the table of panels.

    Attributes:
        id: its name, and that of its widget.
        key: the key that gives it the focus; it stands before the title.
        title: the word in its edge, a message.
        command: what its key does, in a few words, a message.
        seat: where it lies.
        widget: draws it.
        part: shows it and answers in it.
    """

    id: str
    key: str
    title: str
    command: str
    seat: Seat
    widget: type[Panel[Any]]
    part: type[PanelPart]

    @property
    def seated(self) -> Seated:
        """What the arrangement asks of it."""
        return Seated(self.id, self.key, self.title, self.seat)


def next_row(selected: int, by: int, count: int) -> int:
    """The row that is selected so many rows further, -1 where there is none.

    Args:
        selected: the selected row, -1 for none.
        by: how many rows.
        count: how many there are.
    """
    if not count:
        return -1
    if selected < 0:
        return 0 if by > 0 else count - 1
    return min(max(selected + by, 0), count - 1)
