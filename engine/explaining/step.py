"""Moments and steps: one atomic operation of training, with everything that explains it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import repeat
from typing import Any, NamedTuple, overload

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Extent, Phase
from retrograde.engine.equations.evaluation import evaluate, taken
from retrograde.engine.equations.expression import (
    Call,
    Const,
    Div,
    Expr,
    Neg,
    Product,
    Ref,
    Sub,
    Sum,
    children,
    refs,
    terms,
)
from retrograde.engine.equations.functions import SQRT
from retrograde.engine.equations.meshes import values
from retrograde.engine.equations.rendering import render
from retrograde.engine.explaining.statement import FEW_READS, Reads, Statement, makers, once, statement
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.notation import Notation
from retrograde.engine.network.program import Place, Program
from retrograde.engine.ops.base import Op
from retrograde.engine.rich import RichEquation
from retrograde.engine.travel.calendar import Schedule

FEW = 3
"""Contributions up to which a running sum is not worth an array."""

MOST_SUMS = 1 << 13
"""Sums of a row of slots that are made at once."""

MOST_ROWS = 128
"""Rows whose sums are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Where a step is in the training.

    Attributes:
        number: the step's number in the training, from 1.
        epoch: the epoch, from 0.
        iteration: the iteration in the epoch, from 0.
        step: the step in the iteration, from 1.
        sample: the sample in the batch, from 0; None for an op that is revealed once.
        phase: the phase.
        layer: the layer's name.
        op: the op's number in the program, from 0.
        index: the element of the op's target, from 0, without the sample.
        time: the time step of a recurrent network, from 1; None for what has none.
    """

    number: int
    epoch: int
    iteration: int
    step: int
    sample: int | None
    phase: Phase
    layer: str
    op: int
    index: tuple[int, ...]
    time: int | None = None

    @property
    def address(self) -> str:
        """``epoch:iteration:step``, all from 1."""
        return f"{self.epoch + 1}:{self.iteration + 1}:{self.step}"


class Operand(NamedTuple):
    """A slot that a step reads.

    Attributes:
        notation: how slots are called.
        ref: the slot.
        symbol: its symbol.
        value: its value.
        made_by: the number of the step that made it; None for data, constants and initial values.
    """

    notation: Notation
    ref: Ref
    symbol: str
    value: float
    made_by: int | None

    def __eq__(self, other: object) -> bool:
        """Operands are equal when they are the same slot, made by the same step, with the same bits."""
        if not isinstance(other, Operand):
            return NotImplemented
        alike = (self.ref, self.symbol, self.made_by) == (other.ref, other.symbol, other.made_by)
        return alike and _bits(self.value) == _bits(other.value)

    def __hash__(self) -> int:
        return hash((self.ref, self.made_by))

    def __repr__(self) -> str:
        return f"Operand(ref={self.ref!r})"

    @property
    def name(self) -> str:
        """Its ASCII name."""
        return self.notation.name(self.ref)


class _LateOperand(Operand):
    """One of few operands of a step: what is asked of it is looked up then. Its third part is the step."""

    __slots__ = ()

    @property
    def _step(self) -> Step:
        found: Any = self[2]
        assert isinstance(found, Step)
        return found

    @property
    def symbol(self) -> str:
        """Its symbol."""
        return self.notation.symbol(self.ref)

    @property
    def value(self) -> float:
        """Its value."""
        return self._step.frame.value(self.ref)

    @property
    def made_by(self) -> int | None:
        """The number of the step that made it; None for data, constants and initial values."""
        step = self._step
        return made_by(step.schedule, step.iteration, step.program, self.ref)


class Operands(Sequence[Operand]):
    """The operands of a step, made when they are asked for: a sum over an image has hundreds, of which few are shown.

    Args:
        step: the step. It does not hold its operands in turn, so that what was shown is gone without a search for it.
    """

    __slots__ = ("_step",)

    def __init__(self, step: Step) -> None:
        self._step = step

    def __len__(self) -> int:
        return len(self._step.reads)

    @overload
    def __getitem__(self, number: int) -> Operand: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[Operand, ...]: ...

    def __getitem__(self, number: int | slice) -> Operand | tuple[Operand, ...]:
        """The operand with a number; those of a slice as a tuple."""
        found = self._step.reads[number]
        return next(self._made(Reads((found,)))) if isinstance(found, Ref) else tuple(self._made(Reads(found)))

    def __iter__(self) -> Iterator[Operand]:
        return self._made(self._step.read)

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, tuple | Operands) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))

    def _made(self, reads: Reads) -> Iterator[Operand]:
        step = self._step
        if len(reads.refs) <= FEW_READS:
            late = zip(repeat(step.notation), reads.refs, repeat(step), repeat(None), repeat(None), strict=False)
            return map(_NEW, repeat(_LateOperand), late)
        columns = (
            repeat(step.notation),
            reads.refs,
            reads.symbols(step.notation),
            reads.values(step.frame),
            step.makers(reads),
        )
        return map(_NEW, repeat(Operand), zip(*columns, strict=False))


_NEW: Callable[[type[Operand], tuple[Any, ...]], Operand] = tuple.__new__
"""Makes a tuple of a kind without a call of Python for each."""


class Term(NamedTuple):
    """One summand of a step.

    Attributes:
        expr: its expression.
        value: its value.
        partial: the sum of the terms up to and including this one.
    """

    expr: Expr
    value: float
    partial: float


class RunningTerm(NamedTuple):
    """How far a sum over the samples is."""

    done: int
    of: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Step(RichEquation):
    """One step, as shown. Only the place is stored; everything else is worked out when it is asked for.

    Attributes:
        frame: the iteration's values.
        iteration: the iteration, counted from 0 over the whole training.
        place: the op, sample and element.
        term: how many terms of its sum are revealed; 0 stands for all.
    """

    frame: Frame
    schedule: Schedule
    notation: Notation
    iteration: int
    place: Place
    term: int = 0

    def __eq__(self, other: object) -> bool:
        """Steps are equal when they are at the same moment and have the same bits."""
        if not isinstance(other, Step):
            return NotImplemented
        return (
            (self.number, self.term) == (other.number, other.term)
            and self.place == other.place
            and _bits(self.result) == _bits(other.result)
        )

    def __hash__(self) -> int:
        return hash((self.number, self.term))

    @property
    def program(self) -> Program:
        """The program of the iteration."""
        return self.frame.program

    @property
    def op(self) -> Op:
        """The op that the step is an element of."""
        return self.program.ops[self.place.op]

    @cached_property
    def number(self) -> int:
        """The number of the step in the training, from 1."""
        return self.schedule.start(self.iteration) + self.within + 1

    @cached_property
    def within(self) -> int:
        """The number of the step in its iteration, from 0."""
        return self.program.number(self.place)

    @cached_property
    def moment(self) -> Moment:
        """Where the step is."""
        epoch, position = divmod(self.iteration, self.schedule.per_epoch)
        op = self.op
        index = self.target.index[1:] if op.target.batched else self.target.index
        return Moment(
            number=self.number,
            epoch=epoch,
            iteration=position,
            step=self.within + 1,
            sample=self.place.sample,
            phase=op.phase,
            layer=op.layer,
            op=self.place.op,
            index=index,
            time=op.target.time,
        )

    @cached_property
    def target(self) -> Ref:
        """The slot that is assigned."""
        return self.program.target(self.place)

    @property
    def symbol(self) -> str:
        """The symbol of the slot."""
        return self.notation.symbol(self.target)

    @property
    def name(self) -> str:
        """The ASCII name of the slot."""
        return self.notation.name(self.target)

    @cached_property
    def statement(self) -> Statement:
        """What the op says of it whatever the values are."""
        return statement(self.frame.program, self.place)

    @property
    def stated(self) -> Expr:
        """The equation as the op states it, with its choices."""
        return self.statement.equation

    @property
    def equation(self) -> Expr:
        """The equation with the branches that were taken."""
        found = self.statement
        return self._chosen[0] if found.reads is None else found.equation

    @cached_property
    def _chosen(self) -> tuple[Expr, Reads]:
        """The same, and what it reads, of an equation with choices."""
        found = taken(self.statement.equation, self.frame.value, self.frame.mathematics)
        return found, Reads(once(refs(found)))

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The summands with their values and partial sums."""
        found: list[Term] = []
        partial = 0.0
        for position, expr in enumerate(terms(self.equation)):
            value = self.evaluate(expr)
            partial = value if position == 0 else partial + value
            found.append(Term(expr, value, partial))
        return tuple(found)

    def evaluate(self, expr: Expr) -> float:
        """The value of an expression over this iteration's slots."""
        return evaluate(expr, self.frame.value, self.frame.mathematics)

    @cached_property
    def contribution(self) -> float:
        """What this step computes: the slot's value, or a sample's contribution to it."""
        if self.op.extent is Extent.SUM:
            return self.terms[-1].partial if isinstance(self.equation, Sum) else self.evaluate(self.stated)
        return self.frame.value(self.target)

    @cached_property
    def result(self) -> float:
        """The value of the slot after the step: of a sum over samples, the sum so far."""
        if self.term:
            return self.terms[self.term - 1].partial
        if self.op.extent is not Extent.SUM or self.final:
            return self.frame.value(self.target)
        return running_sum(self.frame, self.target, (self.place.sample or 0) + 1)

    @property
    def running(self) -> RunningTerm | None:
        """How many samples the sum holds; None where there is no sum over samples."""
        if self.op.extent is not Extent.SUM:
            return None
        return RunningTerm((self.place.sample or 0) + 1, self.program.batch)

    @property
    def part(self) -> str:
        """The symbol of what the step computes: of a sum over samples a part, that of its sample: E{4}, ∂E{4}/∂w1."""
        running = self.running
        return self.symbol if running is None or running.of == 1 else part_of(self.symbol, running.done)

    @property
    def final(self) -> bool:
        """Whether the slot has its final value."""
        return self.op.extent is not Extent.SUM or self.place.sample == self.program.batch - 1

    @property
    def read(self) -> Reads:
        """What the equation reads, with what is known of it whatever the values are."""
        found = self.statement.reads
        return self._chosen[1] if found is None else found

    @property
    def reads(self) -> tuple[Ref, ...]:
        """The slots that the equation reads, in written order, each once."""
        return self.read.refs

    def makers(self, reads: Reads) -> Iterable[int | None]:
        """The number of the step that made each of some slots; None for data, constants and initial values."""
        found = reads.makers(self.program, self.schedule.program(self.iteration - 1) if self.iteration else None)
        if found is None:
            return repeat(None)
        first = self.schedule.start(self.iteration) + 1
        return [None if step is None else first + step for step in found]

    @property
    def operands(self) -> Operands:
        """What the equation reads, in written order, each once."""
        return Operands(self)

    def text(self, *, digits: int = 9) -> tuple[str, str]:
        """The equation in symbols, and the same with numbers.

        Args:
            digits: significant digits of a number; 17 shows every float exactly.
        """
        symbols = render(self.equation, self.notation.symbol)
        numbers = render(self.equation, lambda ref: shown(self.frame.value(ref), digits), times=" × ")
        return symbols, numbers

    @property
    def undeviated(self) -> str:
        """The equation in symbols as the scenario states it, where that of a variant deviates from it; else empty."""
        found = self.op.undeviated(self.program.index(self.place))
        if found is None:
            return ""
        return render(taken(found, self.frame.value, self.frame.mathematics), self.notation.symbol)

    @property
    def why(self) -> str:
        """The question that the step answers."""
        return self.op.why(self.symbol)


