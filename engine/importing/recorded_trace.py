"""A recording on its way to become a network: its values, its windows, its operators in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import EngineError
from retrograde.engine.importing.draft import Numbers
from retrograde.engine.importing.tracing import (
    MAX_VALUES,
    UNFIT,
    Fixed,
    Held,
    Meaning,
    Operation,
    Part,
    Refusal,
    Trace,
    UnmappedError,
    Weight,
    numbered,
)
from retrograde.engine.importing.unrolled import Unrolled, unrolled
from retrograde.engine.recording.aten.reading import base_name
from retrograde.engine.recording.form import Call, Window
from retrograde.engine.recording.recording import Recording
from retrograde.engine.text import _

Rule = Callable[[Trace, Operation], None]


class RecordedTrace(Trace):
    """A recording on its way to become a network.

    Attributes:
        recording: the recording.
        inputs: the number of the value that the inputs are.
        meaning: what each value means, by its number.
    """

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self.recording = recording
        self.inputs: int | None = None
        self.meaning: dict[int, Meaning] = {}
        self._weights: dict[str, NDArray[np.float64]] = {}

    def given(self, call: Operation, name: str) -> Meaning | None:
        """What a tensor that an operator is given means; None where it is given none.

        Raises:
            UnmappedError: it is made by an operator that has no layer.
        """
        one = call.arguments.get(name)
        return self.resolved(one) if isinstance(one, Window) else None

    def held(self, call: Operation, name: str) -> Held:
        """The same of values of a layer.

        Raises:
            UnmappedError: it is something else.
        """
        window = call.arguments.get(name)
        if isinstance(window, Window) and isinstance(self.given(call, name), Fixed):
            value = self.recording.records.values[window.value]
            if value.kind == "input" and self.inputs not in {None, window.value}:
                message = _("{name} is a second input: a scenario has one array of inputs")
                raise UnmappedError(message.format(name=name))
        return super().held(call, name)

    def listed(self, call: Operation, name: str) -> list[Meaning]:
        """The same of a list of tensors."""
        found = call.arguments[name]
        return [self.resolved(one) for one in found if isinstance(one, Window)] if isinstance(found, list) else []

    def resolved(self, window: Window) -> Meaning:
        """What a tensor means: that of the value that it shows, element by element.

        Raises:
            UnmappedError: the value has no meaning.
        """
        meaning = self.meaning.get(window.value)
        if meaning is None:
            meaning = self._leaf(window)
        value = self.recording.records.values[window.value]
        if window.shape == value.shape and window.strides == value.strides and not window.offset:
            return meaning
        if prod(window.shape) > MAX_VALUES:
            raise UnmappedError(_("it makes too many values"))
        at = meaning.at
        memory = np.empty(max(at.size, 1), dtype=np.intp)
        memory[_positions(value.shape, value.strides, 0).reshape(-1)] = at.reshape(-1)
        moved = memory[_positions(window.shape, window.strides, window.offset)]
        match meaning:
            case Held():
                return Held(node=meaning.node, at=moved, factor=meaning.factor)
            case Weight():
                return Weight(name=meaning.name, at=moved)
            case Part():
                return Part(what=meaning.what, at=moved, parts=meaning.parts)
            case Fixed():
                return Fixed(values=meaning.values.reshape(-1)[moved], drawn=meaning.drawn, scaled=meaning.scaled)

    def numbers(self, call: Operation, name: str) -> NDArray[np.float64]:
        """The recorded numbers of a tensor that depends on nothing that is learned.

        Raises:
            UnmappedError: it depends on the network.
        """
        window = call.arguments.get(name)
        meaning = self.given(call, name)
        known = isinstance(meaning, Fixed) or (isinstance(meaning, Held) and meaning.node is None)
        if not isinstance(window, Window) or not known:
            raise UnmappedError(_("{name} depends on what is learned").format(name=name))
        value = self.recording.records.values[window.value]
        memory = np.empty(max(value.size, 1))
        memory[_positions(value.shape, value.strides, 0).reshape(-1)] = self.recording.file.floats(
            window.value
        ).reshape(-1)
        return memory[_positions(window.shape, window.strides, window.offset)]

    def _leaf(self, window: Window) -> Meaning:
        """What was there before the step, or was drawn in it."""
        number = window.value
        value = self.recording.records.values[number]
        if value.kind == "made":
            raise UnmappedError(_("{name} is made by what has no layer").format(name=value.name))
        if value.kind == "parameter":
            found: Meaning = Weight(name=value.name, at=numbered(value.shape))
        elif value.kind == "input" and self.inputs is None and window.shape and value.size > 1:
            found = self._inputs(window)
        else:
            found = Fixed(values=self.recording.file.floats(number))
        self.meaning[number] = found
        return found

    def _inputs(self, window: Window) -> Meaning:
        """The inputs of the network, in the order of their axes in memory: a transposed view is read as it lies.

        What the first reader does not see of a piece of memory is no input; it may be the targets.
        """
        value = self.recording.records.values[window.value]
        order = sorted(range(len(window.shape)), key=lambda axis: (-window.strides[axis], axis))
        shape = tuple(window.shape[axis] for axis in order)
        self.inputs, self.batch, self.draft.shape = window.value, shape[0], shape[1:]
        self.indices = not value.dtype.startswith(("float", "bfloat"))
        strides = tuple(window.strides[axis] for axis in order)
        memory = np.full(max(value.size, 1), -1, dtype=np.intp)
        memory[_positions(shape, strides, window.offset).reshape(-1)] = np.arange(prod(shape))
        return Held(node=None, at=memory[_positions(value.shape, value.strides, 0)])

    def samples(self) -> NDArray[np.float64]:
        """The inputs, a row per sample."""
        assert self.inputs is not None
        raw, at = self.recording.file.floats(self.inputs).reshape(-1), self.meaning[self.inputs].at.reshape(-1)
        found = np.empty(int(at.max(initial=-1)) + 1)
        found[at[at >= 0]] = raw[at >= 0]
        return found.reshape(self.batch, *self.draft.shape)

    def weights(self, name: str) -> NDArray[np.float64]:
        """The numbers of a parameter before the step."""
        if name not in self._weights:
            values = self.recording.records.values
            number = next(n for n, one in enumerate(values) if one.name == name)
            self._weights[name] = self.recording.file.floats(number)
        return self._weights[name]

    def put(self, call: Operation, meaning: Meaning, *, position: int = 0) -> None:
        """Says what a result means."""
        for result in _recorded(call).results:
            if result.position == position:
                if result.old is not None:
                    raise UnmappedError(_("it writes into a part of a tensor"))
                value = self.recording.records.values[result.to.value]
                if value.dtype in {"float16", "bfloat16"}:
                    raise UnmappedError(_("it rounds to {dtype}").format(dtype=value.dtype))
                if meaning.at.shape != value.shape:
                    raise UnmappedError(_("its result has another shape than its layer"))
                self.meaning[result.to.value] = meaning

    def buffer(self, call: Operation, name: str) -> str | None:
        """The name of a tensor that an operator keeps, such as a running average."""
        window = call.arguments.get(name)
        return self.recording.records.values[window.value].name if isinstance(window, Window) else None

    def fixed(self, call: Operation, *, position: int = 0) -> NDArray[np.float64]:
        """The numbers of a result that depends on nothing that is learned."""
        found = next(result for result in _recorded(call).results if result.position == position)
        return self.recording.file.floats(found.to.value)

    def value(self, call: Operation) -> int:
        """The number of the first result in the recording."""
        return next(result.to.value for result in _recorded(call).results if result.position == 0)

    def walk(
        self,
        calls: Sequence[int],
        rules: Callable[[str], Rule | None],
        stepwise: Callable[[RecordedTrace, Operation, Unrolled], None],
    ) -> None:
        """Follows the operators that matter, in their order; those without a layer are noted.

        Args:
            calls: their numbers.
            rules: says what the results of an operator of some name mean.
            stepwise: does so for the operators of a recurrent layer that ran step by step.
        """
        layers = {max(max(step.calls) for step in one.steps): one for one in unrolled(self.recording, calls)}
        inner = {call for one in layers.values() for step in one.steps for call in step.calls}
        lost: set[int] = set()
        for number in calls:
            call = self.recording.records.calls[number]
            layer = layers.get(number)
            if number in inner and layer is None:
                continue
            reads = _windows(call) if layer is None else [step.x for step in layer.steps]
            if not any(window.value in lost for window in reads):
                try:
                    if layer is None:
                        self._follow(call, reads, rules)
                    else:
                        stepwise(self, call, layer)
                    continue
                except (UnmappedError, *UNFIT) as error:
                    self._refuse(number if layer is None else layer.steps[0].product, error)
            made = {step.state for step in layer.steps} if layer is not None else set()
            lost |= made | {result.to.value for result in call.results}

    def _follow(self, call: Call, reads: Sequence[Window], rules: Callable[[str], Rule | None]) -> None:
        """Says what the results of an operator mean.

        Raises:
            UnmappedError: it has no layer.
        """
        base = base_name(call.op)
        if all(isinstance(self.resolved(one), Fixed) for one in reads) and base not in _MASKING:
            self._fixed(call)
            return
        rule = rules(base)
        if rule is None:
            raise UnmappedError(_("no layer does this"))
        rule(self, call)

    def _refuse(self, number: int, error: Exception) -> None:
        """Notes an operator that has no layer; the same line of code with the same reason once."""
        call = self.recording.records.calls[number]
        reason = str(error) if isinstance(error, UnmappedError) else _("its arguments do not fit")
        source = self.recording.source(self._op_number(number))
        place = "" if source is None else f"{source.file}:{source.line}: {source.text}"
        found = Refusal(op=call.op, module=call.module, place=place, reason=reason)
        if found not in self.refused:
            self.refused.append(found)

    def _op_number(self, number: int) -> int:
        """The number in the program of an operator of the file."""
        for place in range(len(self.recording.program.ops)):
            if self.recording.op(place).number >= number:
                return place
        return len(self.recording.program.ops) - 1

    def _fixed(self, call: Call) -> None:
        """What is computed of numbers that stay is a number that stays."""
        for result in call.results:
            self.meaning[result.to.value] = Fixed(values=self.recording.file.floats(result.to.value))


_MASKING = frozenset({"bernoulli", "div", "mul"})
"""Operators by which a mask is made, which is followed though it depends on nothing."""


def _recorded(call: Operation) -> Call:
    assert isinstance(call, Call)
    return call


def _positions(shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> Numbers:
    """Where in memory each element of a tensor is."""
    found = np.full(shape, offset, dtype=np.intp)
    for axis, stride in enumerate(strides):
        steps = [1] * len(shape)
        steps[axis] = shape[axis]
        found = found + (np.arange(shape[axis], dtype=np.intp) * stride).reshape(steps)
    return found


def _windows(call: Call) -> list[Window]:
    found: list[Window] = []
    for one in call.arguments.values():
        found += [one] if isinstance(one, Window) else []
        found += [part for part in one if isinstance(part, Window)] if isinstance(one, list) else []
    return found


def needed(recording: Recording) -> tuple[list[int], int]:
    """The operators that the loss depends on, in their order, and the number of the value that is the loss.

    Raises:
        EngineError: the recording has no backward pass.
    """
    calls = recording.records.calls
    first = next((n for n, call in enumerate(calls) if call.phase == "backward"), None)
    if first is None:
        raise EngineError(_("this recording has no backward pass: there is no loss to begin with"))
    seed = next((n for n in range(first - 1, -1, -1) if base_name(calls[n].op) == "ones_like"), None)
    if seed is None:
        raise EngineError(_("the backward pass does not begin with the gradient 1 of one loss"))
    root = calls[seed].arguments.get("self")
    if not isinstance(root, Window):
        raise EngineError(_("the backward pass does not begin with the gradient 1 of one loss"))
    made = {result.to.value: n for n, call in enumerate(calls[:seed]) for result in call.results}
    wanted, found = [root.value], set()
    while wanted:
        number = made.get(wanted.pop())
        if number is None or number in found:
            continue
        found.add(number)
        wanted += [window.value for window in _windows(calls[number])]
        wanted += [result.old for result in calls[number].results if result.old is not None]
    return sorted(found), root.value
