"""Recordings of other trainings on the command line: what `trace`, `check`, `query` and `why` say of one."""

from __future__ import annotations

import json
import math
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrograde.engine.errors import EngineError
from retrograde.engine.recording import is_recording
from retrograde.engine.text import _, joined, lead, visible
from retrograde.tui.plain.numbers import encoded, shown
from retrograde.tui.plain.recordings import break_record, given_record, recorded_record

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.network.program import Place
    from retrograde.engine.recording.checking import OpCheck
    from retrograde.engine.recording.comparing import Found
    from retrograde.engine.recording.recording import Break, Recording

_MOST = 12
"""Operands and uses that are printed of one step."""
_SECONDS = 5
"""How long uses are looked for: of an op whose equations are long, each is made."""
_MOTIONS = ("step", "layer", "phase", "iteration")


def refuse_recording(source: str | Path | None) -> None:
    """Refuse a recording where only a scenario will do.

    Raises:
        EngineError: It is one, or would be if it were there.
    """
    if source is not None and is_recording(source):
        require_file(source)
        message = _(
            "{source} is a recording of a step that ran elsewhere, which this can not compute with; "
            "`retrograde open`, `trace`, `check`, `query`, `why`, `flow` and `doctor` read it"
        )
        raise EngineError(message.format(source=source))


def require_file(source: str | Path) -> None:
    """Refuse what is not there, before anything else is said of it.

    Raises:
        EngineError: It is not.
    """
    # Path.exists raises where a path is too long.
    if not os.path.exists(source):  # noqa: PTH110
        raise EngineError(_("there is no file {path}").format(path=visible(str(source))))


def opened(source: str) -> Recording:
    """Open a recording.

    Raises:
        EngineError: It can not be opened.
    """
    from retrograde.engine.recording.recording import load_recording

    return load_recording(source)


def trace_recording(
    source: str, *, start: str | None, end: str | None, granularity: str, form: str, translate: Callable[[str], str]
) -> int:
    """Print the steps of a recording, and return the exit code.

    Raises:
        EngineError: A moment is none of this recording's, or steps are wanted that it has not.
    """
    recording = opened(source)
    for step in _steps(recording, start, end, granularity):
        line = json.dumps(recorded_record(recording, step), ensure_ascii=False, allow_nan=False)
        print(line if form == "jsonl" else translate("\n".join(step_lines(recording, step))))
    return 0


def _steps(recording: Recording, start: str | None, end: str | None, granularity: str) -> Iterator[Step]:
    from retrograde.engine.network.program import as_granularity

    if granularity not in _MOTIONS:
        message = _("a recording has no {granularity}: nobody knows which axis is the batch; there are {known}")
        raise EngineError(message.format(granularity=granularity, known=", ".join(_MOTIONS)))
    first = 1 if start is None else _number(recording, start, last=False)
    last = recording.program.steps if end is None else _number(recording, end, last=True)
    if first > last:
        message = _("the trace would start at step {first} and end at step {last}")
        raise EngineError(message.format(first=first, last=last))
    reached = first - 1
    while reached < last:
        reached = recording.program.next_stop(reached, as_granularity(granularity))
        if reached <= last:
            yield recording.step(reached)


def _number(recording: Recording, moment: str, *, last: bool) -> int:
    """The number of a step: `@120`, `120`, or the name of an array, whose first or last step is meant."""
    moment = moment.strip()
    if re.fullmatch(r"@?\d{1,18}", moment):
        number = int(moment.removeprefix("@"))
        recording.step(number)
        return number
    if moment in {"start", "end"}:
        return 1 if moment == "start" else recording.program.steps
    ref = recording.find(moment)
    if last and moment in recording.program.named:
        from retrograde.engine.equations.expression import Ref

        ref = Ref(ref.array, tuple(length - 1 for length in ref.array.shape))
    made = recording.made_by(ref)
    if made is None:
        raise EngineError(_("{name} was given; no step made it").format(name=moment))
    return made.number


