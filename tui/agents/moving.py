"""The tools that open sessions and move their cursors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.text import _, language
from retrograde.tui.agents import arguments as given
from retrograde.tui.agents.desk import Desk, Record
from retrograde.tui.agents.job import Job
from retrograde.tui.agents.telling import brief, here, session_record
from retrograde.tui.plain.doctor import alert_record
from retrograde.tui.plain.numbers import encoded

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.stopping import Outcome

_MOST_EACH = 40


def opened(desk: Desk, wanted: given.OpenArguments, job: Job) -> Record:
    """Opens a session."""
    name = desk.open(wanted.source, job)
    session = desk.sessions[name].session
    try:
        if wanted.at is not None:
            session.seek(wanted.at, job.searched)
        return session_record(desk, name, language()) | {"here": here(session)}
    except BaseException:
        desk.close(name)
        raise


def closed(desk: Desk, wanted: given.Of, _job: Job) -> Record:
    """Closes a session."""
    name = desk.id(wanted.session)
    desk.close(name)
    return {"closed": name, "open": [*desk.sessions]}


def stepped(desk: Desk, wanted: given.StepArguments, job: Job) -> Record:
    """Moves by steps."""
    session = desk.session(wanted.session)
    moved = 0
    passed: list[Record] = []
    for _time in range(wanted.count):
        if not (session.back(wanted.by) if wanted.back else session.step(wanted.by)):
            break
        moved += 1
        if wanted.each and len(passed) < _MOST_EACH:
            passed.append(brief(session))
        if job.cancelled():
            break
    record: Record = {"moved": moved, "here": here(session)}
    if moved < wanted.count:
        at_end = _("this is the initial state") if wanted.back else _("this is the end of the training")
        record["note"] = str(job.unfinished()) if job.cancelled() else at_end
    return record | ({"each": passed} if wanted.each else {})


def sought(desk: Desk, wanted: given.SeekArguments, job: Job) -> Record:
    """Goes to a moment."""
    session = desk.session(wanted.session)
    session.seek(wanted.at, job.searched)
    return {"here": here(session)}


def ran(desk: Desk, wanted: given.RunArguments, job: Job) -> Record:
    """Trains on."""
    session = desk.session(wanted.session)
    outcome = session.run(wanted.epochs, wanted.until, cancelled=job.cancelled)
    return _outcome(outcome, job) | {"here": here(session)}


def _outcome(outcome: Outcome, job: Job) -> Record:
    record: Record = {
        "ended_by": str(outcome.rule),
        "message": outcome.message,
        "epochs": outcome.epoch,
        "iterations": outcome.iterations,
        "loss": encoded(outcome.loss),
    }
    if job.cancelled():
        record["note"] = str(job.unfinished())
    return record


def continued(desk: Desk, wanted: given.ContinueArguments, job: Job) -> Record:
    """Goes on, or back, to where a breakpoint is hit."""
    session = desk.session(wanted.session)
    point = session.add_breakpoint(wanted.to)
    others = [one for one in session.breakpoints.values() if one is not point and one.enabled]
    for one in others:
        one.enabled = False
    try:
        halt = session.reverse(job.searched) if wanted.back else session.proceed(None, job.cancelled, job.searched)
    finally:
        for one in others:
            one.enabled = True
        session.remove_breakpoint(point.number)
    record: Record = {"hit": halt.breakpoint is not None, "here": here(session)}
    if halt.alerts:
        record["alerts"] = [alert_record(alert) for alert in halt.alerts]
    if halt.outcome is not None:
        record |= _outcome(halt.outcome, job)
    return record


def branched(desk: Desk, wanted: given.BranchArguments, _job: Job) -> Record:
    """Lists the branches, or goes to one."""
    session = desk.session(wanted.session)
    if wanted.name is not None:
        session.switch(wanted.name)
    return {"branches": _branches(session), "here": here(session)}


def _branches(session: Session) -> list[Record]:
    return [
        {
            "name": branch.name,
            "from": None if branch.parent is None else branch.parent.name,
            "edit": None if branch.edit is None else str(branch.edit),
            "here": branch is session.branch,
        }
        for branch in session.branches
    ]


def edited(desk: Desk, wanted: given.EditArguments, _job: Job) -> Record:
    """Gives slots other values, on a new branch."""
    session = desk.session(wanted.session)
    branch = session.edit({name: float(value) for name, value in wanted.values.items()}, name=wanted.name)
    return {"branch": branch.name, "edit": str(branch.edit), "here": here(session)}
