"""`retrograde trace`: every step with its symbols, its numbers, and where each operand came from."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.recording import is_recording
from retrograde.engine.text import N_, _
from retrograde.tui.cli.support.loading import load
from retrograde.tui.cli.support.recordings import trace_recording
from retrograde.tui.cli.support.subcommand import Subcommand, argument, plain_characters
from retrograde.tui.plain.numbers import shown
from retrograde.tui.plain.steps import step_record

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.session.session import Session


def write_trace(
    scenario: str, *, start: str | None, end: str | None, granularity: str, form: str, ascii_only: bool
) -> int:
    """Print the steps from one moment to another, as they are computed, and return the exit code.

    Raises:
        EngineError: A moment is not one of this scenario's.
        ScenarioError: The scenario can not be used.
    """
    from retrograde.engine.session.session import Session

    translate: Callable[[str], str] = str
    if ascii_only and form == "text":
        from retrograde.tui.canvas.glyphs import plain

        translate = plain
    if is_recording(scenario):
        return trace_recording(scenario, start=start, end=end, granularity=granularity, form=form, translate=translate)
    session = Session(load(scenario))
    write = as_json if form == "jsonl" else as_text
    # A program that reads along gets each step when it is made; a terminal is quicker with a full buffer.
    waiting = not sys.stdout.isatty()
    for step in steps(session, granularity, start, end):
        print(translate(write(step)), flush=waiting)
    return 0


def steps(session: Session, granularity: str, start: str | None = None, end: str | None = None) -> Iterator[Step]:
    """The steps at which motions of a granularity stop, from one moment to another, ends included.

    Args:
        session: Where to walk; its cursor moves.
        granularity: How far one motion goes.
        start: `E:I:S`, `E:I`, `E` (their first step), `@N` (step N), `50%` of the run, `start`, `end`; None is
            the first step.
        end: In the same forms (`E:I` and `E` mean their last step); None is the end of the run.

    Raises:
        EngineError: A moment is not one of this session's.
    """
    if start is None and end is None:
        from retrograde.engine.session.session import trace

        yield from trace(session.scenario, granularity)
        return
    moments = [moment.strip() for moment in (start, end) if moment is not None]
    if relative := next((moment for moment in moments if moment.startswith(("+", "-"))), None):
        message = _("{where} is relative to a cursor, which a trace has not; try 2:1:17, @120 or 50%")
        raise EngineError(message.format(where=relative))
    if end is None or any(moment == "end" or moment.endswith("%") for moment in moments):
        session.run()
    last = session.frontier
    if end is not None:
        session.seek(end)
        last = session.position
    first = 1
    if start is not None:
        session.seek(_from_its_first_step(start))
        first = max(session.position, 1)
    if first > last:
        message = _("the trace would start at step {first} and end at step {last}")
        raise EngineError(message.format(first=first, last=last))
    session.seek(first - 1)
    while session.step(granularity):
        current = session.current
        if current is None or current.number > last:
            return
        yield current


def _from_its_first_step(moment: str) -> str:
    """The address of the first step of an epoch or an iteration; other moments as they are."""
    if re.fullmatch(r"\d+(:\d+)?", moment.strip()):
        return moment.strip() + (":1" if ":" in moment else ":1:1")
    return moment


def as_text(step: Step) -> str:
    """A step as lines: where it is, the equation, and the operands with the steps that made them."""
    from retrograde.engine.equations.rendering import render

    moment = step.moment
    where = [_(moment.phase.value), moment.layer]
    if moment.sample is not None and step.program.batch > 1:
        where.insert(0, _("sample {number}").format(number=moment.sample + 1))
    symbols, numbers = step.text()
    sides = [step.part, symbols, numbers]
    if not step.term:
        sides.append(shown(step.contribution))
    lines = [
        f"{moment.address}  {' · '.join(filter(None, where))}",
        "  " + " = ".join(dict.fromkeys(sides)),
    ]
    if step.term:
        term = step.terms[step.term - 1]
        message = _("term {number} of {count}: {term}; the sum so far is {partial}")
        written = render(term.expr, step.notation.symbol)
        lines.append(
            "  "
            + message.format(
                number=step.term,
                count=len(step.terms),
                term=f"{written} = {shown(term.value)}",
                partial=shown(term.partial),
            )
        )
    elif step.running is not None and step.running.of > 1:
        message = _("{symbol} so far, {done} of {of} samples: {sum}")
        if step.final:
            message = _("{symbol} of all {of} samples: {sum}")
        done, of = step.running
        lines.append("  " + message.format(symbol=step.symbol, done=done, of=of, sum=shown(step.result)))
    for operand in step.operands:
        made = _("given") if operand.made_by is None else _("step {number}").format(number=operand.made_by)
        lines.append(f"    {operand.symbol} = {shown(operand.value)}  {made}")
    return "\n".join(lines)


def as_json(step: Step) -> str:
    """A step as one JSON object on one line; docs/trace.md describes the fields."""
    return _encoded(step_record(step))


_encoded = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


COMMAND = Subcommand(
    name="trace",
    help=N_("print every step with its symbols and numbers"),
    arguments=(
        argument("scenario", metavar="NAME|FILE.toml|FILE.rgrec"),
        argument(
            "--from",
            dest="start",
            metavar="MOMENT",
            help=N_("first step: 2:1:17 (epoch:iteration:step), 2:1, 2, @120, 50%%"),
        ),
        argument("--to", dest="end", metavar="MOMENT", help=N_("last step, in the same forms")),
        argument(
            "--granularity",
            default="step",
            choices=("term", "step", "layer", "phase", "sample", "iteration", "epoch"),
            help=N_("print only the steps where a motion of this size stops (default: step)"),
        ),
        argument("--format", default="text", choices=("text", "jsonl"), help=N_("default: text")),
        plain_characters(default=argparse.SUPPRESS),
    ),
    run=lambda given: write_trace(
        given.scenario,
        start=given.start,
        end=given.end,
        granularity=given.granularity,
        form=given.format,
        ascii_only=given.ascii,
    ),
    page="trace.md",
)
