"""`retrograde samples`: what the network makes of every sample, the worst first; and which classes it confuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from retrograde.engine.text import N_, _, joined
from retrograde.tui.cli.support.columns import table as aligned
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.saved import load_session
from retrograde.tui.cli.support.subcommand import Subcommand, argument, count
from retrograde.tui.plain.numbers import encoded

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from retrograde.engine.explaining.samples import Integers, SampleTable
    from retrograde.engine.session.session import Session


def samples(given: argparse.Namespace) -> int:
    """Print the samples that are asked for, or the confusion matrix; return 0.

    Raises:
        EngineError: The moment, the filter or the order makes no sense, or no samples are held out.
        ScenarioError: The scenario can not be used.
    """
    from retrograde.engine.errors import EngineError
    from retrograde.engine.explaining.sample_order import WRONG, chosen

    session = load_session(given.scenario)
    with ProgressBar() as bar:
        if given.at is not None:
            session.seek(given.at, bar.searched)
        table = session.samples(held_out=given.held_out)
    if given.confusion:
        if not table.classified:
            raise EngineError(_("the targets of this network are no classes, so that none is taken for another"))
        lines = _confusion_records(table) if given.format == "jsonl" else _confusion_lines(session, table)
    else:
        text = " ".join((*((WRONG,) if given.wrong else ()), given.filter or ""))
        rows = chosen(table, text, given.sort, reverse=given.reverse)
        kept = rows if given.limit is None else rows[: given.limit]
        lines = _records(table, kept) if given.format == "jsonl" else _lines(session, table, kept, len(rows))
    for line in lines:
        print(line)
    return 0


def _lines(session: Session, table: SampleTable, rows: Integers, found: int) -> Iterator[str]:
    """The samples as a table for people."""
    from retrograde.tui.views.samples import losses_text, output_text, target_text, verdict_text

    yield _head(session, table)
    yield ""
    head = [_("sample"), _("target"), _("output"), _("loss")]
    cells = [
        [str(row + 1), target_text(table, row), output_text(table, row), losses_text(table, row)]
        for row in rows.tolist()
    ]
    if table.classified:
        head.append("")
        for row, line in zip(rows.tolist(), cells, strict=True):
            line.append(verdict_text(table, row))
    yield from aligned([head, *cells], right=frozenset({0, 3}))
    if found > len(rows):
        yield _("and {count} more").format(count=f"{found - len(rows):,}")


def _head(session: Session, table: SampleTable) -> str:
    """What it is, when, and how many samples are right."""
    from retrograde.tui.views.samples import standing

    return joined((session.scenario.name, standing(session, table)), ", ")


def _records(table: SampleTable, rows: Integers) -> Iterator[str]:
    """The samples as JSON, one a line, numbers in full."""
    for row in rows.tolist():
        record: dict[str, Any] = {"sample": row + 1, "held_out": table.held_out}
        record["target"] = None if table.targets is None else _numbers(table.targets[row].tolist())
        record["output"] = _numbers(table.outputs[row].tolist())
        record["loss"] = encoded(float(table.losses[row]))
        if table.wanted is not None and table.named is not None:
            assert table.right is not None
            assert table.confidence is not None
            record["class"] = _classes(table, table.wanted[row])
            record["named"] = _classes(table, table.named[row])
            record["confidence"] = encoded(float(table.confidence[row]))
            record["right"] = bool(table.right[row])
        yield json.dumps(record, ensure_ascii=False, allow_nan=False)


def _numbers(rows: list[list[float]]) -> Any:
    """Numbers by position; of one position its numbers alone."""
    found = [[encoded(value) for value in row] for row in rows]
    return found[0] if len(found) == 1 else found


def _classes(table: SampleTable, numbers: Integers) -> Any:
    """The names of classes by position; of one position its name alone, null for none."""
    found = [table.dataset.label(number) if number >= 0 else None for number in numbers.tolist()]
    return found[0] if len(found) == 1 else found


def _confusion_records(table: SampleTable) -> Iterator[str]:
    from retrograde.engine.explaining.sample_order import labels

    names = labels(table)
    for name, row in zip(names, table.confusion().tolist(), strict=True):
        record = {"class": name, "named": dict(zip(names, row, strict=False)), "none": row[-1]}
        yield json.dumps(record, ensure_ascii=False)


def _confusion_lines(session: Session, table: SampleTable) -> Iterator[str]:
    """The confusion matrix for people: a row a class of the targets, a column a class of the outputs."""
    from retrograde.tui.views.samples import confusion_grid

    yield _head(session, table)
    yield ""
    grid = confusion_grid(table)
    yield from aligned([list(row) for row in grid], right=frozenset(range(1, len(grid[0]))))
    yield ""
    yield _("a row for each class of the targets, a column for each class of the outputs")


COMMAND = Subcommand(
    name="samples",
    help=N_("print what the network makes of every sample, the worst first"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml|FILE.session.json"),
        argument("--at", metavar="MOMENT", help=N_("the moment, as 2:1 (default: before the first step)")),
        argument("--held-out", action="store_true", help=N_("the samples that are held out")),
        argument("--wrong", action="store_true", help=N_("only those that are not classified rightly")),
        argument("--filter", metavar="TEXT", help=N_("a class, 3>8 a target of 3 with an output of 8, #12 a sample")),
        argument(
            "--sort",
            default="worst",
            metavar="KEY",
            help=N_("worst, loss, confidence, target, output or number (default: worst)"),
        ),
        argument("--reverse", action="store_true", help=N_("the other way round")),
        argument("--limit", type=count, metavar="N", help=N_("at most so many")),
        argument("--confusion", action="store_true", help=N_("how often each class is taken for each other")),
        argument("--format", default="table", choices=("table", "jsonl"), help=N_("default: table")),
    ),
    run=samples,
    page="samples.md",
)
