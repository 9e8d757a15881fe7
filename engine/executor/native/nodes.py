"""What a program computes as loops over slots: expressions whose slots are places that step with loop variables.

Equations that differ in their slots alone, by the same distance each, are one equation in a loop: the samples of a
batch, the units of a layer, the terms of a sum.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, NamedTuple


class Place(NamedTuple):
    """A slot of the flat memory: ``base``, and for each loop variable how many slots a turn goes on."""

    base: int
    steps: tuple[tuple[int, int], ...] = ()


class Node(NamedTuple):
    """A part of a computation.

    Attributes:
        kind: what it is: ``number``, ``load``, ``add``, ``mul``, ``larger`` (these three of any number of parts, from
            left to right), ``neg``, ``sub``, ``div``, ``call``, ``select``, ``winner``, ``entry``; ``assign``, which
            puts its part in its place; and ``repeat``, which stands for several of them, one a turn of its loop.
        data: what it says besides, hashable: the number, the function, the comparison, (variable, turns) of a loop.
        parts: what it is made of.
        place: the slot that it reads or writes.
    """

    kind: str
    data: Any = None
    parts: tuple[Node, ...] = ()
    place: Place | None = None


def repeat(variable: int, turns: int, part: Node) -> Node:
    """A part that is there once for each turn of a loop."""
    return Node("repeat", (variable, turns), (part,))


def size(node: Node) -> int:
    """How many operations a node is when nothing of it is left a loop."""
    inner = sum(map(size, node.parts))
    if node.kind == "repeat":
        return turns_of(node) * inner
    return inner + 1


def turns_of(node: Node) -> int:
    """The turns of a repeat."""
    turns: int = node.data[1]
    return turns


INLINE = {"abs": "fabs", "sqrt": "sqrt"}
"""Functions that IEEE 754 rounds correctly, as LLVM calls them."""


def calls(node: Node) -> bool:
    """Whether a function of a library is called somewhere in it."""
    return (node.kind == "call" and node.data.name not in INLINE) or any(map(calls, node.parts))


def rolled(items: Sequence[Node], variable: int, least: int) -> tuple[Node, ...]:
    """The same items with loops for those that are alike and a fixed distance apart, and loops of such loops.

    Args:
        items: what is computed one after the other.
        variable: the number of the first loop variable that may be used.
        least: how many have to be alike.
    """
    found = tuple(items)
    while len(found) >= least:
        shorter = tuple(_runs(found, variable, least))
        if len(shorter) == len(found):
            break
        found, variable, least = shorter, variable + 1, 2
    return found


def _runs(items: Sequence[Node], variable: int, least: int) -> Iterable[Node]:
    described = [_described(item) for item in items]
    start = 0
    while start < len(items):
        key, bases = described[start]
        stop, apart = start + 1, None
        while stop < len(items) and described[stop][0] == key:
            step = tuple(b - a for a, b in zip(described[stop - 1][1], described[stop][1], strict=True))
            if apart is None:
                apart = step
            elif step != apart:
                break
            stop += 1
        if apart is None or stop - start < least:
            yield items[start]
            start += 1
            continue
        steps = iter(apart)

        def moved(place: Place) -> Place:
            step = next(steps)  # noqa: B023 - used before the next turn
            return place if step == 0 else Place(place.base, (*place.steps, (variable, step)))

        yield repeat(variable, stop - start, _with_places(items[start], moved))
        start = stop
    del bases


def _described(node: Node) -> tuple[Hashable, tuple[int, ...]]:
    """What two nodes have in common that differ in where their places begin, and where these begin."""
    key: list[Hashable] = []
    bases: list[int] = []
    pending = [node]
    while pending:
        one = pending.pop()
        key.append((one.kind, one.data, len(one.parts), None if one.place is None else one.place.steps))
        if one.place is not None:
            bases.append(one.place.base)
        pending.extend(reversed(one.parts))
    return tuple(key), tuple(bases)


def _with_places(node: Node, moved: Callable[[Place], Place]) -> Node:
    """The node with other places; they are asked for in the order of ``_described``."""
    place = None if node.place is None else moved(node.place)
    return Node(node.kind, node.data, tuple(_with_places(part, moved) for part in node.parts), place)