def part_of(symbol: str, sample: int | str) -> str:
    """The symbol of a sample's part of a sum over samples.

    Args:
        symbol: the symbol of the sum.
        sample: the sample, from 1.
    """
    above, line, below = symbol.partition("/")
    return f"{above}{{{sample}}}{line}{below}"


def _bits(x: float) -> str:
    return "nan" if x != x else x.hex()


def shown(value: float, digits: int = 9) -> str:
    """A number as text, with at most so many significant digits."""
    return f"{value:.{digits}g}"


def running_sum(frame: Frame, ref: Ref, samples: int) -> float:
    """The sum of the first ``samples`` contributions to a slot, added in the order of the samples."""
    op = frame.program.maker(ref.array)
    assert op is not None
    made = _kept(frame).get((op, ref.index[:-1])) if ref.index else None
    if made is not None:
        return made.item(samples - 1, ref.index[-1])
    if samples > FEW and not op.single and _alike(op.equation((0, *ref.index))):
        if op.meshable and ref.index and frame.program.batch * ref.array.shape[-1] <= MOST_SUMS:
            return _sums(frame, op, ref.index[:-1]).item(samples - 1, ref.index[-1])
        with np.errstate(all="ignore"):
            found = values(op.equation((np.arange(samples), *ref.index)), frame.array)
        return float(np.add.accumulate(np.broadcast_to(found, (samples,)))[-1])
    total = 0.0
    for sample in range(samples):
        value = evaluate(op.equation((sample, *ref.index)), frame.value, frame.mathematics)
        total = value if sample == 0 else total + value
    return total


