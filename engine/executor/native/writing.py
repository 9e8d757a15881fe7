"""Writing loops over slots as the text form of LLVM.

No operation carries a fast-math flag, so none is contracted, reassociated or approximated: what is printed is what is
computed, in this order, with the rounding of IEEE 754. Functions are called by their address.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from retrograde.engine.equations.expression import Comparison
from retrograde.engine.executor.native.nodes import INLINE, Node, Place, calls, size, turns_of

_COMPARISONS: Mapping[Comparison, str] = {
    Comparison.LE: "ole",
    Comparison.LT: "olt",
    Comparison.GE: "oge",
    Comparison.GT: "ogt",
    Comparison.EQ: "oeq",
    Comparison.NE: "une",
}

_START = {"add": -0.0, "mul": 1.0, "larger": -math.inf}
"""What changes no value in front of a row of parts."""


def hexadecimal(value: float) -> str:
    """A number as LLVM writes its bits."""
    return f"0x{struct.unpack('>Q', struct.pack('>d', value))[0]:016X}"


class Writer:
    """Writes the body of a function; ``block`` is the label of the block that is being written."""

    def __init__(self, addresses: Mapping[str, int], *, flat: int) -> None:
        self.lines: list[str] = []
        self.block = "entry"
        self._addresses = addresses
        self._flat = flat
        self._count = 0
        self._turn: dict[int, int | str] = {}
        self._known: dict[int, tuple[Node, str]] = {}
        # The types of a number and of a truth value, and what the names of intrinsics end in.
        self.type, self.truth, self.suffix = "double", "i1", "f64"

    def constant(self, value: float) -> str:
        """A number."""
        return hexadecimal(value)

    def put(self, text: str) -> str:
        """A line that makes a value; returns its name."""
        self._count += 1
        self.lines.append(f"  %v{self._count} = {text}")
        return f"%v{self._count}"

    def label(self, name: str) -> str:
        """A label that no other block has."""
        self._count += 1
        return f"{name}{self._count}"

    def begin(self, block: str) -> None:
        """Begins a block."""
        self.lines.append(f"{block}:")
        self.block = block

    def loop(self, turns: int, body: Callable[[str, str | None], str | None], start: str | None = None) -> str | None:
        """A loop; the body gets its variable and what the turn before gave, and gives what the next turn gets."""
        head, end, before = self.label("loop"), self.label("end"), self.block
        self.lines.append(f"  br label %{head}")
        self.begin(head)
        place = len(self.lines)
        variable, carried = self.put(""), None if start is None else self.put("")
        given = body(variable, carried)
        following = self.put(f"add nuw nsw i64 {variable}, 1")
        self.lines[place] = f"  {variable} = phi i64 [0, %{before}], [{following}, %{self.block}]"
        if carried is not None:
            self.lines[place + 1] = f"  {carried} = phi {self.type} [{start}, %{before}], [{given}, %{self.block}]"
        more = self.put(f"icmp ult i64 {following}, {turns}")
        self.lines.append(f"  br i1 {more}, label %{head}, label %{end}")
        self.begin(end)
        return given

    def address(self, base: str, place: Place) -> str:
        """The address of a slot."""
        constant, index = place.base, ""
        for variable, step in place.steps:
            turn = self._turn[variable]
            if isinstance(turn, int):
                constant += turn * step
                continue
            moved = turn if step == 1 else self.put(f"mul nsw i64 {turn}, {step}")
            index = moved if not index else self.put(f"add nsw i64 {index}, {moved}")
        if not index:
            return self.put(f"getelementptr inbounds double, ptr {base}, i64 {constant}")
        begin = self.put(f"getelementptr inbounds double, ptr {base}, i64 {constant}") if constant else base
        return self.put(f"getelementptr inbounds double, ptr {begin}, i64 {index}")

    def memory(self, place: Place) -> tuple[str, Place]:
        """A pointer, and where a place is from there."""
        return "%flat", place

    def load(self, place: Place) -> str:
        """The value of a slot."""
        return self.put(f"load double, ptr {self.address(*self.memory(place))}")

    def store(self, value: str, place: Place) -> None:
        """Puts a value into a slot."""
        self.lines.append(f"  store {self.type} {value}, ptr {self.address(*self.memory(place))}")

    def statement(self, node: Node) -> None:
        """An assignment, or a loop of them."""
        if node.kind == "repeat":
            self._each(node, self.statement)
            return
        assert node.place is not None
        self._known.clear()
        self.store(self.value(node.parts[0]), node.place)

    def _each(self, node: Node, body: Callable[[Node], None]) -> None:
        """The turns of a loop: written out where they are few, else as a loop."""
        variable, turns = node.data
        (part,) = node.parts

        def once(turn: int | str) -> None:
            self._turn[variable] = turn
            self._known.clear()
            body(part)

        if turns == 1 or turns * size(part) <= self._flat:
            for turn in range(turns):
                once(turn)
        else:
            self.loop(turns, lambda turn, _carried: once(turn))
        self._known.clear()

    def value(self, node: Node) -> str:
        """The value of an expression; one that is part of two is computed once."""
        known = self._known.get(id(node))
        if known is None:
            known = self._known[id(node)] = node, VALUES[node.kind](self, node)
        return known[1]

    def row(self, node: Node) -> str:
        """Parts that are taken together from left to right."""
        value = self._row(node.kind, node.parts, None)
        assert value is not None
        return value

    def _row(self, kind: str, parts: tuple[Node, ...], value: str | None) -> str | None:
        for part in parts:
            if part.kind != "repeat":
                value = self.joined(kind, value, self.value(part))
                continue
            turns = turns_of(part)
            if turns == 1 or turns * size(part.parts[0]) <= self._flat:
                for turn in range(turns):
                    value = self._turned(kind, part, turn, value)
                continue
            body = partial(self._turned, kind, part)
            value = self.loop(turns, body, self.constant(_START[kind]) if value is None else value)
        return value

    def _turned(self, kind: str, part: Node, turn: int | str, value: str | None) -> str | None:
        """One turn of a loop over parts."""
        self._turn[part.data[0]] = turn
        held, self._known = self._known, {}
        value = self._row(kind, part.parts, value)
        self._known = held
        return value

    def joined(self, kind: str, left: str | None, right: str) -> str:
        """Two parts taken together."""
        if left is None:
            return right
        if kind != "larger":
            return self.put(f"f{kind} {self.type} {left}, {right}")
        return self.select(self.keeps(left, right), left, right)

    def select(self, test: str, yes: str, no: str) -> str:
        """One of two values."""
        return self.put(f"select {self.truth} {test}, {self.type} {yes}, {self.type} {no}")

    def keeps(self, left: str, right: str) -> str:
        """Whether the largest so far stays the largest: where it is as large, or NaN."""
        larger = self.put(f"fcmp oge {self.type} {left}, {right}")
        unknown = self.put(f"fcmp uno {self.type} {left}, {left}")
        return self.put(f"or {self.truth} {larger}, {unknown}")

    def call(self, node: Node) -> str:
        """A function of one argument."""
        function: Any = node.data
        argument = self.value(node.parts[0])
        if function.name in INLINE:
            return self.put(f"call {self.type} @llvm.{INLINE[function.name]}.{self.suffix}({self.type} {argument})")
        address = self._addresses[function.name]
        return self.put(f"call double inttoptr (i64 {address} to ptr)(double {argument}) #0")

    def chosen(self, node: Node) -> str:
        """One of two values; where a function is called for one, only when it is that one."""
        left, right, then, otherwise = node.parts
        operator = _COMPARISONS[node.data]
        test = self.put(f"fcmp {operator} {self.type} {self.value(left)}, {self.value(right)}")
        if not calls(then) and not calls(otherwise):
            yes, no = self.value(then), self.value(otherwise)
            return self.select(test, yes, no)
        names = self.label("then"), self.label("else"), self.label("both")
        self.lines.append(f"  br i1 {test}, label %{names[0]}, label %{names[1]}")
        came: list[str] = []
        for name, part in zip(names, (then, otherwise), strict=False):
            self.begin(name)
            held = dict(self._known)
            value = self.value(part)
            self._known = held
            came.append(f"[{value}, %{self.block}]")
            self.lines.append(f"  br label %{names[2]}")
        self.begin(names[2])
        return self.put(f"phi double {', '.join(came)}")

    def winner(self, node: Node) -> str:
        """The number of the first of the largest parts."""
        numbers: Any = node.data
        best, found = self.value(node.parts[0]), self.constant(float(numbers[0]))
        for number, part in zip(numbers[1:], node.parts[1:], strict=True):
            value = self.value(part)
            kept = self.keeps(best, value)
            best = self.select(kept, best, value)
            found = self.select(kept, found, self.constant(float(number)))
        return found

    def entry(self, node: Node) -> str:
        """The entry of a table's row that has a number; NaN where there is none."""
        rows, stride = node.data
        assert node.place is not None
        number = self.value(node.parts[0])
        low = self.put(f"fcmp oge double {number}, 0.0")
        high = self.put(f"fcmp olt double {number}, {hexadecimal(float(rows))}")
        floor = self.put(f"call double @llvm.floor.f64(double {number})")
        whole = self.put(f"fcmp oeq double {number}, {floor}")
        inside = self.put(f"and i1 {self.put(f'and i1 {low}, {high}')}, {whole}")
        row = self.put(f"fptosi double {self.put(f'select i1 {inside}, double {number}, double 0.0')} to i64")
        begin = self.address(*self.memory(node.place))
        at = self.put(f"getelementptr inbounds double, ptr {begin}, i64 {self.put(f'mul nsw i64 {row}, {stride}')}")
        value = self.put(f"load double, ptr {at}")
        return self.put(f"select i1 {inside}, double {value}, double 0x7FF8000000000000")

    def copy(self, to: str, source: str, count: int) -> None:
        """Copies numbers from one address to another."""
        if count > 32:
            self.lines.append(f"  call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {source}, i64 {8 * count}, i1 false)")
            return
        for number in range(count):
            begin = self.put(f"getelementptr inbounds double, ptr {source}, i64 {number}")
            value = self.put(f"load double, ptr {begin}")
            end = self.put(f"getelementptr inbounds double, ptr {to}, i64 {number}")
            self.lines.append(f"  store double {value}, ptr {end}")


VALUES: Mapping[str, Callable[[Writer, Any], str]] = {
    "number": lambda writer, node: writer.constant(float.fromhex(node.data)),
    "load": lambda writer, node: writer.load(node.place),
    "neg": lambda writer, node: writer.put(f"fneg {writer.type} {writer.value(node.parts[0])}"),
    "sub": lambda writer, node: writer.joined("sub", *map(writer.value, node.parts)),
    "div": lambda writer, node: writer.joined("div", *map(writer.value, node.parts)),
    "add": Writer.row,
    "mul": Writer.row,
    "larger": Writer.row,
    "call": Writer.call,
    "select": Writer.chosen,
    "winner": Writer.winner,
    "entry": Writer.entry,
}
"""By kind of node: the lines that compute it."""