def step_lines(recording: Recording, step: Step) -> list[str]:
    """A step as lines: where it is, the user's own line, the equation, what was recorded, and the operands."""
    from retrograde.tui.reading.recorded import agreement, line_of_code

    op = recording.op(step.place.op)
    call = op.call
    kept = _("recomputed") if call.recomputed else ""
    where = filter(None, [call.phase, call.module, call.node, call.op.replace(".", "::", 1), kept])
    lines = [f"{step.moment.step}  {' · '.join(where)}"]
    place, text = line_of_code(recording, step.place.op)
    if place:
        lines.append(f"  {place}  {text}")
    if not recording.recorded.has_values(op.target):
        return [*lines, f"  {step.symbol}: {_no_values(recording, op.target.name)}"]
    if not op.has_equation:
        message = _("no equation for {op} in this version")
        lines.append(f"  {step.symbol} = {shown(step.result)}  ({message.format(op=call.op)})")
        for array in op.inputs[:_MOST]:
            lines.append(f"    {array.name}  {_maker(recording, array.name)}")
        return lines
    if not all(recording.recorded.has_values(array) for array in op.inputs):
        lines.append(f"  {step.symbol} = {shown(step.result)}")
        missing = [array.name for array in op.inputs if not recording.recorded.has_values(array)]
        return [*lines, *(f"    {name}: {_no_values(recording, name)}" for name in missing[:_MOST])]
    symbols, numbers = step.text()
    lines.append("  " + " = ".join(dict.fromkeys((step.symbol, symbols, numbers, shown(step.result)))))
    dtype = recording.value_of(op.target).dtype
    lines.append("  " + joined((_("recorded in {dtype}").format(dtype=dtype), agreement(recording, step)[0]), "; "))
    operands = step.operands
    for operand in operands[:_MOST]:
        made = _("given") if operand.made_by is None else _("step {number}").format(number=operand.made_by)
        lines.append(f"    {operand.symbol} = {shown(operand.value)}  {made}")
    if (more := len(operands) - _MOST) > 0:
        lines.append("    " + _("and {count} more").format(count=more))
    return lines


def _no_values(recording: Recording, name: str) -> str:
    value = recording.value_of(recording.array(name))
    text = _("not in the file: {reason}").format(reason=value.reason or "")
    if value.summary is None or value.summary.low is None or value.summary.high is None:
        return text
    summary = _("{low} to {high}, {broken} not finite")
    parts = summary.format(low=shown(value.summary.low), high=shown(value.summary.high), broken=value.summary.broken)
    return f"{text}; {parts}"


def _maker(recording: Recording, name: str) -> str:
    op = recording.program.maker(recording.array(name))
    return _("given") if op is None else _("made by {op}").format(op=op.title)


def check_recording(source: str, *, every: bool) -> int:
    """Hold every op to its equation, print what does not agree, and return the exit code.

    Raises:
        EngineError: The recording can not be read.
    """
    recording = opened(source)
    checks = list(recording.check(every=every))
    print("\n".join(_report(recording, source, checks)))
    return 1 if any(check.disagreeing for check in checks) else 0


def _report(recording: Recording, source: str, checks: list[OpCheck]) -> Iterator[str]:
    stated = [check for check in checks if check.missing != "equation"]
    steps = sum(check.elements for check in checks)
    with_equation = sum(check.elements for check in stated)
    share = 100 * with_equation / steps if steps else 100.0
    message = _("{source}: PyTorch {torch} on {device}, {ops} ops, {steps} steps, {share:.1f} % with an equation")
    records = recording.records
    yield message.format(
        source=source, torch=records.torch, device=records.device, ops=len(checks), steps=f"{steps:,}", share=share
    )
    yield from (f"  {note}" for note in records.notes)
    names = sorted({recording.op(check.op).call.op for check in checks if check.missing == "equation"})
    if names:
        yield "  " + _("no equation: {names}").format(names=joined(names, ", "))
    if absent := sum(check.missing == "values" for check in checks):
        yield "  " + _("{count} ops are not checked: their numbers are not in the file").format(count=absent)
    yield from _agreement(recording, checks, stated)


def _agreement(recording: Recording, checks: list[OpCheck], stated: list[OpCheck]) -> Iterator[str]:
    """How many values are what their equations say, and the first that is not."""
    checked, wrong = sum(check.checked for check in checks), [check for check in checks if check.disagreeing]
    held = sum(check.elements for check in stated if check.missing == "")
    part = "" if checked == held else " " + _("(a part of the large ops; --all checks every element)")
    if not wrong:
        yield "  " + _("{count} values agree with their equations within rounding").format(count=f"{checked:,}") + part
        return
    disagreeing = sum(check.disagreeing for check in wrong)
    message = _("{wrong} of {count} values disagree with their equations, in {ops} ops; the first is")
    yield "  " + message.format(wrong=f"{disagreeing:,}", count=f"{checked:,}", ops=len(wrong)) + part
    worst = wrong[0].worst
    assert worst is not None
    from retrograde.engine.network.program import Place

    step = recording.step_at(Place(worst.op, None, worst.element))
    yield from ("  " + line for line in step_lines(recording, step))


