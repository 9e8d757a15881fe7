"""The names of a recording: an array's own name, and the place in it, from 1."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.network.notation import LayerNames, Notation
from retrograde.engine.network.program import Program, unravel
from retrograde.engine.text import _, suggest, visible

_NO_INPUTS = LayerNames(name="", units=0, sources=0, activation="identity", bias="none", numbering="target")


class _Named(NamedTuple):
    """An array, and what stands in brackets behind its name."""

    array: Array
    picks: tuple[str, ...]


class RecordedNotation(Notation):
    """What the slots of a recording are called: ``fc1.weight[2,3]``, ``grad(fc1.weight)[2,3]``.

    Args:
        modules: the paths of the modules, in the order in which they ran.
    """

    dotted = True

    def __init__(self, modules: Sequence[str] = ()) -> None:
        super().__init__(_NO_INPUTS, ())
        self._modules = tuple(modules)

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The paths of the modules."""
        return self._modules

    def neuron_of(self, label: str) -> tuple[str, int] | None:
        """None: modules have no neurons that are called by a number."""
        del label
        return None

    def parameter(self, text: str) -> tuple[str, tuple[int, ...]] | None:
        """None: no parameter has a name of its own besides its array's."""
        del text
        return None

    def symbol(self, ref: Ref, *, sample: int | None = None) -> str:
        """The name of a slot; there are no signs."""
        del sample
        if not ref.array.shape:
            return ref.array.name
        return f"{ref.array.name}[{','.join(str(int(place) + 1) for place in ref.index)}]"

    def symbols(self, refs: Iterable[Ref]) -> list[str]:
        """The names of many slots."""
        return list(map(self.symbol, refs))

    def name(self, ref: Ref, *, sample: int | None = None) -> str:
        """The name of a slot."""
        return self.symbol(ref, sample=sample)

    def resolve(self, text: str, program: Program, *, sample: int = 0) -> Ref:
        """The slot that a name means; counted row by row where one number stands behind an array of several axes.

        Raises:
            EngineError: there is none, or the name is that of a whole array.
        """
        del sample
        array, picks = self._named(text.strip(), program)
        if not picks and array.size != 1:
            message = _("{name} is an array of {shape}; name one of its values, such as {example}, or ask a formula")
            example = f"{array.name}[{','.join('1' * len(array.shape))}]"
            raise EngineError(message.format(name=array.name, shape=_shape(array), example=example))
        return Ref(array, self._index(array, picks, text))

    def find(self, text: str, program: Program) -> Ref:
        """The same; the name of a whole array means its first element.

        Raises:
            EngineError: there is none.
        """
        array, picks = self._named(text.strip(), program)
        if not array.size:
            raise EngineError(_("{name} has no elements").format(name=array.name))
        return Ref(array, self._index(array, picks, text))

    def resolve_term(self, text: str, program: Program, *, sample: int = 0) -> tuple[Ref, int] | None:
        """None: terms have no names of their own."""
        del text, program, sample
        return None

    def places(self, array: Array, picks: Sequence[str]) -> tuple[Sequence[int], ...]:
        """See ``Notation.places``; one number behind an array of several axes counts row by row."""
        if len(picks) == 1 and len(array.shape) > 1 and picks[0].isdecimal():
            return tuple((place,) for place in self._index(array, picks, f"{array.name}[{picks[0]}]"))
        return super().places(array, picks)

    def _named(self, text: str, program: Program) -> _Named:
        if (array := program.named.get(text)) is not None:
            return _Named(array, ())
        match = re.fullmatch(r"(?P<name>.+?)\[(?P<index>[0-9, ]+)\](?P<rest>\)*(?:[~#]\d+)*)", text)
        name = match["name"] + match["rest"] if match is not None else text
        array = program.named.get(name)
        if array is None:
            message = _("there is no {name} in this recording{hint}")
            hint = suggest(name, list(program.named), most=3, between=_(" or "))
            if name == "E":
                hint = _(": it has no backward pass, which begins at the loss")
            raise EngineError(message.format(name=visible(name), hint=hint))
        return _Named(array, tuple(re.findall(r"\d{1,18}", match["index"])) if match is not None else ())

    def _index(self, array: Array, picks: Sequence[str], text: str) -> tuple[int, ...]:
        """The place in an array, from 0."""
        if not picks:
            return (0,) * len(array.shape)
        places = [int(pick) - 1 for pick in picks]
        if len(places) == 1 and len(array.shape) != 1 and 0 <= places[0] < array.size:
            return unravel(places[0], array.shape)
        fits = len(places) == len(array.shape)
        if not fits or not all(0 <= i < n for i, n in zip(places, array.shape, strict=True)):
            message = _("{name} has the shape {shape}, counted from 1: {text} is not in it")
            raise EngineError(message.format(name=array.name, shape=_shape(array), text=visible(text)))
        return tuple(places)


def _shape(array: Array) -> str:
    return "×".join(map(str, array.shape)) or _("of a single number")
