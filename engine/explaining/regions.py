"""What a network answers all over a plane of two of its inputs: regions, and the boundary between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.errors import EngineError
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.network.network import Network
from retrograde.engine.network.program import Program
from retrograde.engine.scenario.shapes import INPUT_LAYER
from retrograde.engine.text import _
from retrograde.engine.travel.timeline import Timeline

CHUNK = 1024
"""Points of the plane that are computed at once."""

MOST_INPUTS = 16
"""Inputs of which two may be chosen; more of them are an image or a text."""


def why_no_regions(network: Network) -> str:
    """Why there is no plane of two inputs; empty where there is."""
    form = network.forms[INPUT_LAYER]
    specs = [info.spec for info in network.layers]
    if form.steps or len(form.shape) != 1 or any(spec.sequential or spec.indices is not None for spec in specs):
        return _("the inputs are no row of numbers")
    if network.inputs < 2:
        return _("there is only one input")
    if network.inputs > MOST_INPUTS:
        return _("there are {count} inputs").format(count=network.inputs)
    if len(network.columns) != len(network._columns(network.dataset)):
        return _("samples begin in states of their own")
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """A plane of two inputs through a sample.

    Attributes:
        across: the input, from 0, that grows from left to right.
        up: the input that grows from below.
        through: the inputs of the sample, of which the others are held.
    """

    across: int
    up: int
    through: tuple[float, ...]


class Regions:
    """Computes what a layer hands on all over a plane, many points at once.

    Args:
        timeline: the states of the run, whose network it is.

    Raises:
        EngineError: the network has no such plane.
    """

    def __init__(self, timeline: Timeline) -> None:
        network = timeline.network
        why = why_no_regions(network)
        if why:
            raise EngineError(why)
        self._network = network
        self._timeline = timeline
        self._program: Program = network.evaluation(CHUNK)
        blas = network.scenario.network.arithmetic == "blas"
        self._executor = KernelExecutor(self._program, timeline.constants, blas=blas)
        # Targets and masks do not matter here, but have to be some that make sense.
        self._others = [np.repeat(column[:1], CHUNK, axis=0) for column in network.columns[1:]]

    def array(self, layer: str) -> Array:
        """The array that a layer hands on."""
        return self._program.named[f"out_{layer}"]

    def over(
        self,
        state: Floats,
        layer: str,
        plane: Plane,
        xs: Floats,
        ys: Floats,
        asked: Callable[[], bool] | None = None,
    ) -> Floats:
        """What a layer hands on at every point of a grid, shape (ys, xs, units).

        Args:
            state: the state of the network.
            layer: the layer.
            plane: the plane.
            xs: the values of the input that grows to the right.
            ys: those of the other.
            asked: whether to stop.

        Raises:
            InterruptedError: it was to stop.
        """
        points = np.empty((len(ys) * len(xs), self._network.inputs))
        points[:] = plane.through
        points[:, plane.across] = np.tile(xs, len(ys))
        points[:, plane.up] = np.repeat(ys, len(xs))
        return self.at(state, layer, points, asked).reshape(len(ys), len(xs), -1)

    def at(self, state: Floats, layer: str, points: Floats, asked: Callable[[], bool] | None = None) -> Floats:
        """What a layer hands on for some inputs, shape (points, units).

        Args:
            state: the state of the network.
            layer: the layer.
            points: the inputs, shape (points, inputs).
            asked: whether to stop.

        Raises:
            InterruptedError: it was to stop.
        """
        executor, array = self._executor, self.array(layer)
        dated = [leaf.source.values(0, self._timeline.schedule.per_epoch) for leaf in self._program.dated]
        found = np.empty((len(points), array.size // CHUNK))
        batch = np.zeros((CHUNK, self._network.inputs))
        for start in range(0, len(points), CHUNK):
            if asked is not None and asked():
                raise InterruptedError
            piece = points[start : start + CHUNK]
            batch[: len(piece)] = piece
            values = executor.values(state, executor.leaves([batch, *self._others], range(CHUNK), dated), array)
            found[start : start + len(piece)] = values.reshape(CHUNK, -1)[: len(piece)]
        return found
