"""The generated executor: all equations of a small program printed as straight-line Python, and compiled.

Two variants are made, each when it is first needed. The fast one calls the standard library, which raises where IEEE
arithmetic gives inf or NaN; when it does, the iterations at hand are done again by the guarded one, which has the
same bits everywhere else and never raises.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Extent, Role
from retrograde.engine.equations.evaluation import PYTHON
from retrograde.engine.equations.expression import (
    ArgMax,
    Call,
    Comparison,
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
    is_place,
)
from retrograde.engine.equations.functions import PRIMITIVES
from retrograde.engine.formulas.meaning import HELPERS
from retrograde.engine.formulas.probe import Probe, Record, earlier, lines
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program, ravel, unravel

SUM_LIMIT = 500
"""Terms in one printed sum; a longer one is split, because the compiler's stack is finite."""

WATCHERS = 16
"""Compiled loops that are kept, one a probe."""

Row = tuple[float, ...]
Batch = tuple[Row, ...]


def larger(left: float, right: float) -> float:
    """The first of the larger two, or the first NaN."""
    return left if left >= right or left != left else right


def winner(numbers: tuple[int, ...], values: tuple[float, ...]) -> float:
    """The number of the first of the largest values, or of the first NaN."""
    best, found = values[0], numbers[0]
    for number, value in zip(numbers, values, strict=True):
        if not (best >= value or best != best):
            best, found = value, number
    return float(found)


def entry(number: float, column: tuple[float, ...]) -> float:
    """The entry with a number, from 0; NaN where there is none."""
    return column[int(number)] if is_place(number, len(column)) else math.nan


class GeneratedExecutor:
    """Executes a program as generated Python; see ``executor.base.Executor``.

    Args:
        program: the program.
        constants: the values of the leaves that are not data, in the order of ``program.leaves``.
    """

    mathematics = PYTHON

    def __init__(self, program: Program, constants: Mapping[Array, Floats]) -> None:
        self.program = program
        self._constants = {
            array: tuple(values.ravel().tolist()) for array, values in constants.items() if array in program.offsets
        }
        self._rows: list[Row] | None = None
        self._compiled: dict[tuple[str, bool, frozenset[int]], Callable[..., Any]] = {}
        self._watching: dict[tuple[Probe, bool], Callable[..., Any]] = {}

    def leaves(self, columns: Sequence[Floats], rows: Any, dated: Sequence[Floats] = ()) -> Batch:
        if self._rows is None:
            # A network without inputs and targets has one sample, of nothing.
            table = np.concatenate(columns, axis=1).tolist() if columns else [[]]
            self._rows = [tuple(row) for row in table]
        every = self._rows
        batch = tuple([every[row] for row in rows])
        if not dated:
            return batch
        return (*batch, tuple(value for values in dated for value in values.ravel().tolist()))

    def frame(self, state: Floats, leaves: Batch, overrides: Mapping[Ref, float] | None = None) -> Frame:
        replaced = {self.program.offset(ref): value for ref, value in (overrides or {}).items()}
        arguments = (tuple(state.tolist()), leaves, tuple(replaced[slot] for slot in sorted(replaced)))
        slots = frozenset(replaced)
        try:
            values = self._function("frame", guarded=False, slots=slots)(*arguments)
        except (ArithmeticError, ValueError):
            values = self._function("frame", guarded=True, slots=slots)(*arguments)
        return Frame(self.program, np.array(values, dtype=np.float64), self.mathematics)

    def advance(self, state: Floats, batches: Sequence[Batch], losses: list[float]) -> Floats:
        start = tuple(state.tolist())
        mark = len(losses)
        try:
            end = self._function("advance", guarded=False)(start, batches, losses.append)
        except (ArithmeticError, ValueError):
            del losses[mark:]
            end = self._function("advance", guarded=True)(start, batches, losses.append)
        return np.array(end, dtype=np.float64)

    def watch(self, state: Floats, batches: Sequence[Batch], probe: Probe, record: Record, per_epoch: int) -> Floats:
        before = tuple(record.before.get(key, math.nan) for key in earlier(probe, self.program))
        marks = (len(record.losses), len(record.hits), [len(column) for column in record.columns])
        losses, hits = record.losses, record.hits

        def hit() -> None:
            hits.append(len(losses) - 1)

        arguments = (tuple(state.tolist()), batches, losses.append, hit, before, record.start + marks[0], per_epoch)
        puts = [column.append for column in record.columns]
        try:
            end, last = self._watcher(probe, guarded=False)(*arguments, *puts)
        except (ArithmeticError, ValueError):
            del losses[marks[0] :], hits[marks[1] :]
            for column, length in zip(record.columns, marks[2], strict=True):
                del column[length:]
            end, last = self._watcher(probe, guarded=True)(*arguments, *puts)
        record.before = dict(zip(earlier(probe, self.program), last, strict=True))
        return np.array(end, dtype=np.float64)

    def _watcher(self, probe: Probe, *, guarded: bool) -> Callable[..., Any]:
        function = self._watching.get((probe, guarded))
        if function is None:
            if len(self._watching) >= WATCHERS:
                self._watching.clear()
            function = _Printer(self.program, self._constants, guarded, frozenset()).compile("watch", probe)
            self._watching[probe, guarded] = function
        return function

    def _function(self, kind: str, *, guarded: bool, slots: frozenset[int] = frozenset()) -> Callable[..., Any]:
        key = (kind, guarded, slots)
        function = self._compiled.get(key)
        if function is None:
            if len(self._compiled) > 64:
                self._compiled.clear()
            function = _Printer(self.program, self._constants, guarded, slots).compile(kind)
            self._compiled[key] = function
        return function


