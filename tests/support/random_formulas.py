"""Random formulas over random networks, each with its meaning: what it reads, when it is decided, and its value.

The meaning is worked out here from the frames of a run alone, without the reader and the printer that are tested.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.notation import Notation
from retrograde.engine.network.program import Program, unravel
from retrograde.engine.travel.calendar import Schedule
from retrograde.engine.travel.timeline import Timeline

NAN = math.nan


@dataclass(frozen=True)
class Read:
    """A slot that a formula reads; ``mark`` is the sample that it names, from 0."""

    array: str
    index: tuple[int, ...]
    mark: int | None
    previous: bool


class Truth:
    """The frames of a timeline, and what formulas mean in them."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.schedule: Schedule = timeline.schedule
        self._frames: dict[int, Frame] = {}

    def frame(self, iteration: int) -> Frame:
        frame = self._frames.get(iteration)
        if frame is None:
            frame = self._frames[iteration] = self.timeline.frame(iteration)
        return frame

    def places(self, read: Read, iteration: int, sample: int) -> tuple[int, Ref] | None:
        """The iteration and the slot that a read means; None where there is none."""
        program = self.schedule.program(iteration)
        bare = read.array.removeprefix("new(").removesuffix(")") if read.array.startswith("new(") else read.array
        if f"new({bare})" in program.named:
            # A trained parameter is its updated value; the one before it is that of the same iteration.
            return iteration, Ref(program.named[bare if read.previous else f"new({bare})"], read.index)
        at = iteration - 1 if read.previous else iteration
        if at < 0:
            return None
        program = self.schedule.program(at)
        array = program.named[read.array]
        if not array.batched:
            return at, Ref(array, read.index)
        chosen = sample if read.mark is None else read.mark
        return (at, Ref(array, (chosen, *read.index))) if chosen < program.batch else None

    def value(self, read: Read, iteration: int, sample: int) -> float:
        place = self.places(read, iteration, sample)
        return NAN if place is None else self.frame(place[0]).value(place[1])


