"""`retrograde query`: when something happened in a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from retrograde.engine.equations.words import QUERIES
from retrograde.engine.errors import EngineError
from retrograde.engine.recording import is_recording
from retrograde.engine.text import N_, _, ngettext
from retrograde.tui.cli.support.numbers import encoded, shown
from retrograde.tui.cli.support.progress import ProgressBar
from retrograde.tui.cli.support.recordings import query_recording
from retrograde.tui.cli.support.saved import is_saved, load_session
from retrograde.tui.cli.support.subcommand import JSON, Subcommand, argument, count

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.formulas.tree import Formula
    from retrograde.engine.session.session import Session

FOUND, NOTHING = 0, 1


class Query(NamedTuple):
    """A question about a run: one of ``QUERIES``, and a formula."""

    verb: str
    formula: str


def read_query(text: str) -> Query:
    """Take a question apart, as ``first E < 0.01``.

    Raises:
        EngineError: It begins with none of ``QUERIES``.
    """
    words = text.split(maxsplit=1)
    if not words or words[0] not in QUERIES:
        message = _("a query begins with {verbs}: `first E < 0.01`, `max abs(grad(w1))`")
        raise EngineError(message.format(verbs=", ".join(QUERIES)))
    return Query(words[0], words[1] if len(words) > 1 else "")


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
    asked = read_query(text)
    if limit is not None and asked.verb != "all":
        raise EngineError(_("--limit goes with `all` only"))
    session = load_session(source)
    if asked.verb in {"max", "min"}:
        session.formula(asked.formula)
    else:
        session.condition(asked.formula, by_epoch=True, asked=True)
    with ProgressBar() as bar:
        fresh = session.recording is None and (not is_saved(source) or session.frontier == 0)
        if epochs is not None or fresh:
            session.run(epochs=epochs, on_progress=bar.update)
        answer = _answer(session, asked, bar)
        if as_json:
            return _write_json(session, asked, answer, limit)
        return _write_text(session, asked, answer, limit, bar)


@dataclass(frozen=True, slots=True)
class _Answer:
    """Steps, or how many there are; with `max` and `min` the value that the formula has there."""

    steps: Iterator[int]
    count: int | None = None
    value: float | None = None


def _answer(session: Session, asked: Query, bar: ProgressBar) -> _Answer:
    verb, formula = asked
    match verb:
        case "count":
            return _Answer(iter(()), count=session.count(formula, bar.searched))
        case "all":
            return _Answer(session.where(formula, bar.searched))
        case "first" | "last":
            step = (session.first if verb == "first" else session.last)(formula, bar.searched)
            return _Answer(iter(() if step is None else (step,)))
        case _:
            found = session.extreme(formula, largest=verb == "max", on_progress=bar.searched)
            if found is None:
                return _Answer(iter(()))
            return _Answer(iter((found.step,)), value=found.value)


def _write_text(session: Session, asked: Query, answer: _Answer, limit: int | None, bar: ProgressBar) -> int:
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
    note = _note(session, formula)
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


def _note(session: Session, formula: Formula) -> str:
    """What E is where an iteration takes a part of the samples only; nothing of other formulas."""
    batch, samples = session.schedule.batch, session.schedule.samples
    if batch >= samples or all(slot.array != "E" for slot in formula.slots):
        return ""
    message = _("E is the loss of one iteration, of {batch} of {samples} samples; that of an epoch is E_epoch")
    return message.format(batch=batch, samples=samples)


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


def _write_json(session: Session, asked: Query, answer: _Answer, limit: int | None) -> int:
    formula = session.formula(asked.formula)
    hits = [_record(session, formula, number, answer.value) for number in islice(answer.steps, limit)]
    result: dict[str, Any] = {
        "scenario": session.name,
        "branch": session.branch.name,
        "query": asked.verb,
        "formula": asked.formula,
        "steps": session.frontier,
    }
    if answer.count is not None:
        result["count"] = answer.count
    else:
        result["hits"] = hits
    if answer.value is not None:
        result["value"] = encoded(answer.value)
    if note := _note(session, formula):
        result["note"] = note
    print(json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False))
    return FOUND if hits or answer.count else NOTHING


def _record(session: Session, formula: Formula, number: int, value: float | None) -> dict[str, Any]:
    step = session.step_at(number)
    found = session.queries.asked(formula, number, value=value)
    record = {
        "step": number,
        "address": step.moment.address,
        "symbol": step.symbol,
        "name": step.name,
        "value": encoded(step.result),
    }
    if found is not None and found.ref != step.target:
        made = None if found.made is None else session.step_at(found.made).moment.address
        record["asked"] = {
            "text": found.text,
            "value": encoded(found.value),
            "name": None if found.ref is None else session.notation.name(found.ref),
            "sample": None if found.sample is None else found.sample + 1,
            "made": made,
        }
    return record


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
