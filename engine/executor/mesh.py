"""Compiling an equation over a mesh: every node of its tree becomes one NumPy call over whole arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats, picked
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import (
    ArgMax,
    Call,
    Const,
    Div,
    Expr,
    Function,
    Index,
    Max,
    Neg,
    Pick,
    Product,
    Ref,
    Select,
    Sub,
    Sum,
    key_of,
    refs,
)
from retrograde.engine.equations.functions import ERF, TANH
from retrograde.engine.equations.meshes import COMPARE, keeps
from retrograde.engine.ops.base import Kernel, Workspace


def open_mesh(shape: tuple[int, ...]) -> Index:
    """One integer array an axis, such that together they index the whole shape."""
    return tuple(np.ix_(*(np.arange(length) for length in shape))) if shape else ()


class MeshCompiler:
    """Turns an equation over an open mesh into a list of NumPy calls on preallocated memory."""

    def __init__(self, space: Workspace, mesh: Index) -> None:
        self._space = space
        self._mesh = mesh
        self._calls: list[Kernel] = []

    def kernel(self, expr: Expr, out: Floats) -> Kernel:
        """The calls that compute an expression into ``out``, as one function."""
        self.emit(expr, out)
        calls = tuple(self._calls)
        if len(calls) == 1:
            return calls[0]

        def run() -> None:
            for call in calls:
                call()

        return run

    def emit(self, expr: Expr, out: Floats | None = None) -> Floats:
        """Appends the calls that compute an expression; returns where its values are."""
        return RULES[type(expr)](self, expr, out)

    def once(self, function: Function, argument: Expr, out: Floats | None) -> Floats:
        """A function that takes long, kept through the iteration: a GELU and its slope have one erf."""
        shape = np.broadcast_shapes(*(np.shape(part) for ref in refs(argument) for part in ref.index))
        block, fresh = self._space.kept(("call", function, key_of(argument)), shape)
        if fresh:
            self.call(function.array, (self.contiguous(argument),), block)
        return self.copy(block, out)

    def pick(self, array: Array, numbers: Floats, rest: Index, out: Floats | None) -> Floats:
        """The entries of a table's rows that have some numbers."""
        if out is None:
            out = self._space.scratch(np.broadcast_shapes(np.shape(numbers), *(np.shape(part) for part in rest)))
        target, table = out, self._space.view(array)
        self._calls.append(lambda: np.copyto(target, picked(table, numbers, rest)))
        return target

    def contiguous(self, expr: Expr) -> Floats:
        """The values of an expression in contiguous memory: functions have other bits on other strides."""
        values = self.emit(expr)
        if np.ndim(values) == 0 or values.flags.c_contiguous:
            return values
        return self.copy(values, self._space.scratch(values.shape))

    def copy(self, values: Any, out: Floats | None) -> Floats:
        """Values as they are, or copied to where they are wanted."""
        if out is None:
            return values  # type: ignore[no-any-return]
        self._calls.append(lambda: np.copyto(out, values))
        return out

    def fold(self, ufunc: Callable[..., Any], parts: tuple[Expr, ...], out: Floats | None) -> Floats:
        """Parts taken together by a function of two, from left to right."""
        if len(parts) == 1:
            return self.emit(parts[0], out)
        total = self.emit(parts[0])
        for part in parts[1:-1]:
            total = self.call(ufunc, (total, self.emit(part)), None)
        return self.call(ufunc, (total, self.emit(parts[-1])), out)

    def call(self, ufunc: Callable[..., Any], operands: tuple[Floats, ...], out: Floats | None) -> Floats:
        """A NumPy function of one or two operands."""
        if out is None:
            out = self._space.scratch(np.broadcast_shapes(*(np.shape(operand) for operand in operands)))
        target = out
        if len(operands) == 1:
            (only,) = operands
            self._calls.append(lambda: ufunc(only, out=target))
        else:
            first, second = operands
            self._calls.append(lambda: ufunc(first, second, out=target))
        return target

    def where(
        self,
        compare: Callable[..., Any],
        sides: tuple[Floats, Floats],
        yes: Floats,
        no: Floats,
        out: Floats | None,
    ) -> Floats:
        """One of two values, by a comparison."""
        left, right = sides
        shape = np.broadcast_shapes(np.shape(left), np.shape(right))
        if out is None:
            out = self._space.scratch(np.broadcast_shapes(shape, np.shape(yes), np.shape(no)))
        target = out
        mask = np.empty(shape, dtype=np.bool_)

        def run() -> None:
            compare(left, right, out=mask)
            np.copyto(target, no)
            np.copyto(target, yes, where=mask)

        def put() -> None:
            compare(left, right, out=mask)
            np.copyto(target, no)
            np.putmask(target, mask, yes)

        # putmask takes half the time, but knows no broadcasting except of one number.
        self._calls.append(put if shape == target.shape and np.size(yes) == 1 else run)
        return target

    def larger(self, left: Floats, right: Floats) -> Floats:
        """The first of the larger two, or the first NaN."""
        target = self._space.scratch(np.broadcast_shapes(np.shape(left), np.shape(right)))
        self._calls.append(lambda: np.copyto(target, np.where(keeps(left, right), left, right)))
        return target

    def winner(self, values: tuple[Floats, ...], numbers: tuple[int, ...], out: Floats | None) -> Floats:
        """The number of the first of the largest, or of the first NaN."""
        shape = np.broadcast_shapes(*map(np.shape, values))
        target = self._space.scratch(shape) if out is None else out
        stack = self._space.scratch((len(values), *shape))
        named = np.array(numbers, dtype=np.float64)

        def run() -> None:
            for row, value in zip(stack, values, strict=True):
                row[...] = value
            # The first of the largest, a NaN being larger than every number.
            np.copyto(target, named[stack.argmax(axis=0)])

        self._calls.append(run)
        return target

    def view(self, ref: Ref) -> Floats:
        """The values of a slot over the mesh: a view wherever its index goes along the mesh's own axes."""
        base = self._space.view(ref.array)
        axes: list[int] = []
        pick: list[Any] = []
        for position, part in enumerate(ref.index):
            if isinstance(part, int):
                pick.append(part)
                continue
            axis = next((k for k, mesh in enumerate(self._mesh) if mesh is part), None)
            whole = axis is not None and self._mesh[axis].size == base.shape[position]
            if axis is None or axis in axes or not whole:
                return self._gather(base, ref.index)
            axes.append(axis)
            pick.append(slice(None))
        if not axes:
            # A single slot stays a view of memory, where plain indexing would copy a number out.
            single: tuple[Any, ...] = (*(slice(part, part + 1) for part in pick), ...)
            slot: Floats = base[single]
            return slot.reshape(())
        view: Floats = base[tuple(pick)].transpose(np.argsort(axes))
        laid: Floats = view[tuple(slice(None) if axis in axes else None for axis in range(len(self._mesh)))]
        return laid

    def _gather(self, base: Floats, index: Index) -> Floats:
        target = self._space.scratch(np.broadcast_shapes(*(np.shape(part) for part in index)))
        self._calls.append(lambda: np.copyto(target, base[index]))
        return target


