"""Resolving the names of a formula: the slots and arrays of a network that they mean."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import product
from typing import NamedTuple

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Ref
from retrograde.engine.equations.scanning import ErrorAt
from retrograde.engine.equations.words import EPOCH_NAMES
from retrograde.engine.errors import EngineError
from retrograde.engine.formulas.tree import Evaluated, Node, Reduced, Several, Slot, Stretch
from retrograde.engine.network.notation import Notation, array_called, no_new_value
from retrograde.engine.network.program import Program
from retrograde.engine.scenario.shapes import INPUT_LAYER
from retrograde.engine.text import _

MAX_SLOTS = 4096
"""Slots that one formula may read one by one."""

APART = 64
"""Slots of an array up to which each is a part of the formula by itself; more are taken together."""


OfData = Callable[[], Program] | None
"""Makes a program that is asked for by few formulas."""

_MARK = re.compile(r"\{\s*(\*?)\s*(\d*)\s*\}$")


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
        evaluation: makes the forward pass over all data; None where it is not known.
        sensitivity: makes the program with the gradients of the inputs; None where these are not known.

    Attributes:
        sensitive: whether a name was that of a gradient of an input.
    """

    def __init__(
        self, notation: Notation, program: Program, error: ErrorAt, evaluation: OfData, sensitivity: OfData
    ) -> None:
        self._notation = notation
        self._program = program
        self._error = error
        self._evaluation = evaluation
        self._sensitivity = sensitivity
        self.sensitive = False

    def array(self, name: str) -> Whole | None:
        """The array that a name means, in ASCII: ``W_h``, ``net_h@3``, ``grad(W_h)``, ``delta(h)``, ``t_o@3``."""
        found = array_called(name, self._program)
        if found is None and self._sensitivity is not None and _of_input(name):
            found = array_called(name, self._sensitivity())
            self.sensitive = self.sensitive or found is not None
        return None if found is None else Whole(*found)

    def slots(self, name: str, column: int, where: int) -> Node:
        """What a whole name means: one slot, or all those of an array.

        Args:
            name: the name, with its sample mark.
            column: where it begins, which is said of a name that means nothing.
            where: where the array in it begins, which is said of one that is too large.
        """
        marked = _MARK.search(name)
        if marked is not None:
            found = self._of_data(name[: marked.start()].rstrip(), None, marked[0], column)
            if found is not None:
                return found
            inner = self.array(name[: marked.start()].rstrip())
            if inner is not None and inner.axes:
                if not inner.array.batched:
                    raise self._error(column, _("{name} has no values of samples").format(name=inner.array.name))
                return self.picked(inner, [":"] * inner.axes, where, marked[0])
        whole = self.array(name)
        if whole is not None and (whole.axes or whole.array.name != name):
            return self.picked(whole, [":"] * whole.axes, where)
        if name in EPOCH_NAMES:
            message = _("{name} is known at the end of an epoch only; E is the loss of an iteration")
            raise self._error(column, message.format(name=name))
        try:
            ref = self._notation.resolve(name, self._program)
        except EngineError as error:
            if not _of_input(name):
                raise self._error(column, str(error)) from None
            ref = self._gradient(name, column)
        return _slot(ref, "{" in name)

    def _gradient(self, name: str, column: int) -> Ref:
        """A gradient of an input."""
        if self._sensitivity is None:
            message = _("{name}: gradients of inputs are known to queries, watches and figures; they stop no run")
            raise self._error(column, message.format(name=name))
        try:
            ref = self._notation.resolve(name, self._sensitivity())
        except EngineError as fault:
            raise self._error(column, str(fault)) from None
        self.sensitive = True
        return ref

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
        if mark and array.batched:
            found = self._of_data(array.name, (*whole.picks, *picks), mark, column)
            if found is not None:
                return found
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
        slots = tuple(_slot(Ref(array, before + index), bool(mark)) for index in product(*places))
        single = len(slots) == 1 and all(":" not in pick for pick in every)
        return slots[0] if single else Several(slots)

    def _of_data(self, name: str, picks: Sequence[str] | None, mark: str, column: int) -> Node | None:
        """What a mark such as ``{*}`` means of the samples of the data; None of a sample of the batch.

        Args:
            name: the name without the mark.
            picks: a pick for each axis behind it; None where there are none.
            mark: ``{*}``, all samples of the data; ``{*7}``, sample 7 of it; ``{7}``, the same where the batch is
                smaller.
            column: where the name begins.
        """
        match = _MARK.fullmatch(mark.strip())
        every, number = (match[1], match[2]) if match is not None else ("", "")
        if not every and (not number or int(number) <= self._program.batch or self._evaluation is None):
            return None
        program = None if self._evaluation is None else self._evaluation()
        if program is None:
            message = _("{name}: the values of all samples are known at the end of an epoch only")
            raise self._error(column, message.format(name=name + mark))
        whole = array_called(name, program)
        try:
            if whole is not None:
                given = (*whole[1], *picks) if picks is not None else None
                open_axes = (*whole[1], *[":"] * (len(whole[0].element_shape) - len(whole[1])))
                array, places = whole[0], self._notation.places(whole[0], given or open_axes)
            else:
                ref = self._notation.resolve(name, program)
                array, places = ref.array, tuple(range(at, at + 1) for at in ref.index[ref.array.batched :])
        except EngineError as error:
            raise self._error(column, str(error)) from None
        if not array.batched and not every:
            return None
        if not array.batched:
            raise self._error(column, _("{name} has no values of samples").format(name=name))
        if number and not 1 <= int(number) <= program.batch:
            message = _("{name}: sample {sample} is not in 1 to {batch}")
            raise self._error(column, message.format(name=name + mark, sample=number, batch=program.batch))
        rows = range(int(number) - 1, int(number)) if number else range(program.batch)
        found = Evaluated(array.name, rows, places)
        single = number and found.length == 1
        return Reduced("max", found, 1) if single else found


def _of_input(name: str) -> bool:
    """Whether a name looks like that of a gradient of inputs."""
    return re.match(rf"(grad\(|∂E/∂){re.escape(INPUT_LAYER)}(?![^\W\d])", name) is not None


def _slot(ref: Ref, marked: bool) -> Slot:
    array = ref.array
    if not array.batched:
        return Slot(array.name, ref.index)
    return Slot(array.name, ref.index[1:], ref.index[0] if marked else None, True)
