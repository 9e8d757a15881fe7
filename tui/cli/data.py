"""`retrograde data`: what would be read from a file of samples, before there is a scenario."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from retrograde.engine.text import N_, _
from retrograde.tui.cli.support.columns import cut, table
from retrograde.tui.cli.support.subcommand import JSON, Subcommand, argument
from retrograde.tui.plain.numbers import encoded, shown

if TYPE_CHECKING:
    from retrograde.engine.scenario.survey import ColumnSurvey, Survey

_FACTS = {
    "kind": N_("kind"),
    "encoding": N_("encoding"),
    "separator": N_("separator"),
    "decimal": N_("decimal sign"),
    "heading": N_("heading"),
    "rows": N_("rows"),
    "classes": N_("classes"),
}


def data(file: str, *, as_json: bool) -> int:
    """Print how a file of samples is written, what each column holds, and a section that reads it.

    Raises:
        ScenarioError: The file can not be read.
    """
    from retrograde.engine.scenario.survey import survey

    found = survey(Path(file))
    if as_json:
        print(json.dumps(_as_json(found), indent=2, ensure_ascii=False, allow_nan=False))
        return 0
    facts = [[_(_FACTS[name]), _fact(value)] for name, value in found.facts.items()]
    print("\n".join(table(facts)) + "\n")
    head = ["", *map(_, _COLUMNS)]
    lines = table([head, *map(_row, found.columns)], right=frozenset({0, 3, 4, 5, 6, 7}))
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print("\n".join(line if room is None else cut(line, room) for line in lines) + "\n")
    for column in found.columns:
        if column.wrong:
            message = _("column {number}: {count} cells are neither numbers nor missing, such as {text}")
            print(message.format(number=column.number, count=column.wrong, text=repr(column.examples[0])))
    print(found.section, end="")
    return 0


_COLUMNS = (
    N_("name"),
    N_("kind"),
    N_("min"),
    N_("max"),
    N_("mean"),
    N_("missing"),
    N_("distinct"),
    N_("examples"),
)


def _fact(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)


def _row(column: ColumnSurvey) -> list[str]:
    numbers = ("" if value is None else shown(value) for value in (column.minimum, column.maximum, column.mean))
    shape = "×".join(map(str, column.shape))
    name = "".join(character if character.isprintable() else "?" for character in column.name)
    return [
        str(column.number),
        f"{name} {shape}".strip() if shape else name,
        column.kind,
        *numbers,
        str(column.missing),
        str(column.distinct),
        " ".join(column.examples),
    ]


def _as_json(found: Survey) -> dict[str, object]:
    return {
        **found.facts,
        "columns": [
            {
                "number": column.number,
                "name": column.name,
                "kind": column.kind,
                **{
                    key: None if value is None else encoded(value)
                    for key, value in (("min", column.minimum), ("max", column.maximum), ("mean", column.mean))
                },
                "missing": column.missing,
                "wrong": column.wrong,
                "distinct": column.distinct,
                "examples": list(column.examples),
                **({"shape": list(column.shape)} if column.shape else {}),
            }
            for column in found.columns
        ],
        "section": found.section,
    }


COMMAND = Subcommand(
    name="data",
    help=N_("show what would be read from a file of samples, column by column, and how a scenario reads it"),
    arguments=(
        argument(
            "file",
            metavar="FILE",
            help=N_("CSV, TSV or another text with a separator, NPZ, NPY, Parquet, or a folder of PNG images"),
        ),
        JSON,
    ),
    run=lambda given: data(given.file, as_json=given.json),
    page="scenarios.md",
)
