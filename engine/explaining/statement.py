"""What an equation says at one element whatever the values are: kept for the steps near the cursor.

A key has the step on the screen read by several panels, and the next one often goes back to where another was. What
depends on values is looked up for all slots at once: a sum over an image reads hundreds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Expr, Product, Ref, Sum, is_settled, refs
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.notation import Notation
from retrograde.engine.network.program import Making, Place, Program, index_of, ravel
from retrograde.engine.ops.base import Op

MOST_STATED = 32
"""Equations of a program that are kept."""


FEW_READS = 12
"""Slots up to which an array of their places takes longer than it saves."""


class Reads:
    """The slots that an equation reads, and what is known of each whatever the values are.

    Args:
        refs: the slots, each once.
    """

    __slots__ = ("_makers", "_places", "_symbols", "refs")

    def __init__(self, refs: tuple[Ref, ...]) -> None:
        self.refs = refs
        self._places: list[int] | NDArray[np.intp] | None = None
        self._symbols: tuple[Notation, list[str]] | None = None
        self._makers: tuple[int, list[int | None] | None] | None = None

    def values(self, frame: Frame) -> list[float]:
        """The value of each, in a frame of its program."""
        if self._places is None:
            places = frame.program.places(self.refs)
            self._places = places if len(places) <= FEW_READS else np.array(places, dtype=np.intp)
        return frame.values(self.refs, self._places)

    def symbols(self, notation: Notation) -> list[str]:
        """The symbol of each."""
        if self._symbols is None or self._symbols[0] is not notation:
            self._symbols = notation, notation.symbols(self.refs)
        return self._symbols[1]

    def makers(self, program: Program, previous: Program | None) -> list[int | None] | None:
        """The step that made each; see ``makers``. None where no step made any."""
        # The programs of a network have as many steps as their batches make: a program itself would never be let go.
        key = -1 if previous is None else previous.steps
        if self._makers is None or self._makers[0] != key:
            found = makers(program, previous, self.refs)
            self._makers = key, None if found.count(None) == len(found) else found
        return self._makers[1]


def makers(program: Program, previous: Program | None, refs: Sequence[Ref]) -> list[int | None]:
    """The step that made each of some slots; None for data, constants and initial values.

    Args:
        program: the program of the iteration that reads them.
        previous: that of the iteration before; None where there is none.
        refs: the slots.

    Returns:
        Numbers from 0 at the start of the iteration: one that the iteration before made is below 0.
    """
    found: list[int | None] = []
    rules: dict[Array, tuple[Making | None, int]] = {}
    for array, index in refs:
        rule = rules.get(array)
        if rule is None:
            rule = rules[array] = _rule(program, previous, array)
        making, back = rule
        found.append(None if making is None else making.number(ravel(index, array.shape)) - back)
    return found


def _rule(program: Program, previous: Program | None, array: Array) -> tuple[Making | None, int]:
    """The steps that make the slots of an array, and how many lie between these and the iteration that reads them."""
    making = program.making(array)
    if making is not None or previous is None:
        return making, 0
    updated = previous.named.get(f"new({array.name})")
    return (None if updated is None else previous.making(updated)), previous.steps


class Statement:
    """What an op says of one of its steps.

    Args:
        op: the op.
        place: where the step is.

    Attributes:
        equation: the equation as the op states it, with its choices.
        reads: what it reads; None where values decide that.
    """

    __slots__ = ("equation", "reads")

    def __init__(self, op: Op, place: Place) -> None:
        self.equation = op.equation(index_of(op, place))
        leaves = _leaves(self.equation)
        settled = leaves is not None or is_settled(self.equation)
        self.reads = Reads(once(refs(self.equation) if leaves is None else leaves)) if settled else None


def once(found: Any) -> tuple[Ref, ...]:
    """Slots in written order, each once."""
    return tuple(dict.fromkeys(found))


def _leaves(expr: Expr) -> Sequence[Ref] | None:
    """The slots of a sum of products of slots, in written order; None of other equations.

    Most long equations are such sums, and are gone through here without a call for each of their parts.
    """
    parts = expr.terms if type(expr) is Sum else (expr,)
    found: list[Any] = list(chain.from_iterable([part.factors if type(part) is Product else (part,) for part in parts]))
    return found if set(map(type, found)) == {Ref} else None


_STATED: WeakKeyDictionary[Program, Callable[[Op, Place], Statement]] = WeakKeyDictionary()
"""By program: its equations that are kept, as long as it is there itself."""


def statement(program: Program, place: Place) -> Statement:
    """What the op of a step says of it.

    Args:
        program: its program.
        place: where it is.
    """
    stated = _STATED.get(program)
    if stated is None:
        stated = _STATED[program] = lru_cache(MOST_STATED)(Statement)
    return stated(program.ops[place.op], place)
