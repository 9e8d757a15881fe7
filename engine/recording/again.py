"""Values that need not be in the file: arithmetic of their operands gives them again, bit for bit.

Only + − × ÷ √ of IEEE 754 in a fixed order, and moves: these have the same bits on every machine. Whether they are the
bits that were recorded is found out when the step is recorded, for each array as a whole; where they are not, the array
is stored.
"""

from __future__ import annotations

import math
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from retrograde.engine.errors import EngineError
from retrograde.engine.recording.aten.reading import base_name, plain_arguments
from retrograde.engine.recording.form import DTYPES, Call, Result, Value, Window
from retrograde.engine.recording.window import is_dense, is_whole, packed

MOVE, PLAIN, FUSED = "move", "plain", "fused"
"""How an array is made again: moved, with each operation rounded, or with a product and a sum rounded together."""
LANES = {"lanes8": 8, "lanes16": 16}
"""Fused besides, and sums added in so many lanes, as a processor's registers are wide; then the lanes by halves."""
MAX_DEPTH = 32
"""How many values in a row may have to be made again for one."""
MAX_GROWTH = 64
"""How many times all stored numbers a value that is made again may hold."""

UNFIT = (KeyError, ValueError, TypeError, IndexError, OverflowError, AttributeError)
"""What arithmetic raises for operands that do not fit."""
_KEPT = 2**26
"""Bytes of numbers that were made again and are kept at hand."""
_BLOCK = 2**14
"""Elements that go through a formula at once, so that what is between stays in the processor's cache."""

Bits = NDArray[Any]
"""Numbers as they are stored."""


class UnfitError(EngineError):
    """The op that should make a value again can not."""


class Operands:
    """The arguments of an op: arrays as they are stored, numbers, lists.

    Attributes:
        given: by name.
        dtype: the type of the result.
        shape: its shape.
    """

    __slots__ = ("_memory", "dtype", "given", "shape")

    def __init__(
        self,
        given: Mapping[str, Any],
        dtype: np.dtype[Any],
        shape: tuple[int, ...],
        memory: Callable[[int], Bits] | None = None,
    ) -> None:
        """What an op is given.

        Args:
            given: its arguments by name.
            dtype: the type of the result.
            shape: its shape.
            memory: gives so many bytes for it; new ones where it is None.
        """
        self.given = given
        self.dtype = dtype
        self.shape = shape
        self._memory = memory

    def empty(self) -> Bits:
        """Memory for the result."""
        if self._memory is None:
            return np.empty(self.shape, self.dtype)
        return self._memory(math.prod(self.shape) * self.dtype.itemsize).view(self.dtype).reshape(self.shape)

    def number(self, name: str, default: float = 0.0) -> Any:
        """A number of the program, rounded to the type."""
        found = self.given.get(name)
        return self.dtype.type(default if found is None else found)

    def operand(self, name: str) -> Any:
        """An array, or a number."""
        found = self.given[name]
        return found if isinstance(found, np.ndarray) else self.dtype.type(found)


Formula = Callable[..., Any]
"""Elements of a result from those of each operand; where they go; whether a product and a sum are rounded as one."""


class Recipe(NamedTuple):
    """How the result of an op is made again.

    Attributes:
        names: its operands, in the order in which the formula takes them.
        formula: the arithmetic of blocks of elements.
        variants: the ways in which it may round.
        whole: the arithmetic of the whole array, in place of a formula, and in which way.
        results: the other results of the op that it reads.
    """

    names: tuple[str, ...] = ()
    formula: Formula | None = None
    variants: tuple[str, ...] = (PLAIN,)
    whole: Callable[[Operands, str], Any] | None = None
    results: tuple[int, ...] = ()


class _Rooms(threading.local):
    """Memory for what is between, of each thread: new memory comes with a fault of each of its pages."""

    def __init__(self) -> None:
        self.product = np.empty(_BLOCK)
        self.operand = np.empty(_BLOCK)