def _call(mesh: MeshCompiler, expr: Call, out: Floats | None) -> Floats:
    function, argument = expr.function, expr.argument
    if function.definition is not None:
        return mesh.emit(function.definition(argument), out)
    if function is ERF or (function is TANH and not isinstance(argument, Ref)):
        return mesh.once(function, argument, out)
    return mesh.call(function.array, (mesh.contiguous(argument),), out)


def _select(mesh: MeshCompiler, expr: Select, out: Floats | None) -> Floats:
    condition = expr.condition
    sides = (mesh.emit(condition.left), mesh.emit(condition.right))
    return mesh.where(COMPARE[condition.op], sides, mesh.emit(expr.then), mesh.emit(expr.otherwise), out)


def _max(mesh: MeshCompiler, expr: Max, out: Floats | None) -> Floats:
    first, *rest = expr.terms
    best = mesh.emit(first)
    for part in rest:
        best = mesh.larger(best, mesh.emit(part))
    return mesh.copy(best, out)


RULES: Mapping[type[Any], Callable[[MeshCompiler, Any, Floats | None], Floats]] = {
    Const: lambda mesh, expr, out: mesh.copy(np.float64(expr.value), out),
    Ref: lambda mesh, expr, out: mesh.copy(mesh.view(expr), out),
    Neg: lambda mesh, expr, out: mesh.call(np.negative, (mesh.emit(expr.operand),), out),
    Sum: lambda mesh, expr, out: mesh.fold(np.add, expr.terms, out),
    Product: lambda mesh, expr, out: mesh.fold(np.multiply, expr.factors, out),
    Sub: lambda mesh, expr, out: mesh.call(np.subtract, (mesh.emit(expr.left), mesh.emit(expr.right)), out),
    Div: lambda mesh, expr, out: mesh.call(np.divide, (mesh.emit(expr.numerator), mesh.emit(expr.denominator)), out),
    Call: _call,
    Select: _select,
    Max: _max,
    ArgMax: lambda mesh, expr, out: mesh.winner(tuple(map(mesh.emit, expr.largest.terms)), expr.numbers, out),
    Pick: lambda mesh, expr, out: mesh.pick(expr.array, mesh.emit(expr.number), expr.rest, out),
}
"""By class of node: the calls that compute it."""
