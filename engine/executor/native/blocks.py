"""Printing ops of a large program for LLVM: loops over elements, several of them at once in one register.

Elements are independent of each other, so that they may be computed side by side; the terms of a sum never are. What is
read with a stride is copied first to where it lies side by side, when it is read more than once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from math import prod

from retrograde.engine.executor.native.functions import Loop
from retrograde.engine.executor.native.nodes import INLINE, Node, Place, turns_of
from retrograde.engine.executor.native.writing import Writer

WIDTHS = (32, 16, 8, 4, 2, 1)
"""How many elements are computed at once; of a row, as many as there are, then the rest."""
SCATTERED = 8
"""The same where they have to be read one by one."""

FLAT = 24
"""Operations of a loop over terms up to which it is written out."""

REUSED = 4
"""How often what is read with a stride has to be read for a copy to be worth it."""

FRAME = """  %args = alloca [2 x ptr]
  %dimensions = alloca i64
  %steps = alloca [2 x i64]
  store [2 x i64] [i64 8, i64 8], ptr %steps"""
"""What NumPy's loops are given: where the numbers are, how many, and how far apart."""

HEAD = "".join(
    f"declare <{width} x double> @llvm.{name}.v{width}f64(<{width} x double>)\n"
    for width in WIDTHS[:-1]
    for name in INLINE.values()
) + "".join(f"declare double @llvm.{name}.f64(double)\n" for name in (*INLINE.values(), "floor"))


def suited(statement: Node, known: Collection[str]) -> bool:
    """Whether an op is computed here: not where a function is unknown or inside a sum.

    Args:
        statement: the op.
        known: the functions that may be called.
    """
    return _calls_known(statement, known, inside=False)


def _calls_known(node: Node, known: Collection[str], *, inside: bool) -> bool:
    if node.kind == "call" and node.data.name not in INLINE and (inside or node.data.name not in known):
        return False
    inside = inside or (node.kind in {"add", "mul", "larger"} and any(part.kind == "repeat" for part in node.parts))
    return all(_calls_known(part, known, inside=inside) for part in node.parts)


def has(node: Node, kind: str) -> bool:
    """Whether a node of a kind is in an expression."""
    return node.kind == kind or any(has(part, kind) for part in node.parts)


