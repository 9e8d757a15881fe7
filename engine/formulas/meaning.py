"""What a formula means in a program: where its slots are, when it is decided, and its value."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.expression import Ref
from retrograde.engine.equations.ieee import divide
from retrograde.engine.formulas import wide as stretches
from retrograde.engine.formulas.tree import (
    Applied,
    Arithmetic,
    Comparing,
    Evaluated,
    Formula,
    JoinedPart,
    MomentPart,
    Node,
    Not,
    NumberPart,
    Reduced,
    Several,
    Slot,
    Stretch,
    TextPart,
)
from retrograde.engine.formulas.wide import COMPARING, LEAST, OVER, Names, wide
from retrograde.engine.network.program import Program


class SlotSource(NamedTuple):
    """Where the value of a slot is: a slot of the iteration, or of the one before."""

    ref: Ref
    earlier: bool


def located(slot: Slot, program: Program, sample: int) -> SlotSource | None:
    """Where a slot's value is; None where the batch does not have its sample.

    A trained parameter means its value after the update of the iteration; the value before it is the one that the
    iteration starts from.
    """
    name = slot.array
    bare = name[4:-1] if name.startswith("new(") else name
    if f"new({bare})" in program.named:
        return SlotSource(Ref(program.named[bare if slot.previous else f"new({bare})"], slot.index), False)
    ref = slot.ref(program, sample)
    return None if ref is None else SlotSource(ref, slot.previous)


Where = slice | NDArray[np.intp]
"""Where the slots of a stretch are in the flat memory of a frame."""


def offsets_of(where: Where) -> NDArray[np.intp]:
    """The places one by one."""
    return np.arange(where.start, where.stop, where.step, dtype=np.intp) if isinstance(where, slice) else where


class StretchSource(NamedTuple):
    """Where the values of a stretch are: in the iteration, or in the one before; and the last of its slots."""

    where: Where
    last: Ref
    earlier: bool


@lru_cache(maxsize=256)
def found_at(stretch: Stretch, program: Program, sample: int) -> StretchSource | None:
    """Where the values of a stretch are; None where the batch does not have its sample. See ``located``."""
    last = located(stretch.slot(stretch.length - 1), program, sample)
    if last is None:
        return None
    array = last.ref.array
    flat = np.zeros((), dtype=np.intp)
    for along, length in zip(stretch.places, array.element_shape, strict=True):
        flat = np.add.outer(flat * length, np.asarray(along, dtype=np.intp))
    start = program.offsets[array]
    if array.batched:
        start += last.ref.index[0] * (array.size // array.shape[0])
    where = flat.ravel() + start
    first, step = int(where[0]), int(where[1] - where[0])
    if step > 0 and bool(np.all(np.diff(where) == step)):
        return StretchSource(slice(first, int(where[-1]) + 1, step), last.ref, last.earlier)
    return StretchSource(where, last.ref, last.earlier)


class Candidate(NamedTuple):
    """A step of an iteration at which a formula is decided: its number from 0, and the sample it speaks of."""

    step: int
    sample: int


@lru_cache(maxsize=64)
def candidates(formula: Formula, program: Program) -> tuple[Candidate, ...]:
    """The steps of an iteration at which a formula is decided, in order: where its last slot gets its value."""
    if formula.reads:
        samples = range(program.batch) if formula.varies else (program.batch - 1,)
        found = (_decided(formula, program, sample) for sample in samples)
        return tuple(sorted(candidate for candidate in found if candidate is not None))
    if "step" in formula.positions:
        places = map(program.place, range(program.steps))
        return tuple(Candidate(step, place.sample or 0) for step, place in enumerate(places))
    if formula.positions & {"phase", "sample"}:
        return tuple(Candidate(run.start, run.sample or 0) for run in program.runs())
    return (Candidate(0, 0),)


def _decided(formula: Formula, program: Program, sample: int) -> Candidate | None:
    last = 0
    # The steps of an op are in the order of its elements, so that the last slot of a stretch is made last.
    for slot in (*formula.slots, *(stretch.slot(stretch.length - 1) for stretch in formula.stretches)):
        source = located(slot, program, sample)
        if source is None:
            return None
        step = None if source.earlier else program.produced(source.ref)
        last = max(last, -1 if step is None else step)
    return Candidate(last, sample)


Moment = Callable[[str], float | str]
"""What a formula may ask of the moment at which it is decided: epoch, iteration, sample (all from 1), step, phase."""


def sign(x: float) -> float:
    """−1, 0 or 1; of NaN 0."""
    return float((x > 0.0) - (x < 0.0))


def root(x: float) -> float:
    """√x; NaN of a negative number."""
    return math.sqrt(x) if x >= 0.0 else math.nan


def largest(*values: float) -> float:
    """The largest value; NaN when one is."""
    best = values[0]
    for value in values:
        if value > best:
            best = value
        elif value != value:
            return value
    return best


def smallest(*values: float) -> float:
    """The smallest value; NaN when one is."""
    best = values[0]
    for value in values:
        if value < best:
            best = value
        elif value != value:
            return value
    return best


def unknown(x: float) -> bool:
    """Whether a number is NaN."""
    return x != x


def added(*values: float) -> float:
    """The sum, from left to right."""
    total = values[0]
    for value in values[1:]:
        total = total + value
    return total


HELPERS: Mapping[str, Callable[..., float]] = {
    "sign": sign,
    "root": root,
    "largest": largest,
    "smallest": smallest,
    "added": added,
    "divide": divide,
    "absolute": abs,
    "unknown": unknown,
}
"""What the printed form of a formula calls."""

_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": divide,
}
_APPLIED: Mapping[str, Callable[..., float | bool]] = {
    "abs": abs,
    "sign": sign,
    "sqrt": root,
    "isnan": unknown,
    "isinf": math.isinf,
    "truth": lambda x: 1.0 if x else 0.0,
    "min": smallest,
    "max": largest,
    "sum": added,
}


def evaluate(node: Node, read: Callable[[Any], Any], moment: Moment) -> float | bool | str:
    """The value of a formula.

    Args:
        node: its tree.
        read: the value of a slot, and an array with those of a stretch or of samples of the data.
        moment: the parts of the moment.
    """
    match node:
        case NumberPart(value) | TextPart(value):
            return value
        case Slot():
            found: float = read(node)
            return found
        case MomentPart(name):
            return moment(name)
        case Arithmetic(op, left, right):
            return _ARITHMETIC[op](float(evaluate(left, read, moment)), float(evaluate(right, read, moment)))
        case Comparing(op, left, right):
            return bool(COMPARING[op](evaluate(left, read, moment), evaluate(right, read, moment)))
        case JoinedPart("and", parts):
            return all(evaluate(part, read, moment) for part in parts)
        case JoinedPart(_, parts):
            return any(evaluate(part, read, moment) for part in parts)
        case Not(part):
            return not evaluate(part, read, moment)
        case Applied(function, arguments):
            return _APPLIED[function](*(evaluate(argument, read, moment) for argument in arguments))
        case Reduced():
            return stretches.value(node, lambda part: evaluate(part, read, moment), read)
        case Several() | Stretch() | Evaluated():
            raise AssertionError


def evaluate_all(node: Node, read: Callable[[Any], Any], moment: Moment) -> Floats:
    """The values of a formula that has several; see ``evaluate``."""
    with np.errstate(all="ignore"):
        if isinstance(node, Several):
            return np.array([float(evaluate(part, read, moment)) for part in node.items])
        found = stretches.values(node, lambda part: evaluate(part, read, moment), read)
        return np.asarray(found, dtype=np.float64)


INLINE = 200
"""Terms of a sum that are printed as one; the compiler's stack is finite."""


