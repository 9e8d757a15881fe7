"""What an iteration starts from besides its parameters: memory, hyperparameters, and leaves that change with time.

The programs of one network (of full and of smaller batches, for training and for evaluation) share these arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Role


class Source(Protocol):
    """Where the values of a dated leaf come from: a pure function of the time."""

    def values(self, iteration: int, per_epoch: int) -> Floats:
        """The values in an iteration.

        Args:
            iteration: the iteration, counted from 0 over the whole training.
            per_epoch: iterations in an epoch.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class First:
    """Values that are given for the first iteration, and come from elsewhere in all later ones.

    Attributes:
        given: those of the first.
        later: where the others come from.
    """

    given: Floats
    later: Source

    def values(self, iteration: int, per_epoch: int) -> Floats:
        """The values in an iteration."""
        return self.given if iteration == 0 else self.later.values(iteration, per_epoch)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dated:
    """A leaf that has other values in each iteration: a dropout mask, the factor of a schedule.

    Attributes:
        array: the leaf.
        source: its values.
    """

    array: Array
    source: Source


class Leaves:
    """The arrays that outlive a program, each by its name.

    Attributes:
        memory: arrays of the state besides parameters (optimiser state, counters, running statistics), each with its
            value before the first iteration; the array that replaces ``x`` after an iteration is called ``new(x)``.
        hyper: hyperparameters with their values.
    """

    def __init__(self) -> None:
        self.memory: dict[Array, Floats] = {}
        self.hyper: dict[Array, Floats] = {}
        self._named: dict[str, Array] = {}

    def remembered(
        self,
        name: str,
        initial: Any,
        *,
        layer: str = "",
        of: Array | None = None,
        stem: str = "",
        sign: str = "",
    ) -> Array:
        """An array of the state; the same one whenever it is asked for.

        Args:
            name: its name: ``m(W_h)``.
            initial: its value before the first iteration; gives the shape.
            layer: the layer.
            of: the parameter that it belongs to.
            stem: what a slot is called before the parameter's: ``m`` in ``m(w5)``.
            sign: the stem on the screen.
        """
        values = np.array(initial, dtype=np.float64)
        array = self._named.get(name)
        if array is None:
            array = Array(
                name=name, shape=values.shape, role=Role.MEMORY, layer=layer, of=of, stem=stem or name, sign=sign
            )
            self._named[name] = array
            self.memory[array] = values
        return array

    def setting(self, name: str, value: float, sign: str = "") -> Array:
        """A hyperparameter: a leaf without axes that can be edited like the learning rate."""
        array = self._named.get(name)
        if array is None:
            array = Array(name=name, shape=(), role=Role.HYPER, stem=name, sign=sign)
            self._named[name] = array
            self.hyper[array] = np.array(value, dtype=np.float64)
        return array

    def table(self, name: str, values: Any, layer: str, sign: str = "") -> Array:
        """A row of hyperparameters that belong to a layer; the same array whenever it is asked for."""
        array = self._named.get(name)
        if array is None:
            found = np.array(values, dtype=np.float64)
            stem = name.removesuffix(f"_{layer}")
            array = Array(name=name, shape=found.shape, role=Role.HYPER, layer=layer, stem=stem, sign=sign)
            self._named[name] = array
            self.hyper[array] = found
        return array
