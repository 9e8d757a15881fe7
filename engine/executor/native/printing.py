"""Printing a program for LLVM: loops over slots become its text form.

No operation carries a fast-math flag, so none is contracted, reassociated or approximated: what is printed is what is
computed, in this order, with the rounding of IEEE 754. Functions are called by their address.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from retrograde.engine.equations.array import Role
from retrograde.engine.equations.expression import Comparison
from retrograde.engine.executor.native.lowering import Lowering
from retrograde.engine.executor.native.nodes import Node, Place, calls, size, turns_of
from retrograde.engine.network.program import Program

NAME = "run"
"""The function that is printed."""

SMALL = 2500
"""Operations of a program up to which no loop is left."""
FLAT = 48
"""Operations of a loop up to which it is written out turn by turn."""

MOST_LINES = 60_000
"""Lines of a program that is still worth its compilation."""

_COMPARISONS: Mapping[Comparison, str] = {
    Comparison.LE: "ole",
    Comparison.LT: "olt",
    Comparison.GE: "oge",
    Comparison.GT: "ogt",
    Comparison.EQ: "oeq",
    Comparison.NE: "une",
}
_INLINE = {"abs": "fabs", "sqrt": "sqrt"}
"""Functions that IEEE 754 rounds correctly, as LLVM calls them."""

_START = {"add": "0x8000000000000000", "mul": "0x3FF0000000000000", "larger": "0xFFF0000000000000"}
"""What changes no value in front of a row of parts: −0, 1 and −inf."""

_HEAD = f"""
declare double @llvm.fabs.f64(double)
declare double @llvm.sqrt.f64(double)
declare double @llvm.floor.f64(double)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

define void @{NAME}(ptr noalias %flat, ptr noalias readonly %table, ptr noalias readonly %rows, i64 %cycle, i64 %start,
    ptr noalias readonly %dated, i64 %count, ptr noalias %losses, ptr noalias %seen, ptr noalias readonly %slots,
    i64 %watched) #1 {{
entry:
  %around = icmp sgt i64 %cycle, 1
  br label %iteration
iteration:
  %i = phi i64 [0, %entry], [%i.next, %again]
  %at = phi i64 [%start, %entry], [%at.next, %again]
  %first = icmp eq i64 %i, 0
  %reads = or i1 %first, %around
  br i1 %reads, label %batch, label %ops