def printed(
    node: Node,
    name: Callable[[Slot], str],
    moment: Callable[[str], str],
    slots: Callable[[Sequence[Slot]], str | None] | None = None,
    stretch: Callable[[Stretch], str] | None = None,
) -> str:
    """A formula as Python source; it calls nothing but ``HELPERS``, and ``wide.HELPERS`` where there are arrays.

    Args:
        node: its tree.
        name: the source of a slot.
        moment: the source of a part of the moment.
        slots: the source of an array made of slots, None where there is none.
        stretch: the source of an array with the slots of a stretch.
    """

    def inner(part: Node) -> str:
        return printed(part, name, moment, slots, stretch)

    match node:
        case JoinedPart(op, parts) | Applied("max" | "min" | "sum" as op, parts) if (
            slots is not None and len(parts) >= LEAST and (together := wide(parts, Names(slots, moment))) is not None
        ):
            return f"{OVER[op]}({together})"
        case NumberPart(value) | TextPart(value):
            return repr(value)
        case Slot():
            return name(node)
        case MomentPart(place):
            return moment(place)
        case Arithmetic("/", left, right):
            return f"divide({inner(left)}, {inner(right)})"
        case Arithmetic(op, left, right):
            return f"({inner(left)} {op} {inner(right)})"
        case Comparing(op, left, right):
            return f"({inner(left)} {op} {inner(right)})"
        case JoinedPart(op, parts):
            return f"({f' {op} '.join(map(inner, parts))})"
        case Not(part):
            return f"(not {inner(part)})"
        case Applied(function, arguments):
            return _applied(function, arguments, list(map(inner, arguments)))
        case Reduced():
            assert stretch is not None
            return stretches.reduced(node, inner, stretch)
        case Several() | Stretch() | Evaluated():
            raise AssertionError


def _applied(function: str, arguments: Sequence[Node], sources: Sequence[str]) -> str:
    """A function of some arguments, whose source is given, as source."""
    values = ", ".join(sources)
    match function:
        case "isnan" if isinstance(arguments[0], Slot):
            return f"({values} != {values})"
        case "sign" if isinstance(arguments[0], Slot):
            return f"(({values} > 0.0) - ({values} < 0.0))"
        case "isinf":
            return f"(absolute({values}) == 1e999)"
        case "truth":
            return f"(1.0 if {values} else 0.0)"
        case "sum" if len(arguments) <= INLINE:
            return f"({' + '.join(sources)})"
        case "sum":
            return f"added({values})"
        case _:
            return f"{_PRINTED[function]}({values})"


_PRINTED = {"isnan": "unknown", "abs": "absolute", "sign": "sign", "sqrt": "root", "min": "smallest", "max": "largest"}
