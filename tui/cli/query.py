"""`retrograde query`: when something happened in a run."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING

from retrograde.engine.equations.words import QUERIES
from retrograde.engine.errors import EngineError
from retrograde.engine.recording import is_recording
from retrograde.engine.text import N_, _, ngettext
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.recordings import query_recording
from retrograde.tui.cli.support.saved import is_saved, load_session
from retrograde.tui.cli.support.subcommand import JSON, Subcommand, argument, count
from retrograde.tui.plain.numbers import shown
from retrograde.tui.plain.queries import Answer, Query, answer_record, answered, note_on, read_query

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.formulas.tree import Formula
    from retrograde.engine.session.session import Session

FOUND, NOTHING = 0, 1


def query(source: str, text: str, *, epochs: int | None, limit: int | None, as_json: bool) -> int:
    """Run a scenario, or open a saved session, and answer a question about what was run.

    Args:
        source: A scenario by name or file, or a saved session, which is asked about as far as it was run.
        text: The question.
        epochs: Run this many epochs; None runs a scenario until one of its stop rules holds.
        limit: How many moments `all` prints; None prints all.
        as_json: Print one JSON object.

    Returns:
        0 when a moment was found, 1 when there is none.

    Raises:
        EngineError: The question can not be read; nothing was run.
        ScenarioError: The scenario can not be used.
    """
    if is_recording(source) and not text.startswith(tuple(f"{verb} " for verb in QUERIES)):
        return query_recording(source, text, as_json=as_json)
    session = load_session(source)
    asked = read_query(text)
    if limit is not None and asked.verb != "all":
        raise EngineError(_("--limit goes with `all` only"))
    if asked.verb in {"max", "min"}:
        session.formula(asked.formula)
    else:
        session.condition(asked.formula, by_epoch=True, asked=True)
    with ProgressBar() as bar:
        fresh = session.recording is None and (not is_saved(source) or session.frontier == 0)
        if epochs is not None or fresh:
            session.run(epochs=epochs, on_progress=bar.update)
        answer = answered(session, asked, bar.searched)
        if as_json:
            found = answer_record(session, asked, answer, limit)
            print(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False))
            return FOUND if found.get("hits") or answer.count else NOTHING
        return _write_text(session, asked, answer, limit, bar)


def _write_text(session: Session, asked: Query, answer: Answer, limit: int | None, bar: ProgressBar) -> int:
    if answer.count is not None:
        bar.wipe()
        print(answer.count)
        return FOUND if answer.count else NOTHING
    printed = 0
    formula = session.formula(asked.formula)
    for number in islice(answer.steps, limit):
        parts = _hit(session, formula, number, answer.value)
        if answer.value is not None:
            parts.insert(0, shown(answer.value))
        bar.wipe()
        print("  ".join(parts), flush=True)
        printed += 1
    note = note_on(session, formula)
    if printed and note:
        print(_("note: {text}").format(text=note))
    if not printed:
        epochs = session.frontier // session.schedule.steps_per_epoch
        bar.wipe()
        where = ngettext("in {count} epoch", "in {count} epochs", epochs).format(count=epochs)
        if session.recording is not None:
            where = _("in the step")
        print(_("nothing found {where}").format(where=where))
    return FOUND if printed else NOTHING


def _hit(session: Session, formula: Formula, number: int, value: float | None) -> list[str]:
    """Where a hit is, the number that was asked for, and where that was made or for which sample it is."""
    step = session.step_at(number)
    found = session.queries.asked(formula, number, value=value)
    if found is None or found.ref == step.target:
        mark = f"{{{step.target.index[0] + 1}}}" if step.target.array.batched and step.program.batch > 1 else ""
        return [_at(step), f"{step.symbol}{mark} = {shown(step.result)}"]
    parts = [_at(step), f"{found.text} = {shown(found.value)}"]
    if found.made is not None and found.made != number:
        parts.append(_("made at {address}").format(address=_at(session.step_at(found.made))))
    if found.ref is None and found.sample is not None:
        parts.append(_("sample {number}").format(number=found.sample + 1))
    return parts


def _at(step: Step) -> str:
    """Where a step is; in a recording its number alone."""
    return f"@{step.number}" if step.schedule.alone else step.moment.address


COMMAND = Subcommand(
    name="query",
    help=N_("run without a screen, and say when something happened"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml|FILE.session.json|FILE.rgrec"),
        argument(
            "query",
            metavar="QUERY",
            help=N_("'first E < 0.01', 'last ...', 'count ...', 'all ...', 'max abs(grad(w1))', 'min ...'"),
        ),
        argument("--epochs", type=count, metavar="N", help=N_("run this many epochs (default: to a stop rule)")),
        argument("--limit", type=count, metavar="N", help=N_("with all: print at most so many moments")),
        JSON,
    ),
    run=lambda given: query(given.scenario, given.query, epochs=given.epochs, limit=given.limit, as_json=given.json),
    page="formulas.md",
)
