"""The program of one iteration: its ops in the order of revealing, and the numbering of its steps.

A program falls into segments. In a sampled segment the samples go one after the other through all of its ops; a
segment of ``once`` ops is revealed once. A new segment begins where a ``once`` op begins or ends, and where an op
reads, sample by sample, a sum that is only complete after the last sample of this segment; of a single sample the
sum is complete at once.

Within a program steps are counted from 0; step k assigns one element of one op, for one sample.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from retrograde.engine.equations.array import Array, Extent, Phase
from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.ops.base import Op
from retrograde.engine.ops.leaves import Dated
from retrograde.engine.text import _, joined


class Granularity(StrEnum):
    """How far one motion goes."""

    TERM = "term"
    STEP = "step"
    LAYER = "layer"
    PHASE = "phase"
    SAMPLE = "sample"
    ITERATION = "iteration"
    EPOCH = "epoch"


class Place(NamedTuple):
    """Where a step of a program is: the op, the sample (None for ``once``), and the element counted flat."""

    op: int
    sample: int | None
    element: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Segment:
    """Consecutive ops that are revealed together.

    Attributes:
        first: the first op.
        sizes: steps of each op for one sample.
        offsets: where each op begins, for one sample; one more entry than ops.
        samples: how often the segment is repeated; 1 for ``once``.
        sampled: whether the repetitions are samples.
        start: the number of the segment's first step.
        layer_stops: ends of the runs of one layer (at one time step) and phase, for one sample.
        phase_stops: ends of the runs of one phase, for one sample.
    """

    first: int
    offsets: tuple[int, ...]
    samples: int
    sampled: bool
    start: int
    layer_stops: tuple[int, ...]
    phase_stops: tuple[int, ...]

    @property
    def period(self) -> int:
        """Steps for one sample."""
        return self.offsets[-1]

    @property
    def stop(self) -> int:
        """The number after the segment's last step."""
        return self.start + self.period * self.samples


class PhaseRun(NamedTuple):
    """A maximal run of steps of one phase (and sample); numbers from 0, the end excluded."""

    phase: Phase
    sample: int | None
    start: int
    stop: int


class Making(NamedTuple):
    """The steps at which the slots of an array are final.

    Attributes:
        first: the number (from 0) of the step of the first slot.
        size: slots of a sample, or of all where the array has no samples.
        period: steps from one sample to the next.
    """

    first: int
    size: int
    period: int

    def number(self, place: int) -> int:
        """The number (from 0) of the step of a slot, by its place in the array."""
        sample, within = divmod(place, self.size)
        return self.first + sample * self.period + within


