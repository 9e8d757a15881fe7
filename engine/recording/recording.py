"""A recording, opened: its steps, the slots by name, where each came from, and the first value that is not finite."""

from __future__ import annotations

import hashlib
import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Ref, refs
from retrograde.engine.errors import EngineError, SearchCancelledError
from retrograde.engine.explaining.nonfinite import Origin, explained
from retrograde.engine.explaining.step import Step
from retrograde.engine.explaining.uses import reads_of
from retrograde.engine.network.program import Place, Program
from retrograde.engine.recording import SUFFIX
from retrograde.engine.recording.checking import OpCheck, check_all
from retrograde.engine.recording.form import STEP, Source, StepFile, Value
from retrograde.engine.recording.modules import ModuleInfo, modules_of
from retrograde.engine.recording.naming import RecordedNotation
from retrograde.engine.recording.program import Recorded, RecordedFrame, RecordedProgram
from retrograde.engine.recording.ranks import RankFile
from retrograde.engine.recording.walking import RecordedTimeline, no_such_motion, only_read
from retrograde.engine.text import _, suggest, visible
from retrograde.engine.travel.search import OnProgress
from retrograde.engine.within import require_readable

__all__ = ["SUFFIX", "Break", "Recording", "load_recording"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """Where a training step stopped being finite.

    Attributes:
        op: the first op that made a value that is not finite of values that are.
        element: which of its elements, counted row by row from 0.
        value: what it is.
        broken: how many of its elements are not finite.
        origin: the operation in its equation that did it; None where it has no equation.
        reached: the names of gradients and parameters that are not finite after it.
    """

    op: int
    element: int
    value: float
    broken: int
    origin: Origin | None
    reached: tuple[str, ...]


class Recording:
    """One recorded step of a training; nothing in it can be changed.

    Attributes:
        file: the file.
        program: the ops; every element of every result is a step.
        frame: the recorded values.
        notation: the names of the slots.
    """

    def __init__(self, path: Path) -> None:
        self.file = RankFile(path)
        self.recorded = RecordedProgram(self.file)
        # By op: whether an equation is stated for it, which is asked at every key.
        self._stated: dict[int, bool] = {}
        modules = dict.fromkeys(call.module for call in self.file.step.calls if call.module)
        self.notation = RecordedNotation(tuple(modules))

    @property
    def program(self) -> Program:
        """The ops, in the order in which they ran."""
        return self.recorded.program

    @property
    def frame(self) -> RecordedFrame:
        """The recorded values."""
        return self.recorded.frame

    @property
    def records(self) -> StepFile:
        """What is in the file besides the numbers."""
        return self.file.step

    @cached_property
    def timeline(self) -> RecordedTimeline:
        """Its one iteration, as a cursor walks it."""
        return RecordedTimeline(self.recorded, self.notation, self.file.path.name)

    @cached_property
    def modules(self) -> tuple[ModuleInfo, ...]:
        """The modules, as a tree of paths."""
        return modules_of(self.recorded)

    @cached_property
    def broken(self) -> Break | None:
        """Where the step stopped being finite; looked for once. See ``first_break``."""
        return self.first_break()

    @cached_property
    def digest(self) -> str:
        """What identifies its content: the records hold a checksum of each array."""
        with zipfile.ZipFile(self.file.path) as archive:
            return hashlib.sha256(archive.read(STEP)).hexdigest()[:16]

    def only_read(self) -> EngineError:
        """What is raised where it is to be run on or changed."""
        return only_read(self.file.path.name)

    def no_such_motion(self, granularity: str) -> EngineError:
        """What is raised for a motion by samples, iterations or epochs."""
        return no_such_motion(granularity)

    def silence(self, number: int) -> str:
        """Why an op says nothing of its elements: no equation in this version, or numbers that are not in the file.

        Args:
            number: the op.

        Returns:
            Empty where its equation and all that it reads are there.
        """
        op = self.op(number)
        if not self.recorded.has_values(op.target):
            return _("its numbers are not in the file: {reason}").format(reason=self.value_of(op.target).reason or "")
        if number not in self._stated:
            self._stated[number] = op.has_equation
        if not self._stated[number]:
            return _("no equation for {op} in this version").format(op=op.call.op.replace(".", "::", 1))
        missing = next((array for array in op.inputs if not self.recorded.has_values(array)), None)
        if missing is not None:
            message = _("the numbers of {name}, which it reads, are not in the file: {reason}")
            return message.format(name=missing.name, reason=self.value_of(missing).reason or "")
        return ""

    def op(self, number: int) -> Recorded:
        """An op of the program."""
        found = self.program.ops[number]
        assert isinstance(found, Recorded)
        return found

    def step(self, number: int) -> Step:
        """A step, by its number from 1.

        Raises:
            EngineError: there is no such step.
        """
        if not 1 <= number <= self.program.steps:
            message = _("step {number} is not in 1 to {last}")
            raise EngineError(message.format(number=number, last=self.program.steps))
        return self.step_at(self.program.place(number - 1))

    def step_at(self, place: Place) -> Step:
        """The step at a place."""
        return Step(
            frame=self.frame,
            schedule=self.recorded.schedule,
            notation=self.notation,
            iteration=0,
            place=place,
        )

    def steps(self, first: int = 1, last: int | None = None) -> Iterator[Step]:
        """Steps in order, by their numbers, both ends included."""
        stop = self.program.steps if last is None else min(last, self.program.steps)
        for number in range(max(first, 1), stop + 1):
            yield self.step(number)

    def array(self, name: str) -> Array:
        """An array by its name.

        Raises:
            EngineError: there is none.
        """
        found = self.program.named.get(name)
        if found is None:
            message = _("there is no {name} in this recording{hint}")
            hint = suggest(name, list(self.program.named), most=3, between=_(" or "))
            raise EngineError(message.format(name=visible(name), hint=hint))
        return found

    def find(self, text: str) -> Ref:
        """A slot by its name: `fc1.weight[2,3]`, counted from 1, or `name[7]` row by row; a name alone is its first.

        Raises:
            EngineError: there is none.
        """
        return self.notation.find(text, self.program)

    def made_by(self, ref: Ref) -> Step | None:
        """The step that made a slot; None for what was given."""
        number = self.program.produced(ref)
        return None if number is None else self.step(number + 1)

    def value_of(self, array: Array) -> Value:
        """The record of an array."""
        return self.recorded.values[self.recorded.numbers[array]]

    def source(self, number: int) -> Source | None:
        """The line of the user's code that an op belongs to; of an op of the backward pass that of its forward op."""
        call = self.op(number).call
        if call.source is None and call.forward is not None:
            call = self.records.calls[call.forward]
        return None if call.source is None else self.records.sources[call.source]

    def uses(self, ref: Ref, on_progress: OnProgress | None = None) -> tuple[Place, ...]:
        """The steps that read a slot, of the ops that have an equation.

        Args:
            ref: the slot.
            on_progress: called with elements done and to do where equations are looked at one by one; True cancels.

        Raises:
            SearchCancelledError: ``on_progress`` said so.
        """
        readers = [number for number in self.program.readers(ref.array) if self.op(number).has_equation]
        total = sum(self.program.ops[number].target.size for number in readers)
        found: list[Place] = []
        done = 0
        for number in readers:
            op = self.op(number)
            if op.meshable:
                elements = np.flatnonzero(reads_of(op, ref, ())).tolist()
            else:
                elements = self._reading(number, ref, on_progress, done, total)
            found += [Place(number, None, element) for element in elements]
            done += op.target.size
            _asked(on_progress, done, total)
        return tuple(found)

    def _reading(self, number: int, ref: Ref, on_progress: OnProgress | None, before: int, total: int) -> list[int]:
        """The elements of an op whose equations read a slot, looked at one by one."""
        op, found = self.op(number), []
        for element in range(op.target.size):
            if ref in refs(op.equation(self.program.index(Place(number, None, element)))):
                found.append(element)
            _asked(on_progress, before + element, total)
        return found

    def check(self, *, every: bool = False) -> Iterator[OpCheck]:
        """Each op held to its equation; see ``checking``."""
        return check_all(self.recorded, every=every)

    def first_break(self) -> Break | None:
        """Where the step stopped being finite: the first op that made NaN or ±∞ of operands that are finite.

        −∞ that a program puts in on purpose, as a mask of attention does, is none: it is a number of the program.
        """
        for number in range(len(self.program.ops)):
            op = self.op(number)
            if not self.recorded.has_values(op.target) or self.frame.finite(op.target):
                continue
            values = self.frame.array(op.target).reshape(-1)
            broken = np.flatnonzero(~np.isfinite(values))
            for element in broken[:64]:
                if self._began(op, Place(number, None, int(element))):
                    return self._break(number, int(element), len(broken))
        return None

    def _began(self, op: Recorded, place: Place) -> bool:
        """Whether an element that is not finite was made of values that are, or a NaN of values that are none."""
        value = self.frame.value(self.program.target(place))
        if not op.has_equation:
            inputs = [self.frame.array(array) for array in op.inputs if self.recorded.has_values(array)]
            return all(np.isfinite(one).all() for one in inputs) or (
                math.isnan(value) and not any(np.isnan(one).any() for one in inputs)
            )
        if _is_meant(op):
            return False
        operands = [self.frame.value(ref) for ref in refs(self.step_at(place).equation)]
        return all(map(math.isfinite, operands)) or (math.isnan(value) and not any(map(math.isnan, operands)))

    def _break(self, number: int, element: int, broken: int) -> Break:
        op = self.op(number)
        ref = self.program.target(Place(number, None, element))
        reached = [
            value.name
            for value in self.recorded.values
            if value.name.startswith(("grad(", "new("))
            and value.held
            and not self.frame.finite(self.program.named[value.name])
        ]
        return Break(
            op=number,
            element=element,
            value=self.frame.value(ref),
            broken=broken,
            origin=explained(self.frame, ref) if op.has_equation else None,
            reached=tuple(reached),
        )


def _asked(on_progress: OnProgress | None, done: int, total: int) -> None:
    """Raises SearchCancelledError where who waits has enough."""
    if on_progress is not None and on_progress(done, total):
        raise SearchCancelledError


def _is_meant(op: Recorded) -> bool:
    """Whether an op puts in an infinity that stands in the program."""
    numbers = (one for one in op.call.arguments.values() if isinstance(one, float))
    return any(math.isinf(one) for one in numbers)


def load_recording(path: str | Path) -> Recording:
    """Opens a recording; no PyTorch is needed.

    Raises:
        EngineError: it is no recording, or it is damaged.
        OSError: it cannot be read.
    """
    found = Path(path)
    require_readable(found)
    if not found.is_file():
        raise EngineError(_("there is no file {path}").format(path=visible(str(path))))
    return Recording(found)
