"""`retrograde list`: the scenarios that ship."""

from __future__ import annotations

import json
import shutil
import sys
from itertools import islice

from retrograde.engine.text import N_, language
from retrograde.tui.cli.support.columns import cut, table
from retrograde.tui.cli.support.subcommand import Subcommand, argument


def write_list(*, as_json: bool) -> int:
    """Print name, size and what each scenario teaches, by group or as JSON; return the exit code."""
    from retrograde.engine.scenario.catalogue import by_group, shipped, summary

    known = [summary(name) for name in shipped()]
    if as_json:
        rows = [
            {
                "name": entry.name,
                "topology": entry.topology,
                "title": dict(entry.title),
                "teaches": dict(entry.teaches),
                "source": entry.source,
                "variants": list(entry.variants),
                "group": entry.group,
                "figures": entry.figures,
            }
            for entry in known
        ]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    groups = by_group(known)
    lines = iter(
        table([[f"  {one.name}", one.size, one.teaches[language()]] for _group, inside in groups for one in inside])
    )
    for number, (heading, inside) in enumerate(groups):
        print(f"\n{heading}" if number else heading)
        for line in islice(lines, len(inside)):
            print(line if room is None else cut(line, room))
    return 0


COMMAND = Subcommand(
    name="list",
    help=N_("list the scenarios that ship"),
    arguments=(argument("--json", action="store_true", help=N_("a JSON list")),),
    run=lambda given: write_list(as_json=given.json),
)
