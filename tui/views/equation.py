"""The step on the screen with everything that explains it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Const, Expr, Ref, Sum, mapped, refs
from retrograde.engine.equations.rendering import Token, tokens
from retrograde.engine.explaining.step import part_of
from retrograde.engine.late import late
from retrograde.engine.text import _, ngettext
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink, signed
from retrograde.tui.pictures.table import pictures_of
from retrograde.tui.reading.figures import show
from retrograde.tui.reading.reading import Reading
from retrograde.tui.records.equation import Badge, EquationView, OperandRow
from retrograde.tui.views.chain import chain
from retrograde.tui.views.code import code_of
from retrograde.tui.views.explain import notes_of, notes_of_branch, question, why
from retrograde.tui.views.lens import Lens
from retrograde.tui.views.operands import Whole, operands_of
from retrograde.tui.views.welcome import welcome

if TYPE_CHECKING:
    from retrograde.engine.equations.array import Array
    from retrograde.engine.explaining.step import Operand, Step
    from retrograde.tui.views import recorded
else:
    recorded = late("retrograde.tui.views.recorded")

MOST_OPERANDS = 120
"""Operands that are made ready at once."""
MOST_TERMS = 8
"""Terms of a sum that are written out; of a longer sum the largest and the last."""
STEPS_BEFORE, STEPS_AFTER = 4, 8
"""Steps around the one on the screen that are shown where there is room."""
LARGEST = 3
"""How many of them."""
MOST_ORIGINS = 12
"""Operands up to which it is said of each where it comes from; of more, how many come from where."""


def equation_view(
    reading: Reading,
    lens: Lens,
    badges: tuple[Badge, ...] = (),
    *,
    tall: bool = False,
    height: int | None = None,
) -> EquationView:
    """The step on the screen with everything that explains it.

    Args:
        reading: the reading.
        lens: the selection.
        badges: the checks of the step.
        tall: whether there is room for the steps around it.
        height: rows of the panel, None for any: more operands than that are summed up, so that no more are made ready.
    """
    step, recording = reading.step, reading.recording
    if step is None:
        return welcome(reading) if recording is None else recorded.welcome(reading, recording)
    digits = lens.digits
    read = operands_of(reading)
    first = max(lens.operand - MOST_OPERANDS // 2, 0) if len(read) > MOST_OPERANDS else 0
    most = MOST_OPERANDS
    if height is not None and lens.operand < 0:
        most = min(most, max(height, MOST_ORIGINS) + 1)
    operands = tuple(_operand_row(reading, operand, digits) for operand in read[first : first + most])
    rows = EquationView(
        operands=operands,
        first=first,
        more=len(read) - first - len(operands),
        selected=lens.operand if lens.operand < len(read) else -1,
        origins=_origins(reading, read) if len(read) > MOST_ORIGINS else (),
    )
    if recording is not None and recording.silence(step.place.op):
        return recorded.silent_view(reading, recording, step, rows)
    equation = step.equation
    many = _count_refs(equation)
    few = digits if many <= 6 or digits >= 17 else 5
    right = _shortened(step) if recording is None else _shortened_inside(_shortened(step))
    numbers = _spans(right, lambda ref: show(reading.frame.value(ref), few), " × ")
    shown_value = step.result if reading.term else step.contribution
    result = Span(show(shown_value, digits) + (" …" if reading.term else ""), _value_ink(shown_value))
    total = _total(step, digits)
    trivial = len(numbers) == 1 and numbers[0].text == result.text
    said = replace(
        rows,
        left=step.part if total else reading.symbol(step.target),
        symbols=_spans(right, reading.symbol, " · "),
        numbers=() if trivial else numbers,
        result=result,
        total=total,
        badges=badges,
    )
    if recording is not None:
        asked, line = recorded.titles(recording, step)
        notes = recorded.notes(reading, recording, step, digits)
        return replace(said, question=asked, why=line, notes=notes)
    left, factors = chain(reading, step)
    return replace(
        said,
        question=question(reading, step),
        why=why(reading, step),
        pictures=pictures_of(reading, step, digits),
        unfolded=left,
        factors=factors,
        notes=(
            *notes_of(reading, step, digits),
            *notes_of_branch(reading, step, digits),
            *code_of(step, lens.library),
        ),
        around=_around(reading, step, digits) if tall else (),
    )


def _around(reading: Reading, step: Step, digits: int) -> tuple[Line, ...]:
    """The steps of the iteration before and after; what is not computed yet has no number."""
    here, program = step.program.number(step.place), step.program
    found: list[Line] = []
    # At an end of the iteration more of the other side are shown: as many in all.
    count = STEPS_BEFORE + STEPS_AFTER + 1
    first = max(min(here - STEPS_BEFORE, program.steps - count), 0)
    for number in range(first, min(first + count, program.steps)):
        other = step if number == here else replace(step, place=program.place(number), term=0)
        batch = other.running is not None and other.running.of > 1
        symbol = other.part if batch else reading.symbol(other.target)
        line = [
            Span(f"{number + 1:>6,}  ", Ink.KEY if number == here else Ink.DIM),
            Span(symbol, Ink.STRONG if number == here else Ink.TEXT),
            Span(" = ", Ink.DIM),
            *_spans(_shortened(other, known=number == here), reading.symbol, " · "),
        ]
        if number < here:
            line += [Span(" = ", Ink.DIM), Span(show(other.contribution, digits), _value_ink(other.contribution))]
        found.append(tuple(line))
    return tuple(found)


def _operand_row(reading: Reading, operand: Operand, digits: int) -> OperandRow:
    if isinstance(operand, Whole):
        origin = _origin(reading, operand.made_by, operand.ref)
        return OperandRow(symbol=operand.symbol, value=operand.size, origin=origin, made=operand.made_by is not None)
    return OperandRow(
        symbol=operand.symbol,
        value=show(operand.value, digits),
        origin=_origin(reading, operand.made_by, operand.ref) + _elsewhere(reading, operand.ref, digits),
        ink=_value_ink(operand.value),
        made=operand.made_by is not None,
    )


def _origins(reading: Reading, read: Sequence[Operand]) -> Line:
    """Where many operands come from: how many of them are data, initial values, or made by which steps."""
    start = reading.schedule.start(reading.iteration)
    given: dict[str, int] = {}
    words: dict[Array, str] = {}
    made: list[int] = []
    for operand in read:
        # Of all slots of an array that no op makes, and of all that were made before, it is the same.
        word = words.get(operand.ref.array)
        if word is None:
            number = operand.made_by
            if number is not None and number > start:
                made.append(number - start)
                continue
            word = words[operand.ref.array] = _origin(reading, number, operand.ref)
        given[word] = given.get(word, 0) + 1
    count = ngettext("{count} operand", "{count} operands", len(read)).format(count=f"{len(read):,}")
    parts = [f"{many:,} × {word}" for word, many in given.items()]
    if made:
        steps = _("steps {first} to {last}").format(first=f"{min(made):,}", last=f"{max(made):,}")
        parts.append(f"{len(made):,} × {steps}")
    return (Span(count + "  ", Ink.OPERAND), Span(" · ".join(parts), Ink.DIM))


def _total(step: Step, digits: int) -> Line:
    """The sum over the samples as far as it has come, where it has one: E = E{1} + … + E{4} = 51.7, 4 of 4 samples."""
    running = step.running
    if running is None or running.of <= 1 or step.term:
        return ()
    text = "" if step.final else _("so far: {done} of {count} samples")
    spans = [Span(step.symbol, Ink.STRONG), Span(" = ", Ink.DIM)]
    if "/" not in step.symbol:
        parts = [part_of(step.symbol, sample) for sample in sorted({1, running.done})]
        if running.done > 2:
            parts.insert(1, "…")
        spans += [Span(" + ".join(parts), Ink.TEXT), Span(" = ", Ink.DIM)]
    elif step.final:
        text = _("all {count} samples")
    spans.append(Span(show(step.result, digits), _value_ink(step.result)))
    if not text:
        return tuple(spans)
    return (
        *spans,
        Span("  " + text.format(done=running.done, count=running.of), Ink.ACCENT if not step.final else Ink.DIM),
    )


def _count_refs(expr: Expr) -> int:
    return sum(1 for _ref in refs(expr))


def _value_ink(value: float) -> int:
    if not math.isfinite(value):
        return Ink.BAD
    return signed(value)


def _shortened(step: Step, *, known: bool = True) -> Expr:
    """The equation; of a long sum the three largest terms and the last one, or the first three where none is known."""
    expr = step.equation
    if not isinstance(expr, Sum) or len(expr.terms) <= MOST_TERMS:
        return expr
    last = len(expr.terms) - 1
    if not known or len(step.terms) != len(expr.terms):
        return Sum((*expr.terms[:LARGEST], Const(0.0, "…"), expr.terms[last]))
    # What is not a number comes first, since nothing else matters then.
    sizes = [abs(term.value) if term.value == term.value else math.inf for term in step.terms[:last]]
    largest = sorted(sorted(range(last), key=lambda k: -sizes[k])[:LARGEST])
    return Sum((*(expr.terms[k] for k in largest), Const(0.0, "…"), expr.terms[last]))


def _shortened_inside(expr: Expr) -> Expr:
    """Each long sum in it with its first terms and the last one: of a recording they stand in products too."""
    if isinstance(expr, Sum) and len(expr.terms) > MOST_TERMS:
        expr = Sum((*expr.terms[:LARGEST], Const(0.0, "…"), expr.terms[-1]))
    return expr if isinstance(expr, Ref | Const) else mapped(expr, _shortened_inside)


def _spans(expr: Expr, leaf: Callable[[Ref], str], times: str) -> Line:
    made: list[Token] = tokens(expr, leaf, times=times)
    return tuple(Span(text, Ink.OPERAND if ref is not None else Ink.TEXT) for text, ref in made)


def _origin(reading: Reading, made: int | None, ref: Ref) -> str:
    """Where an operand comes from, in words."""
    role = ref.array.role
    if made is not None:
        start = reading.schedule.start(reading.iteration)
        if made > start:
            return _("step {number}").format(number=f"{made - start:,}")
        return _("update of the iteration before")
    if role is Role.VALUE and any(leaf.array is ref.array for leaf in reading.program.dated):
        return _("from the number of the iteration")
    if reading.recording is not None:
        return _KINDS.get(reading.recording.value_of(ref.array).kind, lambda: _("given"))()
    return {
        Role.INPUT: _("input"),
        Role.TARGET: _("target"),
        Role.RATE: _("learning rate"),
        Role.HYPER: _("hyperparameter"),
        Role.MASK: _("mask of the iteration"),
    }.get(role, _("initial value"))


_KINDS: Mapping[str, Callable[[], str]] = {
    "parameter": lambda: _("parameter"),
    "buffer": lambda: _("buffer"),
    "state": lambda: _("memory of the optimiser"),
    "input": lambda: _("input"),
    "drawn": lambda: _("drawn"),
}
"""What a value of a recording is that no step made."""


def _elsewhere(reading: Reading, ref: Ref, digits: int) -> str:
    """What an operand is on the parent branch, where it is something else."""
    before = reading.before(ref)
    return "" if before is None else " · " + _("was {value}").format(value=show(before, digits))
