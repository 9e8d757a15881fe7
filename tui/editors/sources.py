"""Where in files the steps stand: lines of a scenario, or of the user's own program; and equations as a text."""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from operator import itemgetter
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from retrograde.engine.equations.array import Array, Phase, Role
from retrograde.engine.equations.rendering import render
from retrograde.engine.text import _

if TYPE_CHECKING:
    from retrograde.engine.errors import KeyPath
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.ops.base import Op
    from retrograde.engine.recording.recording import Recording
    from retrograde.engine.session.session import Session

BLOCK = 1000
"""Steps of an iteration in one text of equations."""
_FILES = 1 << 20
"""The first reference of a file of the user's program."""
_MOST_WIDTH = 240
_KEYS: Mapping[Role, tuple[str, ...]] = {
    Role.WEIGHT: ("weights", "weight", "kernels", "init"),
    Role.BIAS: ("biases", "bias"),
}
"""Under what keys of a layer's table its parameters may stand, by their role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a file.

    Attributes:
        path: the file.
        line: the line, from 1.
    """

    path: str
    line: int


class Sources:
    """The lines of the ops of a session.

    Args:
        session: the session.

    Attributes:
        path: the file of the scenario; None of a recording.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.path = None if session.recording is not None or session.path is None else str(session.path.resolve())
        self._texts: list[tuple[int, int]] = []

    def of_op(self, number: int) -> Line | None:
        """The line of an op of the full program; None where it has none."""
        return self._of_ops[number] if number < len(self._of_ops) else None

    def of_step(self, step: Step) -> Line | None:
        """The line of a step."""
        return self.of_op(step.place.op)

    def of_layer(self, layer: str) -> Line | None:
        """The line where a layer begins; of a recording where its module first runs."""
        if self.path is None:
            numbers = (n for n, op in enumerate(self._session.schedule.full.ops) if op.layer == layer)
            return next((line for n in numbers if (line := self.of_op(n)) is not None), None)
        return self._at(self._layers[layer]) if layer in self._layers else None

    def of_key(self, *key: str | int) -> Line | None:
        """The line of a key of the scenario; None where the file has none."""
        return None if self.path is None else self._at(key)

    def resolved(self, path: str, line: int) -> tuple[Line, tuple[int, ...]] | None:
        """The line that a breakpoint at a line means, and the ops that stand there; None where none do.

        Of a scenario, what a line is a part of: a value of several lines, a layer. Else the next line that has ops.

        Args:
            path: the file, as an editor names it.
            line: the line, from 1.
        """
        known = self._known(path)
        if known is None:
            return None
        lines = self._lines[known]
        if line not in lines and self.path is not None:
            line = self._owner(line)
        if line not in lines:
            order = sorted(lines)
            at = bisect_left(order, line)
            if at == len(order):
                return None
            line = order[at]
        return Line(path=known, line=line), tuple(lines[line])

    def lines(self, path: str) -> list[int]:
        """The lines of a file at which ops stand, in order."""
        known = self._known(path)
        return [] if known is None else sorted(self._lines[known])

    def files(self) -> list[str]:
        """The files that steps stand in."""
        return [*self._lines]

    def header(self, line: Line) -> str | None:
        """The layer whose table begins at a line; None where none does."""
        if self.path is None:
            return None
        return next((name for name in self._layers if self.of_layer(name) == line), None)

    # -- files

    @cached_property
    def _of_ops(self) -> list[Line | None]:
        recording = self._session.recording
        ops = self._session.schedule.full.ops
        if recording is not None:
            return [_line_of_code(recording, number) for number in range(len(ops))]
        return [self._of(op) for op in ops]

    @cached_property
    def _lines(self) -> dict[str, dict[int, list[int]]]:
        """The ops by file and line; at the line of a layer, all of them."""
        found: dict[str, dict[int, list[int]]] = {}
        for number, line in enumerate(self._of_ops):
            if line is not None:
                found.setdefault(line.path, {}).setdefault(line.line, []).append(number)
        if self.path is not None:
            for number, op in enumerate(self._session.schedule.full.ops):
                head = self.of_layer(op.layer)
                if head is not None and number not in (at := found[head.path].setdefault(head.line, [])):
                    at.append(number)
        return found

    def _known(self, path: str) -> str | None:
        """A file as it is known here: the same, or where a recording ran elsewhere one of its name."""
        path = path.removeprefix("file://")
        if path in self._lines:
            return path
        real = str(Path(path).resolve())
        if real in self._lines:
            return real
        if self.path is not None:
            return None
        return next((known for known in self._lines if PurePath(known).name == PurePath(path).name), None)

    # -- the scenario

    @cached_property
    def _positions(self) -> Any:
        from retrograde.engine.scenario.locate import locate

        assert self.path is not None
        return locate(Path(self.path).read_text(encoding="utf-8-sig"))

    @cached_property
    def _layers(self) -> dict[str, KeyPath]:
        return {name: ("network", "layers", n) for n, name in enumerate(self._session.notation.layer_names)}

    def _at(self, key: KeyPath) -> Line | None:
        assert self.path is not None
        if key not in self._positions.values:
            return None
        found = self._positions.find(key)
        return None if found is None else Line(path=self.path, line=found[0])

    def _of(self, op: Op) -> Line | None:
        """The line of the scenario that an op comes from: of a parameter, of an activation, of the loss, of a layer."""
        return next((line for key in self._keys(op) if (line := self._at(key)) is not None), None)

    def _keys(self, op: Op) -> Iterator[KeyPath]:
        layer = self._layers.get(op.layer)
        if op.phase is Phase.LOSS:
            yield ("loss",)
            yield ("losses",)
        if layer is not None:
            parameter = _parameter(op.target)
            if parameter is not None:
                yield from ((*layer, key) for key in _KEYS[parameter.role])
            if op.target.role in {Role.OUT, Role.SLOPE}:
                yield (*layer, "activation")
            yield layer
        if op.target.role is Role.RATE:
            yield ("training", "learning_rate")
        if op.phase is Phase.UPDATE:
            yield ("training",)
        yield ("network",)

    def _owner(self, line: int) -> int:
        """The line of the key, or the table, that a line without ops of its own is a part of."""
        at = bisect_right(self._starts, line, key=itemgetter(0))
        if at == 0:
            return line
        path = self._starts[at - 1][1]
        assert self.path is not None
        while path:
            found = self._at(path)
            if found is not None and found.line in self._lines.get(self.path, {}):
                return found.line
            path = path[:-1]
        return line

    @cached_property
    def _starts(self) -> list[tuple[int, KeyPath]]:
        """The lines at which keys and tables stand, in order, each with the outermost of them."""
        found: dict[int, KeyPath] = {}
        for path in self._positions.keys:
            place = self._positions.find(path, key=True)
            if place is not None and len(path) < len(found.get(place[0], (*path, ""))):
                found[place[0]] = path
        return sorted(found.items())

    # -- texts

    def reference(self, step: Step) -> tuple[int, int]:
        """The text of equations that a step stands in, by its reference, and the line there."""
        block, line = divmod(step.moment.step - 1, BLOCK)
        key = step.program.batch, block
        if key not in self._texts:
            self._texts.append(key)
        return self._texts.index(key) + 1, line + 1

    def file_reference(self, path: str) -> int:
        """The text of a file of the user's program that is not here, by its reference; 0 of one that is."""
        if self._session.recording is None or path not in self._lines or is_here(path):
            return 0
        return _FILES + self.files().index(path)

    def text(self, reference: int) -> str | None:
        """The equations of a part of an iteration, a line each, or what is known of a file; None for no such text."""
        if _FILES <= reference < _FILES + len(self._lines):
            return self._recorded_text(self.files()[reference - _FILES])
        if not 1 <= reference <= len(self._texts):
            return None
        batch, block = self._texts[reference - 1]
        session = self._session
        iteration = next(
            (n for n in (session.iteration, 0) if session.schedule.program(n).batch == batch), session.iteration
        )
        start, count = session.schedule.start(iteration), session.schedule.program(iteration).steps
        numbers = range(block * BLOCK + 1, min(count, (block + 1) * BLOCK) + 1)
        return "\n".join(_equation(session, start + number, number) for number in numbers) + "\n"

    def _recorded_text(self, path: str) -> str | None:
        """What a recording knows of a file of the user's program: the lines that ops stand at, each in its place."""
        recording = self._session.recording
        if recording is None:
            return None
        texts = {one.line: one.text for one in recording.records.sources if one.file == path}
        return "\n".join(texts.get(line, "") for line in range(1, min(max(texts), 100_000) + 1)) + "\n"


