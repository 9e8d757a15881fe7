"""Indices that go along loops: equations are asked for many elements at once, for as many as have the same terms.

An equation computes with its indices as it does with integers. Where that depends on which element it is, the elements
are parted there, and each part is asked again: the border of a convolution, the gates of a recurrent layer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import gcd
from typing import Any, NamedTuple

MOST_PARTS = 128
"""Parts of the elements of an op from which on it is not worth to look for more."""

NEW = 40
"""The first variable of the loops that parts bring."""


class PartedError(Exception):
    """The elements have to be parted: at some turns of a loop, or a loop into one of several turns at a time.

    Attributes:
        variable: the loop.
        ranges: the turns of each part; None for two loops.
        tile: how many turns the inner one of two loops has.
    """

    def __init__(self, variable: int, ranges: Sequence[range] | None, tile: int = 0) -> None:
        super().__init__(variable)
        self.variable, self.ranges, self.tile = variable, ranges, tile


class ManyPartsError(Exception):
    """There are too many parts, or no way to part the elements."""


class Along:
    """An integer: ``base`` + Σ step · turn over some loops.

    Args:
        base: what it is at the first turn of all loops.
        steps: by how much a turn of each loop goes on; none is 0.
        turns: how many turns each loop has.
    """

    __slots__ = ("_turns", "base", "steps")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, base: int, steps: Mapping[int, int], turns: Mapping[int, int]) -> None:
        self.base, self.steps, self._turns = base, steps, turns

    def _made(self, base: int, steps: Mapping[int, int]) -> Any:
        kept = {variable: step for variable, step in steps.items() if step}
        return Along(base, kept, self._turns) if kept else base

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Along):
            steps = dict(self.steps)
            for variable, step in other.steps.items():
                steps[variable] = steps.get(variable, 0) + step
            return self._made(self.base + other.base, steps)
        return Along(self.base + other, self.steps, self._turns) if isinstance(other, int) else NotImplemented

    __radd__ = __add__

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return NotImplemented
        return self._made(self.base * other, {variable: step * other for variable, step in self.steps.items()})

    __rmul__ = __mul__

    def __neg__(self) -> Any:
        return self * -1

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __divmod__(self, other: Any) -> Any:
        if not isinstance(other, int) or other <= 0:
            return NotImplemented
        # What goes on by whole multiples leaves the rest as it is; what stays below the next multiple, the quotient.
        whole = {variable: step for variable, step in self.steps.items() if step % other == 0}
        rest = self._made(self.base % other, {v: step for v, step in self.steps.items() if v not in whole})
        low, high = (rest, rest) if isinstance(rest, int) else rest.range()
        if low < 0 or high >= other:
            self._part_for(rest, other)
        quotient = self._made(self.base // other, {variable: step // other for variable, step in whole.items()})
        return quotient, rest

    def __floordiv__(self, other: Any) -> Any:
        found = self.__divmod__(other)
        return found if found is NotImplemented else found[0]

    def __mod__(self, other: Any) -> Any:
        found = self.__divmod__(other)
        return found if found is NotImplemented else found[1]

    def _part_for(self, rest: Along, other: int) -> None:
        """Parts the elements so that a rest has less than so many values."""
        if len(rest.steps) > 1:
            raise ManyPartsError
        ((variable, step),) = rest.steps.items()
        turns, every = self._turns[variable], other // gcd(step, other)
        if step > 0 and other % step == 0 and rest.base == 0 and turns % every == 0:
            raise PartedError(variable, None, every)
        starts = [0, *range(other - rest.base, turns, other)]
        if step == 1 and len(starts) <= every:
            raise PartedError(variable, _between(starts, turns))
        if every < turns:
            raise PartedError(variable, [range(phase, turns, every) for phase in range(every)])
        raise PartedError(variable, [range(turn, turn + 1) for turn in range(turns)])

    def range(self) -> tuple[int, int]:
        """Its smallest and its largest value."""
        ends = [step * (self._turns[variable] - 1) for variable, step in self.steps.items()]
        return self.base + sum(end for end in ends if end < 0), self.base + sum(end for end in ends if end > 0)

    def _below(self, other: Any) -> bool:
        """Whether it is less than another."""
        apart: Any = self - other
        if isinstance(apart, int):
            return bool(apart < 0)
        low, high = apart.range()
        if high < 0 or low >= 0:
            return bool(high < 0)
        if len(apart.steps) > 1:
            raise ManyPartsError
        ((variable, step),) = apart.steps.items()
        # Up to which turn it stays on one side.
        first = -(apart.base // step) if step > 0 else apart.base // -step + 1
        raise PartedError(variable, _between([0, first], self._turns[variable]))

    def __lt__(self, other: Any) -> bool:
        return self._below(other)

    def __ge__(self, other: Any) -> bool:
        return not self._below(other)

    def __gt__(self, other: Any) -> bool:
        return not self._below(other + 1)

    def __le__(self, other: Any) -> bool:
        return self._below(other + 1)

    def __eq__(self, other: object) -> bool:
        return not self < other and not self > other

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __index__(self) -> int:
        variable = next(iter(self.steps))
        raise PartedError(variable, [range(turn, turn + 1) for turn in range(self._turns[variable])])

    __int__ = __float__ = __bool__ = __index__


def _between(starts: Sequence[int], stop: int) -> list[range]:
    return [range(first, end) for first, end in zip(starts, [*starts[1:], stop], strict=True)]


class Portion(NamedTuple):
    """Elements that are asked for at once.

    Attributes:
        indices: one an axis, an integer or along loops.
        loops: the loops that these go along, (variable, turns) each, the outermost first.
    """

    indices: tuple[Any, ...]
    loops: tuple[tuple[int, int], ...]


Found = tuple[Portion, Any]


def parts(shape: Sequence[int], ask: Callable[[Portion], Any]) -> list[Found]:
    """The elements of a shape in as few parts as are found, each with what ``ask`` says of it.

    Args:
        shape: the shape; the loop of an axis has its number.
        ask: what may raise ``PartedError``.

    Raises:
        ManyPartsError: there are too many.
    """
    loops = tuple((axis, turns) for axis, turns in enumerate(shape) if turns > 1)
    turns = dict(loops)
    first = Portion(tuple(Along(0, {axis: 1}, turns) if axis in turns else 0 for axis in range(len(shape))), loops)
    pending, found, new = deque([first]), list[Found](), NEW
    while pending:
        part = pending.popleft()
        try:
            found.append((part, ask(part)))
        except PartedError as error:
            new += 2
            pending.extendleft(reversed(list(_parted(part, error, new))))
        if len(found) + len(pending) > MOST_PARTS:
            raise ManyPartsError
    return found


def _parted(part: Portion, error: PartedError, new: int) -> Iterator[Portion]:
    """The parts of a part."""
    turns = dict(part.loops)[error.variable]
    if error.ranges is None:
        outer, inner = (new, turns // error.tile), (new + 1, error.tile)
        yield _replaced(part, error.variable, 0, {new: error.tile, new + 1: 1}, (outer, inner))
        return
    for each in error.ranges:
        loop = ((error.variable, len(each)),) if len(each) > 1 else ()
        yield _replaced(part, error.variable, each.start, {error.variable: each.step} if loop else {}, loop)


def _replaced(
    part: Portion, variable: int, base: int, steps: Mapping[int, int], into: tuple[tuple[int, int], ...]
) -> Portion:
    """A part with other loops, of more than one turn, in the place of one."""
    into = tuple(loop for loop in into if loop[1] > 1)
    loops = tuple(new for loop in part.loops for new in (into if loop[0] == variable else (loop,)))
    turns = dict(loops)

    def moved(one: Any) -> Any:
        if not isinstance(one, Along):
            return one
        found = {each: step for each, step in one.steps.items() if each != variable}
        step = one.steps.get(variable, 0)
        for each, times in steps.items():
            if step and each in turns:
                found[each] = step * times
        start = one.base + step * base
        return Along(start, found, turns) if found else start

    return Portion(tuple(map(moved, part.indices)), loops)
