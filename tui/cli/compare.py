"""`retrograde compare`: a recorded step beside the scenario that was made of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.recording import is_recording
from retrograde.engine.text import N_, _, ngettext, visible
from retrograde.tui.cli.support.columns import table
from retrograde.tui.cli.support.loading import load
from retrograde.tui.cli.support.recordings import require_file
from retrograde.tui.cli.support.subcommand import JSON, Subcommand, argument
from retrograde.tui.plain.comparing import row_record
from retrograde.tui.plain.numbers import shown

if TYPE_CHECKING:
    from retrograde.engine.importing.comparing import Row


def compare(recording: str, scenario: str, *, every: bool, as_json: bool) -> int:
    """Print how far a recorded step and a scenario are apart, and the first operator where they differ.

    Returns:
        0 when all agree within rounding, 1 when something differs.

    Raises:
        EngineError: The recording can not be read, or does not become a scenario.
        ScenarioError: The scenario can not be used.
    """
    from retrograde.engine.importing.comparing import compared
    from retrograde.engine.recording.recording import load_recording
    from retrograde.engine.session.session import Session

    require_file(recording)
    if not is_recording(recording):
        message = _("{file} is no recording: retrograde compare FILE.rgrec NAME|FILE.toml")
        raise EngineError(message.format(file=visible(recording)))
    rows = compared(load_recording(recording), Session(load(scenario)))
    wrong = [row for row in rows if not row.agrees]
    if as_json:
        print(json.dumps([row_record(row) for row in rows], indent=2, ensure_ascii=False, allow_nan=False))
        return 1 if wrong else 0
    if every:
        print("\n".join(_table(rows)) + "\n")
    weights = [row for row in wrong if row.kind == "weight"]
    for row in weights:
        print(_("before the step: {place}").format(place=_element(row)))
    ops = [row for row in wrong if row.kind != "weight"]
    if ops:
        _say_first(ops[0])
        count = ngettext("{count} of {all} arrays differs", "{count} of {all} arrays differ", len(ops))
        print(count.format(count=len(ops), all=len([row for row in rows if row.kind != "weight"])))
    elif not weights:
        worst = max((row.relative for row in rows), default=0.0)
        message = _("{count} arrays agree within rounding; the largest difference is {worst} of the largest number")
        print(message.format(count=len(rows), worst=f"{worst:.2g}"))
    return 1 if wrong else 0


def _say_first(row: Row) -> None:
    where = _(" in {module}").format(module=row.module) if row.module else ""
    print(_("first op that differs: {op}{where}").format(op=row.op or row.recorded, where=where))
    print(f"  {_element(row)}")
    if row.place:
        print(f"  {visible(row.place)}")


def _element(row: Row) -> str:
    index = ",".join(map(str, row.element))
    message = _("{recorded}[{index}] is {first} in the recording; {computed} of the scenario has {second}")
    recorded, computed = (shown(value) for value in row.values)
    return message.format(
        recorded=row.recorded, index=index, first=recorded, computed=row.computed, second=computed
    ).replace("[]", "")


def _table(rows: Sequence[Row]) -> list[str]:
    head = [_("recorded"), _("network"), _("operator"), _("difference"), _("of the largest"), ""]
    lines = [
        [
            row.recorded,
            row.computed,
            row.op,
            f"{row.difference:.2g}",
            f"{row.relative:.2g}",
            "" if row.agrees else _("differs"),
        ]
        for row in rows
    ]
    return table([head, *lines], right=frozenset({3, 4}))


COMMAND = Subcommand(
    name="compare",
    help=N_("a recorded step beside the scenario that was made of it, and the first operator that differs"),
    arguments=(
        argument("recording", metavar="FILE.rgrec"),
        argument("scenario", metavar="NAME|FILE.toml"),
        argument("--all", action="store_true", help=N_("a line for each array")),
        JSON,
    ),
    run=lambda given: compare(given.recording, given.scenario, every=given.all, as_json=given.json),
    page="weights.md",
)
