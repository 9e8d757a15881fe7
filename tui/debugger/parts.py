"""The parts of the debugger, and which of them needs which other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from retrograde.tui.debugger.authoring import Authoring
from retrograde.tui.debugger.badges import Badges
from retrograde.tui.debugger.beside import Beside
from retrograde.tui.debugger.breakpoints import Breaking
from retrograde.tui.debugger.chaptering import Chaptering
from retrograde.tui.debugger.copying import Copying
from retrograde.tui.debugger.doctoring import Doctoring
from retrograde.tui.debugger.editing import Editing
from retrograde.tui.debugger.explaining import Explaining
from retrograde.tui.debugger.exporting import Exporting
from retrograde.tui.debugger.helping import Helping
from retrograde.tui.debugger.jumping import Jumping
from retrograde.tui.debugger.keeping import Keeping
from retrograde.tui.debugger.leaving import Leaving
from retrograde.tui.debugger.listing import Listing
from retrograde.tui.debugger.moving import Moving
from retrograde.tui.debugger.panels.panel import Colleagues
from retrograde.tui.debugger.panels.table import PANELS
from retrograde.tui.debugger.picturing import Picturing
from retrograde.tui.debugger.publishing import Publishing
from retrograde.tui.debugger.querying import Querying
from retrograde.tui.debugger.quizzing import Quizzing
from retrograde.tui.debugger.racing import Racing
from retrograde.tui.debugger.running import Running
from retrograde.tui.debugger.selecting import Selecting
from retrograde.tui.debugger.telling import Telling
from retrograde.tui.debugger.touring import Touring
from retrograde.tui.debugger.unfolding import Unfolding
from retrograde.tui.debugger.viewing import Viewing
from retrograde.tui.debugger.visiting import Visiting
from retrograde.tui.debugger.working import Working
from retrograde.tui.debugger.writing import Writing

if TYPE_CHECKING:
    from retrograde.tui.commands.command import Command
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.work.unsaved import Keeper


class Parts:
    """The parts; a row of the table of commands names a method of one of them.

    Args:
        desk: what they share.
        keeper: keeps what was not saved.
        words: the words of the command line, with the ids of their commands.
        obey: does the command with an id, with what is written after its word.
        table: gives the table of commands.
    """

    def __init__(
        self,
        desk: Desk,
        keeper: Keeper,
        words: Mapping[str, str],
        obey: Callable[[str, str], None],
        table: Callable[[], Sequence[Command]],
    ) -> None:
        self.desk = desk
        self.working = Working(desk)
        self.keeping = Keeping(desk, self.working, keeper)
        self.exporting = Exporting(desk, self.working)
        self.listing = Listing(desk, self.working)
        self.badges = Badges(desk, self.working)
        self.beside = Beside(desk, self.working)
        self.unfolding = Unfolding(desk, self.working)
        self.viewing = Viewing(desk)
        self.helping = Helping(desk, self.working, table)
        self.copying = Copying(desk)
        self.moving = Moving(desk, self.working)
        self.visiting = Visiting(desk, self.working, self.listing)
        self.breaking = Breaking(desk, self.working, self.listing, self.moving, self.visiting)
        self.querying = Querying(desk, self.working, self.listing, self.moving)
        self.editing = Editing(desk, self.working, self.moving, self.keeping, self.beside)
        self.doctoring = Doctoring(desk, self.working, self.moving, self.editing)
        self.racing = Racing(desk, self.working, self.keeping)
        self.touring = Touring(desk, self.working, self.moving, table)
        self.chaptering = Chaptering(desk, self.working, self.moving)
        colleagues = Colleagues(
            working=self.working,
            listing=self.listing,
            badges=self.badges,
            beside=self.beside,
            moving=self.moving,
            breaking=self.breaking,
            doctoring=self.doctoring,
            racing=self.racing,
            chaptering=self.chaptering,
            unfolding=self.unfolding,
        )
        self.panels = {row.id: row.part(desk, colleagues) for row in PANELS}
        self.selecting = Selecting(desk, self.panels)
        self.jumping = Jumping(desk, self.selecting)
        self.authoring = Authoring(desk, self.working, self.keeping)
        self.telling = Telling(desk, self.working, self.moving)
        self.publishing = Publishing(desk, self.working, self.moving)
        self.quizzing = Quizzing(desk, self.working, self.moving)
        self.explaining = Explaining(desk, self.working, self.moving, self.editing)
        self.picturing = Picturing(desk, self.working, self.moving, self.doctoring)
        self.running = Running(desk, self.working, self.listing, self.keeping)
        self.leaving = Leaving(desk, self.working, self.keeping)
        self.writing = Writing(desk, self.working, self.moving, words, obey)
