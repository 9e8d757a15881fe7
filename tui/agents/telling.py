"""What a session and its cursor are, as plain values."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.text import _
from retrograde.tui.agents.desk import Desk, Record
from retrograde.tui.plain.numbers import encoded
from retrograde.tui.plain.recordings import recorded_record
from retrograde.tui.plain.steps import step_record

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session

_NAMES = 30
MOST_OPERANDS = 24
"""Operands of a step that are listed."""


def here(session: Session) -> Record:
    """Where the cursor is, and the step there."""
    step = session.current
    record: Record = {
        "scenario": session.name,
        "branch": session.branch.name,
        "position": session.position,
        "reached": session.frontier,
        "moment": "start" if step is None else step.moment.address,
    }
    loss = session.program.named.get("E")
    if loss is not None:
        value = session.visible(Ref(loss, (0,) * len(loss.shape)))
        record["E"] = None if value is None else encoded(value)
    if step is None:
        return record
    if session.recording is not None:
        recording = session.recording
        told = recorded_record(recording, step)
        silence = recording.silence(step.place.op)
        return record | {"step": _short(told) | ({"note": silence} if silence else {})}
    told = step_record(step)
    if not step.term:
        # Of a sum, its terms are what the equation says; inside of it they are how far the sum is.
        told.pop("terms")
    return record | {"step": _short(told) | {"why": step.why}}


def _short(told: Record) -> Record:
    operands = told["operands"]
    if len(operands) > MOST_OPERANDS:
        told["operands"] = operands[:MOST_OPERANDS]
        told["more_operands"] = len(operands) - MOST_OPERANDS
    return told


def brief(session: Session) -> Record:
    """The step at the cursor, as one line."""
    step = session.current
    if step is None:
        return {"moment": "start"}
    record: Record = {"moment": step.moment.address, "name": step.name}
    if session.recording is None or not session.recording.silence(step.place.op):
        symbols, numbers = step.text(digits=17)
        record |= {"equation": symbols, "numbers": numbers}
        return record | {"result": encoded(step.result)}
    value = session.visible(step.target)
    return record | {"result": None if value is None else encoded(value)}


def session_record(desk: Desk, name: str, language: str) -> Record:
    """What a session is about."""
    opened = desk.sessions[name]
    session = opened.session
    program = session.program
    record: Record = {"session": name, "source": opened.source, "name": session.name}
    if opened.warnings:
        record["warnings"] = list(opened.warnings)
    weights = [array for array in program.arrays if array.role in {Role.WEIGHT, Role.BIAS}]
    record |= {
        "steps_an_iteration": program.steps,
        "parameters": sum(array.size for array in weights),
        "arrays_of_parameters": [f"{array.name} {'×'.join(map(str, array.shape))}" for array in weights[:_NAMES]],
    }
    if session.recording is not None:
        recording = session.recording
        modules = [f"{info.path}: {', '.join(info.ops)}" for info in recording.modules]
        return record | {
            "kind": "recording",
            "torch": recording.records.torch,
            "notes": list(recording.records.notes),
            "modules": modules,
            "names": [array.name for array in islice(program.arrays, _NAMES)],
        }
    scenario, schedule = session.scenario, session.schedule
    return record | {
        "kind": "scenario",
        "title": scenario.title.text(language),
        "teaches": "" if scenario.teaches is None else scenario.teaches.text(language),
        "iterations_an_epoch": schedule.per_epoch,
        "samples": schedule.samples,
        "epochs": scenario.stop.epochs,
        "layers": list(session.notation.layer_names),
        "names": list(islice(session.notation.names(program), _NAMES)),
        "note": _("the names of all values: those of arrays, and of their elements as W_h[2,1]"),
    }
