"""How the numbers of a layer are spread: its weights, what it hands on, its gradients; at a moment and over a run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Ref
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.network import Network
from retrograde.engine.network.program import Program
from retrograde.engine.travel.timeline import Timeline


class Spread(StrEnum):
    """Whose numbers they are."""

    WEIGHTS = "weights"
    OUTPUTS = "outputs"
    GRADIENTS = "gradients"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counted:
    """How many numbers lie in each piece of an axis.

    Attributes:
        counts: how many, shape (bins,).
        edges: where the pieces begin, and where the last one ends, shape (bins + 1,).
        total: how many numbers there are.
        odd: how many of them are not finite.
    """

    counts: NDArray[np.int64]
    edges: Floats
    total: int
    odd: int


def arrays_of(network: Network, program: Program, layer: str, spread: Spread) -> list[Array]:
    """The arrays whose numbers are counted; none where the layer has none.

    Args:
        network: the network.
        program: the program of an iteration.
        layer: the name of the layer.
        spread: whose numbers they are.
    """
    info = next(info for info in network.layers if info.name == layer)
    if spread is Spread.OUTPUTS:
        times = [f"out_{layer}@{time}" for time in range(1, info.form.steps + 1)]
        names = [f"out_{layer}", *times]
        return [program.named[name] for name in names if name in program.named]
    own = [array for array in info.parameters.values() if array.layer == layer]
    if spread is Spread.WEIGHTS:
        return own
    return [program.named[name] for array in own if (name := f"grad({array.name})") in program.named]


def numbers(frame: Frame, arrays: list[Array], revealed: int | None = None) -> Floats:
    """The numbers of some arrays of an iteration, those of a batch sample by sample.

    Args:
        frame: the iteration.
        arrays: the arrays.
        revealed: how many steps of it are revealed: what is made later is left out; None for all of them.
    """
    found = [_revealed(frame, array, revealed) for array in arrays]
    return np.concatenate(found) if found else np.empty(0)


def _revealed(frame: Frame, array: Array, revealed: int | None) -> Floats:
    """The numbers of an array that are revealed."""
    values = frame.array(array)
    if revealed is None or not array.size:
        return values.ravel()
    program = frame.program
    zeros = (0,) * (len(array.shape) - array.batched)
    if not array.batched:
        first = program.produced(Ref(array, zeros))
        return values.ravel()[: values.size if first is None else max(revealed - first, 0)]
    size = array.size // array.shape[0]
    rows = values.reshape(array.shape[0], size)
    pieces = []
    for sample in range(array.shape[0]):
        first = program.produced(Ref(array, (sample, *zeros)))
        pieces.append(rows[sample][: size if first is None else max(revealed - first, 0)])
    return np.concatenate(pieces)


def counted(values: Floats, edges: Floats) -> Counted:
    """How many numbers lie in each piece; what is beyond the ends is not counted."""
    finite = values[np.isfinite(values)]
    counts, _edges = np.histogram(finite, edges)
    return Counted(counts=counts.astype(np.int64), edges=edges, total=len(values), odd=len(values) - len(finite))


def edges_of(low: float, high: float, bins: int) -> Floats:
    """The ends of pieces of one size between two numbers, which may be the same."""
    if not high > low:
        more = (abs(high) or 1.0) * 0.1
        low, high = low - more, high + more
    found: Floats = np.linspace(low, high, bins + 1)
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpreadCourse:
    """The numbers of a layer in the last iterations of some epochs.

    Attributes:
        iterations: the iterations, from 0, ascending.
        values: the numbers of each.
    """

    iterations: tuple[int, ...]
    values: tuple[Floats, ...]

    @property
    def range(self) -> tuple[float, float] | None:
        """The least and the greatest finite number; None where there is none."""
        found = [one[np.isfinite(one)] for one in self.values]
        found = [one for one in found if len(one)]
        if not found:
            return None
        return min(float(one.min()) for one in found), max(float(one.max()) for one in found)


def spread_course(
    timeline: Timeline,
    layer: str,
    spread: Spread,
    iterations: list[int],
    on_progress: Callable[[int, int], bool] | None = None,
) -> SpreadCourse:
    """The numbers of a layer in some iterations.

    Args:
        timeline: the frames of the run.
        layer: the name of the layer.
        spread: whose numbers they are.
        iterations: the iterations, from 0, ascending.
        on_progress: called after each with how many are done, and how many there are; True cancels.

    Raises:
        InterruptedError: it was cancelled.
    """
    found = []
    for done, iteration in enumerate(iterations, 1):
        frame = timeline.frame(iteration)
        found.append(np.array(numbers(frame, arrays_of(timeline.network, frame.program, layer, spread))))
        if on_progress is not None and on_progress(done, len(iterations)):
            raise InterruptedError
    return SpreadCourse(iterations=tuple(iterations), values=tuple(found))
