"""A recording as the engine sees it: a program of ops whose values were recorded, and the names of its slots."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.evaluation import NUMPY
from retrograde.engine.equations.expression import Expr, Index, Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program, ravel
from retrograde.engine.ops.base import Op
from retrograde.engine.recording.aten.reading import Given, Stated, UnstatedError, base_name, plain_arguments
from retrograde.engine.recording.aten.table import is_drawn, stated
from retrograde.engine.recording.file import RecordingFile
from retrograde.engine.recording.form import DTYPES, Call, Result, Value, Window
from retrograde.engine.recording.presenting import in_shape, presented
from retrograde.engine.recording.window import Tensor
from retrograde.engine.text import _
from retrograde.engine.travel.calendar import Schedule

_ROLES: Mapping[str, Role] = {
    "parameter": Role.WEIGHT,
    "buffer": Role.HYPER,
    "state": Role.MEMORY,
    "input": Role.INPUT,
    "drawn": Role.MASK,
    "empty": Role.VALUE,
    "made": Role.VALUE,
}


_KEPT_BYTES = 32 << 20
"""Bytes of arrays that are kept as float64; what is read again after that is converted again."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recorded(Op):
    """One result of an op that ran elsewhere.

    Attributes:
        call: the record of the op.
        number: its number in the file.
        result: which of its results.
        arrays: every array of the recording, by number.
        values: their records.
        read: the recorded values of slots.
        flows: whether it hands on what began at the loss: a gradient, not something that one is multiplied by.
    """

    call: Call
    number: int
    result: Result
    arrays: tuple[Array, ...]
    values: list[Value]
    read: Callable[[Ref], Any]
    flows: bool = False

    @property
    def inputs(self) -> tuple[Array, ...]:
        found = [self.arrays[window.value] for window in self._windows()]
        if self.result.old is not None:
            found.append(self.arrays[self.result.old])
        return tuple(dict.fromkeys(array for array in found if array is not self.target))

    @property
    def title(self) -> str:
        return base_name(self.call.op)

    @property
    def carries(self) -> bool:
        return self.flows

    @property
    def stated(self) -> Stated | None:
        """What the table of operators knows of it."""
        found = stated(self.call.op)
        if found is None or (found.positions is not None and self.result.position not in found.positions):
            return None
        return found

    @property
    def meshable(self) -> bool:
        found = self.stated
        return found is not None and found.meshable and self.result.old is None

    @property
    def has_equation(self) -> bool:
        """Whether an equation is stated for it."""
        if self.stated is None or self.target.size == 0:
            return self.stated is not None
        try:
            self.equation((0,) * len(self.target.shape))
        except UnstatedError:
            return False
        except EngineError:
            # It depends on numbers that are not in the file.
            return True
        return True

    def equation(self, index: Index) -> Expr:
        """The arithmetic of one element.

        Raises:
            UnstatedError: no equation is stated for it.
        """
        given = self.given()
        place = given.out.element(index) if self.result.old is None else given.out.inverse(index)
        if place is None:
            # An op that wrote a part of an array leaves the rest as it was.
            assert self.result.old is not None
            return Ref(self.arrays[self.result.old], index)
        found = self.stated
        if found is None:
            raise UnstatedError(_missing(self.call.op))
        try:
            return found.rule(given, place)
        except (UnstatedError, StopIteration, KeyError):
            raise UnstatedError(_missing(self.call.op)) from None

    def given(self) -> Given:
        """What an equation is stated over."""
        return Given(
            arguments=self._arguments(),
            results={
                result.position: self.tensor(result.to)
                for result in self.call.results
                if result.item == self.result.item
            },
            position=self.result.position,
            out=self.tensor(self.result.to),
            read=self.read,
        )

    def tensor(self, window: Window) -> Tensor:
        """The tensor that a window shows."""
        value = self.values[window.value]
        return Tensor(self.arrays[window.value], value.strides, window, value.dtype)

    def why(self, target: str) -> str:
        if not self.has_equation:
            return _("What did {op} make of its operands for {target}?").format(op=self.title, target=target)
        return _("What is {target}, by {op}?").format(op=self.title, target=target)

    def _windows(self) -> list[Window]:
        found: list[Window] = []
        for one in self._chosen().values():
            found += [one] if isinstance(one, Window) else []
            found += [part for part in one if isinstance(part, Window)] if isinstance(one, list) else []
        found += [result.to for result in self.call.results if result.item == self.result.item]
        return found

    def _chosen(self) -> dict[str, Any]:
        """The arguments: of an op that takes lists of tensors those of one item, under the names of the plain op."""
        return plain_arguments(self.title, self.call.arguments, self.result.item)

    def _arguments(self) -> dict[str, Any]:
        found: dict[str, Any] = {"__op__": self.title}
        for name, one in self._chosen().items():
            if isinstance(one, Window):
                found[name] = self.tensor(one)
            elif isinstance(one, list):
                found[name] = [self.tensor(part) if isinstance(part, Window) else part for part in one]
            else:
                found[name] = one
        return found


