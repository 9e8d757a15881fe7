"""The generated executor: all equations of a small program printed as straight-line Python, and compiled.

Two variants are made, each when it is first needed. The fast one calls the standard library, which raises where IEEE
arithmetic gives inf or NaN; when it does, the iterations at hand are done again by the guarded one, which has the
same bits everywhere else and never raises.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.evaluation import PYTHON
from retrograde.engine.equations.expression import (
    Ref,
    is_place,
)
from retrograde.engine.equations.functions import PRIMITIVES
from retrograde.engine.equations.ieee import largest
from retrograde.engine.executor.code_printing import Printer
from retrograde.engine.formulas import wide
from retrograde.engine.formulas.meaning import HELPERS, Where
from retrograde.engine.formulas.probe import Probe, Record, Sources, earlier, lines, missing
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program

WATCHERS = 16
"""Compiled loops that are kept, one a probe."""

FRAMERS = 64
"""Compiled iterations that are kept, one a set of replaced slots."""

Row = tuple[float, ...]
Batch = tuple[Row, ...]


def larger(left: float, right: float) -> float:
    """The first of the larger two, or the first NaN."""
    return left if left >= right or left != left else right


def winner(numbers: tuple[int, ...], values: tuple[float, ...]) -> float:
    """The number of the first of the largest values, or of the first NaN."""
    return float(numbers[largest(values)[1]])


def entry(number: float, column: tuple[float, ...]) -> float:
    """The entry with a number, from 0; NaN where there is none."""
    return column[int(number)] if is_place(number, len(column)) else math.nan


class GeneratedExecutor:
    """Executes a program as generated Python; see ``executor.base.Executor``.

    Args:
        program: the program.
        constants: the values of the leaves that are not data, in the order of ``program.leaves``.
        passed: what each value goes through as soon as it is made, with the number of its slot; None for nothing.
    """

    mathematics = PYTHON

    def __init__(
        self,
        program: Program,
        constants: Mapping[Array, Floats],
        passed: Callable[[int, float], float] | None = None,
    ) -> None:
        self.program = program
        self._passed = passed
        self._constants = {
            array: tuple(values.ravel().tolist()) for array, values in constants.items() if array in program.offsets
        }
        self._rows: list[Row] | None = None
        self._frames: dict[tuple[bool, frozenset[int]], Callable[..., Any]] = {}
        self._advancing: dict[bool, Callable[..., Any]] = {}
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
            values = self._framer(guarded=False, slots=slots)(*arguments)
        except (ArithmeticError, ValueError):
            values = self._framer(guarded=True, slots=slots)(*arguments)
        return Frame(self.program, np.array(values, dtype=np.float64), self.mathematics)

    def advance(self, state: Floats, batches: Sequence[Batch], losses: MutableSequence[float]) -> Floats:
        start = tuple(state.tolist())
        mark = len(losses)
        try:
            end = self._advancer(guarded=False)(start, batches, losses.append)
        except (ArithmeticError, ValueError):
            del losses[mark:]
            end = self._advancer(guarded=True)(start, batches, losses.append)
        return np.array(end, dtype=np.float64)

    def watch(self, state: Floats, batches: Sequence[Batch], probe: Probe, record: Record, per_epoch: int) -> Floats:
        before = tuple(record.before.get(key, missing(key)) for key in earlier(probe, self.program))
        marks = (len(record.losses), len(record.hits), [len(column) for column in record.columns])
        losses, hits = record.losses, record.hits

        def hit() -> None:
            hits.append(len(losses) - 1)

        arguments = (tuple(state.tolist()), batches, losses.append, hit, before, record.start + marks[0], per_epoch)
        puts = [column.append for column in record.columns]
        with np.errstate(all="ignore"):
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
            function = self._watching[probe, guarded] = self._compiler(guarded).watch(probe)
        return function

    def _framer(self, *, guarded: bool, slots: frozenset[int]) -> Callable[..., Any]:
        function = self._frames.get((guarded, slots))
        if function is None:
            if len(self._frames) >= FRAMERS:
                self._frames.clear()
            function = self._frames[guarded, slots] = self._compiler(guarded).frame(slots)
        return function

    def _advancer(self, *, guarded: bool) -> Callable[..., Any]:
        function = self._advancing.get(guarded)
        if function is None:
            function = self._advancing[guarded] = self._compiler(guarded).advance()
        return function

    def _compiler(self, guarded: bool) -> _Compiler:
        return _Compiler(self.program, self._constants, guarded, self._passed)


class _Compiler:
    """Compiles functions that compute a program's iterations."""

    def __init__(
        self,
        program: Program,
        constants: Mapping[Array, tuple[float, ...]],
        guarded: bool,
        passed: Callable[[int, float], float] | None = None,
    ) -> None:
        self._program = program
        self._constants = constants
        self._guarded = guarded
        self._passed = passed
        self._printer = Printer(program, guarded=guarded, passing=passed is not None)

    def frame(self, slots: frozenset[int]) -> Callable[..., Any]:
        """``frame(state, batch, replaced)``: all values of an iteration; ``replaced`` has those of some slots."""
        names = {slot: f"r{position}" for position, slot in enumerate(sorted(slots))}
        body = [f"{_targets(names.values())} = replaced"] if names else []
        body.append(f"{self._batch()} = batch")
        body += (f"v{slot} = {name}" for slot, name in names.items())
        body += self._printer.assignments(names)
        body.append(f"return {_list(range(self._program.size))}")
        return self._compiled("frame", "state, batch, replaced", body)

    def advance(self) -> Callable[..., Any]:
        """``advance(state, batches, append)``: the state after some iterations, with E of each appended."""
        body = [*self._loop([]), f"return {_list(range(self._program.state_size))}"]
        return self._compiled("advance", "state, batches, append", body)

    def watch(self, probe: Probe) -> Callable[..., Any]:
        """``watch(state, batches, append, hit, before, at, per_epoch, put0, ...)``: the same, and what a probe sees."""
        offset = self._program.offset
        keys = earlier(probe, self._program)
        back = {key: f"q{number}" for number, key in enumerate(keys)}
        look = lines(probe, self._program, Sources(lambda ref: f"v{offset(ref)}", back, self._gathered))
        if probe.dated:
            look.append("at += 1")
        look += (
            f"{back[key]} = {f'v{offset(at)}' if isinstance(at, Ref) else self._gathered(at)}"
            for key, at in keys.items()
        )
        body = [f"{_targets(back.values())} = before"] if back else []
        body += self._loop(look)
        body.append(f"return {_list(range(self._program.state_size))}, [{', '.join(back.values())}]")
        puts = "".join(f", put{number}" for number in range(len(probe.values)))
        return self._compiled("watch", f"state, batches, append, hit, before, at, per_epoch{puts}", body)

    def _gathered(self, where: Where) -> str:
        """An array of some slots."""
        slots = range(where.start, where.stop, where.step) if isinstance(where, slice) else where.tolist()
        return f"gathered({_tuple(slots)})"

    def _loop(self, look: list[str]) -> list[str]:
        """One iteration per batch; ``look`` stands between an iteration and the next one's state."""
        program = self._program
        total = next(array for array in program.arrays if array.role is Role.TOTAL)
        body = [
            *self._printer.assignments({}),
            f"append(v{program.offsets[total]})",
            *look,
            *(f"v{slot} = v{slot + program.state_size}" for slot in range(program.state_size)),
        ]
        return [f"for {self._batch()} in batches:", *(f"    {line}" for line in body)]

    def _compiled(self, name: str, parameters: str, body: Iterable[str]) -> Callable[..., Any]:
        """A function of a state, made of the lines of its body; what it calls are its last parameters."""
        program = self._program
        opening = [f"{_tuple(range(program.state_size))} = state"] if program.state_size else []
        for array, values in self._constants.items():
            opening += (f"v{slot} = {value!r}" for slot, value in enumerate(values, program.offsets[array]))
        called: dict[str, Any] = {
            **{one.name: one.plain if self._guarded else one.fast for one in PRIMITIVES},
            **wide.HELPERS,
            **HELPERS,
            "larger": larger,
            "winner": winner,
            "entry": entry,
        }
        if self._passed is not None:
            called["passed"] = self._passed
        head = f"def {name}({parameters}, {', '.join(f'{one}={one}' for one in called)}):"
        source = "\n    ".join((head, *opening, *body))
        # An edit may make a constant infinite or NaN; their printed forms are names.
        namespace = {**called, "inf": math.inf, "nan": math.nan}
        exec(compile(source, f"<{name} of {len(program.ops)} ops>", "exec"), namespace)
        return namespace[name]  # type: ignore[no-any-return]

    def _batch(self) -> str:
        """The pattern that takes a batch apart: a tuple of rows (inputs, then targets), with the dated leaves last."""
        program = self._program
        widths = [(program.offsets[array], array.size // program.batch) for array in program.data]
        rows = [
            _tuple(
                [
                    slot
                    for start, width in widths
                    for slot in range(start + sample * width, start + (sample + 1) * width)
                ]
            )
            for sample in range(program.batch)
        ]
        if program.dated:
            starts = [(program.offsets[leaf.array], leaf.array.size) for leaf in program.dated]
            rows.append(_tuple([slot for start, size in starts for slot in range(start, start + size)]))
        return f"({', '.join(rows)},)"


def _tuple(slots: Iterable[int]) -> str:
    return f"({''.join(f'v{slot}, ' for slot in slots)})"


def _list(slots: Iterable[int]) -> str:
    return f"[{', '.join(f'v{slot}' for slot in slots)}]"


def _targets(names: Iterable[str]) -> str:
    return "".join(f"{name}, " for name in names)
