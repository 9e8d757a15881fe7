"""Printing a program as Python: slot k is the variable ``v<k>``, an iteration a list of assignments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from retrograde.engine.equations.array import Extent
from retrograde.engine.equations.expression import (
    ArgMax,
    Call,
    Const,
    Div,
    Expr,
    Max,
    Neg,
    Pick,
    Product,
    Ref,
    Select,
    Sub,
    Sum,
)
from retrograde.engine.network.program import Program, ravel, unravel

SUM_LIMIT = 500
"""Terms in one printed sum; a longer one is split, because the compiler's stack is finite."""


class Printer:
    """Prints the equations of a program.

    Args:
        program: the program.
        guarded: whether a quotient is printed so that it never raises.
        passing: whether each value goes through a function ``passed`` as soon as it is made.
    """

    def __init__(self, program: Program, *, guarded: bool, passing: bool = False) -> None:
        self.program = program
        self.guarded = guarded
        self.passing = passing

    def slot(self, ref: Ref) -> str:
        """The variable of a slot."""
        return f"v{self.program.offsets[ref.array] + ravel(ref.index, ref.array.shape)}"

    def source(self, expr: Expr) -> str:
        """An expression as Python source."""
        return RULES[type(expr)](self, expr)

    def joined(self, sign: str, *parts: Expr) -> str:
        """Some expressions with a sign between them, in brackets."""
        return f"({f' {sign} '.join(map(self.source, parts))})"

    def several(self, parts: Iterable[Expr]) -> str:
        """A tuple of some expressions."""
        return f"({''.join(f'{self.source(part)}, ' for part in parts)})"

    def assignments(self, replaced: Mapping[int, str]) -> Iterator[str]:
        """An iteration: every slot that an op makes, in order.

        Args:
            replaced: slots that get the value of a variable instead.
        """
        program = self.program
        for op in program.ops:
            for element in range(op.target.size):
                slot = program.offsets[op.target] + element
                if slot in replaced:
                    yield f"v{slot} = {replaced[slot]}"
                    continue
                index = unravel(element, op.target.shape)
                if op.extent is Extent.SUM:
                    yield from self._sum(slot, [op.equation((sample, *index)) for sample in range(program.batch)])
                else:
                    equation = op.equation(index)
                    yield from self._sum(slot, equation.terms if isinstance(equation, Sum) else (equation,))
                if self.passing:
                    yield f"v{slot} = passed({slot}, v{slot})"

    def _sum(self, slot: int, parts: Sequence[Expr]) -> Iterator[str]:
        printed = [self.source(part) for part in parts]
        yield f"v{slot} = {' + '.join(printed[:SUM_LIMIT])}"
        for start in range(SUM_LIMIT, len(printed), SUM_LIMIT):
            yield f"v{slot} = v{slot} + {' + '.join(printed[start : start + SUM_LIMIT])}"


def _div(printer: Printer, expr: Div) -> str:
    if printer.guarded:
        return f"divide({printer.source(expr.numerator)}, {printer.source(expr.denominator)})"
    return printer.joined("/", expr.numerator, expr.denominator)


def _call(printer: Printer, expr: Call) -> str:
    function = expr.function
    if function.definition is not None:
        return printer.source(function.definition(expr.argument))
    return f"{function.name}({printer.source(expr.argument)})"


def _select(printer: Printer, expr: Select) -> str:
    left, right = printer.source(expr.condition.left), printer.source(expr.condition.right)
    test = f"{left} {expr.condition.op.value} {right}"
    return f"({printer.source(expr.then)} if {test} else {printer.source(expr.otherwise)})"


def _largest(printer: Printer, parts: Sequence[Expr]) -> str:
    """The first of the largest, by halves: the compiler's stack is finite."""
    if len(parts) == 1:
        return printer.source(parts[0])
    middle = len(parts) // 2
    return f"larger({_largest(printer, parts[:middle])}, {_largest(printer, parts[middle:])})"


def _pick(printer: Printer, expr: Pick) -> str:
    column = (Ref(expr.array, (row, *expr.rest)) for row in range(expr.array.shape[0]))
    return f"entry({printer.source(expr.number)}, {printer.several(column)})"


RULES: Mapping[type[Any], Callable[[Printer, Any], str]] = {
    Const: lambda _printer, expr: repr(float(expr.value)),
    Ref: Printer.slot,
    Neg: lambda printer, expr: f"(-{printer.source(expr.operand)})",
    Sum: lambda printer, expr: printer.joined("+", *expr.terms),
    Product: lambda printer, expr: printer.joined("*", *expr.factors),
    Sub: lambda printer, expr: printer.joined("-", expr.left, expr.right),
    Div: _div,
    Call: _call,
    Select: _select,
    Max: lambda printer, expr: _largest(printer, expr.terms),
    ArgMax: lambda printer, expr: f"winner({expr.numbers!r}, {printer.several(expr.largest.terms)})",
    Pick: _pick,
}
"""By class of node: its source."""