def _missing(op: str) -> str:
    return _("there is no equation for {op} in this version").format(op=op)


class RecordedFrame(Frame):
    """The values of a recording: each array is read from the file when it is first asked for."""

    __slots__ = ("_file", "_known", "_numbers", "_starts", "_values")

    def __init__(
        self, program: Program, file: RecordingFile, numbers: Mapping[Array, int], values: Sequence[Value]
    ) -> None:
        super().__init__(program, np.empty(0), NUMPY)
        self._file = file
        self._numbers = numbers
        self._values = values
        self._known: dict[int, Floats] = {}
        # Of several arrays that begin at one place all but the last are empty.
        self._starts = [program.offsets[array] for array in program.arrays]

    def value(self, ref: Ref) -> float:
        number = self._numbers[ref.array]
        if self._file.step.values[number].strides != self._values[number].strides:
            return float(self.array(ref.array)[ref.index])
        raw = self._file.raw(number).reshape(-1)
        flat = int(ravel(ref.index, ref.array.shape))
        if self._file.step.values[number].dtype == "bfloat16":
            return float((raw[flat : flat + 1].astype("<u4") << 16).view("<f4")[0])
        return float(raw[flat])

    def values(self, refs: Sequence[Ref], places: list[int] | NDArray[np.intp]) -> list[float]:
        del places
        return list(map(self.value, refs))

    def array(self, array: Array) -> Floats:
        number = self._numbers[array]
        found = self._known.get(number)
        if found is None:
            found = self.floats(number)
            found.setflags(write=False)
            if found.nbytes <= _KEPT_BYTES:
                if sum(one.nbytes for one in self._known.values()) + found.nbytes > _KEPT_BYTES:
                    self._known.clear()
                self._known[number] = found
        return found

    def forget(self) -> None:
        """Drops the numbers that were read before."""
        self._known.clear()

    def floats(self, number: int) -> Floats:
        """The numbers of a value as float64, in the shape of its array."""
        return in_shape(self._file.floats(number), self._file.step.values[number], self._values[number])

    def at(self, where: slice | NDArray[np.intp]) -> Floats:
        first = where.start if isinstance(where, slice) else int(where[0])
        array = self.program.arrays[bisect_right(self._starts, first) - 1]
        start = self.program.offsets[array]
        inside = slice(first - start, where.stop - start, where.step) if isinstance(where, slice) else where - start
        found: Floats = self.array(array).reshape(-1)[inside]
        return found

    def known(self, array: Array) -> bool:
        """Whether the numbers of an array are in the file."""
        return self._file.step.values[self._numbers[array]].held

    def largest(self, array: Array) -> float:
        return DTYPES[self._file.step.values[self._numbers[array]].dtype].largest

    def finite(self, array: Array) -> bool:
        """Whether all numbers of an array are finite, as far as they are in the file."""
        value = self._file.step.values[self._numbers[array]]
        if not value.held:
            return value.summary is None or not value.summary.broken
        raw = self._file.raw(self._numbers[array])
        if value.dtype == "bfloat16":
            return not bool(np.any((raw & 0x7F80) == 0x7F80))
        return raw.dtype.kind != "f" or bool(np.isfinite(raw).all())


class RecordedSchedule(Schedule):
    """The one iteration of a recording."""

    alone = True

    def __init__(self, program: Program) -> None:
        self.samples = self.batch = self.per_epoch = 1
        self.full = self.last = program
        self.steps_per_epoch = program.steps
        self.shuffled = False