_ROOMS = _Rooms()


def _room(room: Bits, shape: tuple[int, ...]) -> Bits:
    size = math.prod(shape)
    return room[:size].reshape(shape) if size <= room.size else np.empty(shape)


def _exact(one: Any, room: Bits) -> Any:
    """An operand as float64; converted as a whole, which is quicker than by the way."""
    if not isinstance(one, np.ndarray):
        return np.float64(one)
    if one.size < room.size:
        return one.astype(np.float64)
    room[...] = one
    return room


def _fma(a: Any, b: Any, c: Any, into: Bits, *, fused: bool) -> None:
    """a·b + c; fused as float64 does it for float32, whose products it holds exactly."""
    if not fused:
        np.multiply(a, b, out=into)
        np.add(into, c, out=into)
        return
    product, operand = _room(_ROOMS.product, into.shape), _room(_ROOMS.operand, into.shape)
    np.multiply(_exact(a, product), _exact(b, operand), out=product)
    np.add(product, _exact(c, operand), out=product)
    into[...] = product


def _add(x: Any, y: Any, alpha: Any, into: Bits, *, fused: bool) -> None:
    if alpha == 1:
        np.add(x, y, out=into)
    else:
        _fma(y, alpha, x, into, fused=fused)


def _sub(x: Any, y: Any, alpha: Any, into: Bits, *, fused: bool) -> None:
    if alpha == 1:
        np.subtract(x, y, out=into)
    else:
        _fma(y, -alpha, x, into, fused=fused)


def _lerp(start: Any, end: Any, weight: Any, into: Bits, *, fused: bool) -> None:
    if np.ndim(weight):
        raise KeyError("weight")
    near = abs(weight) < np.float32(0.5)
    coefficient, base = (weight, start) if near else (weight - type(weight)(1), end)
    np.subtract(end, start, out=into)
    _fma(coefficient, into, base, into, fused=fused)


def _addcmul(x: Any, left: Any, right: Any, value: Any, into: Bits, *, fused: bool) -> None:
    np.multiply(value, left, out=into)
    _fma(into, right, x, into, fused=fused)


def _addcdiv(x: Any, above: Any, below: Any, value: Any, into: Bits, *, fused: bool) -> None:
    del fused
    np.multiply(value, above, out=into)
    np.divide(into, below, out=into)
    np.add(x, into, out=into)


def _relu(x: Any, into: Bits, *, fused: bool) -> None:
    del fused
    into[...] = np.where(x <= 0, x.dtype.type(0), x)


def _threshold(g: Any, x: Any, threshold: Any, into: Bits, *, fused: bool) -> None:
    del fused
    into[...] = np.where(x <= threshold, x.dtype.type(0), g)


def _of(function: np.ufunc) -> Formula:
    def formula(*given: Any, fused: bool) -> None:
        del fused
        function(*given[:-1], out=given[-1])

    return formula


def _copied(name: str) -> Callable[[Operands, str], Any]:
    def moved(given: Operands, _way: str) -> Any:
        found = given.given[name]
        if found.dtype != given.dtype:
            raise KeyError(name)
        return np.broadcast_to(found, given.shape)

    return moved


def _joined(given: Operands, _way: str) -> Any:
    parts = [part for part in given.given["tensors"] if part.shape != (0,)]
    axis = int(given.given.get("dim") or 0)
    if any(part.dtype != given.dtype for part in parts):
        raise KeyError("tensors")
    return np.concatenate(parts, axis=axis, out=given.empty())


def _rows(given: Operands, _way: str) -> Any:
    return np.take(given.given["weight"], given.given["indices"], axis=0)


def _filled(number: float | str) -> Callable[[Operands, str], Any]:
    def moved(given: Operands, _way: str) -> Any:
        wanted = given.given[number] if isinstance(number, str) else number
        if given.dtype.kind not in {"f", "i"}:
            raise KeyError(number)
        return np.broadcast_to(np.asarray(wanted, dtype=given.dtype), given.shape)

    return moved