@dataclass(frozen=True)
class Here:
    """Where a formula is evaluated."""

    truth: Truth
    iteration: int
    sample: int
    step: int

    def value(self, read: Read) -> float:
        return self.truth.value(read, self.iteration, self.sample)

    def place(self, name: str) -> float | str:
        schedule = self.truth.schedule
        program = schedule.program(self.iteration)
        match name:
            case "epoch":
                return float(self.iteration // schedule.per_epoch + 1)
            case "iteration":
                return float(self.iteration % schedule.per_epoch + 1)
            case "sample":
                return float(self.sample + 1)
            case "step":
                return float(self.step + 1)
            case _:
                return program.ops[program.place(self.step).op].phase.value


Value = Callable[[Here], Any]


@dataclass(frozen=True)
class Piece:
    """A part of a formula: its text, its value, what it reads, and whether it is a plain number."""

    text: str
    value: Value
    reads: frozenset[Read] = frozenset()
    positions: frozenset[str] = frozenset()
    constant: bool = False

    @property
    def varies(self) -> bool:
        return "sample" in self.positions or any(read.mark is None and _batched(read.array) for read in self.reads)

    @property
    def looks_back(self) -> bool:
        return any(read.previous for read in self.reads)


def _batched(name: str) -> bool:
    """Whether an array has a value for each sample, by its name."""
    inner = name
    while inner.startswith(("grad(", "new(")):
        if inner.startswith("new("):
            return False
        inner = inner[5:-1]
    return inner not in {"E", "lr"} and not inner.startswith(("W_", "b_"))


@lru_cache(maxsize=8)
def completed(program: Program) -> dict[Ref, int]:
    """The step (from 0) that completes each slot: the last one that assigns it or adds to it."""
    return {program.target(program.place(step)): step for step in range(program.steps)}


def decided(piece: Piece, truth: Truth, iteration: int) -> list[tuple[int, int]]:
    """The steps (from 0) of an iteration at which a formula is decided, each with its sample."""
    program = truth.schedule.program(iteration)
    if not piece.reads:
        places = [program.place(step) for step in range(program.steps)]
        keys = [(program.ops[place.op].phase, place.sample) for place in places]
        if "step" in piece.positions:
            return [(step, place.sample or 0) for step, place in enumerate(places)]
        if piece.positions & {"phase", "sample"}:
            return [
                (step, place.sample or 0)
                for step, place in enumerate(places)
                if step == 0 or keys[step] != keys[step - 1]
            ]
        return [(0, 0)]
    found = []
    for sample in range(program.batch) if piece.varies else [program.batch - 1]:
        last = 0
        for read in piece.reads:
            if read.mark is not None and read.mark >= program.batch:
                break
            place = truth.places(read, iteration, sample)
            if place is not None and place[0] == iteration:
                last = max(last, completed(program).get(place[1], -1))
        else:
            found.append((last, sample))
    return sorted(found)


def value_at(piece: Piece, truth: Truth, iteration: int, step: int, sample: int) -> Any:
    """The value of a formula at one of the steps at which it is decided."""
    return piece.value(Here(truth, iteration, sample, step))


def hits(piece: Piece, truth: Truth, iterations: Sequence[int]) -> list[int]:
    """All steps (from 1) of some iterations at which a condition is true."""
    return sorted(
        {
            truth.schedule.start(iteration) + step + 1
            for iteration in iterations
            for step, sample in decided(piece, truth, iteration)
            if value_at(piece, truth, iteration, step, sample)
        }
    )


# -- arithmetic, written out once more


def divide(a: float, b: float) -> float:
    if b != 0 or b != b:
        return a / b
    if a == 0 or a != a:
        return NAN
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def least(values: Sequence[float]) -> float:
    return NAN if any(value != value for value in values) else min(values)


def most(values: Sequence[float]) -> float:
    return NAN if any(value != value for value in values) else max(values)


def total(values: Sequence[float]) -> float:
    found = values[0]
    for value in values[1:]:
        found += value
    return found


def root(x: float) -> float:
    return math.sqrt(x) if x >= 0 else NAN


def sign(x: float) -> float:
    return 1.0 if x > 0 else -1.0 if x < 0 else 0.0


ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": divide}
SPELLINGS = {"*": ("*", "·", "×"), "-": ("-", "−")}
COMPARING = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
SIGNS = {"<=": ("<=", "≤"), ">=": (">=", "≥"), "!=": ("!=", "≠")}
SCALAR: dict[str, Callable[[float], float]] = {"abs": abs, "sign": sign, "sqrt": root}
REDUCING: dict[str, Callable[[Sequence[float]], float]] = {
    "min": least,
    "max": most,
    "sum": total,
    "mean": lambda values: divide(total(values), float(len(values))),
    "norm": lambda values: root(total([value * value for value in values])),
}


class Author:
    """Writes random formulas for one network."""

    def __init__(self, random: Random, notation: Notation, program: Program, *, looks_back: bool = True) -> None:
        self.random = random
        self.notation = notation
        self.program = program
        self.looks_back = looks_back
        self._arrays = [array for array in program.arrays if array.size]
        self._vectors = [array for array in self._arrays if array.element_shape]

    # -- slots

    def slot(self) -> Piece:
        array = self.random.choice(self._arrays)
        index = self._index(array)
        inner = Ref(array, (0, *index) if array.batched else index)
        pretty = self.random.random() < 0.2
        text = self.notation.symbol(inner) if pretty else self.notation.name(inner)
        mark = None
        if array.batched and self.random.random() < 0.3:
            mark = self.random.randrange(self.program.batch)
            text += f"{{{mark + 1}}}"
        read = Read(array.name, index, mark, False)
        return Piece(text, lambda here: here.value(read), frozenset({read}))

    def _index(self, array: Array) -> tuple[int, ...]:
        shape = array.element_shape
        return unravel(self.random.randrange(math.prod(shape)), shape) if shape else ()

    def vector(self) -> Piece:
        """A whole array, or a slice of one; its value is a list."""
        array = self.random.choice(self._vectors)
        shape = array.element_shape
        ranges, picks = [], []
        for length in shape:
            low = self.random.randint(1, length)
            high = self.random.randint(low, length)
            kind = self.random.randrange(4)
            if kind == 0:
                low, high, pick = 1, length, ":"
            elif kind == 1:
                low, pick = 1, f":{high}"
            elif kind == 2:
                high, pick = length, f"{low}:"
            else:
                pick = f"{low}:{high}"
            ranges.append(range(low - 1, high))
            picks.append(pick)
        name = self._array_name(array)
        if name is None or array.role is Role.SLOPE or self.random.random() < 0.3:
            name, ranges = array.name, [range(length) for length in shape]
            text = name
        elif name.endswith(")"):
            text = f"{name[:-1]}[{','.join(picks)}])"
        else:
            text = f"{name}[{', '.join(picks)}]"
        flat = [()]
        for part in ranges:
            flat = [(*index, i) for index in flat for i in part]  # type: ignore[misc]
        reads = [Read(array.name, index, None, False) for index in flat]
        return Piece(text, lambda here: [here.value(read) for read in reads], frozenset(reads))

    @staticmethod
    def _array_name(array: Array) -> str | None:
        if array.role is Role.GRADIENT and array.of is not None and array.of.role is Role.NET:
            return f"delta({array.layer})"
        return array.name

    def previous(self, piece: Piece) -> Piece:
        """``prev(...)`` of a piece that does not look back yet."""
        if piece.looks_back or not self.looks_back:
            return piece
        earlier = {read: Read(read.array, read.index, read.mark, True) for read in piece.reads}
        value = piece.value

        def before(here: Here) -> Any:
            return value(_Earlier(here.truth, here.iteration, here.sample, here.step))

        return Piece(f"prev({piece.text})", before, frozenset(earlier.values()), piece.positions)

    # -- numbers

    def number(self, depth: int) -> Piece:
        random = self.random
        kind = random.randrange(10) if depth > 0 else random.randrange(3)
        if kind <= 1:
            return self.slot()
        if kind == 2:
            if random.random() < 0.3:
                place = random.choice(("epoch", "iteration", "sample", "step"))
                return Piece(place, lambda here: here.place(place), positions=frozenset({place}))
            text = random.choice(("0", "1", "0.5", ".25", "1e-3", "2.", "1E300", "17", "0.1"))
            number = float(text)
            return Piece(text, lambda _here: number, constant=True)
        if kind == 3:
            inner = self.number(depth - 1)
            value = inner.value
            dash = random.choice("-−")
            if inner.constant:
                return _like(f"{dash}{inner.text}", lambda here: -value(here), inner, constant=True)
            return _like(f"{dash}({inner.text})", lambda here: 0.0 - value(here), inner)
        if kind == 4:
            return self._bracketed(self.previous(self.number(depth - 1)))
        if kind == 5:
            name = random.choice(tuple(SCALAR))
            inner = self.number(depth - 1)
            value, function = inner.value, SCALAR[name]
            return _like(f"{name}({inner.text})", lambda here: function(value(here)), inner)
        if kind == 6:
            return self._reduced(depth)
        if kind == 7:
            name = random.choice(("min", "max"))
            parts = [self.number(depth - 1) for _ in range(random.randint(2, 3))]
            function_ = REDUCING[name]
            return _like(
                f"{name}({', '.join(part.text for part in parts)})",
                lambda here: function_([part.value(here) for part in parts]),
                *parts,
            )
        op = random.choice(tuple(ARITHMETIC))
        left, right = self.number(depth - 1), self.number(depth - 1)
        sign_ = random.choice(SPELLINGS.get(op, (op,)))
        apply = ARITHMETIC[op]
        return _like(
            f"({left.text} {sign_} {right.text})", lambda here: apply(left.value(here), right.value(here)), left, right
        )

    def _reduced(self, depth: int) -> Piece:
        random = self.random
        if random.random() < 0.25:
            inner = self.truths(depth - 1)
            values = inner.value
            return _like(f"count({inner.text})", lambda here: float(sum(map(bool, values(here)))), inner)
        name = random.choice(tuple(REDUCING))
        inner = self.numbers(depth - 1)
        values, function = inner.value, REDUCING[name]
        return _like(f"{name}({inner.text})", lambda here: function(values(here)), inner)

    def _bracketed(self, piece: Piece) -> Piece:
        if self.random.random() < 0.5:
            return piece
        return _like(f"( {piece.text} )", piece.value, piece, constant=piece.constant)

    # -- vectors

    def numbers(self, depth: int) -> Piece:
        """A vector of numbers."""
        random = self.random
        kind = random.randrange(4) if depth > 0 else 0
        inner = self.vector()
        values = inner.value
        if kind == 1:
            return self.previous(inner)
        if kind == 2:
            name = random.choice(tuple(SCALAR))
            function = SCALAR[name]
            return _like(f"{name}({inner.text})", lambda here: [function(x) for x in values(here)], inner)
        if kind == 3:
            other, op = self.number(depth - 1), random.choice(tuple(ARITHMETIC))
            apply = ARITHMETIC[op]
            return _like(
                f"({inner.text} {op} {other.text})",
                lambda here: [apply(x, other.value(here)) for x in values(here)],
                inner,
                other,
            )
        return inner

    def truths(self, depth: int) -> Piece:
        """A vector of truth values."""
        inner = self.numbers(depth)
        values = inner.value
        if self.random.random() < 0.2:
            return _like(f"isnan({inner.text})", lambda here: [x != x for x in values(here)], inner)
        if self.looks_back and not inner.looks_back and self.random.random() < 0.4:
            before = self.previous(inner)
            op = self.random.choice(tuple(COMPARING))
            pairs = COMPARING[op]
            return _like(
                f"{inner.text} {op} {before.text}",
                lambda here: [pairs(a, b) for a, b in zip(values(here), before.value(here), strict=True)],
                inner,
                before,
            )
        op, other = self.random.choice(tuple(COMPARING)), self.number(depth - 1)
        compare = COMPARING[op]
        return _like(
            f"{inner.text} {op} {other.text}",
            lambda here: [compare(x, other.value(here)) for x in values(here)],
            inner,
            other,
        )

    # -- conditions

    def condition(self, depth: int) -> Piece:
        random = self.random
        kind = random.randrange(9) if depth > 0 else random.randrange(3)
        if kind <= 2:
            return self._compared(depth)
        if kind == 3:
            inner = self.condition(depth - 1)
            value = inner.value
            return _like(f"not ({inner.text})", lambda here: not value(here), inner)
        if kind in {4, 5}:
            word = random.choice(("and", "or"))
            parts = [self.condition(depth - 1) for _ in range(random.randint(2, 3))]
            every = all if word == "and" else any
            return _like(
                f" {word} ".join(f"({part.text})" for part in parts),
                lambda here: every([part.value(here) for part in parts]),
                *parts,
            )
        if kind == 6:
            name = random.choice(("any", "all"))
            inner = self.truths(depth - 1)
            values, some = inner.value, any if name == "any" else all
            return _like(f"{name}({inner.text})", lambda here: some(values(here)), inner)
        if kind == 7:
            name = random.choice(("isnan", "isinf"))
            number = self.number(depth - 1)
            test: Callable[[float], bool] = math.isnan if name == "isnan" else math.isinf
            return _like(f"{name}({number.text})", lambda here: test(number.value(here)), number)
        phase, op = random.choice(("forward", "loss", "backward", "update")), random.choice(("==", "!="))
        compare = COMPARING[op]
        return Piece(
            f"phase {op} {random.choice((chr(34), chr(39))).join(('', phase, ''))}",
            lambda here: compare(here.place("phase"), phase),
            positions=frozenset({"phase"}),
        )

    def _compared(self, depth: int) -> Piece:
        random = self.random
        count = 2 if random.random() < 0.8 else 3
        parts = [self.number(depth - 1) for _ in range(count)]
        ops = [random.choice(tuple(COMPARING)) for _ in range(count - 1)]
        text = parts[0].text
        for op, part in zip(ops, parts[1:], strict=True):
            text += f" {random.choice(SIGNS.get(op, (op,)))} {part.text}"

        def value(here: Here) -> bool:
            numbers = [part.value(here) for part in parts]
            return all(COMPARING[op](a, b) for op, a, b in zip(ops, numbers, numbers[1:], strict=False))

        return _like(text, value, *parts)

    def change(self) -> Piece:
        """A comparison of one value with that of an iteration before: what zone maps find hardest."""
        slot = self.slot()
        return self.compared(self.random.choice(tuple(COMPARING)), slot, self.previous(slot))

    @staticmethod
    def compared(op: str, left: Piece, right: Piece) -> Piece:
        """One comparison."""
        compare = COMPARING[op]
        return _like(
            f"{left.text} {op} {right.text}", lambda here: compare(left.value(here), right.value(here)), left, right
        )


class _Earlier(Here):
    """The same place, where slots are read an iteration earlier."""

    def value(self, read: Read) -> float:
        return super().value(Read(read.array, read.index, read.mark, True))


def _like(text: str, value: Value, *parts: Piece, constant: bool = False) -> Piece:
    reads = frozenset().union(*(part.reads for part in parts))
    positions = frozenset().union(*(part.positions for part in parts))
    return Piece(text, value, reads, positions, constant)


def same(left: Any, right: Any) -> bool:
    """Whether two numbers or truth values are the same; all NaNs are."""
    return bool(left == right or (left != left and right != right))
