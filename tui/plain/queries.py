"""Questions about a run: read, answered, and the answer as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from retrograde.engine.equations.words import QUERIES
from retrograde.engine.errors import EngineError
from retrograde.engine.text import _
from retrograde.tui.plain.numbers import encoded

if TYPE_CHECKING:
    from retrograde.engine.formulas.tree import Formula
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.search import OnProgress


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


@dataclass(frozen=True, slots=True)
class Answer:
    """Steps, or how many there are; with `max` and `min` the value that the formula has there."""

    steps: Iterator[int]
    count: int | None = None
    value: float | None = None


def answered(session: Session, asked: Query, on_progress: OnProgress | None) -> Answer:
    """Search a run; see ``Session.first`` and its like for ``on_progress``."""
    verb, formula = asked
    match verb:
        case "count":
            return Answer(iter(()), count=session.count(formula, on_progress))
        case "all":
            return Answer(session.where(formula, on_progress))
        case "first" | "last":
            step = (session.first if verb == "first" else session.last)(formula, on_progress)
            return Answer(iter(() if step is None else (step,)))
        case _:
            found = session.extreme(formula, largest=verb == "max", on_progress=on_progress)
            if found is None:
                return Answer(iter(()))
            return Answer(iter((found.step,)), value=found.value)


def note_on(session: Session, formula: Formula) -> str:
    """What E is where an iteration takes a part of the samples only; nothing of other formulas."""
    batch, samples = session.schedule.batch, session.schedule.samples
    if batch >= samples or all(slot.array != "E" for slot in formula.slots):
        return ""
    message = _("E is the loss of one iteration, of {batch} of {samples} samples; that of an epoch is E_epoch")
    return message.format(batch=batch, samples=samples)


def answer_record(session: Session, asked: Query, answer: Answer, limit: int | None) -> dict[str, Any]:
    """An answer with at most so many moments, each with what was asked for there."""
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
    if note := note_on(session, formula):
        result["note"] = note
    return result


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
