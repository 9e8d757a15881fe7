"""Ops of a large program as functions: those that are alike are one, which is told where their places begin.

An LSTM has the same ops at every step, a convolution the same at all places that are alike.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from retrograde.engine.executor.native.blocks import FRAME, HEAD, BlockWriter, has, reads
from retrograde.engine.executor.native.functions import Loop
from retrograde.engine.executor.native.nodes import Node, Place, described
from retrograde.engine.executor.native.passing import FUNCTION
from retrograde.engine.executor.native.printing import taken

MOST_POINTERS = 48
"""Places of an op up to which it is given where each of them is, so that ops that are alike are one function."""


class _Call(NamedTuple):
    """An op as the call of a function.

    Attributes:
        key: what functions have in common that are one.
        bases: where the places of the op begin, each once; empty where there are too many.
        apart: whether the elements that it makes lie apart from all that it reads elsewhere.
    """

    key: Hashable
    bases: tuple[int, ...]
    apart: bool


def _call_of(statement: Node) -> _Call:
    key, every = described(statement)
    bases = tuple(dict.fromkeys(every))
    if len(bases) > MOST_POINTERS:
        return _Call(statement, (), False)
    apart = _apart(statement)
    order = {base: number for number, base in enumerate(bases)}
    return _Call((key, tuple(order[base] for base in every), apart), bases, apart)


def _apart(statement: Node) -> bool:
    """Whether what is made has no slot of what is read, except where both begin at the same one."""
    loops: list[tuple[int, int]] = []
    while statement.kind == "repeat":
        loops.append(statement.data)
        (statement,) = statement.parts
    assert statement.place is not None
    begin, (low, high) = statement.place.base, _extent(statement.place, loops)
    for place, inner in reads(statement.parts[0], tuple(loops)):
        first, last = _extent(place, inner)
        if place.base != begin and first <= high and low <= last:
            return False
    # A table is read where a number says: all of its rows.
    return not has(statement, "entry")


def _extent(place: Place, loops: Iterable[tuple[int, int]]) -> tuple[int, int]:
    """The first and the last slot of a place."""
    turns = dict(loops)
    ends = [step * (turns[variable] - 1) for variable, step in place.steps]
    return place.base + sum(end for end in ends if end < 0), place.base + sum(end for end in ends if end > 0)


def printed_groups(groups: Sequence[Sequence[Node]], functions: Mapping[str, Loop]) -> Iterator[str]:
    """Groups of statements as functions ``group0``, ``group1``, ... of the flat memory and of scratch memory.

    Between two pieces others may have the interpreter. The last function, ``scratch``, says how many numbers of scratch
    memory are needed.

    Args:
        groups: the ops of each group.
        functions: NumPy's loops, by the name of the function.
    """
    writer = BlockWriter(functions)
    yield HEAD + FUNCTION
    made: dict[Hashable, int] = {}
    for number, group in enumerate(groups):
        lines = [f"define void @group{number}(ptr %flat, ptr %scratch) #1 {{"]
        for at, statement in enumerate(group):
            call = _call_of(statement)
            if call.key not in made:
                made[call.key] = len(made)
                yield _function(writer, statement, call, made[call.key])
            given = ["%scratch"]
            for place, base in enumerate(call.bases):
                lines.append(f"  %p{at}.{place} = getelementptr inbounds double, ptr %flat, i64 {base}")
                given.append(f"%p{at}.{place}")
            every = ", ".join(f"ptr {one}" for one in (given if call.bases else ["%scratch", "%flat"]))
            lines.append(f"  call void @op{made[call.key]}({every})")
        yield "\n".join((*lines, "  ret void\n}\n"))
    yield (
        f"define i64 @scratch() #1 {{\n  ret i64 {writer.scratch}\n}}\n"
        "attributes #1 = { nounwind noinline optnone }\nattributes #2 = { nounwind noinline }\n"
    )


def _function(writer: BlockWriter, statement: Node, call: _Call, number: int) -> str:
    """An op as a function: what LLVM does to one takes more than twice as long where it is twice as long."""
    names = {base: f"%at{place}" for place, base in enumerate(call.bases)}
    made = statement
    while made.kind == "repeat":
        (made,) = made.parts
    assert made.place is not None
    pointers = [
        f"ptr {'noalias ' if call.apart and base == made.place.base else ''}{name}" for base, name in names.items()
    ] or ["ptr noalias %flat"]
    writer.lines.append(f"define internal void @op{number}({', '.join(['ptr noalias %scratch', *pointers])}) #2 {{")
    writer.begin("entry")
    writer.lines.append(FRAME)
    writer.op(statement, names)
    writer.lines.append("  ret void\n}")
    return taken(writer)
