"""What an editor debugs: a session, what it is stopped at, and what the editor was told about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _
from retrograde.tui.editors.points import Points
from retrograde.tui.editors.requests import Initialize, Launch
from retrograde.tui.editors.sources import Line, Sources

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.stopping import Fault

THREAD = 1
"""The number of the only thread."""
Body = dict[str, Any]
Asked = Callable[[], bool]
"""Whether to let go: somebody waits for an answer."""
Conversation = Callable[["Session", Asked], Callable[[str], str | None]]
"""Makes what answers a line of the console; None where the line ended it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why the session stands where it does.

    Attributes:
        reason: the protocol's word.
        description: the same for people.
        text: more of it.
        ids: the breakpoints that were hit, by their ids.
        detail: what an exception was, where it is one.
    """

    reason: str
    description: str = ""
    text: str = ""
    ids: tuple[int, ...] = ()
    detail: str = ""


@dataclass(slots=True, kw_only=True)
class Debuggee:
    """What is debugged, and the conversation about it.

    Attributes:
        send: sends an event.
        asked: whether somebody waits for an answer, while the session works.
        halting: whether somebody wants the work to end.
        answer_waiting: answers who waits.
        open: opens a session; see ``Launch``.
        converse: what answers lines of the console.
        client: what the editor said of itself.
        launch: what was launched.
        handles: what the variables are that the editor knows by number, until the next stop.
        targets: the moments of a menu "go to", by number.
        after: what is done when the answer is sent.
        stop: why it stands where it does.
        faults: where a branch was seen to diverge, by its name.
        running: whether the session works.
        interrupted: whether the work is to stop for good.
        over: whether the conversation is over.
        configured: whether all breakpoints were set.
        told: how often the editor was told of long work.
    """

    send: Callable[[str, Body], None]
    asked: Asked
    halting: Asked
    answer_waiting: Callable[[], None]
    open: Callable[[str, str | None, Asked], Session]
    converse: Conversation
    client: Initialize = field(default_factory=Initialize)
    launch: Launch = field(default_factory=Launch)
    handles: dict[int, Any] = field(default_factory=dict)
    targets: dict[int, int] = field(default_factory=dict)
    after: list[Callable[[], None]] = field(default_factory=list)
    stop: Stop = field(default_factory=lambda: Stop(reason="entry"))
    faults: dict[str, Fault] = field(default_factory=dict)
    running: bool = False
    interrupted: bool = False
    over: bool = False
    configured: bool = False
    told: int = 0
    _session: Session | None = None
    _sources: Sources | None = None
    _points: Points | None = None
    _console: Callable[[str], str | None] | None = None

    def begin(self, session: Session) -> None:
        """Debugs a session from here on."""
        self._session, self._sources, self._points = session, Sources(session), Points(session)
        self._console = None
        self.handles.clear()
        self.targets.clear()
        self.faults.clear()

    @property
    def session(self) -> Session:
        """The session.

        Raises:
            EngineError: nothing is launched.
        """
        if self._session is None:
            raise EngineError(_("nothing is launched yet"))
        return self._session

    def require_session(self) -> None:
        """Raises EngineError where nothing is launched."""
        if self._session is None:
            raise EngineError(_("nothing is launched yet"))

    @property
    def sources(self) -> Sources:
        """Where the steps stand; see ``session``."""
        if self._sources is None:
            raise EngineError(_("nothing is launched yet"))
        return self._sources

    @property
    def points(self) -> Points:
        """The breakpoints; see ``session``."""
        if self._points is None:
            raise EngineError(_("nothing is launched yet"))
        return self._points

    @property
    def console(self) -> Callable[[str], str | None]:
        """What answers lines of the console; see ``session``."""
        if self._console is None:
            self._console = self.converse(self.session, self.halting)
        return self._console

    def searched(self, _done: int, _total: int) -> bool:
        """Whether a seek is to end; see ``OnProgress``."""
        return self.halting()

    def require_still(self) -> None:
        """Raises EngineError while the session works."""
        if self.running:
            raise EngineError(_("the training runs: pause it first"))

    def stand(self, stop: Stop) -> None:
        """Says that the session has stopped, when the answer at hand is sent."""
        self.moved()
        self.stop = stop
        body: Body = {"reason": stop.reason, "threadId": THREAD, "allThreadsStopped": True}
        if stop.description:
            body["description"] = stop.description
        if stop.text:
            body["text"] = stop.text
        if stop.ids:
            body["hitBreakpointIds"] = list(stop.ids)
        self.after.append(lambda: self.send("stopped", body))

    def moved(self) -> None:
        """Forgets what the editor knew by number: the session is at another moment, or has other values."""
        self.handles.clear()
        self.targets.clear()

    def changed(self) -> None:
        """Says that values are others than before, when the answer at hand is sent."""
        self.moved()
        if self.client.supports_invalidated_event:
            self.after.append(lambda: self.send("invalidated", {"areas": ["stacks", "variables"]}))

    def say(self, text: str, *, line: Line | None = None) -> None:
        """Writes a line to the console."""
        body: Body = {"category": "console", "output": f"{text}\n"}
        if line is not None:
            body |= {"source": {"path": line.path}, "line": self.line_out(line.line)}
        self.send("output", body)

    def line_in(self, line: int) -> int:
        """A line from 1, of an editor's."""
        return line if self.client.lines_start_at1 else line + 1

    def line_out(self, line: int) -> int:
        """A line as the editor counts it."""
        return line if self.client.lines_start_at1 else line - 1
