"""The records that a formula is made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from retrograde.engine.equations.expression import Ref
from retrograde.engine.equations.words import EPOCH_NAMES
from retrograde.engine.network.program import Program, unravel
from retrograde.engine.text import N_


class Kind(StrEnum):
    """What a part of a formula is."""

    NUMBER = N_("number")
    TRUTH = N_("condition")
    TEXT = N_("text")


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot, independent of the batch size of a program.

    Attributes:
        array: the name of its array.
        index: the index in the array, without the sample.
        sample: the sample, from 0; None for each sample in turn, or where there is none.
        batched: whether the array has a sample axis.
        previous: whether the value of the iteration before is meant.
    """

    array: str
    index: tuple[int, ...]
    sample: int | None = None
    batched: bool = False
    previous: bool = False

    @property
    def varies(self) -> bool:
        """Whether it means each sample in turn."""
        return self.batched and self.sample is None

    def ref(self, program: Program, sample: int = 0) -> Ref | None:
        """The slot in a program; None where the batch does not have the sample."""
        array = program.named[self.array]
        if not self.batched:
            return Ref(array, self.index)
        chosen = sample if self.sample is None else self.sample
        return Ref(array, (chosen, *self.index)) if chosen < program.batch else None


@dataclass(frozen=True, slots=True)
class Stretch:
    """Many slots of one array that are taken together; operations on it go element by element.

    Attributes:
        array: the name of the array.
        places: the places, from 0, along each of its axes besides the sample's.
        sample: see ``Slot``.
        batched: see ``Slot``.
        previous: see ``Slot``.
    """

    array: str
    places: tuple[Sequence[int], ...]
    sample: int | None = None
    batched: bool = False
    previous: bool = False

    @property
    def varies(self) -> bool:
        """Whether it means each sample in turn."""
        return self.batched and self.sample is None

    @property
    def length(self) -> int:
        """How many slots it has."""
        return math.prod(map(len, self.places))

    def slot(self, number: int) -> Slot:
        """The slot with a number, from 0; the last one is made last."""
        at = unravel(number, tuple(map(len, self.places)))
        index = tuple(along[place] for along, place in zip(self.places, at, strict=True))
        return Slot(self.array, index, self.sample, self.batched, self.previous)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """Slots of some samples of the data, in a forward pass over all of them that leaves nothing out (no dropout).

    Attributes:
        array: the name of the array in that pass.
        rows: the samples of the data, from 0.
        places: see ``Stretch``.
    """

    array: str
    rows: Sequence[int]
    places: tuple[Sequence[int], ...]

    @property
    def length(self) -> int:
        """How many slots it has: all of a sample, one sample after the other."""
        return len(self.rows) * math.prod(map(len, self.places))


@dataclass(frozen=True, slots=True)
class NumberPart:
    """A constant."""

    value: float


@dataclass(frozen=True, slots=True)
class TextPart:
    """A word to compare a phase with."""

    value: str


@dataclass(frozen=True, slots=True)
class MomentPart:
    """A part of the moment: epoch, iteration, sample (from 1), step, or phase."""

    name: str


@dataclass(frozen=True, slots=True)
class Several:
    """Parts that form a vector: the slots of an array, or what elementwise arithmetic makes of them."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """left op right, op being + - * or /."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Comparing:
    """left op right as a truth value; false where a side is NaN, except for !=."""

    op: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class JoinedPart:
    """Parts joined by "and" or "or"."""

    op: str
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Node


@dataclass(frozen=True, slots=True)
class Applied:
    """A function of scalars: abs, sign, isnan, isinf, sqrt; min and max of two or more."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Reduced:
    """One value of what is made of a stretch: max, min, sum, mean, norm, any, all or count of ``length`` values."""

    function: str
    of: Node
    length: int


Node = (
    NumberPart
    | TextPart
    | Slot
    | Stretch
    | Evaluated
    | MomentPart
    | Several
    | Arithmetic
    | Comparing
    | JoinedPart
    | Not
    | Applied
    | Reduced
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A checked formula.

    Attributes:
        text: as it was written.
        node: its tree; a number or a truth value.
        kind: which of the two.
        slots: the slots that it reads one by one, each once.
        positions: the parts of the moment that it reads.
        stretches: the slots that it reads many at a time.
        evaluated: what it reads of a forward pass over the data.
        length: how many values it has; None of a single one.
        sensitive: whether it reads gradients of the inputs, which are computed only where they are asked for.
    """

    text: str
    node: Node
    kind: Kind
    slots: tuple[Slot, ...]
    positions: frozenset[str]
    stretches: tuple[Stretch, ...] = ()
    evaluated: tuple[Evaluated, ...] = ()
    length: int | None = None
    sensitive: bool = False

    @property
    def by_epoch(self) -> bool:
        """Whether it is decided at the end of an epoch, where what it reads is known."""
        return bool(self.evaluated) or not self.positions.isdisjoint(EPOCH_NAMES)

    @property
    def reads(self) -> tuple[Slot | Stretch, ...]:
        """All that it reads of an iteration."""
        return (*self.slots, *self.stretches)

    @property
    def size(self) -> int:
        """How many slots it reads."""
        return len(self.slots) + sum(stretch.length for stretch in self.stretches)

    @property
    def varies(self) -> bool:
        """Whether it has a value for each sample."""
        return any(read.varies for read in self.reads) or "sample" in self.positions

    def __str__(self) -> str:
        return self.text

    def __hash__(self) -> int:
        # Formulas are looked up in every interval of a search, and a tree may have thousands of nodes.
        return hash(self.text)


def parts(node: Node) -> tuple[Node, ...]:
    """The direct parts of a node."""
    match node:
        case Several(items) | JoinedPart(_, items) | Applied(_, items):
            return items
        case Arithmetic(_, left, right) | Comparing(_, left, right):
            return (left, right)
        case Not(part) | Reduced(_, part):
            return (part,)
        case _:
            return ()


def walk(node: Node) -> Iterator[Node]:
    """A node and everything inside it."""
    yield node
    for part in parts(node):
        yield from walk(part)


def many(node: Node) -> bool:
    """Whether a part has a value for each slot of a stretch."""
    return isinstance(node, Stretch | Evaluated) or (not isinstance(node, Reduced) and any(map(many, parts(node))))


def rebuilt(node: Node, change: Callable[[Node], Node]) -> Node:
    """The tree with every leaf replaced by what ``change`` makes of it."""
    return rebuilt_inside(node, lambda part: rebuilt(part, change)) if parts(node) else change(node)


def rebuilt_inside(node: Node, change: Callable[[Node], Node]) -> Node:
    """The node with each of its direct parts replaced by what ``change`` makes of it."""
    match node:
        case Several(items):
            return Several(tuple(map(change, items)))
        case JoinedPart(op, items):
            return JoinedPart(op, tuple(map(change, items)))
        case Applied(function, items):
            return Applied(function, tuple(map(change, items)))
        case Arithmetic(op, left, right):
            return Arithmetic(op, change(left), change(right))
        case Comparing(op, left, right):
            return Comparing(op, change(left), change(right))
        case Not(part):
            return Not(change(part))
        case Reduced(function, part, length):
            return Reduced(function, change(part), length)
        case _:
            return node