batch:
"""


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
            self.lines[place + 1] = f"  {carried} = phi double [{start}, %{before}], [{given}, %{self.block}]"
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

    def statement(self, node: Node) -> None:
        """An assignment, or a loop of them."""
        if node.kind == "repeat":
            self._each(node, self.statement)
            return
        assert node.place is not None
        self._known.clear()
        value = self.value(node.parts[0])
        self.lines.append(f"  store double {value}, ptr {self.address('%flat', node.place)}")

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
            value = self.loop(turns, body, _START[kind] if value is None else value)
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
            return self.put(f"f{kind} double {left}, {right}")
        return self.put(f"select i1 {self.keeps(left, right)}, double {left}, double {right}")

    def keeps(self, left: str, right: str) -> str:
        """Whether the largest so far stays the largest: where it is as large, or NaN."""
        larger = self.put(f"fcmp oge double {left}, {right}")
        unknown = self.put(f"fcmp uno double {left}, {left}")
        return self.put(f"or i1 {larger}, {unknown}")

    def call(self, node: Node) -> str:
        """A function of one argument."""
        function: Any = node.data
        argument = self.value(node.parts[0])
        if function.name in _INLINE:
            return self.put(f"call double @llvm.{_INLINE[function.name]}.f64(double {argument})")
        address = self._addresses[function.name]
        return self.put(f"call double inttoptr (i64 {address} to ptr)(double {argument}) #0")

    def chosen(self, node: Node) -> str:
        """One of two values; where a function is called for one, only when it is that one."""
        left, right, then, otherwise = node.parts
        operator = _COMPARISONS[node.data]
        test = self.put(f"fcmp {operator} double {self.value(left)}, {self.value(right)}")
        if not calls(then) and not calls(otherwise):
            yes, no = self.value(then), self.value(otherwise)
            return self.put(f"select i1 {test}, double {yes}, double {no}")
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
        best, found = self.value(node.parts[0]), hexadecimal(float(numbers[0]))
        for number, part in zip(numbers[1:], node.parts[1:], strict=True):
            value = self.value(part)
            kept = self.keeps(best, value)
            best = self.put(f"select i1 {kept}, double {best}, double {value}")
            found = self.put(f"select i1 {kept}, double {found}, double {hexadecimal(float(number))}")
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
        begin = self.address("%flat", node.place)
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
    "number": lambda _writer, node: hexadecimal(float.fromhex(node.data)),
    "load": lambda writer, node: writer.put(f"load double, ptr {writer.address('%flat', node.place)}"),
    "neg": lambda writer, node: writer.put(f"fneg double {writer.value(node.parts[0])}"),
    "sub": lambda writer, node: writer.put(f"fsub double {writer.value(node.parts[0])}, {writer.value(node.parts[1])}"),
    "div": lambda writer, node: writer.put(f"fdiv double {writer.value(node.parts[0])}, {writer.value(node.parts[1])}"),
    "add": Writer.row,
    "mul": Writer.row,
    "larger": Writer.row,
    "call": Writer.call,
    "select": Writer.chosen,
    "winner": Writer.winner,
    "entry": Writer.entry,
}
"""By kind of node: the lines that compute it."""


def printed(program: Program, addresses: Mapping[str, int]) -> Iterator[str]:
    """A program as the text of a module, in pieces: between two of them others may have the interpreter.

    The function runs ``count`` iterations. ``rows`` are the rows of ``table`` that the batches of ``cycle`` iterations
    take, one after the other, of which that with number ``start`` is the first; ``dated`` has the leaves of each
    iteration that change with time. It puts E of each into ``losses``, and ``watched`` slots of each, named by
    ``slots``, into ``seen``. The state stays that from before the last iteration, and its updates stand behind it.

    Args:
        program: the program.
        addresses: of each function that it may call.
    """
    lowering = Lowering(program)
    statements: list[Node] = []
    for op in program.ops:
        statements += lowering.statements(op)
        yield ""
    total = sum(map(size, statements))
    writer = Writer(addresses, flat=SMALL if total <= SMALL else FLAT)
    yield _HEAD
    writer.block = "batch"
    _load_batch(writer, program)
    writer.lines.append("  br label %ops")
    writer.begin("ops")
    yield from _taken(writer)
    for statement in statements:
        writer.statement(statement)
        yield from _taken(writer)
    _end_iteration(writer, program)
    yield from _taken(writer)


def _taken(writer: Writer) -> Iterator[str]:
    """The lines that were written."""
    yield "\n".join((*writer.lines, ""))
    writer.lines.clear()


def _load_batch(writer: Writer, program: Program) -> None:
    """The rows of the samples, from the table into the leaves."""
    widths = [(program.offsets[array], array.size // program.batch) for array in program.data]
    wide = sum(width for _start, width in widths)
    writer.lines.append(f"  %from = mul i64 %at, {program.batch}")

    def sample(number: str, _carried: str | None) -> None:
        at = writer.put(f"add i64 %from, {number}")
        row = writer.put(f"load i64, ptr {writer.put(f'getelementptr inbounds i64, ptr %rows, i64 {at}')}")
        begin = writer.put(f"mul i64 {row}, {wide}")
        done = 0
        for start, width in widths:
            source = writer.put(f"add i64 {begin}, {done}")
            slot = writer.put(f"add i64 {writer.put(f'mul i64 {number}, {width}')}, {start}")
            writer.copy(
                writer.put(f"getelementptr inbounds double, ptr %flat, i64 {slot}"),
                writer.put(f"getelementptr inbounds double, ptr %table, i64 {source}"),
                width,
            )
            done += width

    if wide and program.batch * (wide + 8) <= FLAT:
        for number in range(program.batch):
            sample(str(number), None)
    elif wide:
        writer.loop(program.batch, sample)


def _end_iteration(writer: Writer, program: Program) -> None:
    """E, what is watched, and the state of the next iteration."""
    total = next(array for array in program.arrays if array.role is Role.TOTAL)
    loss = writer.put(f"load double, ptr {writer.address('%flat', Place(program.offsets[total]))}")
    writer.lines.append(
        f"""  %loss = getelementptr inbounds double, ptr %losses, i64 %i
  store double {loss}, ptr %loss
  %row = mul i64 %i, %watched
  %looks = icmp sgt i64 %watched, 0
  br i1 %looks, label %look, label %done
look:
  %k = phi i64 [0, %{writer.block}], [%k.next, %look]
  %slot.at = getelementptr inbounds i64, ptr %slots, i64 %k
  %slot = load i64, ptr %slot.at
  %value.at = getelementptr inbounds double, ptr %flat, i64 %slot
  %value = load double, ptr %value.at
  %to = add i64 %row, %k
  %to.at = getelementptr inbounds double, ptr %seen, i64 %to
  store double %value, ptr %to.at
  %k.next = add i64 %k, 1
  %k.more = icmp slt i64 %k.next, %watched
  br i1 %k.more, label %look, label %done
done:
  %i.next = add i64 %i, 1
  %at.up = add i64 %at, 1
  %wraps = icmp eq i64 %at.up, %cycle
  %at.next = select i1 %wraps, i64 0, i64 %at.up
  %more = icmp slt i64 %i.next, %count
  br i1 %more, label %again, label %out
again:"""
    )
    updated = writer.put(f"getelementptr inbounds double, ptr %flat, i64 {program.state_size}")
    writer.copy("%flat", updated, program.state_size)
    if program.dated:
        size = sum(leaf.array.size for leaf in program.dated)
        _load_dated(writer, program, size)
    writer.lines.append(
        "  br label %iteration\nout:\n  ret void\n}\n"
        "attributes #0 = { nounwind willreturn memory(none) }\nattributes #1 = { nounwind }\n"
    )


def _load_dated(writer: Writer, program: Program, size: int) -> None:
    """The leaves of the next iteration that change with time."""
    begin = writer.put(f"mul i64 %i.next, {size}")
    done = 0
    for leaf in program.dated:
        source = writer.put(f"add i64 {begin}, {done}")
        writer.copy(
            writer.put(f"getelementptr inbounds double, ptr %flat, i64 {program.offsets[leaf.array]}"),
            writer.put(f"getelementptr inbounds double, ptr %dated, i64 {source}"),
            leaf.array.size,
        )
        done += leaf.array.size
