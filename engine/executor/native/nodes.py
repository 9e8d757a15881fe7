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
    return _rolled(tuple(items), list(map(described, items)), variable, least)


def fewest(items: Sequence[Node], orders: Iterable[Sequence[int]], variable: int) -> tuple[Node, ...]:
    """The items, which may be computed in any order, in the one of some orders that leaves the fewest loops.

    Args:
        items: what is computed.
        orders: the orders, each by the numbers of the items.
        variable: the number of the first loop variable that may be used.
    """
    told = list(map(described, items))
    found = (_rolled(tuple(items[n] for n in order), [told[n] for n in order], variable, least=2) for order in orders)
    return min(found, key=len)


Description = tuple[Hashable, tuple[int, ...]]


def _rolled(items: tuple[Node, ...], told: Sequence[Description], variable: int, least: int) -> tuple[Node, ...]:
    found = items
    while len(found) >= least:
        shorter = tuple(_runs(found, told, variable, least))
        if len(shorter) == len(found):
            break
        found, variable, least = shorter, variable + 1, 2
        told = list(map(described, found))
    return found


def _runs(items: Sequence[Node], told: Sequence[Description], variable: int, least: int) -> Iterable[Node]:
    start = 0
    while start < len(items):
        key = told[start][0]
        stop, apart = start + 1, None
        while stop < len(items) and told[stop][0] == key:
            step = tuple(b - a for a, b in zip(told[stop - 1][1], told[stop][1], strict=True))
            if apart is None:
                apart = step
            elif step != apart:
                break
            stop += 1
        if apart is None or stop - start < least:
            yield items[start]
            start += 1
            continue
        yield repeat(variable, stop - start, stepping(items[start], variable, apart))
        start = stop


def stepping(node: Node, variable: int, apart: Sequence[int]) -> Node:
    """The node with places that go on by so many slots a turn, one number for each in the order of ``described``."""
    steps = iter(apart)

    def moved(place: Place) -> Place:
        step = next(steps)
        return place if step == 0 else Place(place.base, (*place.steps, (variable, step)))

    return _with_places(node, moved)


def described(node: Node) -> Description:
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
    """The node with other places; they are asked for in the order of ``described``."""
    place = None if node.place is None else moved(node.place)
    return Node(node.kind, node.data, tuple(_with_places(part, moved) for part in node.parts), place)
