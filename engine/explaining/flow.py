"""The flow of a gradient by layer: how large it is at each, what each does to it, and how fast each one learns.

For a layer (and time step) with net inputs net, outputs out and weights W:

    delta     root mean square of ∂E/∂net over samples and units
    output    the same of ∂E/∂out
    gradient  ‖∂E/∂W‖, the Euclidean norm over its trained parameters that are no biases
    slope     mean of the activation's slopes
    size      ‖W‖
    update    ‖W⁺ − W‖ / ‖W‖
    factor    delta of this layer / delta of the one that it was made of: what a step back makes of a gradient

That one is the layer that reads this one's outputs; of a recurrent layer its own next time step, and where several read
it the first of them.

A recurrent layer has a row for each time step, with the gradient of all its steps in the first of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Role
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program
from retrograde.engine.rich import Rich


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowRow:
    """One layer at one time step; a number is None where the layer has no such thing.

    Attributes:
        layer: the layer.
        time: the time step, from 1; None where there is none.
        delta: root mean square of ∂E/∂net, or where it has no net inputs of ∂E/∂out.
        gradient: the Euclidean norm of the gradient of its weights.
        slope: the mean slope.
        size: the Euclidean norm of its weights.
        update: the norm of the change of its weights, as a share of theirs.
        factor: delta as a multiple of that of the row that it was made of.
        after: the name of that row; empty of one that the loss itself gave its gradient.
        smallest: whether that factor is the smallest of all.
    """

    layer: str
    time: int | None = None
    delta: float | None = None
    gradient: float | None = None
    slope: float | None = None
    size: float | None = None
    update: float | None = None
    factor: float | None = None
    after: str = ""
    smallest: bool = False

    @property
    def name(self) -> str:
        """The layer with its time step."""
        return self.layer if self.time is None else f"{self.layer}@{self.time}"


class Flow(tuple[FlowRow, ...], Rich):
    """The flow of the gradient in an iteration: its rows, from the inputs to the loss."""

    __slots__ = ()


def flow(frame: Frame) -> Flow:
    """The flow of the gradient in an iteration: a row a layer and time step, from the inputs to the loss."""
    program = frame.program
    keys = list(_keys(program))
    weighed: set[str] = set()
    rows: list[FlowRow] = []
    for layer, time in keys:
        weights = [array for array in program.state if array.layer == layer and array.role is Role.WEIGHT]
        first = layer not in weighed
        weighed.add(layer)
        rows.append(
            FlowRow(
                layer=layer,
                time=time,
                delta=_delta(frame, layer, time),
                slope=_slope(frame, layer, time),
                gradient=_gradient(frame, weights) if first and weights else None,
                size=norm([frame.array(array) for array in weights]) if first and weights else None,
                update=_update(frame, weights) if first and weights else None,
            )
        )
    return Flow(with_factors(rows, [*_followers(program, keys)]))


def _keys(program: Program) -> Iterator[tuple[str, int | None]]:
    """The layers and time steps with a gradient, in the order in which the forward pass makes them."""
    found: dict[tuple[str, int | None], None] = {}
    for op in program.ops:
        target = op.target
        if target.role in {Role.NET, Role.OUT} and f"grad({target.name})" in program.named:
            found.setdefault((target.layer, target.time), None)
    return iter(found)


def _arrays(program: Program, layer: str, time: int | None, role: Role) -> list[Array]:
    return [
        array
        for array in program.arrays
        if array.of is not None
        and array.of.role is role
        and (array.of.layer, array.of.time) == (layer, time)
        and program.is_backward(array)
    ]


def deltas_of(program: Program, layer: str, time: int | None) -> list[Array]:
    """The gradients whose root mean square is a row's ``delta``; none where it has none.

    Args:
        program: the program.
        layer: the layer of the row.
        time: its time step.
    """
    return next((found for role in (Role.NET, Role.OUT) if (found := _arrays(program, layer, time, role))), [])


def _delta(frame: Frame, layer: str, time: int | None) -> float | None:
    found = deltas_of(frame.program, layer, time)
    return rms([frame.array(array) for array in found]) if found else None


def _slope(frame: Frame, layer: str, time: int | None) -> float | None:
    found = [
        frame.array(array)
        for array in frame.program.arrays
        if array.role is Role.SLOPE and (array.layer, array.time) == (layer, time)
    ]
    with np.errstate(all="ignore"):
        return float(np.concatenate([values.reshape(-1) for values in found]).mean()) if found else None


def _gradient(frame: Frame, weights: list[Array]) -> float | None:
    named = frame.program.named
    found = [named.get(f"grad({array.name})") for array in weights]
    values = [frame.array(array) for array in found if array is not None]
    return norm(values) if values else None


def _update(frame: Frame, weights: list[Array]) -> float | None:
    named = frame.program.named
    moved = []
    for array in weights:
        updated = named.get(f"new({array.name})")
        if updated is None:
            return None
        moved.append(frame.array(updated) - frame.array(array))
    size = norm([frame.array(array) for array in weights])
    return norm(moved) / size if size else None


def norm(pieces: list[Floats]) -> float:
    """The Euclidean norm, which overflows only where it is itself too large."""
    largest = max((float(np.abs(piece).max()) for piece in pieces if piece.size), default=0.0)
    if largest == 0.0 or not math.isfinite(largest):
        return largest
    return largest * math.sqrt(math.fsum(float(np.square(piece / largest).sum()) for piece in pieces))


def rms(pieces: list[Floats]) -> float:
    """The root mean square over all numbers."""
    count = sum(piece.size for piece in pieces)
    return norm(pieces) / math.sqrt(count) if count else 0.0


def _followers(program: Program, keys: list[tuple[str, int | None]]) -> Iterator[int | None]:
    """For each layer and time step the number of the one that its gradient was made of."""
    numbers = {key: number for number, key in enumerate(keys)}
    for layer, time in keys:
        found: set[int] = set()
        ready = [*_arrays(program, layer, time, Role.NET), *_arrays(program, layer, time, Role.OUT)]
        seen = set(ready)
        while ready:
            op = program.maker(ready.pop())
            for array in () if op is None else op.inputs:
                if array in seen or not program.is_backward(array) or array.of is None:
                    continue
                seen.add(array)
                key = (array.of.layer, array.of.time)
                if key != (layer, time) and key in numbers:
                    found.add(numbers[key])
                else:
                    ready.append(array)
        own = numbers.get((layer, None if time is None else time + 1))
        yield own if own in found else min(found, default=None)


def with_factors(rows: list[FlowRow], followers: list[int | None]) -> tuple[FlowRow, ...]:
    """The rows with what each makes of the gradient of the one behind it, and the smallest of these marked."""
    found: list[FlowRow] = []
    for row, follower in zip(rows, followers, strict=True):
        if follower is None:
            found.append(row)
            continue
        after = rows[follower]
        factor = row.delta / after.delta if row.delta is not None and after.delta else None
        found.append(replace(row, factor=factor, after=after.name))
    factors = [row.factor for row in found if row.factor is not None and math.isfinite(row.factor)]
    least = min(factors, default=None)
    marked = False
    for number, row in enumerate(found):
        if least is not None and row.factor == least and not marked:
            found[number] = replace(row, smallest=True)
            marked = True
    return tuple(found)