class Program:
    """The ops of one iteration with a certain batch size.

    Attributes:
        ops: the ops, in the order of revealing within a sample.
        batch: samples in the iteration.
        state: the arrays that an iteration hands to the next one (parameters that are trained).
        updates: for each array of the state, the array that replaces it.
        leaves: arrays that no op makes and that the state does not hold: data, constants, dated leaves.
        data: the leaves that hold the rows of the data set, in the order of the network's columns.
        dated: the leaves that have other values in each iteration.
        arrays: all arrays: state, then updates (both contiguous and in the same order), then the others.
        offsets: where each array begins in the flat memory of a frame.
        size: slots in a frame.
        named: the arrays by name.
        segments: the segments.
        steps: steps in an iteration.
    """

    def __init__(
        self,
        ops: Sequence[Op],
        *,
        batch: int,
        state: Sequence[Array],
        updates: Sequence[Array],
        data: Sequence[Array],
        constants: Sequence[Array],
        dated: Sequence[Dated] = (),
    ) -> None:
        self.ops = tuple(ops)
        self.batch = batch
        self.state = tuple(state)
        self.updates = tuple(updates)
        self.data = tuple(data)
        self.dated = tuple(dated)
        self.leaves = (*data, *constants, *(leaf.array for leaf in dated))
        made = tuple(op.target for op in self.ops)
        rest = tuple(array for array in made if array not in set(self.updates))
        self.arrays = (*self.state, *self.updates, *self.leaves, *rest)
        self.offsets: dict[Array, int] = {}
        self.size = 0
        for array in self.arrays:
            self.offsets[array] = self.size
            self.size += array.size
        self.state_size = sum(array.size for array in self.state)
        self.named = {array.name: array for array in self.arrays}
        self._maker = {op.target: number for number, op in enumerate(self.ops)}
        self.segments = self._segments()
        self.steps = self.segments[-1].stop if self.segments else 0
        self._starts = [segment.start for segment in self.segments]
        self._segment_of = [number for number, segment in enumerate(self.segments) for _ in segment.offsets[:-1]]
        self._making: dict[Array, Making] = {}
        self._readers: dict[Array, tuple[int, ...]] = {}

    def _segments(self) -> tuple[Segment, ...]:
        groups: list[list[int]] = []
        completed: set[Array] = set()
        for number, op in enumerate(self.ops):
            once = op.extent is Extent.ONCE
            new = (
                not groups
                or once != (self.ops[groups[-1][0]].extent is Extent.ONCE)
                or (not once and self.batch > 1 and any(array in completed for array in op.inputs))
            )
            if new:
                groups.append([])
                completed = set()
            groups[-1].append(number)
            if op.extent is Extent.SUM:
                completed.add(op.target)
        segments: list[Segment] = []
        start = 0
        for group in groups:
            offsets = [0]
            for number in group:
                target = self.ops[number].target
                size = 1
                for length in target.element_shape:
                    size *= length
                offsets.append(offsets[-1] + size)
            sampled = self.ops[group[0]].extent is not Extent.ONCE
            layer_keys = [(self.ops[n].phase, self.ops[n].layer, self.ops[n].target.time) for n in group]
            phase_keys = [self.ops[n].phase for n in group]
            segment = Segment(
                first=group[0],
                offsets=tuple(offsets),
                samples=self.batch if sampled else 1,
                sampled=sampled,
                start=start,
                layer_stops=_stops(layer_keys, offsets),
                phase_stops=_stops(phase_keys, offsets),
            )
            segments.append(segment)
            start = segment.stop
        return tuple(segments)

    def place(self, step: int) -> Place:
        """Where step ``step`` (from 0) is."""
        segment = self.segments[bisect_right(self._starts, step) - 1]
        sample, within = divmod(step - segment.start, segment.offsets[-1])
        position = bisect_right(segment.offsets, within) - 1
        return Place(
            segment.first + position,
            sample if segment.sampled else None,
            within - segment.offsets[position],
        )

    def number(self, place: Place) -> int:
        """The number (from 0) of the step at a place; the inverse of ``place``."""
        segment = self.segments[self._segment_of[place.op]]
        within = segment.offsets[place.op - segment.first] + place.element
        return segment.start + (place.sample or 0) * segment.offsets[-1] + within

    def number_of_first(self, op: int) -> int:
        """The number (from 0) of the first step of an op."""
        return self.number(Place(op, 0 if self.ops[op].extent is not Extent.ONCE else None, 0))

    def target(self, place: Place) -> Ref:
        """The slot that a step assigns, or adds a sample's contribution to."""
        array = self.ops[place.op].target
        index = unravel(place.element, array.element_shape)
        return Ref(array, (place.sample, *index) if array.batched else index)

    def index(self, place: Place) -> tuple[int, ...]:
        """The index at which the op's equation states a step."""
        return index_of(self.ops[place.op], place)

    def produced(self, ref: Ref) -> int | None:
        """The number (from 0) of the step at which a slot is final; None for a leaf or the state."""
        found = self.making(ref.array)
        return None if found is None else found.number(ravel(ref.index, ref.array.shape))

    def making(self, array: Array) -> Making | None:
        """The steps at which the slots of an array are final; None for a leaf or the state."""
        found = self._making.get(array)
        op = self._maker.get(array)
        if found is not None or op is None:
            return found
        segment = self.segments[self._segment_of[op]]
        place = op - segment.first
        first, size = segment.start + segment.offsets[place], segment.offsets[place + 1] - segment.offsets[place]
        if self.ops[op].extent is Extent.SUM:
            first += (self.batch - 1) * segment.period
        found = self._making[array] = Making(first, max(size, 1), segment.period)
        return found

    def maker(self, array: Array) -> Op | None:
        """The op that makes an array."""
        number = self._maker.get(array)
        return None if number is None else self.ops[number]

    def is_backward(self, array: Array) -> bool:
        """Whether an array is a gradient that is made on the way back; slopes are not."""
        op = self.maker(array)
        return op is not None and op.carries

    @cached_property
    def backward(self) -> int:
        """How many steps there are up to the end of the backward pass; all where there is none."""
        stops = (run.stop for run in self.runs() if run.phase is Phase.BACKWARD)
        return max(stops, default=self.steps)

    def readers(self, array: Array) -> tuple[int, ...]:
        """The numbers of the ops that read an array."""
        found = self._readers.get(array)
        if found is None:
            found = tuple(number for number, op in enumerate(self.ops) if array in op.inputs)
            self._readers[array] = found
        return found

    def offset(self, ref: Ref) -> int:
        """Where a slot is in the flat memory of a frame."""
        return self.offsets[ref.array] + ravel(ref.index, ref.array.shape)

    def places(self, refs: Iterable[Ref]) -> list[int]:
        """Where each of many slots is in the flat memory of a frame."""
        offsets = self.offsets
        # Most arrays are rows or matrices; see ``ravel``.
        return [
            offsets[array] + (index[0] * array.shape[1] + index[1] if len(index) == 2 else ravel(index, array.shape))
            for array, index in refs
        ]

    def next_stop(self, revealed: int, granularity: Granularity) -> int:
        """The first stop after ``revealed`` steps of this iteration; at most ``steps``."""
        if granularity is Granularity.STEP:
            return revealed + 1
        if granularity in {Granularity.ITERATION, Granularity.EPOCH}:
            return self.steps
        segment = self.segments[bisect_right(self._starts, revealed) - 1]
        sample, within = divmod(revealed - segment.start, segment.offsets[-1])
        base = segment.start + sample * segment.offsets[-1]
        stops = self._stops(segment, granularity)
        return base + stops[bisect_right(stops, within)]

    def previous_stop(self, revealed: int, granularity: Granularity) -> int:
        """The last stop before ``revealed`` (1 or more) steps of this iteration; at least 0."""
        if granularity is Granularity.STEP:
            return revealed - 1
        if granularity in {Granularity.ITERATION, Granularity.EPOCH}:
            return 0
        segment = self.segments[bisect_right(self._starts, revealed - 1) - 1]
        sample, within = divmod(revealed - 1 - segment.start, segment.offsets[-1])
        base = segment.start + sample * segment.offsets[-1]
        stops = self._stops(segment, granularity)
        position = bisect_left(stops, within + 1)
        return base + stops[position - 1] if position else base

    @staticmethod
    def _stops(segment: Segment, granularity: Granularity) -> tuple[int, ...]:
        match granularity:
            case Granularity.LAYER:
                return segment.layer_stops
            case Granularity.PHASE:
                return segment.phase_stops
            case _:
                return (segment.offsets[-1],)

    def runs(self, sample: int | None = None) -> tuple[PhaseRun, ...]:
        """The runs of one phase, in order; of one sample's repetitions when ``sample`` is given."""
        found: list[PhaseRun] = []
        for segment in self.segments:
            repeats = range(segment.samples)
            if segment.sampled and sample is not None:
                repeats = range(sample, sample + 1)
            for repeat in repeats:
                base = segment.start + repeat * segment.period
                for start, stop in pairwise((0, *segment.phase_stops)):
                    op = segment.first + bisect_right(segment.offsets, start) - 1
                    found.append(
                        PhaseRun(
                            self.ops[op].phase,
                            repeat if segment.sampled else None,
                            base + start,
                            base + stop,
                        )
                    )
        return tuple(found)