def query_recording(source: str, text: str, *, as_json: bool) -> int:
    """Look an element up: its step, its operands and where it is used; and return the exit code.

    Raises:
        EngineError: There is no such element.
    """
    recording = opened(source)
    ref = recording.find(text)
    step = recording.made_by(ref)
    if as_json:
        given: dict[str, Any] = {"name": recording.notation.name(ref), "result": encoded(recording.frame.value(ref))}
        found = given if step is None else recorded_record(recording, step)
        uses = _uses(recording, ref)
        found["used_by"] = None if uses is None else [use.number for use in uses]
        print(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False))
        return 0
    if step is None:
        value = recording.value_of(ref.array)
        lines = [f"{recording.notation.symbol(ref)} = {shown(recording.frame.value(ref))}  {_('given')}: {value.kind}"]
    else:
        lines = step_lines(recording, step)
    uses = _uses(recording, ref)
    if uses is None:
        message = _("used by: not found within {seconds} s; W in the app looks on")
        lines.append("  " + message.format(seconds=_SECONDS))
    elif uses:
        lines.append("  " + _("used by"))
        lines += [f"    {use.number}  {use.symbol}" for use in uses[:_MOST]]
        if (more := len(uses) - _MOST) > 0:
            lines.append("    " + _("and {count} more").format(count=more))
    print("\n".join(lines))
    return 0


def _uses(recording: Recording, ref: Ref) -> list[Step] | None:
    """The steps that read a slot; None where that takes longer than anybody waits for a line."""
    from retrograde.engine.errors import SearchCancelledError

    end = time.monotonic() + _SECONDS
    try:
        return [recording.step_at(place) for place in recording.uses(ref, lambda _done, _all: time.monotonic() > end)]
    except SearchCancelledError:
        return None


def why_recording(source: str, *, as_json: bool) -> int:
    """Say where the first value that is not finite came from, and return the exit code.

    Returns:
        1 where there is one, 0 where all are finite.

    Raises:
        EngineError: The recording can not be read.
    """
    from retrograde.engine.recording.comparing import first_given

    recording = opened(source)
    found = recording.first_break()
    given = None if found is not None else first_given(recording)
    # Masks of attention are made of −∞.
    if given is not None and given.value == -math.inf:
        given = None
    if as_json:
        told = break_record(recording, found) if given is None else given_record(given)
        print(json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        print("\n".join(story(recording, found)) if given is None else given_line(recording, given))
    return 0 if found is None and given is None else 1


def given_line(recording: Recording, given: Found) -> str:
    """What a step was given that is not finite, and what read it."""
    call = recording.records.calls[given.call]
    text = _("{name} = {value} was given to {op}: no step made it")
    return text.format(name=given.symbol, value=shown(given.value), op=call.node or call.op)


def story(recording: Recording, found: Break | None) -> Iterator[str]:
    """Where a step stopped being finite, as lines."""
    if found is None:
        yield _("every value that is in the file is finite, or was made infinite by a number of the program")
        return
    from retrograde.engine.equations.rendering import render
    from retrograde.engine.explaining.nonfinite import Breakdown
    from retrograde.engine.network.program import Place

    op = recording.op(found.op)
    head = op.call.node or op.call.op
    size = op.target.size
    element = _("{op}, element {number} of {size}").format(op=head, number=found.element + 1, size=size)
    what = shown(found.value)
    origin = found.origin
    if origin is not None and origin.node is not None and origin.breakdown is not Breakdown.GIVEN:
        numbers = render(origin.node, lambda ref: shown(recording.frame.value(ref)), times=" × ")
        what = f"{numbers} = {what}  ({origin.breakdown})"
    elif op.has_equation:
        what += _in_the_type(recording, Place(found.op, None, found.element))
    yield f"{lead(element)}{what}"
    yield from step_lines(recording, recording.step_at(Place(found.op, None, found.element)))
    if found.broken > 1:
        yield "  " + _("{broken} of its {size} elements are not finite").format(broken=found.broken, size=size)
    if found.reached:
        listed = joined(found.reached[:_MOST], ", ")
        yield "  " + _("not finite after it: {names}").format(names=listed + (" …" if found.reached[_MOST:] else ""))


def _in_the_type(recording: Recording, place: Place) -> str:
    """Why a value is not finite though no operation of its equation says so."""
    from retrograde.engine.recording.checking import compare

    computed = compare(recording.recorded, place).computed
    if math.isfinite(computed):
        dtype = recording.value_of(recording.op(place.op).target).dtype
        return "  (" + _("overflow of {dtype}: float64 gives {value}").format(dtype=dtype, value=shown(computed)) + ")"
    return "  (" + _("of operands that are infinite") + ")"