def _sums(frame: Frame, op: Op, row: tuple[int, ...]) -> Floats:
    """The sums after each sample, (batch, n), of the slots of a row: who goes from step to step reads them all."""
    kept, shape = _kept(frame), (frame.program.batch, op.target.shape[-1])
    if len(kept) >= MOST_ROWS:
        kept.clear()
    with np.errstate(all="ignore"):
        each = values(op.equation((np.arange(shape[0])[:, None], *row, np.arange(shape[1])[None])), frame.array)
        found: Floats = np.add.accumulate(np.broadcast_to(each, shape), axis=0)
    kept[op, row] = found
    return found


@lru_cache(maxsize=1)
def _kept(frame: Frame) -> dict[tuple[Op, tuple[int, ...]], Floats]:
    """The sums of one frame that are kept; of the frame that was read last alone."""
    del frame
    return {}


def _alike(expr: Expr) -> bool:
    """Whether an expression has the same bits over arrays as one by one: rounded operations, and no choices."""
    if isinstance(expr, Call):
        function, argument = expr.function, expr.argument
        if function.definition is not None:
            return _alike(function.definition(argument))
        return function is SQRT and _alike(argument)
    return isinstance(expr, Const | Ref | Neg | Sum | Product | Sub | Div) and all(map(_alike, children(expr)))


def made_by(schedule: Schedule, iteration: int, program: Program, ref: Ref) -> int | None:
    """The number of the step that made a slot; None for data, constants and initial values."""
    (step,) = makers(program, schedule.program(iteration - 1) if iteration else None, (ref,))
    return None if step is None else schedule.start(iteration) + step + 1
