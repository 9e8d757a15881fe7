"""What the parts of the debugger's screen know of each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.screen import Screen

if TYPE_CHECKING:
    from pathlib import Path

    from retrograde.engine.explaining.step import Operand
    from retrograde.engine.session.session import Here, Session
    from retrograde.engine.travel.branch import Branch
    from retrograde.tui.canvas.look import Glyphs
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.equation import Badge
    from retrograde.tui.records.marks import PanelId
    from retrograde.tui.records.views import LossView, RunView, WeightsView
    from retrograde.tui.views.lens import Lens
    from retrograde.tui.views.parameters import Parameters
    from retrograde.tui.work.jobs import Job
    from retrograde.tui.work.runner import TrainingWork
    from retrograde.tui.work.unsaved import Leftover


class DebuggerScreen(Screen[None]):
    """The screen that owns the session. Its actions are written in parts, which share what is declared here.

    Attributes:
        session: the session, None until a scenario was read.
        reading: what was read of it last.
        run_state: the work that has the session, None when the session is free.
    """

    session: Session | None
    reading: Reading | None
    run_state: TrainingWork | None
    _lens: Lens | None
    _parameters: Parameters | None
    _focus: PanelId
    _notice: tuple[str, bool]
    _outcome: str
    _after_run: Callable[[], None] | None
    _run_view: RunView | None
    _origin: Here | None
    _weights_now: WeightsView | None
    _weights_before: WeightsView | None
    _loss: tuple[object, LossView] | None
    _badges: dict[int, tuple[Badge, ...]]
    _accuracy: tuple[int, tuple[int, int] | None]
    _history: list[str]
    _names: tuple[str, ...]

    @property
    def _glyphs(self) -> Glyphs:
        raise NotImplementedError

    def _say(self, text: str, *, bad: bool = False) -> None:
        """Shows a notice in place of the keys."""
        raise NotImplementedError

    def _show(self) -> None:
        """Hands every widget its view."""
        raise NotImplementedError

    def _show_footer(self) -> None:
        """Shows the keys or the notice."""
        raise NotImplementedError

    def _moved(self, *, follow: bool = True) -> None:
        """Reads the session after a motion and shows what it reads."""
        raise NotImplementedError

    def _when_idle(self, action: Callable[[], None]) -> bool:
        """Whether the session is free; otherwise the work is cancelled, and the action follows."""
        raise NotImplementedError

    def _focus_on(self, panel: PanelId) -> None:
        """Gives a panel the focus."""
        raise NotImplementedError

    def _leap(self, position: int) -> None:
        """Goes to a position and remembers where from."""
        raise NotImplementedError

    def _operands(self) -> tuple[Operand, ...]:
        """The operands of the step on the screen, in the order of their rows."""
        raise NotImplementedError

    def _jump(self, number: int) -> None:
        """Goes to a step and remembers where from."""
        raise NotImplementedError

    def _switched(self) -> None:
        """Forgets what was shown of another branch."""
        raise NotImplementedError

    def _job(
        self,
        title: str,
        task: Callable[[Job], object],
        done: Callable[[object], None],
        stopped: Callable[[], None] | None = None,
    ) -> None:
        """Does work on the session off the screen's thread."""
        raise NotImplementedError

    def _keep(self) -> None:
        """Writes down what is new, so that a crash loses nothing."""
        raise NotImplementedError

    def _write(self, text: str = "") -> None:
        """Opens the command line with a text in it; a command of the table is done by its ``line_<id>``."""
        raise NotImplementedError

    def begin(self, session: Session, *, file: Path | None = None, leftover: Leftover | None = None) -> None:
        """Shows a session, from its initial state or from where it was left."""
        raise NotImplementedError

    def do(self, name: str) -> None:
        """Does the command with an id of the table."""
        raise NotImplementedError

    def _free(self) -> None:
        """The session is free again."""
        raise NotImplementedError

    def _start(self, *, epochs: int | None = None, where: int | str | None = None) -> None:
        """Hands the session to a worker, which runs."""
        raise NotImplementedError

    def _motion(self, granularity: str, *, back: bool) -> None:
        """Steps or goes back by a granularity."""
        raise NotImplementedError

    def _go(self, where: str) -> None:
        """Goes to an address."""
        raise NotImplementedError

    def _remember(self) -> None:
        """Remembers where a jump came from, if it has gone anywhere."""
        raise NotImplementedError

    def _bring(self, panel: PanelId) -> None:
        """Brings a panel to the front where it is a tab; the focus stays."""
        raise NotImplementedError

    def _enter_debug(self) -> None:
        """Does what Enter does with a row of the debug panel."""
        raise NotImplementedError

    def _other_branch(self) -> Branch | None:
        """The branch that is shown beside this one, if any."""
        raise NotImplementedError

    def _sure(self, what: str, question: str) -> bool:
        """Whether something that would lose work may be done; asks once."""
        raise NotImplementedError
