"""Holding what was recorded to its equation: within what rounding can do, for the equation as it stands.

A recorded value agrees where it is no further away from the equation in float64 than twice the running error bound of
the recorded type; see ``bounded``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.expression import (
    refs,
)
from retrograde.engine.network.program import Place
from retrograde.engine.recording.again import UNFIT
from retrograde.engine.recording.bounded import Bounded, Rounding, finite
from retrograde.engine.recording.bounding import Bounding
from retrograde.engine.recording.form import DTYPES, Kind
from retrograde.engine.recording.program import Recorded, RecordedProgram
from retrograde.engine.recording.whole import whole_of
from retrograde.engine.recording.window import unflattened

FACTOR = 2.0
"""The bound is of first order: twice it leaves room for the rest."""

_AT_ONCE = 2**20
"""Slots that are read at once."""
_MESHED, _SINGLE = 2**21, 2**15
"""Slots that are read for one op unless all are wanted: where many elements go at once, and where they go singly."""
_MOST = 256
"""Elements of one op that are held singly, unless all are wanted."""

Elements = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """An element whose recorded value is not what its equation gives.

    Attributes:
        op: the op, by its number in the program.
        element: which of its elements, counted row by row from 0.
        recorded: what was recorded.
        computed: what the equation gives in float64.
        bound: how far apart the two may be.
    """

    op: int
    element: int
    recorded: float
    computed: float
    bound: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpCheck:
    """What came of one op.

    Attributes:
        op: its number in the program.
        elements: how many elements it has.
        checked: how many of them were held to the equation.
        disagreeing: how many of those do not agree.
        worst: the one that is furthest out, in terms of its bound.
        missing: why none was checked: "equation" where there is none, "values" where they are not in the file.
    """

    op: int
    elements: int
    checked: int = 0
    disagreeing: int = 0
    worst: Disagreement | None = None
    missing: str = ""


def check_all(recorded: RecordedProgram, *, every: bool = False) -> Iterator[OpCheck]:
    """Holds each op to its equation, in the order in which they ran.

    Args:
        recorded: the recording.
        every: whether every element is wanted; else of large ops a part, drawn evenly with a fixed seed.

    Raises:
        EngineError: the file is damaged.
    """
    for number in range(len(recorded.program.ops)):
        yield check_op(recorded, number, every=every)


def check_op(recorded: RecordedProgram, number: int, *, every: bool = False) -> OpCheck:
    """Holds one op to its equation; see ``check_all``."""
    op = recorded.program.ops[number]
    assert isinstance(op, Recorded)
    size = op.target.size
    if op.stated is None:
        return OpCheck(op=number, elements=size, missing="equation")
    if any(not recorded.has_values(array) for array in (op.target, *op.inputs)):
        return OpCheck(op=number, elements=size, missing="values" if op.has_equation else "equation")
    if not size:
        return OpCheck(op=number, elements=0)
    kind = DTYPES[op.values[op.result.to.value].dtype]
    actual = recorded.frame.array(op.target).reshape(-1)
    # Whether there is an equation is asked last: of a sum of a million terms it is long.
    if (found := whole_of(op, recorded.frame, kind)) is not None:
        chosen = np.arange(size)
        parts: Iterable[tuple[Elements, Floats, Floats]] = [(chosen, *found)]
    elif op.has_equation:
        chosen, length = _drawn(op, every=every)
        pieces = np.array_split(chosen, max(len(chosen) * length // _AT_ONCE, 1))
        parts = ((part, *bounds_of(recorded, op, part, kind)) for part in pieces)
    else:
        return OpCheck(op=number, elements=size, missing="equation")
    try:
        return _held(op, number, kind, actual, parts)
    except UNFIT:
        # Its arguments are not what the operator takes, as in a file that was changed.
        return OpCheck(op=number, elements=size, missing="equation")


def _held(
    op: Recorded, number: int, kind: Kind, actual: Floats, parts: Iterable[tuple[Elements, Floats, Floats]]
) -> OpCheck:
    """What comes of the elements of an op, of which equations and bounds are given."""
    size, checked = op.target.size, 0
    wrong, worst, ratio = 0, None, 0.0
    for part, computed, error in parts:
        checked += len(part)
        bound = FACTOR * (error + finite(kind.epsilon * np.abs(computed)))
        own = actual if len(part) == size else actual[part]
        with np.errstate(all="ignore"):
            far = np.flatnonzero(~(np.abs(own - computed) <= bound))
        apart = _apart(own[far], computed[far], bound[far], kind)
        wrong += int((apart > 1.0).sum())
        if len(far) and apart.max() > max(ratio, 1.0):
            most = int(far[np.argmax(apart)])
            ratio = float(apart.max())
            worst = Disagreement(
                op=number,
                element=int(part[most]),
                recorded=float(own[most]),
                computed=float(computed[most]),
                bound=float(bound[most]),
            )
    return OpCheck(op=number, elements=size, checked=checked, disagreeing=wrong, worst=worst)


def _drawn(op: Recorded, *, every: bool) -> tuple[Elements, int]:
    """The elements of an op that are held to its equation one by one, and how many slots each reads at most."""
    size = op.target.size
    # The last element of a causal attention reads most.
    ends = (op.equation(tuple(map(int, unflattened(at, op.target.shape)))) for at in (0, size - 1))
    length = max(1, *(sum(1 for _ref in refs(equation)) for equation in ends))
    most = size if every else max(_MESHED // length, 16) if op.meshable else min(max(_SINGLE // length, 4), _MOST)
    if size <= most:
        return np.arange(size), length
    return np.sort(np.random.default_rng(0).choice(size, most, replace=False)), length


class Comparison(NamedTuple):
    """What was recorded of one element beside its equation in float64.

    Attributes:
        computed: what the equation gives.
        difference: how far apart the two are; 0 where they are equal, or overflow alike.
        bound: how far they may be.
        agrees: whether that is no further than the bound.
    """

    computed: float
    difference: float
    bound: float
    agrees: bool


def compare(recorded: RecordedProgram, place: Place) -> Comparison:
    """Holds one element of an op that has an equation to it."""
    op = recorded.program.ops[place.op]
    assert isinstance(op, Recorded)
    kind = DTYPES[op.values[op.result.to.value].dtype]
    part = np.array([place.element])
    actual = recorded.frame.array(op.target).reshape(-1)[part]
    computed, error = bounds_of(recorded, op, part, kind)
    bound = FACTOR * (error + finite(kind.epsilon * np.abs(computed)))
    agrees = bool(_apart(actual, computed, bound, kind)[0] <= 1.0)
    with np.errstate(invalid="ignore"):
        difference = float(finite(np.abs(actual - computed))[0])
    return Comparison(float(computed[0]), difference, float(bound[0]), agrees)


def bounds_of(recorded: RecordedProgram, op: Recorded, part: Elements, kind: Kind) -> tuple[Floats, Floats]:
    """The equations of some elements of an op in float64, and their bounds."""
    bounding = Bounding(lambda ref: Bounded(np.float64(recorded.read(ref)), 0.0), Rounding(kind))
    with np.errstate(all="ignore"):
        if op.meshable:
            found = bounding.of(op.equation(unflattened(part, op.target.shape)))
            shape = part.shape
            return np.broadcast_to(found.value, shape), np.broadcast_to(np.asarray(found.error, float), shape)
        each = [bounding.of(op.equation(tuple(map(int, unflattened(int(at), op.target.shape))))) for at in part]
    return np.array([float(one.value) for one in each]), np.array([float(one.error) for one in each])


def _apart(
    actual: NDArray[np.float64], computed: NDArray[np.float64], bound: NDArray[np.float64], kind: Kind
) -> NDArray[np.float64]:
    """How far two values are apart in terms of the bound; 0 where they are equal, infinite where only one is finite."""
    with np.errstate(all="ignore"):
        same = (actual == computed) | (np.isnan(actual) & np.isnan(computed))
        over = np.isinf(actual) & (np.sign(actual) == np.sign(computed)) & (np.abs(computed) + bound >= kind.largest)
        difference = np.abs(actual - computed)
        ratio = np.where(bound > 0, difference / bound, np.inf)
        # NaN: only one of the two is finite.
        ratio = np.where(np.isnan(ratio), np.inf, ratio)
        return np.where(same | over, 0.0, ratio)
