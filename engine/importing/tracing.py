"""What each value of a recorded step is in a network: which layer made it, and which of that layer's values each is.

A tensor is followed by its elements: beside each stands the number of the value of the layer's output (batch first, row
by row) that it is. So a view, a transpose, a copy, heads that are split and joined, are no layers: the numbers move along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import EngineError
from retrograde.engine.importing.draft import Draft, Node, Numbers, Piece
from retrograde.engine.recording.aten.reading import base_name
from retrograde.engine.recording.form import Call, Window
from retrograde.engine.recording.recording import Recording
from retrograde.engine.recording.window import packed
from retrograde.engine.text import _


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """The values of a layer; of the inputs of the network where there is none.

    Attributes:
        node: the layer.
        at: for each element, its number in the layer's output.
        factor: what the values are multiplied by, of a score of attention.
    """

    node: Node | None
    at: Numbers
    factor: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weight:
    """A parameter.

    Attributes:
        name: its name.
        at: for each element, its number in the parameter.
    """

    name: str
    at: Numbers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fixed:
    """Numbers that depend on nothing that is learned, and on no input.

    Attributes:
        values: the numbers.
        drawn: with which chance each is 1, of a mask that was drawn; None of others.
        scaled: what a mask was divided by.
    """

    values: NDArray[np.float64]
    drawn: float | None = None
    scaled: float = 1.0

    @property
    def at(self) -> Numbers:
        """For each element its own number."""
        return np.arange(self.values.size).reshape(self.values.shape)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Something in between, that only the operators know which follow it: scores of attention, terms of a loss.

    Attributes:
        what: which kind of thing.
        at: for each element, its number.
        parts: what it is made of.
    """

    what: str
    at: Numbers
    parts: dict[str, Any]


Meaning = Held | Weight | Fixed | Part


class UnmappedError(EngineError):
    """What an operator does has no layer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An operator that does not become a layer, or a part of one.

    Attributes:
        op: its name.
        module: where it ran.
        place: the user's line of code.
        reason: why.
    """

    op: str
    module: str
    place: str
    reason: str


