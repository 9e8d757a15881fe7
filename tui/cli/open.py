"""`retrograde open`, and what happens without a subcommand: the app, where a terminal can show it."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from retrograde.engine.errors import EngineError
from retrograde.engine.recording import is_recording
from retrograde.engine.text import N_, _, visible
from retrograde.tui.cli.support.moments import parted
from retrograde.tui.cli.support.saved import is_saved
from retrograde.tui.cli.support.subcommand import (
    DATA,
    Subcommand,
    argument,
    count,
    plain_characters,
    reduced_motion,
    theme,
)
from retrograde.tui.cli.support.terminal import little_motion, only_ascii


def open_app(
    scenario: str | None,
    *,
    theme: str | None,
    ascii_only: bool,
    data: str | None,
    history: int | None,
    reduced_motion: bool = False,
) -> int:
    """Open the app with a scenario, a recording, a saved session, or the list of scenarios, and return its exit code.

    Raises:
        EngineError: There is no terminal here that could show it, or the file of a person's own keys is wrong.
        ScenarioError: The scenario can not be used. One that is not there is reported before the screen is taken,
            one that is wrong after it is given back: reading it takes longer than painting the first screen.
    """
    from retrograde.engine.scenario.catalogue import shipped

    at = None
    if scenario is not None:
        scenario, at = parted(scenario)
    if scenario is not None and is_recording(scenario) and not _is_file(scenario):
        raise EngineError(_("there is no file {path}").format(path=visible(scenario)))
    _require_terminal()
    samples = None if data is None else Path(data)
    budget = None if history is None else history << 20
    saved = Path(scenario) if scenario is not None and is_saved(scenario) else None
    if saved is None and scenario is not None and scenario not in shipped() and not _is_file(scenario):
        from retrograde.engine.scenario.file import load_scenario

        load_scenario(scenario, data=samples)
    from retrograde.tui.work.garbage import rest

    rest()
    from retrograde.tui.app import run_app
    from retrograde.tui.commands.keymap import keymap_file, read_keymap
    from retrograde.tui.debugger.table import COMMANDS, choose_keys

    own = read_keymap(keymap_file(), COMMANDS)
    choose_keys({row.id: row.keys for row, before in zip(own, COMMANDS, strict=True) if row.keys != before.keys})
    return run_app(
        scenario if saved is None else None,
        theme=theme,
        ascii_only=ascii_only or only_ascii(),
        data=samples,
        session=saved,
        history=budget,
        at=at,
        reduced_motion=reduced_motion or little_motion(),
    )


def _is_file(name: str) -> bool:
    """Whether there is such a file; no name is too strange to ask."""
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def _require_terminal() -> None:
    """Raise an EngineError that says what is missing when the app can not be drawn here."""
    if os.environ.get("TEXTUAL_DRIVER", "").endswith(":WebDriver"):
        # The terminal is a page: `retrograde serve` has started this.
        return
    instead = _("use `retrograde run` or `retrograde trace` instead")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise EngineError(_("the app needs a terminal; {instead}").format(instead=instead))
    if os.name != "nt" and os.environ.get("TERM", "dumb") in {"", "dumb", "unknown"}:
        message = _("this terminal can not place text (TERM is {term!r}); {instead}")
        raise EngineError(message.format(term=os.environ.get("TERM", ""), instead=instead))
    size = os.get_terminal_size(sys.stdout.fileno())
    if size.columns < 1 or size.lines < 1:
        message = _("this terminal says that it has {columns} columns and {lines} lines; {instead}")
        raise EngineError(message.format(columns=size.columns, lines=size.lines, instead=instead))


COMMAND = Subcommand(
    name="open",
    help=N_("open the app (what happens without a command)"),
    arguments=(
        argument("scenario", nargs="?", metavar="NAME|FILE.toml|FILE.session.json|FILE.rgrec"),
        DATA,
        argument("--history", type=count, metavar="MB", help=N_("memory for the history (default: 64)")),
        # Where they stand before the subcommand, they are not overwritten by a default.
        plain_characters(default=argparse.SUPPRESS),
        theme(default=argparse.SUPPRESS),
        reduced_motion(),
    ),
    run=lambda given: open_app(
        given.scenario,
        theme=given.theme,
        ascii_only=given.ascii,
        data=given.data,
        history=given.history,
        reduced_motion=given.reduced_motion,
    ),
)
