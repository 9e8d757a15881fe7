"""`retrograde serve`: the app in a browser."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence

from retrograde.engine.errors import EngineError
from retrograde.engine.recording import is_recording
from retrograde.engine.text import N_, _
from retrograde.tui.cli.support.saved import is_saved
from retrograde.tui.cli.support.subcommand import DATA, Subcommand, argument, count, plain_characters, port, theme

PORT = 8000


def serve(words: Sequence[str], *, title: str, host: str, port: int, clients: int) -> int:
    """Serve the app until Ctrl-C.

    Args:
        words: what the command line of each app is given.
        title: what the page is called.
        host: the address to listen at.
        port: the port; 0 for any that is free.
        clients: pages at once, at most.

    Returns:
        0.

    Raises:
        EngineError: The extra is not there, or this system has no processes that it could end.
        OSError: Nothing can listen there.
    """
    try:
        from retrograde.tui.web.guard import LOOPBACK, Guard
        from retrograde.tui.web.server import AppServer
    except ImportError as error:
        message = _("the browser needs textual-serve: python -m pip install 'retrograde[web]'")
        raise EngineError(message) from error
    if os.name == "nt":
        raise EngineError(_("serve does not run on Windows"))
    names = frozenset({*LOOPBACK, host.lower()})
    guard = Guard(token=secrets.token_urlsafe(24), names=names)
    command = (sys.executable, "-m", "retrograde.tui", *words)
    server = AppServer(command, host=host, port=port, guard=guard, clients=clients, title=title)
    if host not in LOOPBACK:
        print(_("Whoever has the address can use the app, and reads and writes files as you do; nothing is encrypted."))
    print(server.address, flush=True)
    print(_("Ctrl-C ends it."), flush=True)
    server.serve()
    return 0


def _words(given: argparse.Namespace) -> list[str]:
    """The command line of an app."""
    words = []
    if getattr(given, "language", None):
        words += ["--language", given.language]
    words += ["open"]
    if given.data is not None:
        words += ["--data", given.data]
    if getattr(given, "ascii", False):
        words += ["--ascii"]
    if getattr(given, "theme", None):
        words += ["--theme", given.theme]
    return words if given.scenario is None else [*words, "--", given.scenario]


def _run(given: argparse.Namespace) -> int:
    if given.scenario is not None and not is_saved(given.scenario) and not is_recording(given.scenario):
        from pathlib import Path

        from retrograde.engine.scenario.file import load_scenario

        load_scenario(given.scenario, data=None if given.data is None else Path(given.data))
    title = "Retrograde" if given.scenario is None else f"{given.scenario} · Retrograde"
    return serve(_words(given), title=title, host=given.host, port=given.port, clients=given.clients)


COMMAND = Subcommand(
    name="serve",
    help=N_("serve the app to a browser on this machine"),
    arguments=(
        argument("scenario", nargs="?", metavar="NAME|FILE.toml|FILE.session.json"),
        DATA,
        argument(
            "--host",
            default="127.0.0.1",
            metavar="ADDRESS",
            help=N_("address to listen at (default: this machine only)"),
        ),
        argument(
            "--port", type=port, default=PORT, metavar="PORT", help=N_("port; 0 for any that is free (default: 8000)")
        ),
        argument("--clients", type=count, default=4, metavar="N", help=N_("pages at once, at most (default: 4)")),
        plain_characters(default=argparse.SUPPRESS),
        theme(default=argparse.SUPPRESS),
    ),
    run=_run,
)
