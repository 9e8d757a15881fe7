"""Resolving the names of a formula: the slots and arrays of a network that they mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Ref
from retrograde.engine.equations.scanning import ErrorAt
from retrograde.engine.equations.words import EPOCH_NAMES
from retrograde.engine.errors import EngineError
from retrograde.engine.formulas.tree import Node, Several, Slot, Stretch
from retrograde.engine.network.notation import Notation, array_called, no_new_value
from retrograde.engine.network.program import Program
from retrograde.engine.text import _

MAX_SLOTS = 4096
"""Slots that one formula may read one by one."""

APART = 64
"""Slots of an array up to which each is a part of the formula by itself; more are taken together."""


class Whole(NamedTuple):
    """An array with the axes that are still open, those after ``picks``."""

    array: Array
    picks: tuple[str, ...]

    @property
    def axes(self) -> int:
        """How many axes are open."""
        return len(self.array.element_shape) - len(self.picks)


class Resolver:
    """Finds what names mean.

    Args:
        notation: the names of the network.
        program: a program of the network.
        error: makes the error that is raised where a name means nothing.
    """

    def __init__(self, notation: Notation, program: Program, error: ErrorAt) -> None:
        self._notation = notation
        self._program = program
        self._error = error

    def array(self, name: str) -> Whole | None:
        """The array that a name means, in ASCII: ``W_h``, ``net_h@3``, ``grad(W_h)``, ``delta(h)``, ``t_o@3``."""
        found = array_called(name, self._program)
        return None if found is None else Whole(*found)

    def slots(self, name: str, column: int, where: int) -> Node:
        """What a whole name means: one slot, or all those of an array.

        Args:
            name: the name, with its sample mark.
            column: where it begins, which is said of a name that means nothing.
            where: where the array in it begins, which is said of one that is too large.
        """
        whole = self.array(name)
        if whole is not None and (whole.axes or whole.array.name != name):
            return self.picked(whole, [":"] * whole.axes, where)
        if name in EPOCH_NAMES:
            message = _("{name} is known at the end of an epoch only; E is the loss of an iteration")
            raise self._error(column, message.format(name=name))
        try:
            ref = self._notation.resolve(name, self._program)
        except EngineError as error:
            raise self._error(column, str(error)) from None
        return _slot(ref, "{" in name)

    def picked(self, whole: Whole, picks: Sequence[str], column: int, mark: str = "") -> Node:
        """The slots of an array at some picks: one where each is a number, else several.

        Args:
            whole: the array.
            picks: a pick for each open axis.
            column: where its name begins.
            mark: the sample mark, ``{2}``; nothing for each sample in turn; behind ``⁺`` where the new values are
                meant.
        """
        array = whole.array
        if mark.startswith("⁺"):
            updated = self._program.named.get(f"new({array.name})")
            if updated is None:
                raise self._error(column, no_new_value(array.name, self._program))
            array, mark = updated, mark.removeprefix("⁺")
        sample = int(mark.strip("{ }")) - 1 if mark and array.batched else 0
        if not 0 <= sample < self._program.batch:
            message = _("{name}: sample {sample} is not in 1 to {batch}")
            text = message.format(name=array.name, sample=sample + 1, batch=self._program.batch)
            raise self._error(column, text)
        every = (*whole.picks, *picks)
        try:
            places = self._notation.places(array, every)
        except EngineError as error:
            raise self._error(column, str(error)) from None
        if math.prod(map(len, places)) > APART:
            if not array.batched:
                return Stretch(array.name, places)
            return Stretch(array.name, places, sample if mark else None, True)
        before = (sample,) if array.batched else ()
        found = tuple(_slot(Ref(array, before + index), bool(mark)) for index in product(*places))
        single = len(found) == 1 and all(":" not in pick for pick in every)
        return found[0] if single else Several(found)


def _slot(ref: Ref, marked: bool) -> Slot:
    array = ref.array
    if not array.batched:
        return Slot(array.name, ref.index)
    return Slot(array.name, ref.index[1:], ref.index[0] if marked else None, True)
