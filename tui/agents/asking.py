"""The tools that ask: they leave the cursor where it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from retrograde.engine.equations.words import QUERIES
from retrograde.engine.errors import EngineError
from retrograde.engine.text import _, joined, language
from retrograde.tui.agents import arguments as given
from retrograde.tui.agents.desk import Desk, Record
from retrograde.tui.agents.job import Job
from retrograde.tui.agents.telling import here
from retrograde.tui.plain.comparing import row_record
from retrograde.tui.plain.doctor import diagnosis_record
from retrograde.tui.plain.flow import flow_record
from retrograde.tui.plain.numbers import encoded
from retrograde.tui.plain.queries import answer_record, answered, read_query
from retrograde.tui.plain.recordings import break_record, given_record, recorded_record
from retrograde.tui.plain.why import autopsy_record, beyond_record

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Moment
    from retrograde.engine.session.session import Session

_MOST = 40
"""Entries of a list of an answer."""


def listed(desk: Desk, wanted: given.ListArguments, _job: Job) -> Record:
    """What can be opened."""
    from retrograde.engine.scenario.catalogue import shipped, summary

    word, speech = wanted.search.lower(), language()
    scenarios: list[Record] = []
    more = 0
    for one in map(summary, shipped()):
        title, teaches = one.title[speech], one.teaches[speech]
        if word not in f"{one.name} {title} {teaches}".lower():
            continue
        if len(scenarios) == _MOST:
            more += 1
            continue
        scenarios.append({"name": one.name, "size": one.size, "title": title, "variants": list(one.variants)})
    record: Record = {"scenarios": scenarios}
    if more:
        record["note"] = _("{count} more; search for a word").format(count=more)
    return record | {
        "folder": str(desk.folder),
        "files": [file for file in desk.files() if word in file.lower()],
        "open": [
            {"session": name, "source": one.source, "moment": here(one.session)["moment"]}
            for name, one in desk.sessions.items()
        ],
        "edits_allowed": desk.edits,
    }


@contextmanager
def _at(session: Session, moment: str | None, job: Job) -> Iterator[None]:
    """Another moment, while it lasts."""
    position, term = session.position, session.term
    try:
        if moment is not None:
            session.seek(moment, job.searched)
        yield
    finally:
        if moment is not None:
            session.seek(position)
            session.term = term


def valued(desk: Desk, wanted: given.ValueArguments, job: Job) -> Record:
    """Values, each with its shape where it is of an array; what has none says why."""
    session = desk.session(wanted.session)
    with _at(session, wanted.at, job):
        values = {text: _value(session, text) for text in wanted.expressions}
        step = session.current
        moment = "start" if step is None else step.moment.address
    return {"moment": moment, "branch": session.branch.name, "values": values}


def _value(session: Session, text: str) -> Any:
    try:
        found = session.value(text)
    except EngineError as error:
        return {"error": str(error)}
    if isinstance(found, str | bool):
        return found
    if not getattr(found, "shape", ()):
        return encoded(float(found))
    flat = [encoded(float(one)) for one in islice(found.flat, _MOST)]
    finite = found[found == found]
    return {
        "shape": list(found.shape),
        "least": encoded(float(finite.min())) if finite.size else "NaN",
        "most": encoded(float(finite.max())) if finite.size else "NaN",
        "row_by_row": flat,
        "more": max(0, int(found.size) - _MOST),
    }


def used(desk: Desk, wanted: given.UsesArguments, job: Job) -> Record:
    """The steps that made and that read a value."""
    session = desk.session(wanted.session)
    step = session.current
    if wanted.name is not None:
        ref = session.resolve(wanted.name)
    elif step is not None:
        ref = step.target
    else:
        raise EngineError(_("make a step first"))
    made = session.produced(ref)
    readers = session.uses(ref, job.searched)
    return {
        "name": session.notation.name(ref),
        "made_at": None if made is None else _place(session, made),
        "read_at": [_place(session, moment) for moment in readers[:_MOST]],
        "readers": len(readers),
    }


def _place(session: Session, moment: Moment) -> Record:
    return {"moment": moment.address, "step": moment.number, "name": session.step_at(moment.number).name}


def queried(desk: Desk, wanted: given.QueryArguments, job: Job) -> Record:
    """Answers a question about a run."""
    session = desk.session(wanted.session)
    recording = session.recording
    if recording is not None and wanted.query.partition(" ")[0] not in QUERIES:
        ref = recording.find(wanted.query)
        step = recording.made_by(ref)
        readers = [recording.step_at(place).number for place in recording.uses(ref, job.searched)]
        value = {"name": recording.notation.name(ref), "result": encoded(recording.frame.value(ref))}
        return (value if step is None else recorded_record(recording, step)) | {"used_by": readers[:_MOST]}
    asked = read_query(wanted.query)
    if asked.verb in {"max", "min"}:
        session.formula(asked.formula)
    else:
        session.condition(asked.formula, by_epoch=True, asked=True)
    record: Record = {}
    if recording is None and session.frontier == 0:
        outcome = session.run(cancelled=job.cancelled)
        session.seek(0)
        record["ran"] = outcome.message
        if job.cancelled():
            raise job.unfinished()
    found = answered(session, asked, job.searched)
    return answer_record(session, asked, found, wanted.limit) | record


def why(desk: Desk, wanted: given.WhyArguments, job: Job) -> Record:
    """Says why a gradient is as it is."""
    session = desk.session(wanted.session)
    if wanted.name is None:
        return _why_recorded(session)
    with _at(session, wanted.at, job):
        found, chain = session.autopsy(wanted.name), session.chain(wanted.name)
        beyond = session.recording is None and found.finding in {"tiny", "zero"} and found.parameter is not None
        died = session.death(found.ref, job.searched) if beyond else None
        revived = session.revival(found.ref) if beyond else None
        record = {"told": session.explanations.told(found, died, revived)}
        record |= autopsy_record(session, found, chain, wanted.paths)
        return record | (beyond_record(session, died, revived) if beyond else {})


def _why_recorded(session: Session) -> Record:
    """Where the first value of a recording that is not finite came from."""
    from retrograde.engine.recording.comparing import first_given

    recording = session.recording
    if recording is None:
        raise EngineError(_("which gradient? name one, such as w1"))
    found = recording.broken
    first = first_given(recording) if found is None else None
    # Masks of attention are made of −∞.
    if first is not None and first.value != float("-inf"):
        return given_record(first)
    return break_record(recording, found)


def doctored(desk: Desk, wanted: given.DoctorArguments, job: Job) -> Record:
    """Says what is wrong with a training."""
    session = desk.session(wanted.session)
    found = session.doctor(epochs=wanted.epochs, on_run=job.counted, on_look=job.counted)
    return diagnosis_record(session, found, ())


def flowed(desk: Desk, wanted: given.At, job: Job) -> Record:
    """The gradient layer by layer."""
    session = desk.session(wanted.session)
    with _at(session, wanted.at, job):
        epoch, iteration = divmod(session.iteration, session.schedule.per_epoch)
        rows = session.flow()
    record: Record = {"scenario": session.name, "branch": session.branch.name}
    if session.recording is None:
        record |= {"epoch": epoch + 1, "iteration": iteration + 1}
    return record | {"layers": [flow_record(row) for row in rows], "rows": len(rows)}


def compared(desk: Desk, wanted: given.CompareArguments, job: Job) -> Record:
    """Two branches, or a recording and the scenario that was made of it."""
    session = desk.session(wanted.session)
    if (wanted.branch is None) == (wanted.scenario is None):
        raise EngineError(_("compare takes a branch, or of a recording a scenario"))
    if wanted.scenario is not None:
        return _compared_recording(session, desk.session(wanted.scenario))
    assert wanted.branch is not None
    if session.branch_called(wanted.branch) is session.branch:
        raise EngineError(_("the cursor is on {name}: name another branch").format(name=wanted.branch))
    found = session.compare(wanted.branch, job.searched)
    first = None if found.first is None else _place(session, session.step_at(found.first).moment)
    largest = sorted(found.differences, key=lambda one: -abs(one.gap) if one.gap == one.gap else 0.0)
    return {
        "mine": found.mine.name,
        "theirs": found.theirs.name,
        "moment": here(session)["moment"],
        "differ": len(found.differences),
        "first_difference": first,
        "largest_differences": [
            {
                "name": session.notation.name(one.ref, sample=-1 if session.program.batch > 1 else None),
                "mine": encoded(one.mine),
                "theirs": encoded(one.theirs),
            }
            for one in largest[:_MOST]
        ],
    }


def _compared_recording(session: Session, other: Session) -> Record:
    from retrograde.engine.importing.comparing import compared as held_against

    if session.recording is None:
        raise EngineError(_("{name} is no recording").format(name=session.name))
    rows = held_against(session.recording, other)
    wrong = [row for row in rows if not row.agrees]
    said = _("all agree within rounding") if not wrong else joined((wrong[0].recorded, wrong[0].op), ", ")
    return {
        "arrays": len(rows),
        "differ": len(wrong),
        "said": said,
        "first_difference": row_record(wrong[0]) if wrong else None,
        "differences": [row_record(row) for row in wrong[:_MOST]],
    }
