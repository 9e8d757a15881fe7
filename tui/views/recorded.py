"""A step of a recording: its equation, the line of code that it belongs to, and how its number holds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.text import _, ngettext
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink, signed
from retrograde.tui.reading.figures import show, show_signed
from retrograde.tui.reading.recorded import headline, line_of_code, step_of, where
from retrograde.tui.records.equation import EquationView

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.recording.recording import Recording
    from retrograde.tui.reading.reading import Reading


def titles(recording: Recording, step: Step) -> tuple[str, str]:
    """What the step is, and the user's own line beside it."""
    place, text = line_of_code(recording, step.place.op)
    return where(recording, step.place.op), f"{place}  {text}" if place else ""


def silent_view(reading: Reading, recording: Recording, step: Step, rows: EquationView) -> EquationView:
    """A step whose op says nothing of its elements: its value where that is in the file, and why there is no more."""
    reason = recording.silence(step.place.op)
    value = reading.visible(step.target)
    question, line = titles(recording, step)
    return EquationView(
        question=question,
        why=line,
        left=reading.symbol(step.target),
        symbols=(Span(step.op.title + "(…)", Ink.TEXT),),
        result=Span(show(value), Ink.BAD if value is not None and not math.isfinite(value) else signed(value)),
        notes=((Span(reason, Ink.CHANGED),), *notes(reading, recording, step, 9)),
        operands=rows.operands,
        first=rows.first,
        more=rows.more,
        selected=rows.selected,
    )


def notes(reading: Reading, recording: Recording, step: Step, digits: int) -> tuple[Line, ...]:
    """In which type the number was recorded, what it means of a parameter, and what was noted here."""
    array = step.target.array
    dtype = recording.value_of(array).dtype
    found: list[Line] = [(Span(_("recorded in {dtype}").format(dtype=dtype), Ink.DIM),)]
    of = array.of
    value = reading.visible(step.target)
    if array.role is Role.UPDATED and of is not None and of.shape == array.shape and value is not None:
        before = reading.visible(Ref(of, step.target.index))
        if before is not None:
            text = _("{name} moves by {change}").format(
                name=reading.symbol(Ref(of, step.target.index)), change=show_signed(value - before, digits)
            )
            found.append((Span(text, signed(value - before)),))
    if value is not None and not math.isfinite(value):
        found.append((Span(_("not a finite number: look where it comes from with w"), Ink.BAD),))
    if reading.note:
        found.append((Span(_("note: {text}").format(text=reading.note), Ink.ACCENT),))
    return tuple(found)


def welcome(reading: Reading, recording: Recording) -> EquationView:
    """What is in the file, the first value that is not finite, and the first keys."""
    records, program = recording.records, reading.program
    paragraphs: list[Line] = []
    broken = recording.broken
    if broken is not None:
        text = _("The first value that is not finite: {what}.").format(what=headline(recording, broken))
        paragraphs.append((Span(text, Ink.BAD),))
        place, line = line_of_code(recording, broken.op)
        if place:
            paragraphs.append((Span(f"{place}  {line}", Ink.TEXT),))
        step = f"{step_of(recording, broken):,}"
        paragraphs.append((Span("Enter", Ink.KEY), Span(_(" goes there, to step {step}.").format(step=step), Ink.TEXT)))
    count = ngettext("{count} op", "{count} ops", len(program.ops)).format(count=f"{len(program.ops):,}")
    facts = _("{steps} steps of {ops}; PyTorch {torch} on {device}").format(
        steps=f"{program.steps:,}", ops=count, torch=records.torch, device=records.device
    )
    paragraphs.append((Span(facts, Ink.DIM),))
    if reading.loss is not None:
        said = _("E is {name}, at which the backward pass begins.").format(name=reading.symbol(reading.loss))
        paragraphs.append((Span(said, Ink.DIM),))
    if records.torch:
        paragraphs += [(Span(note, Ink.CHANGED),) for note in records.notes]
    keys = (
        Span("→", Ink.KEY),
        Span(_(" makes the first step, "), Ink.TEXT),
        Span("n", Ink.KEY),
        Span(_(" goes to the next module, "), Ink.TEXT),
        Span("D", Ink.KEY),
        Span(_(" looks for what is wrong, "), Ink.TEXT),
        Span("?", Ink.KEY),
        Span(_(" shows all keys."), Ink.TEXT),
    )
    paragraphs.append(keys)
    return EquationView(
        question=recording.file.path.name,
        why=_("One step of a training that ran elsewhere, as it was recorded."),
        prose=tuple(paragraphs),
    )


def loss_lines(reading: Reading, recording: Recording, label: Line) -> tuple[Line, ...]:
    """E, the op that made it and its line of code: of one step there is no curve."""
    ref = reading.loss
    if ref is None:
        return ((Span(_("no backward pass was recorded, and so no loss"), Ink.DIM),),)
    lines: list[Line] = [label]
    made = reading.program.produced(ref)
    if made is not None:
        op = reading.program.place(made).op
        lines.append((Span(where(recording, op), Ink.DIM),))
        place, text = line_of_code(recording, op)
        if place:
            lines.append((Span(f"{place}  ", Ink.DIM), Span(text, Ink.TEXT)))
    lines.append((Span(_("one step: there is no curve"), Ink.FAINT),))
    return tuple(lines)
