"""`retrograde trace`: every step with its symbols, its numbers, and where each operand came from."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

from retrograde.engine.expression import Expr, Ref, render
from retrograde.engine.program import Granularity
from retrograde.engine.scenario import load_scenario
from retrograde.engine.session import Session, Step
from retrograde.engine.text import _
from retrograde.tui.headless.numbers import encoded, shown


def write_trace(
    scenario: str, *, start: str | None, end: str | None, granularity: str, form: str, ascii_only: bool
) -> int:
    """Print the steps from one moment to another, as they are computed, and return the exit code.

    Raises:
        EngineError: A moment is not one of this scenario's.
        ScenarioError: The scenario can not be used.
    """
    session = Session(load_scenario(scenario))
    write = as_json if form == "jsonl" else as_text
    translate: Callable[[str], str] = str
    if ascii_only and form == "text":
        from retrograde.tui.look import plain

        translate = plain
    waiting = not sys.stdout.isatty()
    for step in steps(session, Granularity(granularity), start, end):
        print(translate(write(step)), flush=waiting)
    return 0


def steps(
    session: Session, granularity: Granularity, start: str | None = None, end: str | None = None
) -> Iterator[Step]:
    """Yield the steps at which motions of a granularity stop, from one moment to another, ends included.

    Args:
        session: Where to walk; its cursor moves.
        granularity: How far one motion goes.
        start: `E:I:S`, a step number, a percentage, `start` or `end`; None is the first step.
        end: In the same forms; None is the end of the run.

    Raises:
        EngineError: A moment is not one of this session's.
    """
    last = session.length if end is None else _position(session, end)
    session.seek(0 if start is None else max(_position(session, start) - 1, 0))
    while session.position < last and session.step(granularity):
        current = session.current
        if current is not None and session.position <= last:
            yield current


def _position(session: Session, moment: str) -> int:
    """Return the position that a text names."""
    session.seek(int(moment) if moment.isdecimal() else moment)
    return session.position


def as_text(step: Step) -> str:
    """Return a step as a block of lines: the address, the equation, and the operands with their makers."""
    values = {operand.ref: operand for operand in step.operands}
    symbols = _written(step.equation, lambda ref: values[ref].symbol)
    numbers = _written(step.equation, lambda ref: shown(values[ref].value), times=" × ")
    result = shown(step.result)
    parts = [f"{step.symbol} = {symbols}"]
    parts += [text for text in (numbers, result) if text != parts[-1]]
    moment = step.moment
    where = " · ".join(str(part) for part in (moment.phase.value, moment.layer) if part)
    lines = [f"{moment.address}  {where}", "  " + " = ".join(dict.fromkeys(parts))]
    if step.running is not None:
        done, of = step.running
        lines[1] += "  " + _("({done} of {of} samples)").format(done=done, of=of)
    for operand in step.operands:
        made = _("given") if operand.made_by is None else _("step {number}").format(number=operand.made_by)
        lines.append(f"    {operand.symbol} = {shown(operand.value)}  {made}")
    return "\n".join(lines)


def as_json(step: Step) -> str:
    """Return a step as one JSON object on one line; docs/trace.md describes the fields."""
    return json.dumps(record(step), ensure_ascii=False, allow_nan=False)


def record(step: Step) -> dict[str, Any]:
    """Return a step as plain values; NaN and the infinities are strings."""
    values = {operand.ref: operand for operand in step.operands}

    def symbol(ref: Ref) -> str:
        return values[ref].symbol

    def number(ref: Ref) -> str:
        return repr(values[ref].value)

    moment = step.moment
    return {
        "number": step.number,
        "address": moment.address,
        "epoch": moment.epoch + 1,
        "iteration": moment.iteration + 1,
        "step": moment.step,
        "sample": None if moment.sample is None else moment.sample + 1,
        "phase": moment.phase.value,
        "layer": moment.layer,
        "op": moment.op,
        "name": step.name,
        "symbol": step.symbol,
        "equation": _written(step.equation, symbol),
        "numbers": _written(step.equation, number, times=" × "),
        "result": encoded(step.result),
        "final": step.running is None or step.running[0] == step.running[1],
        "operands": [
            {
                "name": operand.name,
                "symbol": operand.symbol,
                "value": encoded(operand.value),
                "made_by": operand.made_by,
            }
            for operand in step.operands
        ],
        "terms": [{"symbols": _written(term, symbol), "value": encoded(value)} for term, value in step.terms],
    }


def _written(expr: Expr, leaf: Callable[[Ref], str], times: str = " · ") -> str:
    """Return an expression as one line."""
    return render(expr, leaf, times=times)
