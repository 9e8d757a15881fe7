"""What a picture of the run is: how it is read where the cursor is, how it is shown, what its keys do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, ClassVar

from retrograde.tui.records.fields import PictureView

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.explaining.detectors.records import Alert
    from retrograde.engine.session.session import Session
    from retrograde.tui.canvas.glyphs import Glyphs


class Then(Enum):
    """What follows on a key."""

    NOTHING = auto()
    SHOW = auto()
    READ = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the debugger knows besides the session.

    Attributes:
        alerts: what the doctor has found on the branch on the screen.
        selected: the parameter that is selected; None where none is.
    """

    alerts: tuple[Alert, ...] = ()
    selected: Ref | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The cells that there are for a picture."""

    columns: int
    rows: int


class Picture:
    """A picture of the run where the cursor is.

    The session is only asked in ``read`` and ``study``, which a worker does; what they return is handed to ``take`` on
    the screen's thread.

    Args:
        session: the session.
        around: what the debugger knows besides.

    Attributes:
        name: its word on the command line.
        title: its word on the screen, a message.
        keys: its keys, and what they do, messages.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    keys: ClassVar[tuple[tuple[str, str], ...]] = ()

    def __init__(self, session: Session, around: Surroundings) -> None:
        self.session = session
        self.around = around

    @classmethod
    def why_not(cls, session: Session) -> str:
        """Why this network has no such picture; empty where it has."""
        del session
        return ""

    def ask(self, words: list[str]) -> None:
        """Takes what was written after its word.

        Raises:
            EngineError: that is nothing it can show.
        """

    def read(self, room: Room, asked: Callable[[], bool]) -> Any:
        """Reads what is soon read, in the worker."""
        raise NotImplementedError

    def study(self, room: Room, asked: Callable[[], bool], tell: Callable[[Any], None]) -> Any:
        """Reads what takes longer, in the worker; ``tell`` takes what is known before all is. None for nothing."""
        del room, asked, tell
        return None

    def take(self, found: Any) -> None:
        """Takes what was read, on the screen's thread."""
        raise NotImplementedError

    def view(self, room: Room, glyphs: Glyphs) -> PictureView:
        """What is shown."""
        raise NotImplementedError

    def do(self, action: str, room: Room) -> Then:
        """Does what a key is for: left, right, up, down, in, out, whole, log, smooth, accuracy, movers, x, y."""
        del action, room
        return Then.NOTHING

    @property
    def step(self) -> int | None:
        """The step that it points at, where Enter goes; None for none."""
        return None

    def pick(self, number: int, place: tuple[float, float] | None) -> int | None:
        """Takes what was pressed with the mouse; says the step to go to, None for none."""
        del number, place
        return None


def updates_of(session: Session) -> int:
    """How many iterations are complete at the cursor."""
    return session.iteration + (session.position > 0 and session.revealed == session.program.steps)
