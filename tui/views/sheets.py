"""Arrays as cells: what a layer hands on, what is being computed in it, and its kernels."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.layers.base import Form
from retrograde.engine.network.program import ravel
from retrograde.engine.scenario.shapes import INPUT_LAYER
from retrograde.tui.records.marks import Mark
from retrograde.tui.records.network import SheetKind, SheetView
from retrograde.tui.views.slots import PARAMETERS, base_of, info_of, outputs_of, place_name, size_of, time_of

if TYPE_CHECKING:
    from retrograde.engine.network.program import Program
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.value_types import Bools, Floats
    from retrograde.tui.views.marks import Marks

MOST_NAMED = 24
"""Rows of a picture through time that have names."""
LEAST_SCALE = 1e-300
TELLING: dict[str, tuple[str, ...]] = {"attention": ("a",), "lstm": ("c",)}
"""What is always shown of a kind of layer besides what it hands on: weights of attention, the state of cells."""


def sheets_of(reading: Reading, name: str, found: Marks, selected: int) -> tuple[SheetView, ...]:
    """What there is to see of a layer: what it hands on, then the array of the step, then what tells of its kind.

    Args:
        reading: the reading.
        name: the layer.
        found: what takes part in the step.
        selected: the number of the selected slot among those that the layer hands on, -1 for none.
    """
    sheets = [_main(reading, name, found, selected)]
    program, step = reading.program, reading.step
    drawn: set[Array] = set(_states(reading, name))
    if step is not None and name in (step.op.layer, base_of(step.target.array).layer):
        array = step.target.array
        shown = array if reading.known(array) or program.batch == 1 else base_of(array)
        arrays = _family(program, shown)
        if drawn.isdisjoint(arrays) and not _is_net(reading, name, shown) and sum(map(size_of, arrays)) > 1:
            drawn |= {*arrays, base_of(array)}
            sheets.append(replace(_sheet(reading, arrays, found), here=True))
    info = info_of(reading.network, name)
    if info is None:
        return tuple(sheets)
    for stem in TELLING.get(info.spec.kind, ()):
        telling = program.named.get(f"{stem}_{name}") or program.named.get(f"{stem}_{name}@1")
        if telling is not None and telling not in drawn:
            sheets.append(_sheet(reading, _family(program, telling), found))
    for array in info.parameters.values():
        if array in drawn or len(array.shape) < 2 or size_of(array) < 2:
            continue
        if len(array.shape) > 2 or any(base_of(one) is array for one in found.arrays):
            sheets.append(_sheet(reading, (array,), found))
    return tuple(sheets)


def _states(reading: Reading, name: str) -> tuple[Array, ...]:
    """What a layer hands on, or where that is the last state alone, all of its states."""
    program = reading.program
    first = program.named.get(f"out_{name}@1")
    return _family(program, first) if first is not None else outputs_of(program, name)


@lru_cache(maxsize=1024)
def _family(program: Program, array: Array) -> tuple[Array, ...]:
    """An array with those of the other time steps that are called as it is."""
    if array.time is None or len(array.element_shape) > 1:
        return (array,)
    head, _at, tail = array.name.partition(f"@{array.time}")
    found: list[Array] = []
    while (one := program.named.get(f"{head}@{len(found) + 1}{tail}")) is not None and one.shape == array.shape:
        found.append(one)
    return tuple(found) if array in found else (array,)


def _is_net(reading: Reading, name: str, array: Array) -> bool:
    """Whether the slots of an array in the forward pass have the places of those that the layer hands on."""
    states = _states(reading, name)
    return array.role in {Role.NET, Role.OUT} and bool(states) and states[0].shape == array.shape


def _main(reading: Reading, name: str, found: Marks, selected: int) -> SheetView:
    """What a layer hands on."""
    arrays, form = _states(reading, name), reading.network.forms[name]
    if not arrays:
        whole = (form.steps, *form.shape) if form.steps else form.shape
        empty = np.full(_tiles(whole), np.nan)
        return SheetView(kind=SheetKind.MAP, values=empty, known=np.zeros(empty.shape, dtype=np.bool_), marks={})
    shape = arrays[0].element_shape
    picture = reading.scenario.network.input_shape
    if name == INPUT_LAYER and picture is not None and len(shape) == 1 and Form(picture).size == form.size:
        # The inputs of dense layers are a row, and a picture all the same.
        shape = picture
    if selected >= 0 and arrays[0].time is not None and not form.steps:
        size = size_of(arrays[0])
        selected = (len(arrays) - 1) * size + min(selected, size - 1)
    sheet = _built(reading, arrays, shape, _marks_of(reading, name, arrays[0], found), selected)
    image = name == INPUT_LAYER and picture is not None and sheet.kind is SheetKind.MAP
    largest = _largest(sheet.values)
    return replace(
        sheet,
        scale=max(largest, LEAST_SCALE) if name == INPUT_LAYER else max(1.0, largest),
        image=image and not bool((sheet.values < 0).any()),
    )


def _marks_of(reading: Reading, name: str, first: Array, found: Marks) -> dict[int, Mark]:
    """The marks of what a layer hands on, by the number of the cell over all moments; a target marks its output.

    Args:
        reading: the reading.
        name: the layer.
        first: what it hands on, at the first moment.
        found: what takes part in the step.
    """
    marks: dict[int, Mark] = {}
    for array, refs in found.refs.items():
        base = base_of(array)
        if base.layer != name or not base.batched:
            continue
        if base.role is Role.TARGET and base.timed == bool(first.time):
            before = 0
        elif base.shape == first.shape and (base.time is None) == (first.time is None):
            before = ((base.time or 1) - 1) * size_of(first)
        else:
            continue
        for ref, mark in refs:
            if ref.index[0] == reading.sample:
                marks[before + ravel(ref.index[1:], base.element_shape)] = mark
    return marks


def _sheet(reading: Reading, arrays: tuple[Array, ...], found: Marks) -> SheetView:
    """An array of the step through time, or a parameter."""
    first = arrays[0]
    axes = len(first.element_shape)
    size = size_of(first)
    marks: dict[int, Mark] = {}
    for one, refs in found.refs.items():
        array = base_of(one) if first.role in PARAMETERS else one
        if array not in arrays:
            continue
        before = ((array.time or 1) - 1) * size * (len(arrays) > 1)
        for ref, mark in refs:
            if len(ref.index) == len(first.shape) and (not first.batched or ref.index[0] == reading.sample):
                marks[before + ravel(ref.index[len(ref.index) - axes :], first.element_shape)] = mark
    sheet = _built(reading, arrays, first.element_shape, marks, -1)
    scaled = replace(sheet, title=_title(first), scale=max(_largest(sheet.values), LEAST_SCALE))
    if not _of_attention(reading, first) or sheet.kind is not SheetKind.MAP:
        return scaled
    rows, columns = sheet.values.shape[-2:]
    names = tuple(f"q{row + 1}" for row in range(rows))
    return replace(scaled, title=f"{scaled.title} k1…k{columns}", names=names)


def _of_attention(reading: Reading, array: Array) -> bool:
    """Whether an array has a row a query and a column a key."""
    if array.stem != "a" or len(array.element_shape) < 2:
        return False
    return any(info.name == array.layer and info.spec.kind == "attention" for info in reading.network.layers)


def _built(
    reading: Reading, arrays: tuple[Array, ...], shape: tuple[int, ...], marks: dict[int, Mark], selected: int
) -> SheetView:
    """The cells of an array, or of one array a time step: then a column a moment."""
    first = arrays[0]
    if len(arrays) == 1:
        values = reading.values(first).reshape(1, *shape)
        known = None if reading.known(first) >= values.size else _prefix(reading.known(first), shape)[None]
    else:
        values = np.stack([reading.values(array).reshape(shape) for array in arrays])
        known = np.stack([_prefix(reading.known(array), shape) for array in arrays])
        known = None if known.all() else known
    moments = _moments(arrays, shape)
    if moments is None:
        tiles = _tiles(values.shape if len(arrays) > 1 else shape)
        return SheetView(
            kind=SheetKind.MAP if len(shape) > 1 else SheetKind.VECTOR,
            values=values.reshape(tiles),
            known=None if known is None else known.reshape(tiles),
            marks=marks,
            selected=selected,
        )
    steps, units = moments
    return SheetView(
        kind=SheetKind.TIME,
        values=values.reshape(1, steps, units).transpose(0, 2, 1),
        known=None if known is None else known.reshape(1, steps, units).transpose(0, 2, 1),
        marks={_turned(number, steps, units): mark for number, mark in marks.items()},
        selected=_turned(selected, steps, units) if selected >= 0 else -1,
        names=_row_names(reading, first, shape, units),
        now=_now(reading, steps),
    )


def _moments(arrays: tuple[Array, ...], shape: tuple[int, ...]) -> tuple[int, int] | None:
    """How many moments, and how many units at each; None for what has no time, or more axes than a sheet through it."""
    first = arrays[0]
    if (len(arrays) > 1 or first.time is not None) and len(shape) < 2:
        return len(arrays), size_of(first)
    if first.timed and len(shape) < 3:
        return shape[0], size_of(first) // shape[0]
    return None


def _row_names(reading: Reading, array: Array, shape: tuple[int, ...], units: int) -> tuple[str, ...]:
    """The names of the rows through time, of a few units of a layer."""
    if units > MOST_NAMED or not shape or not array.batched or array.role in PARAMETERS:
        return ()
    place = (reading.sample, 0) if array.timed and len(shape) > 1 else (reading.sample,)
    return tuple(_row_name(reading, Ref(array, (*place, unit))) for unit in range(units))


def _row_name(reading: Reading, ref: Ref) -> str:
    """The name of a row through time: that of its neuron."""
    return place_name(reading, ref).partition("@")[0].partition("{")[0]


def _turned(number: int, steps: int, units: int) -> int:
    """The number of a cell where moments are columns, from its number where they are rows."""
    return number % units * steps + number // units


def _title(array: Array) -> str:
    """What an array is called as a whole."""
    base = base_of(array)
    word = base.sign or base.stem or base.name
    if array.role is Role.GRADIENT:
        return "δ" if array.of is not None and array.of.role is Role.NET and word == "net" else f"∂E/∂{word}"
    if array.role is Role.SLOPE:
        return f"{array.sign}′({word})"
    return f"{word}⁺" if array.role is Role.UPDATED else array.sign or array.stem or array.name


def _tiles(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Any number of axes as tiles of rows and columns; kernels of one weight are a matrix."""
    if len(shape) > 2 and shape[-1] == shape[-2] == 1:
        return _tiles(shape[:-2])
    if len(shape) < 2:
        return (1, 1, shape[0] if shape else 1)
    return (prod(shape[:-2]), shape[-2], shape[-1])


def _prefix(count: int, shape: tuple[int, ...]) -> Bools:
    """True for the first slots of an array, row by row."""
    return (np.arange(Form(shape).size) < count).reshape(shape)


def _largest(values: Floats) -> float:
    """The largest magnitude of what is known and finite; 0 for none."""
    sizes = np.abs(values)
    largest = float(np.fmax.reduce(sizes, axis=None)) if sizes.size else 0.0
    if not largest < np.inf:
        finite = sizes[np.isfinite(sizes)]
        largest = float(finite.max()) if finite.size else 0.0
    return largest


def _now(reading: Reading, steps: int) -> int:
    """The column of the moment on the screen, -1 where the step has none."""
    time = None if reading.step is None else time_of(reading.step.target)
    return -1 if time is None else min(time, steps) - 1