class RecordedProgram:
    """A file as a program.

    Attributes:
        arrays: every array, by the number of its value.
        values: their records, those of parameters in their parameter's shape.
        program: the ops, in the order in which they ran.
        frame: the values.
        loss: the number of the value that the backward pass began at; None where there was none.
    """

    def __init__(self, file: RecordingFile) -> None:
        self.values = values = presented(file.step.values, file.step.calls)
        owners: dict[str, Array] = {}
        arrays: list[Array] = []
        made = {result.to.value: call for call in file.step.calls for result in call.results}
        for value in values:
            of = None if value.of is None else owners.get(value.of)
            array = Array(
                name=value.name,
                shape=value.shape,
                role=_role(value, of, made.get(len(arrays))),
                layer=_module(value, of, made.get(len(arrays))),
                of=of,
                nameless=True,
                stem=value.name.partition("(")[0] if _is_kept(value, of) else "",
            )
            owners.setdefault(value.name, array)
            arrays.append(array)
        self.arrays = tuple(arrays)
        self.numbers = {array: number for number, array in enumerate(self.arrays)}
        self._file = file
        self._read: dict[int, Floats] = {}
        self.loss, self._flowing = _backward(file.step.calls, values)
        ops = [op for number, call in enumerate(file.step.calls) for op in self._ops(number, call)]
        targets = {op.target for op in ops}
        leaves = [array for array in self.arrays if array not in targets]
        self.program = Program(ops, batch=1, state=(), updates=(), data=(), constants=leaves)
        if self.loss is not None:
            self.program.named.setdefault("E", self.arrays[self.loss])
        self.frame = RecordedFrame(self.program, file, self.numbers, values)

    def has_values(self, array: Array) -> bool:
        """Whether the numbers of an array are in the file."""
        return self._file.step.values[self.numbers[array]].held

    @cached_property
    def schedule(self) -> RecordedSchedule:
        """Its one iteration."""
        return RecordedSchedule(self.program)

    def _ops(self, number: int, call: Call) -> list[Recorded]:
        found = []
        for result in call.results:
            drawn = is_drawn(call.op) or self._file.step.values[result.to.value].kind == "drawn"
            if drawn and result.old is None:
                continue
            found.append(
                Recorded(
                    target=self.arrays[result.to.value],
                    phase=Phase(call.phase),
                    layer=call.module,
                    extent=Extent.ONCE,
                    call=call,
                    number=number,
                    result=result,
                    arrays=self.arrays,
                    values=self.values,
                    read=self.read,
                    flows=result.to.value in self._flowing,
                )
            )
        # What the op gives besides is read by its first result: it is computed before.
        return sorted(found, key=lambda op: (op.result.item or 0, op.result.position == 0, op.result.position))

    def forget(self) -> None:
        """Drops the numbers that were read before."""
        self._read.clear()
        self.frame.forget()

    def read(self, ref: Ref) -> Any:
        """The recorded value of a slot; of many an array."""
        if not any(np.ndim(place) for place in ref.index):
            return self.frame.value(ref)
        number = self.numbers[ref.array]
        found = self._read.get(number)
        if found is None:
            if len(self._read) > 16:
                self._read.clear()
            found = self._read[number] = self.frame.floats(number)
        return found[ref.index]


def _is_kept(value: Value, of: Array | None) -> bool:
    """Whether a value is what an optimiser keeps of a parameter: ``exp_avg(fc1.weight)``."""
    head, bracket, rest = value.name.partition("(")
    return of is not None and bool(bracket) and rest == f"{of.name})" and head not in {"grad", "new", "old"}


def _role(value: Value, of: Array | None, made: Call | None) -> Role:
    if value.kind == "made" and value.name.startswith("grad("):
        return Role.GRADIENT
    if value.kind == "made" and value.name.startswith("new("):
        return Role.UPDATED
    if _is_kept(value, of):
        return Role.MEMORY
    if value.kind == "made" and made is not None and made.phase == "forward":
        return Role.OUT
    return _ROLES[value.kind]


def _module(value: Value, of: Array | None, made: Call | None) -> str:
    """The path of the module that a value belongs to; empty outside of all."""
    if of is not None:
        return of.layer
    if value.kind in {"parameter", "buffer"}:
        return value.name.rpartition(".")[0]
    return "" if made is None else made.module


def _backward(calls: Sequence[Call], values: Sequence[Value]) -> tuple[int | None, frozenset[int]]:
    """The value that the backward pass began at, and the values that it handed on: gradients.

    What else is made on the way back, as 2·√x is, multiplies gradients and is none. A pass begins at the ones that
    are made like the loss, or at what the program gives in their place.
    """
    first = next((place for place, call in enumerate(calls) if call.phase == "backward" and not call.recomputed), None)
    if first is None:
        return None, frozenset()
    loss: int | None = None
    forward = calls[first].forward
    if forward is not None and calls[forward].results:
        loss = calls[forward].results[0].to.value
    flowing: set[int] = set()
    for call in reversed(calls[:first]):
        if base_name(call.op) == "ones_like" and call.phase != "backward":
            source = call.arguments.get("self")
            flowing |= {result.to.value for result in call.results}
            loss = source.value if isinstance(source, Window) else loss
            break
    else:
        made = {result.to.value for call in calls for result in call.results if call.phase != "backward"}
        made |= {number for number, value in enumerate(values) if value.kind in {"parameter", "buffer", "state"}}
        read = read_by(calls[first])
        flowing |= {number for number in read if number not in made}
    for call in calls[first:]:
        olds = {result.old for result in call.results if result.old is not None}
        if call.phase == "backward" and not call.recomputed and flowing & (read_by(call) | olds):
            flowing |= {result.to.value for result in call.results}
    return loss, frozenset(flowing)


def read_by(call: Call) -> set[int]:
    """The values that an op reads."""
    found: set[int] = set()
    for one in call.arguments.values():
        parts = one if isinstance(one, list) else [one]
        found |= {part.value for part in parts if isinstance(part, Window)}
    return found
