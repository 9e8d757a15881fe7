"""The loss over two parameters, all others as they are at a moment, and the way that a run took through them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.network.program import Program, unravel
from retrograde.engine.travel.timeline import Timeline

MOST_WAY = 240
"""Moments of the way that are looked at."""


class Landscape:
    """The loss over all samples of the data, for any values of two parameters.

    Args:
        timeline: the states of the run.
    """

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        program = self._program = timeline.evaluation
        self._total = program.named["E"]
        blas = timeline.network.scenario.network.arithmetic == "blas"
        self._executor = KernelExecutor(program, timeline.constants, blas=blas)
        dated = [leaf.source.values(0, timeline.schedule.per_epoch) for leaf in program.dated]
        self._leaves = self._executor.leaves(timeline.network.columns, range(timeline.schedule.samples), dated)

    def place(self, ref: Ref) -> int:
        """Where a parameter stands in the state."""
        return place_of(self._program, ref)

    def loss(self, state: Floats) -> float:
        """E over all samples under a state."""
        return self._executor.values(state, self._leaves, self._total).item()

    def over(
        self,
        state: Floats,
        across: Ref,
        up: Ref,
        xs: Floats,
        ys: Floats,
        asked: Callable[[], bool] | None = None,
    ) -> Floats:
        """E over all samples on a grid of two parameters, shape (ys, xs).

        Args:
            state: the state, of which the other parameters are taken.
            across: the parameter that grows from left to right.
            up: the parameter that grows from below.
            xs: the values of the one.
            ys: the values of the other.
            asked: whether to stop.

        Raises:
            InterruptedError: it was to stop.
        """
        moved = np.array(state)
        first, second = self.place(across), self.place(up)
        found = np.empty((len(ys), len(xs)))
        total, again = self._total, self._executor.values_again
        # From here on only the two parameters become others, and in a row of the grid only one of them.
        self._executor.values(state, self._leaves, total)
        for row, y in enumerate(ys.tolist()):
            moved[second] = y
            changed: tuple[Array, ...] = (across.array, up.array)
            for column, x in enumerate(xs.tolist()):
                if asked is not None and asked():
                    raise InterruptedError
                moved[first] = x
                found[row, column] = again(moved, total, changed).item()
                changed = (across.array,)
        return found


def place_of(program: Program, ref: Ref) -> int:
    """Where a parameter stands in the state of a program."""
    return program.offset(ref)


def trained(program: Program) -> list[Array]:
    """The trained parameters, in the order of the state."""
    return [array for array in program.state if array.role is not Role.MEMORY]


def movers(timeline: Timeline, updates: int, count: int = 2) -> list[Ref]:
    """The parameters that have moved furthest since the start, the furthest first.

    Args:
        timeline: the states of the run.
        updates: how many iterations are complete.
        count: how many of them.
    """
    program = timeline.schedule.full
    arrays = trained(program)
    size = sum(array.size for array in arrays)
    with np.errstate(all="ignore"):
        moved = np.abs(timeline.state(updates)[:size] - timeline.state(0)[:size])
    order = np.argsort(-np.nan_to_num(moved, nan=-1.0, posinf=np.inf), kind="stable")[:count]
    return [ref_at(program, int(place)) for place in order]


def ref_at(program: Program, place: int) -> Ref:
    """The parameter at a place of the state."""
    for array in program.state:
        start = program.offsets[array]
        if start <= place < start + array.size:
            return Ref(array, unravel(place - start, array.shape))
    raise IndexError(place)


def way(
    timeline: Timeline,
    across: Ref,
    up: Ref,
    updates: int,
    on_progress: Callable[[int, int], bool] | None = None,
) -> tuple[Floats, Floats]:
    """The way of two parameters from the start to a moment: how many iterations are complete, and their values.

    Args:
        timeline: the states of the run.
        across: the one.
        up: the other.
        updates: how many iterations are complete at the end.
        on_progress: called after each moment with how many are done, and how many there are; True cancels.

    Returns:
        The moments, shape (moments,), and the values, shape (moments, 2); moments are closer at the start, where the
        way is long.

    Raises:
        InterruptedError: it was cancelled.
    """
    program = timeline.schedule.full
    places = [place_of(program, across), place_of(program, up)]
    half = MOST_WAY // 2
    moments = {0, updates, *np.linspace(0, updates, half).astype(int).tolist()}
    moments |= set(np.geomspace(1, max(updates, 1), half).astype(int).tolist())
    ordered = sorted(one for one in moments if one <= updates)
    found = np.empty((len(ordered), 2))
    for done, moment in enumerate(ordered):

        def replayed(_part: int, _all: int, done: int = done) -> bool:
            return on_progress is not None and on_progress(done, len(ordered))

        found[done] = timeline.state(moment, replayed)[places]
        if replayed(0, 0, done + 1):
            raise InterruptedError
    return np.array(ordered, dtype=np.float64), found