class Trace:
    """A recording on its way to become a network.

    Attributes:
        recording: the recording.
        draft: the network so far.
        batch: the samples.
        refused: the operators that have no layer.
        inputs: the number of the value that the inputs are.
        targets: the targets, and what the loss is.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.draft = Draft()
        self.batch = 0
        self.refused: list[Refusal] = []
        self.inputs: int | None = None
        self.indices = False
        self.meaning: dict[int, Meaning] = {}
        self._weights: dict[str, NDArray[np.float64]] = {}

    # What operators are given

    def given(self, call: Call, name: str) -> Meaning | None:
        """What a tensor that an operator is given means; None where it is given none.

        Raises:
            UnmappedError: it is made by an operator that has no layer.
        """
        one = call.arguments.get(name)
        return self.resolved(one) if isinstance(one, Window) else None

    def held(self, call: Call, name: str) -> Held:
        """The same of values of a layer.

        Raises:
            UnmappedError: it is something else.
        """
        found = self.given(call, name)
        if not isinstance(found, Held) or found.factor != 1.0:
            raise UnmappedError(_("{name} is not what a layer hands on").format(name=name))
        if (found.at < 0).any():
            raise UnmappedError(_("{name} is another part of the inputs than was read first").format(name=name))
        return found

    def number(self, call: Call, name: str, default: float = 0.0) -> float:
        """A number that an operator is given.

        Raises:
            UnmappedError: it is none.
        """
        found = call.arguments.get(name)
        if found is None:
            return default
        if isinstance(found, bool | int | float):
            return float(found)
        if isinstance(found, Window) and isinstance(one := self.resolved(found), Fixed) and one.values.size == 1:
            return float(one.values.reshape(-1)[0])
        raise UnmappedError(_("{name} is no number").format(name=name))

    def ints(self, call: Call, name: str) -> list[int]:
        """Whole numbers that an operator is given."""
        found = call.arguments.get(name)
        listed = found if isinstance(found, list) else [] if found is None else [found]
        return [one for one in listed if isinstance(one, int)]

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
                return Fixed(
                    values=meaning.values.reshape(-1)[moved], drawn=meaning.drawn, scaled=meaning.scaled
                )

    def numbers(self, call: Call, name: str) -> NDArray[np.float64]:
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
        memory[_positions(value.shape, value.strides, 0).reshape(-1)] = self.recording.file.floats(window.value).reshape(-1)
        return memory[_positions(window.shape, window.strides, window.offset)]

    def _leaf(self, window: Window) -> Meaning:
        """What was there before the step, or was drawn in it."""
        number = window.value
        value = self.recording.records.values[number]
        if value.kind == "made":
            raise UnmappedError(_("{name} is made by what has no layer").format(name=value.name))
        if value.kind == "parameter":
            found: Meaning = Weight(name=value.name, at=_numbered(value.shape))
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

    # What operators make

    def put(self, call: Call, meaning: Meaning, *, position: int = 0) -> None:
        """Says what a result means."""
        for result in call.results:
            if result.position == position:
                if result.old is not None:
                    raise UnmappedError(_("it writes into a part of a tensor"))
                value = self.recording.records.values[result.to.value]
                if meaning.at.shape != value.shape:
                    raise UnmappedError(_("its result has another shape than its layer"))
                self.meaning[result.to.value] = meaning

    def hand_on(self, call: Call, node: Node, at: Numbers) -> None:
        """Says that a result is what a layer hands on."""
        self.put(call, Held(node=node, at=at))
        for result in call.results:
            if result.position == 0:
                self.draft.link(result.to.value, node, at)

    def layer(
        self, call: Call, kind: str, inputs: Sequence[Node | None], form: tuple[int, ...], **keys: Any
    ) -> Node:
        """A new layer, named after the module that the operator ran in."""
        where = call.module
        if kind in {"activation", "add", "multiply", "concatenate", "flatten", "reshape", "permute"}:
            short = keys["activation"] if kind == "activation" else kind
            where = f"{where}.{short}" if where else short
        return self.draft.add(kind, list(inputs), form, where, **keys)

    # Arrangements

    def form_of(self, node: Node | None) -> tuple[int, ...]:
        """The shape that a layer hands on for a sample."""
        return self.draft.shape if node is None else node.form

    def piece(self, weight: Weight, at: Numbers) -> Piece:
        """The tensor of a layer that is a parameter, or elements of one."""
        return self.draft.sources.piece(weight.name, self.weights(weight.name).shape, at)

    def rows(self, held: Held, length: int) -> Numbers | None:
        """The number of the last axis' row that each row of a tensor is; None where the rows are not such rows."""
        form = self.form_of(held.node)
        at = held.at.reshape(-1, held.at.shape[-1])
        if not form or form[-1] != length or at.shape[1] != length or not at.size:
            return None
        starts = at[:, 0]
        if (at != starts[:, None] + np.arange(length)).any() or (starts % length).any():
            return None
        return starts // length

    def arranged(self, call: Call, held: Held, shape: tuple[int, ...]) -> Held:
        """The values in the order of a shape (batch first): as they are, permuted, or laid out anew.

        Raises:
            UnmappedError: they are in no such order.
        """
        node, form = held.node, self.form_of(held.node)
        at, size = held.at.reshape(-1), prod(form)
        if prod(shape) != self.batch * size or shape[0] != self.batch:
            raise UnmappedError(_("it takes a part of what comes before it, or more"))
        counted = np.arange(at.size)
        if (at != counted).any():
            order = self._order(at, form)
            form = tuple(form[axis] for axis in order)
            node = self.layer(call, "permute", [node], form, axes=[axis + 1 for axis in order])
        if form != shape[1:]:
            flat = len(shape) == 2
            node = self.layer(
                call, "flatten" if flat else "reshape", [node], shape[1:], **({} if flat else {"shape": list(shape[1:])})
            )
        return Held(node=node, at=counted.reshape(shape))

    def _order(self, at: Numbers, form: tuple[int, ...]) -> tuple[int, ...]:
        """The order of axes in which the values lie."""
        counted = _numbered((self.batch, *form))
        for order in permutations(range(len(form))) if len(form) <= 4 else ():
            if (counted.transpose(0, *(axis + 1 for axis in order)).reshape(-1) == at).all():
                return order
        raise UnmappedError(_("its values are in an order that no permutation of axes gives"))

    # The walk

    def walk(self, calls: Sequence[int], rules: Callable[[str], Callable[[Trace, Call], None] | None]) -> None:
        """Follows the operators that matter, in their order; those without a layer are noted."""
        records = self.recording.records
        lost: set[int] = set()
        for number in calls:
            call = records.calls[number]
            base = base_name(call.op)
            reads = _windows(call)
            if any(window.value in lost for window in reads):
                lost |= {result.to.value for result in call.results}
                continue
            try:
                if all(isinstance(self.resolved(one), Fixed) for one in reads) and base not in _MASKING:
                    self._fixed(call)
                    continue
                rule = rules(base)
                if rule is None:
                    raise UnmappedError(_("no layer does this"))
                rule(self, call)
            except UnmappedError as error:
                source = self.recording.source(self._op_number(number))
                place = "" if source is None else f"{source.file}:{source.line}: {source.text}"
                self.refused.append(Refusal(op=call.op, module=call.module, place=place, reason=str(error)))
                lost |= {result.to.value for result in call.results}

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


def _numbered(shape: tuple[int, ...]) -> Numbers:
    return np.arange(prod(shape), dtype=np.intp).reshape(shape)


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
    root = calls[seed].arguments["self"]
    assert isinstance(root, Window)
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


def is_packed(window: Window) -> bool:
    """Whether a tensor lies row by row."""
    return window.strides == packed(window.shape)
