"""`retrograde slip`: one number of one's own, and what was left out to get it."""

from __future__ import annotations

import argparse

from retrograde.engine.text import N_
from retrograde.tui.cli.support.loading import load
from retrograde.tui.cli.support.subcommand import JSON, Subcommand, argument, plain_characters, whole


def slip(scenario: str, value: str, number: str, *, updates: int, as_json: bool, ascii_only: bool) -> int:
    """Say which slips give a number; return 0 where there are any or the number is right, else 1.

    Raises:
        EngineError: there is no such value, or the number is none.
        ScenarioError: the scenario can not be used.
    """
    from retrograde.engine.forensics.figures import Printed
    from retrograde.engine.forensics.forensics import investigate
    from retrograde.tui.cli.support.forensics import write

    figure = Printed(name=value, updates=updates, printed=number.replace("−", "-").strip())
    return write(investigate(load(scenario), [figure]), scenario, as_json=as_json, ascii_only=ascii_only)


def _run(given: argparse.Namespace) -> int:
    return slip(
        given.scenario,
        given.value,
        given.number,
        updates=given.updates,
        as_json=given.json,
        ascii_only=getattr(given, "ascii", False),
    )


COMMAND = Subcommand(
    name="slip",
    help=N_("say what was left out or taken wrong to get a number of one's own"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml"),
        argument("value", metavar="VALUE", help=N_("what it is a number of: 'grad(w5)', out_o1, E")),
        argument("number", metavar="NUMBER", help=N_("the number, with the digits that you have; after -- if -1e-5")),
        argument("--updates", type=whole, default=0, metavar="N", help=N_("updates that come before it (default: 0)")),
        JSON,
        plain_characters(default=argparse.SUPPRESS),
    ),
    run=_run,
    page="forensics.md",
)
