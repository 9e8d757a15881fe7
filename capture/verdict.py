"""From the recorded step to words: which op made it, of what, at which line of the user's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrograde.engine.errors import EngineError
from retrograde.engine.recording.checking import check_op
from retrograde.engine.recording.comparing import Found, first_given, first_jump, largest_given
from retrograde.engine.recording.recording import Recording, load_recording
from retrograde.engine.text import _
from retrograde.torch.checks import Alarm
from retrograde.torch.report import Report
from retrograde.tui.cli.support.recordings import given_line, step_lines, story
from retrograde.tui.plain.numbers import shown

_WHOLE = frozenset({"uint8", "int8", "int16", "int32", "int64"})
_SMALL_CHANGE = ("parameter", "state", "buffer")


@dataclass(slots=True)
class _Cause:
    """What the recorded steps say.

    Attributes:
        step: the step whose file is kept.
        call: the call that did it; None where none is known.
        lines: that in words.
    """

    step: int
    lines: list[str]
    op: str = ""
    node: str = ""


def verdict(
    alarm: Alarm, files: Mapping[int, Path], out: Path, *, same: int, differs: int | None, skipped: int, loss: bool
) -> Report:
    """Reads the recorded steps, keeps the file of the one that did it, and says so.

    Args:
        alarm: what was found, and at which step.
        files: the recorded steps; removed but for one.
        out: where that one goes.
        same: how many steps ran again with the same bits.
        differs: the first that did not; None where all did.
        skipped: how many steps a scaler left out.
        loss: whether a loss was seen.
    """
    cause = _cause(alarm, files)
    files[cause.step].replace(out)
    lines = [_("step {step}: {what}; it is recorded in {path}").format(step=cause.step, what=alarm.text, path=out)]
    if cause.step != alarm.step:
        lines[0] = _("step {step}, seen at step {alarm}: {what}; it is recorded in {path}").format(
            step=cause.step, alarm=alarm.step, what=alarm.text, path=out
        )
    lines += cause.lines
    if differs is None:
        lines.append(_("{same} of {same} steps ran again with the same bits before it was recorded").format(same=same))
    else:
        message = _("not reproducible from step {step} on: recorded as it ran then, not as it ran first")
        lines.append(message.format(step=differs))
    if skipped:
        lines.append(_("the scaler of gradients has skipped {count} steps, as it is meant to").format(count=skipped))
    if not loss:
        lines.append(_("the loss is not known: no backward() of a single number was seen; watch.loss(loss) says it"))
    lines.append(_("`retrograde {path}` opens it, `retrograde why {path}` says again what made it").format(path=out))
    return Report(
        step=cause.step,
        reason=alarm.text,
        path=out,
        reproducible=differs is None,
        op=cause.op,
        node=cause.node,
        lines=tuple(lines),
    )


def _cause(alarm: Alarm, files: Mapping[int, Path]) -> _Cause:
    """What the recorded steps say; where a recording can not be read, that."""
    try:
        return _of_jump(alarm, files) if alarm.jump else _of_break(alarm.step, load_recording(files[alarm.step]))
    except EngineError as error:
        return _Cause(alarm.step, [str(error)])


def _of_break(step: int, recording: Recording) -> _Cause:
    """The first op that made NaN or infinity of finite operands; else what was given that is not finite."""
    found = recording.first_break()
    if found is not None:
        call = recording.op(found.op).call
        lines = [*story(recording, found), *_overflow(recording, found.op)]
        return _Cause(step, lines, call.op, call.node)
    given = first_given(recording)
    if given is None:
        return _Cause(step, [_("no op of the step made it: every value that is in the file is finite")])
    return _given(step, recording, given)


def _of_jump(alarm: Alarm, files: Mapping[int, Path]) -> _Cause:
    """What is new beside the step before; where that is a parameter, what the step before did to it."""
    step = alarm.step
    if step - 1 not in files:
        return _without_comparison(step, load_recording(files[step]))
    while step - 1 in files:
        now, before = load_recording(files[step]), load_recording(files[step - 1])
        found = first_jump(now, before)
        if found is None:
            break
        if found.given and found.element is not None and step - 2 in files:
            kind = now.value_of(now.array(found.name)).kind
            if kind in _SMALL_CHANGE:
                step -= 1
                continue
        return _given(step, now, found)
    return _Cause(step, [_("nothing in it is far larger than in the step before")])


def _without_comparison(step: int, recording: Recording) -> _Cause:
    """Of a step right after a checkpoint there is no step before it to compare with."""
    found = largest_given(recording)
    head = _("a checkpoint lies right before it: there is no step before to compare with")
    if found is None:
        return _Cause(step, [head])
    cause = _given(step, recording, found, _("{name} = {value}, given to {op}, is the largest number it was given"))
    return _Cause(step, [head, *cause.lines], cause.op, cause.node)


def _given(step: int, recording: Recording, found: Found, of_its_own: str = "") -> _Cause:
    call = recording.records.calls[found.call]
    if of_its_own:
        text = of_its_own
    elif found.element is None:
        text = _("{name} of {op} is {value}; in the step before it was {before}")
    elif found.given:
        text = _("{name} = {value} was given to {op}; the largest of the step before was {before}")
    else:
        text = _("{name} = {value}, made by {op}; the largest of the step before was {before}")
    if found.before is None and not of_its_own:
        line = given_line(recording, found)
    else:
        before = "" if found.before is None else shown(found.before)
        line = text.format(name=found.symbol, value=shown(found.value), op=call.node or call.op, before=before)
    lines = [line]
    number = next((one for one in range(len(recording.program.ops)) if recording.op(one).number == found.call), None)
    if number is not None:
        lines += [*_where(recording, number), *_overflow(recording, number)]
    return _Cause(step, lines, call.op, call.node)


def _where(recording: Recording, number: int) -> Iterator[str]:
    """The line of the user's own code."""
    source = recording.source(number)
    if source is not None:
        yield f"{source.file}:{source.line}: {source.text}"


def _overflow(recording: Recording, last: int) -> Iterator[str]:
    """The first op on whole numbers, up to another, whose result did not fit into its type."""
    for number in range(last + 1):
        op = recording.op(number)
        if recording.value_of(op.target).dtype not in _WHOLE:
            continue
        check: Any = check_op(recording.recorded, number)
        if check.worst is not None:
            from retrograde.engine.network.program import Place

            yield _("before it, whole numbers did not fit into their type:")
            yield from step_lines(recording, recording.step_at(Place(number, None, check.worst.element)))
            return