def _stops(keys: Sequence[object], offsets: Sequence[int]) -> tuple[int, ...]:
    return tuple(
        offsets[position + 1]
        for position, key in enumerate(keys)
        if position + 1 == len(keys) or keys[position + 1] != key
    )


def index_of(op: Op, place: Place) -> tuple[int, ...]:
    """The index at which the op's equation states a step."""
    index = unravel(place.element, op.target.element_shape)
    return index if op.extent is Extent.ONCE else (place.sample or 0, *index)


def ravel(index: Sequence[int], shape: Sequence[int]) -> int:
    """The position of an index in an array that is laid out row by row."""
    # Most arrays are rows or matrices, and a key asks this some hundred times.
    if len(shape) == 1:
        (column,) = index
        return column
    if len(shape) == 2:
        row, column = index
        return row * shape[1] + column
    flat = 0
    for position, length in zip(index, shape, strict=True):
        flat = flat * length + position
    return flat


def unravel(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The index at a position of an array that is laid out row by row."""
    if len(shape) == 1:
        return (flat,)
    index: list[int] = []
    for length in reversed(shape):
        flat, position = divmod(flat, length)
        index.append(position)
    return tuple(reversed(index))


def as_granularity(text: str) -> Granularity:
    """The granularity with a name.

    Raises:
        EngineError: there is none.
    """
    try:
        return Granularity(text)
    except ValueError:
        known = ", ".join(Granularity)
        raise EngineError(_("{text} is no granularity; there are {known}").format(text=text, known=known)) from None


def require_within(what: str, number: int, high: int, low: int = 1, *, why: str = "") -> None:
    """Raises EngineError for a number of an address that is not in its range; both ends are in it.

    Args:
        what: what is numbered.
        number: the number.
        high: the last one.
        low: the first one.
        why: why the last one is the last.
    """
    if not low <= number <= high:
        message = _("{what} {number} is not in {low} to {high}").format(what=what, number=number, low=low, high=high)
        raise EngineError(joined((message, why), ": "))
