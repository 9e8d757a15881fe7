"""Where published figures stand in a run: the step that each speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.step import made_by
from retrograde.engine.formulas.tree import Slot
from retrograde.engine.session.published import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.network.program import Program
    from retrograde.engine.session.cursor import Cursor
    from retrograde.engine.session.published import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A published figure at its place in the run.

    Attributes:
        finding: what became of it.
        symbol: how the value is called on the screen.
        position: how many steps of the training are revealed when the value is known; 0 for what is given.
        made: whether a step makes it: what is given, and what is known of an epoch, none does.
    """

    finding: Finding
    symbol: str
    position: int
    made: bool


def figures(cursor: Cursor, *, asked: Callable[[], bool] = lambda: False) -> tuple[Figure, ...]:
    """Every published figure of a scenario, verified, with the step that it speaks of.

    What an edit made is not held against anything: the figures are those of a run of their own.

    Args:
        cursor: any session of the scenario; only its schedule and its names are looked at.
        asked: says whether to end before it is done.

    Raises:
        ScenarioError: figures name values that the network does not have, or ones from after the training.
        InterruptedError: it was asked to end.
    """
    return tuple(_placed(cursor, finding) for finding in check(cursor.scenario, asked, cursor.network))


def _placed(cursor: Cursor, finding: Finding) -> Figure:
    """A figure with its place."""
    expect, schedule = finding.expect, cursor.schedule
    iteration = expect.updates
    start = schedule.start(iteration)
    program = schedule.program(iteration)
    symbol, slots = _read(cursor, expect.value, program)
    made = [made_by(schedule, iteration, program, slot) for slot in slots]
    known = [number for number in made if number is not None]
    if not known:
        return Figure(finding=finding, symbol=symbol, position=min(start, cursor.length), made=False)
    position = max(known)
    return Figure(finding=finding, symbol=symbol, position=min(position, cursor.length), made=position <= cursor.length)


def _read(cursor: Cursor, name: str, program: Program) -> tuple[str, tuple[Ref, ...]]:
    """How a value is called, and the slots that have to be known for it."""
    notation = cursor.notation
    try:
        term = notation.resolve_term(name, program)
        if term is not None:
            return name, (term[0],)
        ref = notation.resolve(name, program)
        return notation.symbol(ref), (ref,)
    except EngineError:
        pass
    try:
        found = cursor.formula(_whole(name), several=True)
    except EngineError:
        return name, ()
    slots = [read if isinstance(read, Slot) else read.slot(read.length - 1) for read in found.reads]
    refs = (slot.ref(program) for slot in slots if not slot.previous and slot.array in program.named)
    return name, tuple(ref for ref in refs if ref is not None)


def _whole(name: str) -> str:
    """The formula of which a name such as ``grad(W_o)[1,2]`` is one value."""
    return name[: name.rindex("[")] if name.endswith("]") else name
