"""Printing a small program for LLVM: one function that runs many iterations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from retrograde.engine.equations.array import Role
from retrograde.engine.executor.native.lowering import Lowering
from retrograde.engine.executor.native.nodes import Node, Place, size
from retrograde.engine.executor.native.passing import FUNCTION
from retrograde.engine.executor.native.passing import NAME as BOUND
from retrograde.engine.executor.native.writing import Writer
from retrograde.engine.network.program import Program

NAME = "run"
"""The function that is printed."""

SMALL = 2500
"""Operations of a program up to which no loop is left."""
FLAT = 48
"""Operations of a loop up to which it is written out turn by turn."""

MOST_LINES = 120_000
"""Lines of a program that is still worth its compilation."""

_HEAD = f"""
declare double @llvm.fabs.f64(double)
declare double @llvm.sqrt.f64(double)
declare double @llvm.floor.f64(double)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
{FUNCTION}
define void @{NAME}(ptr noalias %flat, ptr noalias readonly %table, ptr noalias readonly %rows, i64 %cycle, i64 %start,
    ptr noalias readonly %dated, i64 %count, ptr noalias %losses, ptr noalias %seen, ptr noalias readonly %slots,
    i64 %watched, ptr noalias %bounds, ptr noalias readonly %wide, i64 %wides, ptr noalias readonly %narrow,
    i64 %narrows) #1 {{
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


def printed(program: Program, addresses: Mapping[str, int]) -> Iterator[str]:
    """A program as the text of a module, in pieces: between two of them others may have the interpreter.

    The function runs ``count`` iterations. ``rows`` are the rows of ``table`` that the batches of ``cycle`` iterations
    take, one after the other, of which that with number ``start`` is the first; ``dated`` has the leaves of each
    iteration that change with time. It puts E of each into ``losses``, and ``watched`` slots of each, named by
    ``slots``, into ``seen``; where there are ``bounds``, it calls what ``passing.FUNCTION`` defines. The state stays
    that from before the last iteration, and its updates stand behind it.

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
    yield taken(writer)
    for statement in statements:
        writer.statement(statement)
        yield taken(writer)
    _end_iteration(writer, program)
    yield taken(writer)


def taken(writer: Writer) -> str:
    """The lines that were written."""
    text = "\n".join((*writer.lines, ""))
    writer.lines.clear()
    return text


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
  br i1 %looks, label %look, label %looked
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
  br i1 %k.more, label %look, label %looked
looked:
  %passes = icmp ne ptr %bounds, null
  br i1 %passes, label %pass, label %done
pass:
  call void @{BOUND}(ptr %flat, ptr %bounds, ptr %wide, i64 %wides, ptr %narrow, i64 %narrows)
  br label %done
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
