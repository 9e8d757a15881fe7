"""The kernel executor: every op of a larger program as one or a few NumPy calls on preallocated memory.

An op without a hand-written kernel gets one made from its equation: the equation is called with an open mesh of
indices instead of integers, and every node of the tree becomes one NumPy call over whole arrays.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, MutableSequence, Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrograde.engine.equations.arithmetic import Floats, sum_rows
from retrograde.engine.equations.array import Array, Extent, Role
from retrograde.engine.equations.evaluation import NUMPY
from retrograde.engine.equations.expression import (
    Expr,
    Index,
    Ref,
)
from retrograde.engine.executor.mesh import MeshCompiler, open_mesh
from retrograde.engine.executor.native import switch
from retrograde.engine.executor.native.kernels import Faster
from retrograde.engine.executor.native.passing import Passing
from retrograde.engine.formulas import wide
from retrograde.engine.formulas.meaning import HELPERS, Where
from retrograde.engine.formulas.probe import Arrays, Key, Probe, Record, Sources, earlier, lines, missing
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program
from retrograde.engine.ops.base import Kernel, Op

Batch = tuple[Sequence[Floats], Any, Sequence[Floats]]
"""The columns of the data set, the rows that make the batch (a slice or an array), and the dated leaves."""

LOOKS = 16
"""Compiled probes that are kept."""


class _Look(NamedTuple):
    """How a probe looks at an iteration.

    Attributes:
        inspect: the function that is printed of it.
        slots: the slots that this is given.
        keys: single slots of the iteration before that it reads.
        stretches: stretches of that.
        back: where the single ones are.
        passing: what passes over iterations in which no condition is true; None where values are recorded.
    """

    inspect: Callable[..., None]
    slots: NDArray[np.intp]
    keys: Mapping[Key, Ref]
    stretches: Mapping[Key, Where]
    back: NDArray[np.intp]
    passing: Passing | None


class KernelExecutor:
    """Executes a program with NumPy; see ``executor.base.Executor``.

    Args:
        program: the program.
        constants: the values of the leaves that are not data.
        blas: whether matrix products may go to BLAS.
    """

    mathematics = NUMPY

    def __init__(self, program: Program, constants: Mapping[Array, Floats], *, blas: bool = False) -> None:
        self.program = program
        self._blas = blas
        # Which op is bound, and what is noted of it: see ``_bind``.
        self._binding = 0
        self._asked: set[int] = set()
        self._sharing: dict[Hashable, set[int]] = {}
        self.batch = program.batch
        self._flat = np.zeros(program.size)
        self._views = {
            one: self._flat[start : start + one.size].reshape(one.shape) for one, start in program.offsets.items()
        }
        for leaf, values in constants.items():
            if leaf in self._views:
                self._views[leaf][...] = values
        self._scratch: list[Floats] = []
        self._taken = 0
        self._kept: dict[Hashable, Floats] = {}
        self._kernels = [self._bind(number, op) for number, op in enumerate(program.ops)]
        self._faster = (
            Faster(program, self._kernels, self._flat, stay=self.of_blas, shared=list(self._sharing.values()))
            if switch.used()
            else None
        )
        self._data: list[Floats] = [self._views[one].reshape(program.batch, -1) for one in program.data]
        self._dated = [self._views[leaf.array] for leaf in program.dated]
        total = next(one for one in program.arrays if one.role is Role.TOTAL)
        self._total = self._views[total]
        size = program.state_size
        self._state, self._updated = self._flat[:size], self._flat[size : 2 * size]
        self._looks: dict[Probe, _Look] = {}
        self._readers: dict[frozenset[Array], int] = {}
        self._position = {op.target: number for number, op in enumerate(program.ops)}

    @property
    def blas(self) -> bool:
        """Whether products of matrices may go to BLAS; an op that has asked has the bits of BLAS."""
        if self._blas:
            self._asked.add(self._binding)
        return self._blas

    @property
    def of_blas(self) -> Collection[int]:
        """The ops, by their numbers, that have the bits of BLAS."""
        return self._asked

    def view(self, array: Array) -> Floats:
        """The memory of an array."""
        return self._views[array]

    def scratch(self, shape: tuple[int, ...]) -> Floats:
        """Memory that is valid until the op ends; ops share it, since they run one after the other."""
        size = prod(shape)
        while self._taken < len(self._scratch):
            block = self._scratch[self._taken]
            self._taken += 1
            if block.size >= size:
                return block[:size].reshape(shape)
        block = np.empty(size)
        self._scratch.append(block)
        self._taken += 1
        return block.reshape(shape)

    def kept(self, key: Hashable, shape: tuple[int, ...]) -> tuple[Floats, bool]:
        """Memory that stays valid through the iteration, and whether it is asked for the first time."""
        self._sharing.setdefault(key, set()).add(self._binding)
        block = self._kept.get(key)
        if block is not None:
            return block, False
        block = self._kept[key] = np.empty(shape)
        return block, True

    def compile(self, expr: Expr, mesh: Index, out: Floats) -> Kernel:
        """A kernel that evaluates an equation over an open mesh into ``out``."""
        return MeshCompiler(self, mesh).kernel(expr, out)

    def leaves(self, columns: Sequence[Floats], rows: Any, dated: Sequence[Floats] = ()) -> Batch:
        return columns, slice(rows.start, rows.stop) if isinstance(rows, range) else rows, dated

    def frame(self, state: Floats, leaves: Batch, overrides: Mapping[Ref, float] | None = None) -> Frame:
        self._state[...] = state
        self._load(leaves)
        pending: dict[int, list[tuple[Ref, float]]] = {}
        kept: list[tuple[Ref, float]] = []
        for ref, value in (overrides or {}).items():
            maker = self._position.get(ref.array)
            if maker is None:
                kept.append((ref, float(self._views[ref.array][ref.index])))
                self._views[ref.array][ref.index] = value
            else:
                pending.setdefault(maker, []).append((ref, value))
        with np.errstate(all="ignore"):
            if pending:
                self._overridden(pending)
            else:
                for kernel in self._current(1):
                    kernel()
        flat = self._flat.copy()
        for ref, value in kept:
            self._views[ref.array][ref.index] = value
        return Frame(self.program, flat, self.mathematics)

    def values(self, state: Floats, leaves: Batch, array: Array) -> Floats:
        """The values of an array alone, as in ``frame``: what would be computed after it is not.

        Args:
            state: the state.
            leaves: the samples.
            array: what an op makes.
        """
        self._state[...] = state
        self._load(leaves)
        return self._until(array, 0)

    def values_again(self, state: Floats, array: Array, changed: Iterable[Array]) -> Floats:
        """The same where since the last call nothing but some parameters has become another: from their layers on.

        Args:
            state: the state.
            array: what an op makes.
            changed: the parameters.
        """
        self._state[...] = state
        return self._until(array, self._first_reader(frozenset(changed)))

    def _until(self, array: Array, first: int) -> Floats:
        with np.errstate(all="ignore"):
            for kernel in self._kernels[first : self._position[array] + 1]:
                kernel()
        return self._views[array].copy()

    def _first_reader(self, changed: frozenset[Array]) -> int:
        """The first op of the layers that read some parameters: the ops of a layer may share what they make of them."""
        first = self._readers.get(changed)
        if first is None:
            ops = self.program.ops
            layers = {op.layer for op in ops if not changed.isdisjoint(op.inputs)}
            numbers = (number for number, op in enumerate(ops) if op.layer in layers)
            first = self._readers[changed] = next(numbers, len(ops))
        return first

    def _overridden(self, pending: Mapping[int, Sequence[tuple[Ref, float]]]) -> None:
        """The ops one by one, with values that replace some of what they make."""
        for number, kernel in enumerate(self._kernels):
            kernel()
            for ref, value in pending.get(number, ()):
                self._views[ref.array][ref.index] = value

    def _current(self, iterations: int) -> Sequence[Kernel]:
        """The kernels, of which some may be machine code, for some iterations."""
        return self._kernels if self._faster is None else self._faster.after(iterations)

    @property
    def native(self) -> bool:
        """Whether machine code computes some of it."""
        return self._faster is not None and self._faster.native

    def hasten(self) -> bool:
        """Waits for the machine code; returns whether there is any."""
        return self._faster is not None and self._faster.hasten()

    def advance(self, state: Floats, batches: Sequence[Batch], losses: MutableSequence[float]) -> Floats:
        return self._run(state, batches, losses, None)

    def _run(
        self, state: Floats, batches: Sequence[Batch], losses: MutableSequence[float], look: Callable[[], None] | None
    ) -> Floats:
        current, updated, total, kernels = self._state, self._updated, self._total, self._current(len(batches))
        load = self._load
        current[...] = state
        append = losses.append
        with np.errstate(all="ignore"):
            for batch in batches:
                load(batch)
                for kernel in kernels:
                    kernel()
                append(float(total))
                # The state is replaced after the look, which may ask for parameters from before their update.
                if look is not None:
                    look()
                current[...] = updated
        return current.copy()

    def _load(self, leaves: Batch) -> None:
        columns, rows, dated = leaves
        if isinstance(rows, slice):
            for view, column in zip(self._data, columns, strict=True):
                view[...] = column[rows]
        else:
            # Rows are in range; the mode lets NumPy write into the array itself instead of a copy that it checks.
            for view, column in zip(self._data, columns, strict=True):
                column.take(rows, axis=0, out=view, mode="clip")
        for place, values in zip(self._dated, dated, strict=True):
            place[...] = values

    def watch(self, state: Floats, batches: Sequence[Batch], probe: Probe, record: Record, per_epoch: int) -> Floats:
        found = self._looks.get(probe)
        if found is None:
            if len(self._looks) >= LOOKS:
                self._looks.clear()
            found = self._looks[probe] = self._look(probe)
        inspect, slots, keys, stretches, back, passing = found
        bound = None if self._faster is None else self._faster.bound
        if passing is not None and bound is not None and passing.wanted():
            seen = array("d")
            after = self._run(state, batches, seen, partial(bound, self._flat.ctypes.data, *passing.begin()))
            if passing.over(record, len(record.losses), len(seen), per_epoch):
                record.losses.extend(seen)
                record.before = dict(zip(keys, self._flat.take(back).tolist(), strict=True))
                record.before |= {key: self._flat[where].copy() for key, where in stretches.items()}
                return after
        before = np.array([record.before.get(key, math.nan) for key in keys])
        long = [record.before.get(key, missing(key)) for key in stretches]
        losses, hits, flat, start = record.losses, record.hits, self._flat, record.start - 1
        puts = [column.append for column in record.columns]

        def hit() -> None:
            hits.append(len(losses) - 1)

        def look() -> None:
            nonlocal before
            inspect(flat.take(slots).tolist(), before, long, start + len(losses), per_epoch, hit, *puts)
            if keys:
                before = flat.take(back)
            if stretches:
                long[:] = [flat[where].copy() for where in stretches.values()]

        state = self._run(state, batches, losses, look)
        record.before = dict(zip((*keys, *stretches), (*before.tolist(), *long), strict=True))
        return state

    def _look(self, probe: Probe) -> _Look:
        found = earlier(probe, self.program)
        keys = {key: where for key, where in found.items() if isinstance(where, Ref)}
        stretches = {key: where for key, where in found.items() if not isinstance(where, Ref)}
        back = np.array([self.program.offset(ref) for ref in keys.values()], dtype=np.intp)
        passing = Passing(probe, self.program) if Passing.suits(probe) else None
        return _Look(*self._printed(probe, keys, stretches), keys, stretches, back, passing)

    def _printed(
        self, probe: Probe, keys: Iterable[Key], stretches: Iterable[Key]
    ) -> tuple[Callable[..., None], NDArray[np.intp]]:
        """A probe as a function of the slots that it reads, and where these are."""
        places: dict[int, int] = {}

        def name(ref: Ref) -> str:
            return f"v[{places.setdefault(self.program.offset(ref), len(places))}]"

        order = {key: number for number, key in enumerate(keys)}
        # Numbers of NumPy would warn of overflow, and their comparisons cannot be subtracted.
        back = {
            **{key: f"q.item({number})" for key, number in order.items()},
            **{key: f"long[{number}]" for number, key in enumerate(stretches)},
        }
        namespace: dict[str, Any] = {**HELPERS, **wide.HELPERS, "flat": self._flat}

        def taken(source: str, indices: Sequence[int]) -> str:
            steps = {right - left for left, right in pairwise(indices)}
            if len(steps) == 1 and (step := steps.pop()) > 0:
                return f"{source}[{indices[0]}:{indices[-1] + 1}:{step}]"
            index = f"index{len(namespace)}"
            namespace[index] = np.array(indices, dtype=np.intp)
            return f"{source}.take({index})"

        arrays = Arrays(
            now=lambda refs: taken("flat", [self.program.offset(ref) for ref in refs]),
            before=lambda keys: taken("q", [order[key] for key in keys]),
        )

        def stretch(where: Where) -> str:
            if isinstance(where, slice):
                return f"flat[{where.start}:{where.stop}:{where.step}]"
            index = f"index{len(namespace)}"
            namespace[index] = where
            return f"flat.take({index})"

        body = lines(probe, self.program, Sources(name, back, stretch, arrays)) or ["pass"]
        puts = "".join(f", put{number}" for number in range(len(probe.values)))
        source = "\n    ".join((f"def look(v, q, long, at, per_epoch, hit{puts}):", *body))
        exec(compile(source, "<probe>", "exec"), namespace)
        return namespace["look"], np.array(list(places), dtype=np.intp)

    def _bind(self, number: int, op: Op) -> Kernel:
        self._taken, self._binding = 0, number
        kernel = op.kernel(self)
        if kernel is not None:
            return kernel
        target = self._views[op.target]
        if op.extent is not Extent.SUM:
            return self.compile(op.equation(mesh := open_mesh(op.target.shape)), mesh, target)
        shape = (self.program.batch, *op.target.shape)
        contributions = self.scratch(shape)
        mesh = open_mesh(shape)
        fill = self.compile(op.equation(mesh), mesh, contributions)

        def run() -> None:
            fill()
            sum_rows(contributions, target)

        return run
