"""`retrograde figures`: which conventions and slips give the figures that a source prints."""

from __future__ import annotations

import argparse

from retrograde.engine.text import N_
from retrograde.tui.cli.support.loading import load
from retrograde.tui.cli.support.subcommand import JSON, Subcommand, argument, plain_characters


def figures(scenario: str, *, as_json: bool, ascii_only: bool) -> int:
    """Say what gives the published figures of a scenario; return 0 where all are explained, else 1.

    Raises:
        EngineError: the scenario has no figures, or its network is too large.
        ScenarioError: the scenario can not be used.
    """
    from retrograde.engine.forensics.forensics import investigate
    from retrograde.tui.cli.support.forensics import write

    return write(investigate(load(scenario)), scenario, as_json=as_json, ascii_only=ascii_only)


def _run(given: argparse.Namespace) -> int:
    return figures(given.scenario, as_json=given.json, ascii_only=getattr(given, "ascii", False))


COMMAND = Subcommand(
    name="figures",
    help=N_("say which conventions and slips give the published figures"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml"),
        JSON,
        plain_characters(default=argparse.SUPPRESS),
    ),
    run=_run,
    page="forensics.md",
)
