"""A step as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from retrograde.tui.plain.numbers import encoded

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Expr, Ref
    from retrograde.engine.explaining.step import Step


def step_record(step: Step) -> dict[str, Any]:
    """A step as plain values; NaN and the infinities are strings."""
    from retrograde.engine.equations.rendering import render

    symbol = step.notation.symbol
    values = {ref: step.frame.value(ref) for ref in step.reads}

    def number(ref: Ref) -> str:
        return repr(values[ref])

    def written(expr: Expr) -> str:
        return render(expr, symbol)

    moment = step.moment
    equation = written(step.equation)
    return {
        "number": step.number,
        "address": moment.address,
        "epoch": moment.epoch + 1,
        "iteration": moment.iteration + 1,
        "step": moment.step,
        "term": step.term or None,
        "sample": None if moment.sample is None else moment.sample + 1,
        "phase": moment.phase.value,
        "layer": moment.layer,
        "op": moment.op + 1,
        "name": step.name,
        "symbol": step.symbol,
        "equation": equation,
        "numbers": render(step.equation, number, times=" × "),
        "result": encoded(step.result),
        "final": step.final and not step.term,
        "operands": [
            {
                "name": operand.name,
                "symbol": operand.symbol,
                "value": encoded(values[operand.ref]),
                "made_by": operand.made_by,
            }
            for operand in step.operands
        ],
        "terms": [
            {"symbols": equation if term.expr is step.equation else written(term.expr), "value": encoded(term.value)}
            for term in step.terms
        ],
    }
