"""Ops of a large program as machine code, between those that NumPy computes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Extent
from retrograde.engine.executor.native.blocks import suited
from retrograde.engine.executor.native.functions import loops
from retrograde.engine.executor.native.grouping import printed_groups
from retrograde.engine.executor.native.lowering import Lowering
from retrograde.engine.executor.native.machine import Code
from retrograde.engine.executor.native.nodes import Node
from retrograde.engine.executor.native.workshop import WORKSHOP, Job
from retrograde.engine.network.program import Program
from retrograde.engine.ops.base import Kernel, Op

WARM = 20_000_000
"""Steps that a program has run after which it is compiled: some sixty milliseconds of NumPy."""

SHORT = 1_000_000
"""Steps of a program whose groups keep the interpreter's lock: they take less than to ask for it again."""


FEW = 1500
"""Elements, each with its own equation, that are compared one by one."""


class Faster:
    """The kernels of a program, of which some become machine code when enough has been run.

    Args:
        program: the program.
        kernels: the kernel of each op.
        flat: the memory that they compute in.
        stay: the ops that NumPy has to compute, since their bits are its own.
        shared: ops that share memory which is not of the program: they are computed in one way, all of them.
    """

    def __init__(
        self,
        program: Program,
        kernels: Sequence[Kernel],
        flat: Floats,
        *,
        stay: Collection[int],
        shared: Sequence[Collection[int]],
    ) -> None:
        self.kernels = kernels
        self._program = program
        self._flat = flat
        self._stay = frozenset(stay)
        self._shared = shared
        self._groups: list[tuple[int, int]] = []
        self._done = 0
        self._job: Job | None = None
        self._scratch: Floats | None = None
        self._code: Code | None = None
        self.warm = WARM

    @property
    def native(self) -> bool:
        """Whether there is machine code."""
        return self._code is not None

    @property
    def bound(self) -> Callable[[int, int, int, int, int, int], None] | None:
        """What takes the slots of an iteration into bounds, where there is machine code: see ``passing.FUNCTION``."""
        return None if self._code is None else self._code.bound

    def after(self, iterations: int) -> Sequence[Kernel]:
        """The kernels for some more iterations."""
        if self._job is None:
            self._done += iterations * self._program.steps
            if self._done >= self.warm:
                self._job = WORKSHOP.order(self, self._pieces)
        elif self._code is None and self._job.code is not None:
            self._change(self._job.code)
        return self.kernels

    def hasten(self) -> bool:
        """Waits for the machine code; returns whether there is any."""
        self._done = self.warm
        self.after(0)
        assert self._job is not None
        self._job.over.wait()
        self.after(0)
        return self.native

    def _pieces(self) -> Iterator[str]:
        lowering, functions = Lowering(self._program), loops()
        found: dict[int, Sequence[Node]] = {}
        for number, op in enumerate(self._program.ops):
            statements = () if number in self._stay else _statements(lowering, op, self._program.batch)
            if statements and all(suited(statement, functions) for statement in statements):
                found[number] = statements
            yield ""
        while torn := [
            one for several in self._shared if any(n not in found for n in several) for one in several if one in found
        ]:
            for number in torn:
                found.pop(number, None)
        groups: list[list[int]] = []
        for number in sorted(found):
            if groups and groups[-1][-1] == number - 1:
                groups[-1].append(number)
            else:
                groups.append([number])
        self._groups = [(group[0], group[-1] + 1) for group in groups]
        yield from printed_groups([[one for number in group for one in found[number]] for group in groups], functions)

    def _change(self, code: Code) -> None:
        """Puts the machine code in the place of the kernels that it stands for."""
        self._code = code
        self._scratch = np.empty(max(1, code.scratch))
        places = self._flat.ctypes.data, self._scratch.ctypes.data
        short = self._program.steps < SHORT
        changed: list[Kernel] = []
        done = 0
        for number, (first, stop) in enumerate(self._groups):
            changed += self.kernels[done:first]
            changed.append(partial(code.group(number, short=short), *places))
            done = stop
        changed += self.kernels[done:]
        self.kernels = changed


def _statements(lowering: Lowering, op: Op, batch: int) -> Sequence[Node]:
    """What computes an op: from the equation of all its elements, or of each where they are few; nothing else."""
    found = lowering.by_parts(op)
    if found:
        return found
    each = op.target.size * (batch if op.extent is Extent.SUM else 1)
    return lowering.statements(op) if each <= FEW else lowering.by_sample(op)