class _Printer:
    """Prints a program as the source of a function; slot k is the variable ``v<k>``."""

    def __init__(
        self,
        program: Program,
        constants: Mapping[Array, tuple[float, ...]],
        guarded: bool,
        replaced: frozenset[int],
    ) -> None:
        self._program = program
        self._constants = constants
        self._guarded = guarded
        self._replaced = {slot: f"r{position}" for position, slot in enumerate(sorted(replaced))}
        self._lines: list[str] = []

    def compile(self, kind: str, probe: Probe | None = None) -> Callable[..., Any]:
        """The function ``frame(state, batch, replaced)``, ``advance(state, batches, append)``, or ``watch``."""
        program = self._program
        state = range(program.state_size)
        self._lines = []
        names = {function.name: function for function in PRIMITIVES}
        parameters = ", ".join(f"{name}={name}" for name in (*names, *HELPERS, "larger", "winner", "entry"))
        keys = {} if probe is None else earlier(probe, program)
        back = {key: f"q{number}" for number, key in enumerate(keys)}
        if kind == "frame":
            head = f"def frame(state, batch, replaced, {parameters}):"
        elif probe is None:
            head = f"def advance(state, batches, append, {parameters}):"
        else:
            puts = "".join(f", put{number}" for number in range(len(probe.values)))
            head = f"def watch(state, batches, append, hit, before, at, per_epoch{puts}, {parameters}):"
        if back:
            self._line(1, f"{''.join(f'{name}, ' for name in back.values())} = before")
        if state:
            self._line(1, f"{_tuple(state)} = state")
        for array, values in self._constants.items():
            start = program.offsets[array]
            for slot, value in enumerate(values, start):
                self._line(1, f"v{slot} = {value!r}")
        if kind == "frame":
            if self._replaced:
                self._line(1, f"{''.join(f'{name}, ' for name in self._replaced.values())} = replaced")
            self._line(1, f"{self._batch()} = batch")
            for slot, name in self._replaced.items():
                self._line(1, f"v{slot} = {name}")
            self._assignments(1)
            self._line(1, f"return [{', '.join(f'v{slot}' for slot in range(program.size))}]")
        else:
            self._line(1, f"for {self._batch()} in batches:")
            self._assignments(2)
            total = next(array for array in program.arrays if array.role is Role.TOTAL)
            self._line(2, f"append(v{program.offsets[total]})")
            if probe is not None:
                for text in lines(probe, program, lambda ref: f"v{program.offset(ref)}", back):
                    self._line(2, text)
                if probe.dated:
                    self._line(2, "at += 1")
            for key, ref in keys.items():
                self._line(2, f"{back[key]} = v{program.offset(ref)}")
            for slot in state:
                self._line(2, f"v{slot} = v{slot + program.state_size}")
            last = f"[{', '.join(f'v{slot}' for slot in state)}]"
            self._line(1, f"return {last}" if probe is None else f"return {last}, [{', '.join(back.values())}]")
        source = "\n".join((head, *self._lines))
        primitives = {name: function.plain if self._guarded else function.fast for name, function in names.items()}
        # An edit may make a constant infinite or NaN; their printed forms are names.
        namespace: dict[str, Any] = {
            **primitives,
            **HELPERS,
            "larger": larger,
            "winner": winner,
            "entry": entry,
            "inf": math.inf,
            "nan": math.nan,
        }
        exec(compile(source, f"<{kind} of {len(program.ops)} ops>", "exec"), namespace)
        return namespace[kind]  # type: ignore[no-any-return]

    def _line(self, depth: int, text: str) -> None:
        self._lines.append("    " * depth + text)

    def _batch(self) -> str:
        """The pattern that takes a batch apart: a tuple of rows (inputs, then targets), with the dated leaves last."""
        program = self._program
        rows = []
        for sample in range(program.batch):
            slots: list[int] = []
            for array in program.data:
                width = array.size // program.batch
                start = program.offsets[array] + sample * width
                slots.extend(range(start, start + width))
            rows.append(_tuple(slots))
        if program.dated:
            rows.append(
                _tuple(
                    [
                        slot
                        for leaf in program.dated
                        for slot in range(program.offsets[leaf.array], program.offsets[leaf.array] + leaf.array.size)
                    ]
                )
            )
        return f"({', '.join(rows)},)"

    def _assignments(self, depth: int) -> None:
        program = self._program
        for op in program.ops:
            target = op.target
            start = program.offsets[target]
            samples = range(program.batch)
            for element in range(target.size):
                slot = start + element
                if slot in self._replaced:
                    self._line(depth, f"v{slot} = {self._replaced[slot]}")
                    continue
                index = unravel(element, target.shape)
                if op.extent is Extent.SUM:
                    contributions = [op.equation((sample, *index)) for sample in samples]
                    self._sum(depth, f"v{slot}", contributions)
                else:
                    equation = op.equation(index)
                    if isinstance(equation, Sum):
                        self._sum(depth, f"v{slot}", equation.terms)
                    else:
                        self._line(depth, f"v{slot} = {self._source(equation)}")

    def _sum(self, depth: int, name: str, parts: Iterable[Expr]) -> None:
        printed = [self._source(part) for part in parts]
        self._line(depth, f"{name} = {' + '.join(printed[:SUM_LIMIT])}")
        for start in range(SUM_LIMIT, len(printed), SUM_LIMIT):
            self._line(depth, f"{name} = {name} + {' + '.join(printed[start : start + SUM_LIMIT])}")

    def _source(self, expr: Expr) -> str:
        source = self._source
        match expr:
            case Const(value):
                return repr(float(value))
            case Ref(array, index):
                return f"v{self._program.offsets[array] + ravel(index, array.shape)}"
            case Neg(operand):
                return f"(-{source(operand)})"
            case Sum(parts):
                return f"({' + '.join(map(source, parts))})"
            case Product(factors):
                return f"({' * '.join(map(source, factors))})"
            case Sub(left, right):
                return f"({source(left)} - {source(right)})"
            case Div(left, right):
                if self._guarded:
                    return f"divide({source(left)}, {source(right)})"
                return f"({source(left)} / {source(right)})"
            case Call(function, argument):
                if function.definition is not None:
                    return source(function.definition(argument))
                return f"{function.name}({source(argument)})"
            case Select(condition, then, otherwise):
                op = Comparison(condition.op).value
                test = f"{source(condition.left)} {op} {source(condition.right)}"
                return f"({source(then)} if {test} else {source(otherwise)})"
            case Max(parts):
                return self._largest(parts)
            case ArgMax(Max(parts), numbers):
                return f"winner({numbers!r}, ({''.join(f'{source(part)}, ' for part in parts)}))"
            case Pick(array, number, rest):
                column = [source(Ref(array, (row, *rest))) for row in range(array.shape[0])]
                return f"entry({source(number)}, ({''.join(f'{slot}, ' for slot in column)}))"

    def _largest(self, parts: Sequence[Expr]) -> str:
        """The first of the largest, by halves: the compiler's stack is finite."""
        if len(parts) == 1:
            return self._source(parts[0])
        middle = len(parts) // 2
        return f"larger({self._largest(parts[:middle])}, {self._largest(parts[middle:])})"


def _tuple(slots: Iterable[int]) -> str:
    return f"({''.join(f'v{slot}, ' for slot in slots)})"
