"""From the equations of an op to loops over slots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

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
from retrograde.engine.executor.native.along import Along, ManyPartsError, parts
from retrograde.engine.executor.native.nodes import Node, Place, described, fewest, repeat, rolled, size, stepping
from retrograde.engine.network.program import Program, unravel
from retrograde.engine.ops.base import Op

MOST_ELEMENTS = 20_000
"""Elements of an op whose equations are compared one by one; the others are asked for all at once."""

TERMS = 100
"""The first variable of the loops over terms; those below are of elements."""
LEVELS = 10
"""Variables for the terms of one sum; a sum inside it has others."""

LEAST_TERMS = 4
"""Terms that are alike from which on they are a loop."""
MANY_TERMS = 12
"""Terms of a sum from which on two that are alike are one: a row of a kernel may have no more."""


SAMPLE = 90
"""The variable of the samples where elements are loops of other variables."""

MOST_BY_SAMPLE = 4096
"""Elements of a sample that are compared one by one."""
MOST_OPERATIONS = 200_000
"""Operations of a sample up to which that is done."""


class UnsuitedError(Exception):
    """A program that is not printed as machine code."""


class _UnevenError(Exception):
    """Slots whose indices are no integers."""


class Lowering:
    """Turns ops of a program into statements: assignments, and loops of them."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def statements(self, op: Op) -> Sequence[Node]:
        """What computes an op.

        Raises:
            UnsuitedError: it is too large for what its equations look like.
        """
        return self.by_parts(op) or self._by_elements(op)

    def by_parts(self, op: Op) -> Sequence[Node]:
        """Loops from the equations of many elements at once; nothing where they have too little in common."""
        program, summed = self._program, op.extent is Extent.SUM
        shape = (program.batch, *op.target.shape) if summed else op.target.shape
        reader = _Reader(program)
        try:
            found = parts(shape, lambda part: reader.node(op.equation(part.indices), 0))
        except (ManyPartsError, _UnevenError, IndexError, TypeError, ValueError):
            # What an equation does with its indices may want numbers: an array that it looks into, as a mask.
            return ()
        statements: list[Node] = []
        for part, value in found:
            loops = part.loops
            if summed and shape[0] > 1:
                if loops[:1] != ((0, shape[0]),):
                    return ()
                loops, value = loops[1:], Node("add", None, (repeat(*loops[0], value),))
            index = part.indices[summed:]
            statement = Node("assign", None, (value,), reader.place(Ref(op.target, index)))
            for loop in reversed(loops):
                statement = repeat(*loop, statement)
            statements.append(statement)
        return statements

    def by_sample(self, op: Op) -> Sequence[Node]:
        """The same from the equations of all elements, but of three samples: of the others they differ by their places.

        Nothing where samples are not a fixed distance apart, or where that is too much to compare.
        """
        program, summed = self._program, op.extent is Extent.SUM
        shape, batch = op.target.element_shape, program.batch
        if not (summed or op.target.batched) or not 0 < prod(shape) <= MOST_BY_SAMPLE:
            return ()
        reader, found = _Reader(program), list[Node]()
        for element in range(prod(shape)):
            value = self._of_samples(reader, op, unravel(element, shape) if shape else ())
            if value is None or size(value) * prod(shape) > MOST_OPERATIONS:
                return ()
            steps = () if summed or batch == 1 else ((SAMPLE, prod(shape)),)
            if summed:
                value = Node("add", None, (repeat(SAMPLE, batch, value),))
            found.append(Node("assign", None, (value,), Place(program.offsets[op.target] + element, steps)))
        loops = fewest(found, _orders(shape), 0)
        return loops if summed else tuple(repeat(SAMPLE, batch, loop) for loop in loops)

    def _of_samples(self, reader: _Reader, op: Op, element: tuple[int, ...]) -> Node | None:
        """The equation of an element for any sample; None where it is not the same for all."""
        batch = self._program.batch
        first = reader.node(op.equation((0, *element)), 1)
        if batch == 1:
            return first
        (key, bases), *others = (
            described(first if sample == 0 else reader.node(op.equation((sample, *element)), 1))
            for sample in (0, 1, batch - 1)
        )
        apart = tuple(b - a for a, b in zip(bases, others[0][1], strict=False))
        if others[0][0] != key or others[1] != (
            key,
            tuple(a + d * (batch - 1) for a, d in zip(bases, apart, strict=False)),
        ):
            return None
        return stepping(first, SAMPLE, apart)

    def _by_elements(self, op: Op) -> Sequence[Node]:
        """Loops over what turns out to be alike, from the equation of each element."""
        program = self._program
        if op.target.size > MOST_ELEMENTS:
            raise UnsuitedError
        if op.target.size == 0:
            return ()
        reader = _Reader(program)
        found: list[Node] = []
        for element in range(op.target.size):
            index = unravel(element, op.target.shape)
            if op.extent is Extent.SUM:
                samples = tuple(reader.node(op.equation((one, *index)), 1) for one in range(program.batch))
                value = reader.folded("add", samples, 0)
            else:
                value = reader.node(op.equation(index), 0)
            found.append(Node("assign", None, (value,), Place(program.offsets[op.target] + element)))
        return rolled(found, 0, 2)


