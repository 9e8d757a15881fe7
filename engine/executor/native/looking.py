"""Looking at what machine code has computed: a probe as a function of the slots of each iteration that it reads."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.expression import Ref
from retrograde.engine.formulas import wide
from retrograde.engine.formulas.meaning import HELPERS, Where, offsets_of
from retrograde.engine.formulas.probe import Key, Probe, Record, Sources, earlier, lines, missing
from retrograde.engine.network.program import Program


class Look(NamedTuple):
    """A compiled probe.

    Attributes:
        function: ``look(rows, block, q, p, number, at, per_epoch, hits, put0, ...)``: the slots of each iteration as
            numbers and as arrays, those of the iteration before, and where what is seen goes.
        slots: the slots that it reads, in this order.
        back: where what it reads of the iteration before is among them.
    """

    function: Callable[..., None]
    slots: NDArray[np.int64]
    back: dict[Key, int | slice]

    def before(self, record: Record) -> Floats:
        """The slots of the iteration before, as far as they are read."""
        found = np.full(len(self.slots), math.nan)
        for key, place in self.back.items():
            found[place] = record.before.get(key, missing(key))
        return found

    def remembered(self, row: Floats) -> dict[Key, Any]:
        """What the next iteration may ask for."""
        return {
            key: row[place].copy() if isinstance(place, slice) else float(row[place])
            for key, place in self.back.items()
        }


class _Places:
    """The slots that are read, each where it was first asked for."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.slots: list[int] = []
        self._single: dict[int, int] = {}

    def of(self, ref: Ref) -> int:
        """The place of a slot."""
        slot = self._program.offset(ref)
        if slot not in self._single:
            self._single[slot] = len(self.slots)
            self.slots.append(slot)
        return self._single[slot]

    def several(self, where: Where) -> slice:
        """The places of slots, side by side."""
        start = len(self.slots)
        self.slots += offsets_of(where).tolist()
        return slice(start, len(self.slots))


def look_of(probe: Probe, program: Program) -> Look:
    """A probe, compiled."""
    places = _Places(program)
    back: dict[Key, int | slice] = {
        key: places.of(where) if isinstance(where, Ref) else places.several(where)
        for key, where in earlier(probe, program).items()
    }
    names = {key: f"q[{at}]" if isinstance(at, int) else _cut("p", at) for key, at in back.items()}
    sources = Sources(lambda ref: f"v[{places.of(ref)}]", names, lambda where: _cut("w", places.several(where)))
    body: Sequence[str] = [
        *lines(probe, program, sources, hit="hits.append(number)"),
        "q, p = v, w",
        "number += 1",
        "at += 1",
    ]
    puts = "".join(f", put{number}" for number in range(len(probe.values)))
    head = f"def look(rows, block, q, p, number, at, per_epoch, hits{puts}):\n    for v, w in zip(rows, block):"
    namespace: dict[str, Any] = {**HELPERS, **wide.HELPERS, "inf": math.inf, "nan": math.nan, "zip": zip}
    exec(compile("\n        ".join((head, *body)), "<probe>", "exec"), namespace)
    return Look(namespace["look"], np.array(places.slots, dtype=np.int64), back)


def _cut(name: str, place: slice) -> str:
    return f"{name}[{place.start}:{place.stop}]"
