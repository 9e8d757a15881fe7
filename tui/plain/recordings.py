"""What a recording says, as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrograde.tui.plain.numbers import encoded

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.recording.comparing import Found
    from retrograde.engine.recording.recording import Break, Recording


def recorded_record(recording: Recording, step: Step) -> dict[str, Any]:
    """A step of a recording as plain values; docs/pytorch.md describes the fields."""
    op = recording.op(step.place.op)
    source = recording.source(step.place.op)
    has_values = all(recording.recorded.has_values(array) for array in (op.target, *op.inputs))
    stated = op.has_equation and has_values
    symbols, numbers = step.text(digits=17) if stated else ("", "")
    return {
        "number": step.moment.step,
        "op": step.place.op + 1,
        "phase": op.call.phase,
        "module": op.call.module,
        "node": op.call.node,
        "aten": op.call.op,
        "source": None if source is None else {"file": source.file, "line": source.line, "text": source.text},
        "name": step.name,
        "dtype": recording.value_of(op.target).dtype,
        "equation": symbols or None,
        "numbers": numbers or None,
        "result": encoded(step.result) if recording.recorded.has_values(op.target) else None,
        "operands": [
            {"name": operand.name, "value": encoded(operand.value), "made_by": operand.made_by}
            for operand in (step.operands if stated else ())
        ],
    }


def break_record(recording: Recording, found: Break | None) -> dict[str, Any]:
    """Where a step stopped being finite."""
    if found is None:
        return {"finding": "finite"}
    from retrograde.engine.network.program import Place

    return {
        "finding": "not finite",
        "breakdown": None if found.origin is None else str(found.origin.breakdown),
        "broken": found.broken,
        "reached": list(found.reached),
        "step": recorded_record(recording, recording.step_at(Place(found.op, None, found.element))),
    }


def given_record(given: Found) -> dict[str, Any]:
    """What a step was given that is not finite."""
    return {"finding": "given", "name": given.symbol, "result": encoded(given.value)}