class _Reader:
    """Reads equations of one element, or of those that go along loops."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def node(self, expr: Expr | _Given, depth: int) -> Node:
        """An equation; ``depth`` is how many sums it is inside."""
        return expr.node if isinstance(expr, _Given) else RULES[type(expr)](self, expr, depth)

    def nodes(self, parts: Sequence[Expr], depth: int) -> tuple[Node, ...]:
        """Several equations."""
        return tuple(self.node(part, depth) for part in parts)

    def folded(self, kind: str, parts: tuple[Node, ...], depth: int) -> Node:
        """Parts that are taken together from left to right."""
        if len(parts) == 1:
            return parts[0]
        least = LEAST_TERMS if len(parts) <= MANY_TERMS else 2
        return Node(kind, None, rolled(parts, TERMS + LEVELS * depth, least))

    def place(self, ref: Ref) -> Place:
        """Where a slot is, or the slots along the loops are."""
        base, steps = self._program.offsets[ref.array], dict[int, int]()
        stride = 1
        for part, length in zip(reversed(ref.index), reversed(ref.array.shape), strict=True):
            if isinstance(part, Along):
                base += part.base * stride
                for variable, step in part.steps.items():
                    steps[variable] = steps.get(variable, 0) + step * stride
            elif isinstance(part, int):
                base += part * stride
            else:
                raise _UnevenError
            stride *= length
        return Place(base, tuple(sorted((variable, step) for variable, step in steps.items() if step)))


def _orders(shape: tuple[int, ...]) -> Iterator[list[int]]:
    """Orders of the elements: row by row, and with the first axis, or the first two, changing first instead."""
    elements = np.arange(prod(shape)).reshape(shape)
    for turned in range(min(3, max(1, len(shape)))):
        axes = (*range(turned, len(shape)), *range(turned))
        yield elements.transpose(axes).ravel().tolist()


class _Given:
    """What a function is applied to, while its definition is read."""

    def __init__(self, node: Node) -> None:
        self.node = node


def _call(reader: _Reader, expr: Call, depth: int) -> Node:
    argument = reader.node(expr.argument, depth)
    if expr.function.definition is not None:
        given: Any = _Given(argument)
        return reader.node(expr.function.definition(given), depth)
    return Node("call", expr.function, (argument,))


def _select(reader: _Reader, expr: Select, depth: int) -> Node:
    condition = expr.condition
    parts = reader.nodes((condition.left, condition.right, expr.then, expr.otherwise), depth)
    return Node("select", condition.op, parts)


def _pick(reader: _Reader, expr: Pick, depth: int) -> Node:
    place = reader.place(Ref(expr.array, (0, *expr.rest)))
    rows = expr.array.shape[0]
    return Node("entry", (rows, expr.array.size // rows), (reader.node(expr.number, depth),), place)


RULES: Mapping[type[Any], Callable[[_Reader, Any, int], Node]] = {
    Const: lambda _reader, expr, _depth: Node("number", float(expr.value).hex()),
    Ref: lambda reader, expr, _depth: Node("load", None, (), reader.place(expr)),
    Neg: lambda reader, expr, depth: Node("neg", None, (reader.node(expr.operand, depth),)),
    Sum: lambda reader, expr, depth: reader.folded("add", reader.nodes(expr.terms, depth + 1), depth),
    Product: lambda reader, expr, depth: reader.folded("mul", reader.nodes(expr.factors, depth + 1), depth),
    Sub: lambda reader, expr, depth: Node("sub", None, reader.nodes((expr.left, expr.right), depth)),
    Div: lambda reader, expr, depth: Node("div", None, reader.nodes((expr.numerator, expr.denominator), depth)),
    Call: _call,
    Select: _select,
    Max: lambda reader, expr, depth: reader.folded("larger", reader.nodes(expr.terms, depth + 1), depth),
    ArgMax: lambda reader, expr, depth: Node("winner", expr.numbers, reader.nodes(expr.largest.terms, depth)),
    Pick: _pick,
}
"""By class of node of an equation: what computes it."""