class BlockWriter(Writer):
    """Writes ops over blocks of elements.

    Attributes:
        scratch: the numbers of scratch memory that are needed.
    """

    def __init__(self, functions: Mapping[str, Loop]) -> None:
        super().__init__({}, flat=FLAT)
        self.scratch = 0
        self._functions = functions
        self._used = 0
        self._values: dict[Node, Node] = {}
        self._lane = -1
        self._width = 1
        self._packed: dict[Place, Place] = {}
        self._names: Mapping[int, str] = {}

    def memory(self, place: Place) -> tuple[str, Place]:
        """Where a place is: in the memory of the program, or in scratch memory, which has negative numbers."""
        if place.base < 0:
            return "%scratch", Place(-1 - place.base, place.steps)
        return (self._names[place.base], Place(0, place.steps)) if self._names else ("%flat", place)

    def op(self, statement: Node, names: Mapping[int, str]) -> None:
        """The elements of an op.

        Args:
            statement: what computes them.
            names: the pointers to where its places begin; where there is none, all are from ``%flat``.
        """
        self._names = names
        axes: list[tuple[int, int]] = []
        node = statement
        while node.kind == "repeat":
            axes.append(node.data)
            (node,) = node.parts
        axes, node = _merged(axes, node)
        self._used = 0
        self._values.clear()
        self._assign(axes, node._replace(parts=(self._called(axes, node.parts[0]),)))

    def _called(self, axes: list[tuple[int, int]], node: Node) -> Node:
        """The expression with what functions make of their arguments in scratch memory: for all elements at once."""
        node = node._replace(parts=tuple(self._called(axes, part) for part in node.parts))
        if not (node.kind == "call" and node.data.name not in INLINE):
            return node
        known = self._values.get(node)
        if known is None:
            given, made = self._room(axes), self._room(axes)
            self._assign(axes, Node("assign", None, node.parts, given))
            self._apply(self._functions[node.data.name], given, made, axes)
            known = self._values[node] = Node("load", None, (), made)
        return known

    def _room(self, axes: list[tuple[int, int]]) -> Place:
        """Scratch memory for a number of each element; scratch memory has negative numbers."""
        steps: list[tuple[int, int]] = []
        size = 1
        for variable, turns in reversed(axes):
            steps.append((variable, size))
            size *= turns
        place = Place(-1 - self._used, tuple(sorted(steps)))
        self._used += size
        self.scratch = max(self.scratch, self._used)
        return place

    def _apply(self, function: Loop, given: Place, made: Place, axes: list[tuple[int, int]]) -> None:
        """Has NumPy's own loop compute a function."""
        count = prod(turns for _variable, turns in axes)
        for number, place in enumerate((given, made)):
            at = self.put(f"getelementptr inbounds double, ptr %scratch, i64 {-1 - place.base}")
            to = self.put(f"getelementptr inbounds ptr, ptr %args, i64 {number}")
            self.lines.append(f"  store ptr {at}, ptr {to}")
        self.lines.append(f"  store i64 {count}, ptr %dimensions")
        loop, data = (f"inttoptr (i64 {address} to ptr)" for address in function)
        self.lines.append(f"  call void {loop}(ptr %args, ptr %dimensions, ptr %steps, ptr {data})")

    def _assign(self, axes: list[tuple[int, int]], node: Node) -> None:
        """An assignment for all elements."""
        assert node.place is not None
        read = list(reads(node.parts[0], ()))
        lane = None if has(node, "entry") else _lane(axes, node, read)
        if lane is None:
            self._nest(axes, partial(self._element, node))
            return
        (variable, count), others = axes[lane], [*axes[:lane], *axes[lane + 1 :]]
        self._pack(read, axes, variable)
        strided = any(dict(place.steps).get(variable, 0) > 1 and place not in self._packed for place, _ in read)
        done = 0
        for width in WIDTHS:
            blocks = (count - done) // width
            if not blocks or (strided and width > SCATTERED):
                continue
            self._blocks(node, variable, others, done, width, blocks, inner=not has(node, "repeat"))
            done += blocks * width
        self._widen(-1, 1)
        self._packed.clear()

    def _blocks(
        self,
        node: Node,
        lane: int,
        others: Sequence[tuple[int, int]],
        start: int,
        width: int,
        blocks: int,
        *,
        inner: bool,
    ) -> None:
        """Some blocks of one width: ``inner`` says whether a block is what changes first, else last."""
        self._widen(lane, width)
        block = -2

        def element() -> None:
            turn = self._turn[block]
            if isinstance(turn, int):
                self._turn[lane] = start + turn * width
            else:
                moved = self.put(f"mul nuw nsw i64 {turn}, {width}")
                self._turn[lane] = self.put(f"add nuw nsw i64 {moved}, {start}") if start else moved
            self._element(node)

        self._nest([*others, (block, blocks)] if inner else [(block, blocks), *others], element)

    def _element(self, node: Node) -> None:
        """An assignment in the turns of its loops."""
        self._known.clear()
        assert node.place is not None
        self.store(self.value(node.parts[0]), node.place)

    def _nest(self, axes: Sequence[tuple[int, int]], body: object) -> None:
        """Loops around a body."""
        assert callable(body)
        if not axes:
            body()
            return
        (variable, turns), *rest = axes

        def once(turn: int | str) -> None:
            self._turn[variable] = turn
            self._nest(rest, body)

        if turns == 1:
            once(0)
        else:
            self.loop(turns, lambda turn, _carried: once(turn))

    def _widen(self, lane: int, width: int) -> None:
        """Computes so many elements at once from here on, along a variable."""
        self._lane, self._width = lane, width
        several = width > 1
        self.type = f"<{width} x double>" if several else "double"
        self.truth = f"<{width} x i1>" if several else "i1"
        self.suffix = f"v{width}f64" if several else "f64"

    def constant(self, value: float) -> str:
        one = super().constant(value)
        return one if self._width == 1 else f"<{', '.join([f'double {one}'] * self._width)}>"

    def load(self, place: Place) -> str:
        base, place = self.memory(self._packed.get(place, place))
        step = dict(place.steps).get(self._lane, 0)
        if self._width == 1 or step == 1:
            return self.put(f"load {self.type}, ptr {self.address(base, place)}, align 8")
        if step:
            value = "poison"
            for number in range(self._width):
                at = self.address(base, Place(place.base + number * step, place.steps))
                one = self.put(f"load double, ptr {at}")
                value = self.put(f"insertelement {self.type} {value}, double {one}, i64 {number}")
            return value
        one = self.put(f"load double, ptr {self.address(base, place)}")
        first = self.put(f"insertelement {self.type} poison, double {one}, i64 0")
        mask = f"<{self._width} x i32> zeroinitializer"
        return self.put(f"shufflevector {self.type} {first}, {self.type} poison, {mask}")

    def store(self, value: str, place: Place) -> None:
        base, place = self.memory(place)
        step = dict(place.steps).get(self._lane, 1)
        if self._width == 1 or step == 1:
            self.lines.append(f"  store {self.type} {value}, ptr {self.address(base, place)}, align 8")
            return
        for number in range(self._width):
            one = self.put(f"extractelement {self.type} {value}, i64 {number}")
            at = self.address(base, Place(place.base + number * step, place.steps))
            self.lines.append(f"  store double {one}, ptr {at}")

    def _pack(
        self, reads: list[tuple[Place, tuple[tuple[int, int], ...]]], axes: list[tuple[int, int]], lane: int
    ) -> None:
        """Copies what is read with a stride along the lanes to scratch memory, side by side."""
        used = self._used
        for place, loops in reads:
            steps, ranges = dict(place.steps), dict((*axes, *loops))
            size = _packing(place, ranges, lane)
            if not size or place in self._packed:
                continue
            order = [variable for variable in steps if variable != lane]
            laid, stride = [(lane, 1)], ranges[lane]
            for variable in reversed(order):
                laid.append((variable, stride))
                stride *= ranges[variable]
            to = self._packed[place] = Place(-1 - used, tuple(sorted(laid)))
            self._copy(place, to, [(variable, ranges[variable]) for variable in (lane, *order)])
            used += size
        self.scratch = max(self.scratch, used)

    def _copy(self, place: Place, to: Place, axes: list[tuple[int, int]]) -> None:
        def one() -> None:
            (base, source), (scratch, target) = self.memory(place), self.memory(to)
            value = self.put(f"load double, ptr {self.address(base, source)}")
            self.lines.append(f"  store double {value}, ptr {self.address(scratch, target)}")

        self._nest(axes, one)