def is_here(path: str) -> bool:
    """Whether there is such a file on this machine."""
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises where a path is too long


def _parameter(array: Array) -> Array | None:
    """The weights or biases that an array is the gradient, the new value or the memory of."""
    found: Array | None = array
    for _time in range(4):
        if found is None or found.role in _KEYS:
            return found
        found = found.of
    return None


def _line_of_code(recording: Recording, number: int) -> Line | None:
    source = recording.source(number)
    return None if source is None else Line(path=source.file, line=source.line)


def _equation(session: Session, number: int, within: int) -> str:
    """A step as a line: its number in the iteration, and its equation in symbols."""
    step = session.step_at(number)
    mark = ""
    if step.moment.sample is not None and step.program.batch > 1:
        mark = _("sample {number}").format(number=step.moment.sample + 1) + "  "
    if session.recording is not None and session.recording.silence(step.place.op):
        return f"{within:>6}  {mark}{step.symbol}"
    text = f"{within:>6}  {mark}{step.symbol} = {render(step.equation, step.notation.symbol)}"
    return text if len(text) <= _MOST_WIDTH else text[:_MOST_WIDTH] + "…"


def first_names(session: Session, ops: tuple[int, ...], most: int = 200) -> Iterator[tuple[int, str]]:
    """The ops of a line at which it is entered, each with the name of its first element, as a breakpoint names it."""
    from retrograde.engine.equations.expression import Ref

    program = session.schedule.full
    entered = (number for number in ops if number - 1 not in ops)
    for number in islice(entered, most):
        target = program.ops[number].target
        yield number, session.notation.name(Ref(target, (0,) * len(target.shape)), sample=0)
