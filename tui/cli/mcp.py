"""`retrograde mcp`: sessions for agents, over the Model Context Protocol."""

from __future__ import annotations

import argparse
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from retrograde.engine.errors import EngineError
from retrograde.engine.text import N_, _
from retrograde.tui.cli.support.subcommand import Subcommand, argument, count

SECONDS = 60


def mcp(*, edits: bool, seconds: int) -> int:
    """Serve sessions over standard input and output until the input ends; read files of the current folder only.

    Args:
        edits: Whether values may be changed, on branches of a session.
        seconds: How long a call may take.

    Returns:
        0.

    Raises:
        EngineError: The extra is not there.
    """
    try:
        from retrograde.tui.agents.server import serve
    except ImportError as error:
        message = _("agents need the SDK of the protocol: python -m pip install 'retrograde[mcp]'")
        raise EngineError(message) from error
    serve(Path.cwd(), edits=edits, seconds=seconds, version=_version())
    return 0


def _version() -> str:
    try:
        return version("retrograde")
    except PackageNotFoundError:
        return ""


def _run(given: argparse.Namespace) -> int:
    return mcp(edits=given.allow_edits, seconds=given.seconds)


COMMAND = Subcommand(
    name="mcp",
    help=N_("serve sessions to agents over the Model Context Protocol, on standard input and output"),
    arguments=(
        argument(
            "--allow-edits",
            action="store_true",
            help=N_("let values be changed, on branches of a session; no file ever is"),
        ),
        argument(
            "--seconds",
            type=count,
            default=SECONDS,
            metavar="N",
            help=N_("how long a call may take (default: 60)"),
        ),
    ),
    run=_run,
    page="programs.md",
)