Read = tuple[Place, tuple[tuple[int, int], ...]]
"""A slot that is read, and the loops over terms that it is inside."""


def _packing(place: Place, ranges: Mapping[int, int], lane: int) -> int:
    """How many numbers are copied for a slot to be read side by side; 0 where it is, or where that is not worth it."""
    steps = dict(place.steps)
    if steps.get(lane, 0) in {0, 1}:
        return 0
    count = prod(ranges[variable] for variable in steps)
    return count if prod(ranges.values()) >= REUSED * count else 0


def _lane(axes: Sequence[tuple[int, int]], node: Node, reads: Sequence[Read]) -> int | None:
    """The axis along which elements are computed side by side, by what that may take; None for one by one."""
    assert node.place is not None
    target = dict(node.place.steps)
    best: tuple[float, int] | None = None
    for number, (variable, turns) in enumerate(axes):
        if turns == 1:
            continue
        lanes = min(turns, 16)
        elements = prod(turns for _variable, turns in axes)
        cost = elements * (1.0 if target.get(variable) == 1 else 2.0 * lanes) / lanes
        for place, loops in reads:
            ranges = dict((*axes, *loops))
            step, work = dict(place.steps).get(variable, 0), prod(ranges.values())
            packed = _packing(place, ranges, variable)
            cost += 2.0 * packed + work * (1.0 if step in {0, 1} or packed else 1.5 * lanes) / lanes
        # Of two that cost the same, the later axis lies closer in memory.
        if best is None or cost <= best[0]:
            best = cost, number
    return None if best is None else best[1]


def reads(node: Node, loops: tuple[tuple[int, int], ...]) -> Iterator[Read]:
    """The slots that an expression reads, each with the loops over terms that it is inside."""
    if node.kind == "repeat":
        loops = (*loops, (node.data[0], turns_of(node)))
    if node.place is not None:
        yield node.place, loops
    for part in node.parts:
        yield from reads(part, loops)


def _merged(axes: list[tuple[int, int]], node: Node) -> tuple[list[tuple[int, int]], Node]:
    """Axes that lie behind each other everywhere, as one."""
    places = [dict(place.steps) for place, _loops in reads(node, ())]
    while len(axes) > 1:
        (outer, turns), (inner, count) = axes[-2:]
        if any(steps.get(outer, 0) != steps.get(inner, 0) * count for steps in places):
            break
        axes = [*axes[:-2], (inner, turns * count)]
        node = _without(node, outer)
    return axes, node


def _without(node: Node, variable: int) -> Node:
    """The node with places that do not step with a variable."""
    place = node.place
    if place is not None:
        place = Place(place.base, tuple(step for step in place.steps if step[0] != variable))
    return Node(node.kind, node.data, tuple(_without(part, variable) for part in node.parts), place)
