"""`retrograde dap`: a session as the debuggee of an editor."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from retrograde.engine.errors import SearchCancelledError
from retrograde.engine.recording import is_recording
from retrograde.engine.text import N_
from retrograde.tui.cli.support.streams import complain
from retrograde.tui.cli.support.subcommand import Subcommand, argument, port

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.running import Progress

_LOOPBACK = "127.0.0.1"


def dap(*, port: int | None) -> int:
    """Talk to an editor until it leaves.

    Args:
        port: Where to wait for one on this machine, 0 for any port that is free; None is standard input and output.

    Returns:
        0, 2 where what came was not the protocol.

    Raises:
        OSError: Nothing can listen there.
    """
    if port is None:
        source, sink = _own_streams()
        return _converse(source, sink)
    with socket.create_server((_LOOPBACK, port)) as server:
        print(f"{_LOOPBACK}:{server.getsockname()[1]}", file=sys.stderr, flush=True)
        connection, _address = server.accept()
    with connection, connection.makefile("rb", buffering=0) as source, connection.makefile("wb") as sink:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _converse(source, sink)


def _own_streams() -> tuple[RawIOBase, BinaryIO]:
    """Standard input and output for the protocol alone: what else is printed goes to standard error."""
    sys.stdout.flush()
    source, sink = os.dup(sys.stdin.fileno()), os.dup(sys.stdout.fileno())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, sys.stdin.fileno())
    os.close(nothing)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return os.fdopen(source, "rb", buffering=0), os.fdopen(sink, "wb")


def _converse(source: RawIOBase, sink: BinaryIO) -> int:
    from retrograde.tui.editors.serving import Conversing
    from retrograde.tui.editors.wire import Wire

    conversing = Conversing(Wire(source, sink), opened, console)
    conversing.run()
    if conversing.fault:
        complain(conversing.fault)
        return 2
    return 0


def opened(source: str, data: str | None, asked: Callable[[], bool]) -> Session:
    """Open what is debugged.

    Args:
        source: A scenario by name or file, a saved session, or a recording.
        data: A file of samples that replaces that of the scenario.
        asked: Whether to give up.

    Raises:
        EngineError: It can not be opened.
    """
    from retrograde.engine.scenario.file import load_scenario
    from retrograde.engine.session.session import Session
    from retrograde.tui.cli.support.saved import is_saved

    if is_recording(source):
        return Session.of_recording(source)
    if not is_saved(source):
        return Session(load_scenario(source, data=None if data is None else Path(data)))
    from retrograde.engine.session.saving import open_session

    return open_session(Path(source), load_scenario, lambda _done, _total: asked()).session


def console(session: Session, asked: Callable[[], bool]) -> Callable[[str], str | None]:
    """What answers lines of an editor's console: the words of `retrograde step`.

    Args:
        session: The session.
        asked: Whether to give up.
    """
    from retrograde.tui.cli.support.line_mode import Finished, LineMode
    from retrograde.tui.cli.support.progress import ProgressBar

    class Asking(ProgressBar):
        """Shows nothing, and gives up when it is asked to."""

        def update(self, progress: Progress) -> None:
            if asked():
                raise SearchCancelledError

        def searched(self, done: int, total: int) -> bool:
            return asked()

    mode = LineMode(session, Asking())

    def answer(line: str) -> str | None:
        try:
            return mode.answer(line)
        except Finished:
            return None

    return answer


COMMAND = Subcommand(
    name="dap",
    help=N_("debug a training from an editor, by the Debug Adapter Protocol on standard input and output"),
    arguments=(
        argument(
            "--port",
            type=port,
            metavar="PORT",
            help=N_("wait for the editor at this port of this machine; 0 for any that is free"),
        ),
    ),
    run=lambda given: dap(port=given.port),
    page="programs.md",
)
