"""A conversation with an editor: one thread reads what it asks, this one answers in order and does the work."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import ValidationError

from retrograde.engine.errors import EngineError, SearchCancelledError
from retrograde.engine.text import _, suggest
from retrograde.tui.editors.debuggee import Asked, Body, Conversation, Debuggee
from retrograde.tui.editors.table import REQUESTS
from retrograde.tui.editors.wire import Message, Wire, WireError

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session

_AT_ONCE = frozenset({"threads"})
"""Requests that are answered while the session works, since they need nothing of it."""
_HALTING = frozenset({"pause", "terminate", "disconnect"})


class Conversing:
    """One conversation.

    Args:
        wire: the streams.
        open: opens a session by its source, with a file of samples; see ``Debuggee``.
        converse: what answers lines of the console.

    Attributes:
        fault: what came that was not the protocol; empty for nothing.
    """

    def __init__(
        self,
        wire: Wire,
        open: Callable[[str, str | None, Asked], Session],  # noqa: A002 - as the attribute is called
        converse: Conversation,
    ) -> None:
        self._wire = wire
        self._inbox: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._waiting: deque[Message | None] = deque()
        self.fault = ""
        self.debuggee = Debuggee(
            send=self._event,
            asked=self._asked,
            halting=self._halting,
            answer_waiting=self._answer_waiting,
            open=open,
            converse=converse,
        )

    def run(self) -> None:
        """Answers until the editor leaves."""
        threading.Thread(target=self._read, daemon=True).start()
        while not self.debuggee.over:
            message = self._waiting.popleft() if self._waiting else self._inbox.get()
            self._answer(message)

    def _read(self) -> None:
        try:
            while (message := self._wire.read()) is not None:
                self._inbox.put(message)
                if message.get("command") == "disconnect":
                    # Nothing follows; whoever closes the stream then does so under no one's hands.
                    return
        except WireError as error:
            self.fault = str(error)
        except (OSError, ValueError):
            # The stream was closed under it.
            pass
        self._inbox.put(None)

    # -- while the session works

    def _collect(self) -> None:
        while not self._inbox.empty():
            self._waiting.append(self._inbox.get())

    def _asked(self) -> bool:
        """Whether somebody waits for an answer that needs the session; the others are answered."""
        self._collect()
        while self._waiting and (message := self._waiting[0]) is not None and message.get("command") in _AT_ONCE:
            self._answer(self._waiting.popleft())
        return bool(self._waiting)

    def _halting(self) -> bool:
        self._collect()
        return any(message is None or message.get("command") in _HALTING for message in self._waiting)

    def _answer_waiting(self) -> None:
        self._collect()
        while self._waiting:
            self._answer(self._waiting.popleft())

    # -- answers

    def _answer(self, message: Message | None) -> None:
        """Answers a request, and does what follows from it; the end of the stream ends the conversation."""
        debuggee = self.debuggee
        if message is None:
            debuggee.interrupted = debuggee.over = True
            return
        if message.get("type") != "request":
            return
        response: Message = {"type": "response", "request_seq": message.get("seq", 0), "command": ""}
        response["command"] = command = str(message.get("command", ""))
        try:
            body = self._body(command, message.get("arguments"))
            self._write(response | {"success": True, "body": body})
        except (SearchCancelledError, InterruptedError):
            self._refuse(response, _("interrupted"))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            self._refuse(response, f"{command}: {where}: {first['msg']}")
        except EngineError as error:
            self._refuse(response, str(error))
        except MemoryError:
            self._refuse(response, _("not enough memory"))
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            self._refuse(response, where + (error.strerror or str(error)))
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the conversation
            text = _("a fault of Retrograde, in {tool}: {kind}: {reason}")
            self._refuse(response, text.format(tool=command, kind=type(error).__name__, reason=error))
        while debuggee.after:
            debuggee.after.pop(0)()

    def _body(self, command: str, arguments: object) -> Body:
        row = REQUESTS.get(command)
        if row is None:
            near = suggest(command, REQUESTS, most=1)
            raise EngineError(_("there is no request {name}").format(name=command[:60]) + near)
        given = row.given.model_validate({} if arguments is None else arguments)
        return row.answer(self.debuggee, given)

    def _refuse(self, response: Message, reason: str) -> None:
        """Answers that a request was not carried out; what was to follow from it does not."""
        error = {"id": 1, "format": "{reason}", "variables": {"reason": reason}, "showUser": True}
        self._write(response | {"success": False, "message": reason, "body": {"error": error}})

    def _event(self, name: str, body: Body) -> None:
        self._write({"type": "event", "event": name, "body": body})

    def _write(self, message: Message) -> None:
        """Writes a message; whoever does not read any more has left."""
        try:
            self._wire.write(message)
        except (OSError, ValueError):
            self.debuggee.interrupted = self.debuggee.over = True