def _lines(given: Operands, *names: str) -> list[Bits]:
    """Operands of a layer norm: a row for each mean, a column for each weight."""
    inner = math.prod(given.given["normalized_shape"])
    found = [given.given[name].reshape(-1, inner) for name in names]
    if any(one.dtype != np.float32 for one in found):
        raise KeyError("dtype")
    return found


def _by_rows(formula: Callable[..., Any], given: Operands, rows: Sequence[Bits], whole: Sequence[Bits]) -> Any:
    """A formula of rows that know nothing of each other, so many at once that they stay in the processor's cache.

    Args:
        formula: a result from so many rows of each operand, what is the same for all, and where the result goes.
        given: what the result is like.
        rows: the operands.
        whole: what is the same for all rows.
    """
    if given.dtype != np.float32:
        raise KeyError("dtype")
    found: Any = given.empty().reshape(rows[0].shape)
    if any(len(one) != len(found) for one in rows):
        raise ValueError("rows")
    several = max(1, _BLOCK // max(1, found.shape[1]))
    for start in range(0, len(found), several):
        part = slice(start, start + several)
        formula(*(one[part] for one in rows), *whole, found[part])
    return found.reshape(given.shape)


def _layer_norm(given: Operands, way: str) -> Any:
    """(x − μ)·s·γ + β, in this association."""
    x, weight, bias = _lines(given, "input", "weight", "bias")
    mean, scale = (given.given[name].reshape(-1, 1) for name in ("result1", "result2"))

    def formula(x: Any, mean: Any, scale: Any, weight: Any, bias: Any, into: Bits) -> None:
        np.subtract(x, mean, out=into)
        np.multiply(into, scale, out=into)
        _fma(into, weight, bias, into, fused=way == FUSED)

    return _by_rows(formula, given, (x, mean, scale), (weight, bias))


def _layer_norm_backward(given: Operands, way: str) -> Any:
    """s·g·γ + b·x + c, with b = (Σgγ·μ − Σgγx)·s³/n and c = −b·μ − Σgγ·s/n, of each row."""
    grad, x, weight = _lines(given, "grad_out", "input", "weight")
    mean, scale = (given.given[name].reshape(-1) for name in ("mean", "rstd"))
    lanes, inner = LANES[way], x.shape[1]
    if inner % lanes:
        raise KeyError("normalized_shape")

    def formula(grad: Any, x: Any, mean: Any, scale: Any, weight: Any, into: Any) -> None:
        np.multiply(grad, x, out=into)
        np.multiply(into, weight, out=into)
        along = _laned(into, lanes)
        np.multiply(grad, weight, out=into)
        own = _laned(into, lanes)
        share = np.float32(1) / np.float32(inner)
        slope: Any = np.empty_like(own)
        shift: Any = np.empty_like(own)
        _fma(own, mean, -along, slope, fused=True)
        slope *= scale
        slope *= scale
        slope *= scale
        slope *= share
        _fma(-slope, mean, -(own * scale * share), shift, fused=True)
        np.multiply(scale[:, None], grad, out=into)
        np.multiply(into, weight, out=into)
        _fma(slope[:, None], x, into, into, fused=True)
        into += shift[:, None]

    return _by_rows(formula, given, (grad, x, mean, scale), (weight,))


def _laned(terms: Any, lanes: int) -> Any:
    """The sums of rows, taken in so many lanes from left to right, then halves added to halves.

    Four neighbours at a time are brought next to those of the other rows: as one number of 16 bytes they move faster.
    """
    fours = np.ascontiguousarray(terms.view(np.complex128).T)
    columns = fours.view(terms.dtype).reshape(*fours.shape, 4)
    each = lanes // 4
    found = columns[:each].copy()
    for start in range(each, len(columns), each):
        found += columns[start : start + each]
    while len(found) > 1:
        half = len(found) // 2
        found = found[:half] + found[half:]
    pairs = found[0, :, :2] + found[0, :, 2:]
    return pairs[:, 0] + pairs[:, 1]


def _chosen(given: Operands, _way: str) -> Any:
    """−g/n at the class of the target, 0 elsewhere."""
    target, grad = given.given["target"], given.given["grad_output"]
    reduction, ignored = given.given["reduction"], given.given["ignore_index"]
    if given.given["weight"] is not None or reduction == 0 or len(given.shape) != 2 or (target == ignored).any():
        raise KeyError("weight")
    found = np.zeros(given.shape, given.dtype)
    found[np.arange(len(target)), target] = -(grad / given.given["total_weight"] if reduction == 1 else grad)
    return found


_BOTH = (FUSED, PLAIN)
_TWO = ("self", "other")

RECIPES: Mapping[str, Recipe] = {
    "add": Recipe((*_TWO, "alpha=1"), _add, _BOTH),
    "sub": Recipe((*_TWO, "alpha=1"), _sub, _BOTH),
    "mul": Recipe(_TWO, _of(np.multiply)),
    "div": Recipe(_TWO, _of(np.true_divide)),
    "neg": Recipe(("self",), _of(np.negative)),
    "sqrt": Recipe(("self",), _of(np.sqrt)),
    "lerp": Recipe(("self", "end", "weight"), _lerp, _BOTH),
    "addcmul": Recipe(("self", "tensor1", "tensor2", "value=1"), _addcmul, _BOTH),
    "addcdiv": Recipe(("self", "tensor1", "tensor2", "value=1"), _addcdiv),
    "relu": Recipe(("self",), _relu),
    "threshold_backward": Recipe(("grad_output", "self", "threshold"), _threshold),
    "clone": Recipe(variants=(MOVE,), whole=_copied("self")),
    "_to_copy": Recipe(variants=(MOVE,), whole=_copied("self")),
    "copy": Recipe(variants=(MOVE,), whole=_copied("src")),
    "cat": Recipe(variants=(MOVE,), whole=_joined),
    "embedding": Recipe(variants=(MOVE,), whole=_rows),
    "zeros": Recipe(variants=(MOVE,), whole=_filled(0.0)),
    "zeros_like": Recipe(variants=(MOVE,), whole=_filled(0.0)),
    "new_zeros": Recipe(variants=(MOVE,), whole=_filled(0.0)),
    "zero": Recipe(variants=(MOVE,), whole=_filled(0.0)),
    "ones_like": Recipe(variants=(MOVE,), whole=_filled(1.0)),
    "full": Recipe(variants=(MOVE,), whole=_filled("fill_value")),
    "full_like": Recipe(variants=(MOVE,), whole=_filled("fill_value")),
    "native_layer_norm": Recipe(variants=_BOTH, whole=_layer_norm, results=(1, 2)),
    "native_layer_norm_backward": Recipe(variants=tuple(LANES), whole=_layer_norm_backward),
    "nll_loss_backward": Recipe(whole=_chosen),
    "fill": Recipe(variants=(MOVE,), whole=_filled("value")),
}
"""THE table of operators whose first result can be made again, by the name under which the aten table has them."""


def variants(base: str, dtype: str) -> tuple[str, ...]:
    """The ways in which the result of an op may be made again, in a type."""
    recipe = RECIPES.get(base)
    if recipe is None or dtype not in DTYPES:
        return ()
    if dtype == "float32" or recipe.variants == (MOVE,):
        return recipe.variants
    return (PLAIN,) if dtype == "float64" and PLAIN in recipe.variants else ()


def made_again(base: str, variant: str, given: Operands) -> Bits:
    """The result of an op, row by row.

    Args:
        base: its name in the table.
        variant: how it rounds.
        given: what it read, before it ran.

    Raises:
        KeyError, ValueError, TypeError, IndexError: its operands are others than this is for.
    """
    recipe = RECIPES[base]
    if given.given.get("rounding_mode") is not None:
        raise KeyError("rounding_mode")
    with np.errstate(all="ignore"):
        if recipe.whole is not None:
            found = np.asarray(recipe.whole(given, variant))
        else:
            found = _computed(recipe, given, fused=variant == FUSED)
    if found.shape != given.shape or found.dtype != given.dtype:
        raise ValueError(base)
    return found


def sampled_crc(data: Any) -> int:
    """The CRC-32 of 1,024 pieces of 8 bytes, evenly spread over an array that was held to its bits as a whole.

    It is taken again where the file is read: a processor that computes otherwise than IEEE 754 says is found out.
    """
    found = np.frombuffer(data, np.uint8)
    if found.size > 2**13:
        whole = found[: found.size // 8 * 8].view(np.uint64)
        return zlib.crc32(whole[:: -(-whole.size // 2**10)].tobytes())
    return zlib.crc32(found.tobytes())


def nudges_of(made: Bits, wanted: Bits) -> bytes | None:
    """Where numbers are a unit in the last place above, then where below what they were thought to be.

    None where they are further apart.
    """
    whole = np.dtype(f"i{made.dtype.itemsize}")
    apart = np.ascontiguousarray(made).view(whole) - np.ascontiguousarray(wanted).view(whole)
    if made.dtype.kind != "f" or apart.size == 0 or apart.min() < -1 or apart.max() > 1:
        return None
    return np.packbits([(apart > 0).reshape(-1), (apart < 0).reshape(-1)], axis=1).tobytes()


def nudged(made: Bits, nudges: Bits) -> Bits:
    """Numbers moved by a unit in the last place where that is said."""
    up, down = np.unpackbits(nudges.reshape(2, -1), axis=1, count=made.size)
    whole = np.dtype(f"i{made.dtype.itemsize}")
    bits = np.ascontiguousarray(made).view(whole).reshape(-1)
    moved: Bits = (bits + up - down).astype(whole)
    return moved.view(made.dtype).reshape(made.shape)


def nudges_length(size: int) -> int:
    """How many bytes the nudges of an array are."""
    return 2 * -(-size // 8)


def _computed(recipe: Recipe, given: Operands, *, fused: bool) -> Bits:
    assert recipe.formula is not None
    taken: list[Any] = []
    for spelt in recipe.names:
        name, _equals, default = spelt.partition("=")
        taken.append(given.operand(name) if not default else given.number(name, float(default)))
    arrays = [one for one in taken if isinstance(one, np.ndarray)]
    if any(one.dtype != given.dtype for one in arrays):
        raise KeyError("dtype")
    if not arrays:
        raise KeyError("self")
    shapes = {one.shape for one in arrays}
    if shapes != {given.shape} and np.broadcast_shapes(*shapes) != given.shape:
        raise ValueError("shape")
    found = given.empty()
    flat = all(one.size == 1 or (one.shape == given.shape and one.flags.c_contiguous) for one in arrays)
    if not flat or found.size <= _BLOCK:
        recipe.formula(*taken, found, fused=fused)
        return found
    line = found.reshape(-1)
    lines = [
        np.ravel(one) if isinstance(one, np.ndarray) and one.size > 1 else np.reshape(one, ())[()] for one in taken
    ]
    cut = [isinstance(one, np.ndarray) for one in lines]
    for start in range(0, line.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        operands = [one[part] if long else one for one, long in zip(lines, cut, strict=True)]
        recipe.formula(*operands, line[part], fused=fused)
    return found


def shown(raw: Bits, value: Value, window: Window) -> Bits:
    """What a window shows of a value whose numbers are given row by row."""
    if is_whole(value.shape, value.strides, window):
        return raw
    if 0 in window.shape:
        return np.empty(window.shape, raw.dtype)
    memory = raw.reshape(-1)
    if value.strides != packed(value.shape):
        memory = raw.transpose(_outermost(value.strides)).reshape(-1)
    strides = tuple(stride * raw.itemsize for stride in window.strides)
    return as_strided(memory[window.offset :], window.shape, strides, writeable=False)


def covers(value: Value, window: Window) -> bool:
    """Whether a window shows all of the memory of a value, in whatever order of axes."""
    return window.offset == 0 and math.prod(window.shape) == value.size and is_dense(window.shape, window.strides)


def laid(made: Bits, value: Value, window: Window) -> Bits:
    """The numbers of a value row by row, from what a window shows that covers it."""
    if is_whole(value.shape, value.strides, window):
        return np.ascontiguousarray(made)
    memory = made.transpose(_outermost(window.strides)).reshape(-1)
    order = _outermost(value.strides)
    spread = memory.reshape([value.shape[axis] for axis in order])
    return np.ascontiguousarray(spread.transpose(np.argsort(order)))


def _outermost(strides: tuple[int, ...]) -> list[int]:
    """The axes, those first whose neighbours are furthest apart."""
    return sorted(range(len(strides)), key=lambda axis: -strides[axis])


def numbers_of(arguments: Sequence[Any]) -> list[int]:
    """The values that arguments show."""
    found: list[int] = []
    for one in arguments:
        if isinstance(one, Window):
            found.append(one.value)
        elif isinstance(one, list):
            found += numbers_of(one)
    return found


Makers = Mapping[int, tuple[Call, Result]]
"""The call, and which of its results, that made a value, by number."""


def makers_of(calls: Sequence[Call]) -> Makers:
    """What made each value."""
    return {result.to.value: (call, result) for call in calls for result in call.results}


def operands_of(call: Call, result: Result) -> dict[str, Any]:
    """The arguments that a result is made again of."""
    base = base_name(call.op)
    found = plain_arguments(base, call.arguments, result.item)
    wanted = RECIPES[base].results if base in RECIPES else ()
    return found | {f"result{one.position}": one.to for one in call.results if one.position in wanted}


class Numbers:
    """The numbers of values, wherever they come from; of those that are made again some are kept at hand."""

    def __init__(
        self,
        values: Sequence[Value],
        makers: Makers,
        stored: Callable[[int], Bits],
        nudges: Callable[[int], Bits | None],
    ) -> None:
        """Numbers of values.

        Args:
            values: their records.
            makers: what made them.
            stored: the numbers of a value that is stored.
            nudges: the bytes of ``nudges_of`` that belong to one that is made again.
        """
        self._nudges = nudges
        self._values = values
        self._makers = makers
        self._stored = stored
        self._made: dict[int, Bits] = {}
        self._size = 0

    def of(self, number: int) -> Bits:
        """The numbers of a value as they are stored, not to be written to.

        Raises:
            UnfitError: the op that should make them again can not.
        """
        value = self._values[number]
        if value.again is None:
            return self._stored(number)
        found = self._made.pop(number, None)
        if found is None:
            found = self._make(value, self._nudges(number), *self._makers[number])
            if sampled_crc(found.reshape(-1).view(np.uint8)) != value.crc:
                raise UnfitError(value.name)
            found.flags.writeable = False
            self._size += found.nbytes
        self._made[number] = found
        while self._size > _KEPT and len(self._made) > 1:
            self._size -= self._made.pop(next(iter(self._made))).nbytes
        return found

    def _make(self, value: Value, nudges: Bits | None, call: Call, result: Result) -> Bits:
        assert value.again is not None
        given = {name: self._given(one) for name, one in operands_of(call, result).items()}
        operands = Operands(given, DTYPES[value.dtype].stored, result.to.shape)
        try:
            made = made_again(base_name(call.op), value.again, operands)
            return laid(made if nudges is None else nudged(made, nudges), value, result.to)
        except UNFIT:
            raise UnfitError(value.name) from None

    def _given(self, argument: Any) -> Any:
        """An argument with the numbers that it shows."""
        if isinstance(argument, Window):
            return shown(self.of(argument.value), self._values[argument.value], argument)
        return [self._given(part) for part in argument] if isinstance(argument, list) else argument
