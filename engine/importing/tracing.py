"""What each tensor is in a network: which layer made it, and which of that layer's values each of its elements is.

A tensor is followed by its elements: beside each stands the number of the value of the layer's output (batch first, row
by row) that it is. So views, transposes, copies, heads that are split and joined are no layers: the numbers move along.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.errors import EngineError
from retrograde.engine.importing.draft import Draft, Node, Numbers, Piece
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


MAX_VALUES = 2**26
"""Values of one layer that are followed, of all samples."""

UNFIT = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    StopIteration,
)
"""What rules raise for operators whose arguments are not what the operator takes, as in a damaged file."""


class Operation(Protocol):
    """An operator: what it is called, where it stands, and what it is given."""

    @property
    def op(self) -> str:
        """Its name."""

    @property
    def module(self) -> str:
        """The path of the module that it belongs to."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What it is given, by name."""


class Trace(ABC):
    """Operators on their way to become a network.

    Attributes:
        draft: the network so far.
        batch: the samples.
        refused: the operators that have no layer.
        indices: whether the inputs are indices.
    """

    def __init__(self) -> None:
        self.draft = Draft()
        self.batch = 0
        self.refused: list[Refusal] = []
        self.indices = False

    # What operators are given

    @abstractmethod
    def given(self, call: Operation, name: str) -> Meaning | None:
        """What a tensor that an operator is given means; None where it is given none.

        Raises:
            UnmappedError: it is made by an operator that has no layer.
        """

    @abstractmethod
    def listed(self, call: Operation, name: str) -> list[Meaning]:
        """The same of a list of tensors."""

    @abstractmethod
    def numbers(self, call: Operation, name: str) -> NDArray[np.float64]:
        """The numbers of a tensor that depends on nothing that is learned.

        Raises:
            UnmappedError: it depends on the network.
        """

    @abstractmethod
    def weights(self, name: str) -> NDArray[np.float64]:
        """The numbers of a parameter."""

    @abstractmethod
    def buffer(self, call: Operation, name: str) -> str | None:
        """The name of a tensor that an operator keeps, such as a running average."""

    @abstractmethod
    def put(self, call: Operation, meaning: Meaning, *, position: int = 0) -> None:
        """Says what a result means."""

    @abstractmethod
    def fixed(self, call: Operation, *, position: int = 0) -> NDArray[np.float64]:
        """The numbers of a result that depends on nothing that is learned."""

    @abstractmethod
    def value(self, call: Operation) -> int:
        """The number of the first result in a recording."""

    def held(self, call: Operation, name: str) -> Held:
        """The same of values of a layer.

        Raises:
            UnmappedError: it is something else.
        """
        found = self.given(call, name)
        if not isinstance(found, Held) or found.factor != 1.0:
            raise UnmappedError(_("{name} is not what a layer hands on").format(name=name))
        if found.node is not None and all(found.node is not one for one in self.draft.nodes):
            raise UnmappedError(_("{name} is also what attention projects").format(name=name))
        if (found.at < 0).any():
            raise UnmappedError(_("{name} is another part of the inputs than was read first").format(name=name))
        return found

    def number(self, call: Operation, name: str, default: float = 0.0) -> float:
        """A number that an operator is given.

        Raises:
            UnmappedError: it is none.
        """
        found = call.arguments.get(name)
        if found is None:
            return default
        if isinstance(found, bool | int | float):
            return float(found)
        one = self.given(call, name)
        if isinstance(one, Fixed) and one.values.size == 1:
            return float(one.values.reshape(-1)[0])
        raise UnmappedError(_("{name} is no number").format(name=name))

    def ints(self, call: Operation, name: str) -> list[int]:
        """Whole numbers that an operator is given."""
        found = call.arguments.get(name)
        listed = found if isinstance(found, list) else [] if found is None else [found]
        return [one for one in listed if isinstance(one, int)]

    # What operators make

    def hand_on(self, call: Operation, node: Node, at: Numbers) -> None:
        """Says that a result is what a layer hands on."""
        self.put(call, Held(node=node, at=at))
        self.draft.link(self.value(call), node, at)

    def layer(
        self, call: Operation, kind: str, inputs: Sequence[Node | None], form: tuple[int, ...], **keys: Any
    ) -> Node:
        """A new layer, named after the module that the operator ran in."""
        if self.batch * prod(form) > MAX_VALUES:
            raise UnmappedError(_("it makes too many values"))
        where = call.module
        if kind in {"activation", "add", "multiply", "concatenate", "flatten", "reshape", "permute", "slice"}:
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

    def arranged(self, call: Operation, held: Held, shape: tuple[int, ...]) -> Held:
        """The values in the order of a shape (batch first): as they are, permuted, or laid out anew.

        Raises:
            UnmappedError: they are in no such order.
        """
        if held.at.size != self.batch * prod(self.form_of(held.node)):
            held = self.sliced(call, held)
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
                call,
                "flatten" if flat else "reshape",
                [node],
                shape[1:],
                **({} if flat else {"shape": list(shape[1:])}),
            )
        return Held(node=node, at=counted.reshape(shape))

    def sliced(self, call: Operation, held: Held) -> Held:
        """A part of what a layer hands on, as layers that take it along each axis.

        Raises:
            UnmappedError: it is no such part.
        """
        form, at = self.form_of(held.node), held.at.reshape(-1)
        places = np.unravel_index(at, (self.batch, *form)) if at.size and form else ()
        chosen = [np.unique(axis) for axis in places]
        grid = numbered((self.batch, *form))
        if (
            not chosen
            or len(chosen[0]) != self.batch
            or prod(len(one) for one in chosen) != at.size
            or (np.sort(at) != np.sort(grid[np.ix_(*chosen)].reshape(-1))).any()
        ):
            raise UnmappedError(_("it takes a part of what comes before it, or more"))
        node, shape = held.node, list(form)
        if node is not None and self._is_last(node, chosen):
            node.keys["outputs"], node.form = "last", form[1:]
            self.draft.keep_last(node, form[0], form[1])
            return Held(node=node, at=held.at // prod(form) * prod(form[1:]) + held.at % prod(form[1:]))
        for axis in range(len(form), 0, -1):
            taken = chosen[axis]
            steps = set(np.diff(taken).tolist())
            if len(taken) == form[axis - 1]:
                continue
            if len(steps) > 1:
                raise UnmappedError(_("it takes places that are not equally far apart"))
            keys: dict[str, Any] = {"axis": axis}
            if len(taken) == 1:
                keys["at"] = int(taken[0]) + 1
                del shape[axis - 1]
            else:
                keys |= {"first": int(taken[0]) + 1, "last": int(taken[-1]) + 1}
                if (step := steps.pop()) != 1:
                    keys["step"] = step
                shape[axis - 1] = len(taken)
            node = self.layer(call, "slice", [node], tuple(shape), **keys)
        # The values that are left, counted anew.
        number = np.zeros(grid.size, dtype=np.intp)
        left = grid[np.ix_(*chosen)].reshape(-1)
        number[left] = np.arange(left.size)
        return Held(node=node, at=number[held.at])

    def _is_last(self, node: Node, chosen: Sequence[Numbers]) -> bool:
        """Whether of a recurrent layer that nothing else reads only the last step is taken."""
        if node.kind not in {"rnn", "lstm", "gru"} or node.keys["outputs"] != "all":
            return False
        if len(chosen[1]) < node.form[0] and node.keys.get("direction") not in {None, "forward"}:
            raise UnmappedError(_("it takes single steps of a sequence that runs backward"))
        steps, width = node.form
        return chosen[1].tolist() == [steps - 1] and len(chosen[2]) == width and not self.draft.users(node)

    def _order(self, at: Numbers, form: tuple[int, ...]) -> tuple[int, ...]:
        """The order of axes in which the values lie."""
        counted = numbered((self.batch, *form))
        for order in permutations(range(len(form))) if len(form) <= 4 else ():
            if (counted.transpose(0, *(axis + 1 for axis in order)).reshape(-1) == at).all():
                return order
        raise UnmappedError(_("its values are in an order that no permutation of axes gives"))


def numbered(shape: tuple[int, ...]) -> Numbers:
    """An array of a shape whose numbers count row by row."""
    return np.arange(prod(shape), dtype=np.intp).reshape(shape)
