"""`retrograde biography`: how a weight came to be what it is, as a ledger that closes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from retrograde.engine.errors import EngineError
from retrograde.engine.text import N_, _, ngettext
from retrograde.tui.cli.support.columns import table
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.recordings import refuse_recording
from retrograde.tui.cli.support.saved import is_saved, load_session
from retrograde.tui.cli.support.subcommand import EPOCHS, JSON, Subcommand, argument, count
from retrograde.tui.plain.numbers import encoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrograde.engine.explaining.biography import Biography, Bucket, Ledger
    from retrograde.engine.explaining.ledger_lines import LedgerLines
    from retrograde.engine.session.session import Session

_GROUPS = ("row", "cause", "epoch", "iteration")
_BAR = 20


def biography(source: str, name: str, *, epochs: int | None, at: str | None, by: str, most: int, as_json: bool) -> int:
    """Say what moved a weight.

    Args:
        source: A scenario by name or file, or a saved session, which is at the moment where it was left.
        name: The weight.
        epochs: Epochs to run first; by default until a stop rule ends it.
        at: Where the story ends, instead.
        by: What the movement is told apart by.
        most: How many lines are printed.
        as_json: Print one JSON object.

    Returns:
        0.

    Raises:
        EngineError: The name or the moment makes no sense; nothing was printed.
        ScenarioError: The scenario can not be used.
    """
    from retrograde.engine.explaining.ledger_lines import By

    if at is not None and epochs is not None:
        raise EngineError(_("--at and --epochs both say where the story ends; give one of them"))
    refuse_recording(source)
    session = load_session(source)
    session.biography(name)  # What is wrong with the name is said before the run.
    with ProgressBar() as bar:
        if at is not None:
            session.seek(at, bar.searched)
        elif epochs is not None or not is_saved(source):
            session.run(epochs=epochs, on_progress=bar.update)
            session.seek("end")
        story = session.biography(name)
        if not story.stop:
            raise EngineError(_("nothing has run yet, so {name} has no biography").format(name=name))
        group = By(by)
        ledger = None if group.of_time else story.ledger(on_progress=bar.searched)
        buckets = story.buckets(unit=session.schedule.per_epoch if group is not By.ITERATION else 1)
    if as_json:
        print(
            json.dumps(_record(session, story, ledger, buckets, group), indent=2, ensure_ascii=False, allow_nan=False)
        )
    else:
        print("\n".join(_lines(session, story, ledger, buckets, group, most)))
    return 0


def _lines(
    session: Session, story: Biography, ledger: Ledger | None, buckets: Sequence[Bucket], by: Any, most: int
) -> list[str]:
    from retrograde.engine.explaining.ledger_lines import bucket_lines, ledger_lines, span_text, way

    per_epoch = session.schedule.per_epoch
    iterations = ngettext("{count} iteration", "{count} iterations", story.stop).format(count=f"{story.stop:,}")
    head = _("{name} of {scenario}, {iterations}").format(
        name=session.notation.symbol(story.parameter), scenario=session.name, iterations=iterations
    )
    if ledger is not None:
        made = ledger_lines(ledger, by=by, most=most)
    else:
        texts = [span_text(bucket, per_epoch) for bucket in buckets]
        made = bucket_lines(buckets, texts, most=most)
    lines = [head, "", *_column(made)]
    if ledger is not None:
        lines += ["", way(ledger)]
        if made.closing:
            closing = f"{float(made.closing):.4g}".replace("-", "−")
            lines.append(_("rounding is {value}; with it the column is exact").format(value=closing))
    return lines


def _column(made: LedgerLines) -> list[str]:
    """The lines with a bar each, and the sums in one or two columns."""
    two = made.two_columns
    largest = max((abs(line.at_once) for line in made.lines), default=0) or 1
    rows = [["", _("at once"), _("in all"), ""]] if two else []
    rows.append([_("start"), made.start, made.start, ""])
    for line in made.lines:
        rows.append([line.text, *line.shown, "█" * round(_BAR * float(abs(line.at_once) / largest))])
    rows.append([_("now"), made.now, made.now, ""])
    if not two:
        rows = [[row[0], row[1], row[3]] for row in rows]
    return table(rows, right=frozenset({1, 2} if two else {1}))


def _record(
    session: Session, story: Biography, ledger: Ledger | None, buckets: Sequence[Bucket], by: Any
) -> dict[str, Any]:
    from retrograde.engine.explaining.ledger_lines import grouped

    record: dict[str, Any] = {
        "scenario": session.name,
        "branch": session.branch.name,
        "name": session.notation.name(story.parameter),
        "iterations": story.stop,
        "start": encoded(story.value(0)),
        "now": encoded(story.value(story.stop)),
        "by": str(by),
    }
    if ledger is not None:
        record["rows"] = [
            {
                "cause": str(row.kind),
                "row": None if row.sample is None else row.sample + 1,
                "at_once": encoded(float(row.at_once)),
                "in_all": encoded(float(row.in_all)),
            }
            for row in grouped(ledger.rows, by)
        ]
        last = ledger.rows[-1]
        record["rounding"] = {"at_once": encoded(float(last.at_once)), "in_all": encoded(float(last.in_all))}
        record["walked"] = encoded(ledger.walked)
        record["straightness"] = encoded(ledger.straightness)
    record["buckets"] = [
        {"start": one.start + 1, "stop": one.stop, "before": encoded(one.before), "after": encoded(one.after)}
        for one in buckets
    ]
    return record


COMMAND = Subcommand(
    name="biography",
    help=N_("print what moved a weight, by sample, cause or time"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml|FILE.session.json"),
        argument("weight", metavar="WEIGHT", help=N_("'w1', 'W_h[1,1]'")),
        EPOCHS,
        argument("--at", metavar="MOMENT", help=N_("where the story ends, as 2:1 (default: where the run ends)")),
        argument("--by", choices=_GROUPS, default="row", help=N_("what the movement is told apart by (default: row)")),
        argument("--most", type=count, default=12, metavar="N", help=N_("print so many of the largest")),
        JSON,
    ),
    run=lambda given: biography(
        given.scenario,
        given.weight,
        epochs=given.epochs,
        at=given.at,
        by=given.by,
        most=given.most,
        as_json=given.json,
    ),
)
