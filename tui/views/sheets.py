"""Arrays as cells: what a layer hands on, what is being computed in it, and its kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retrograde.engine.array import Array, Role
from retrograde.engine.expression import Ref
from retrograde.engine.layers.base import Form
from retrograde.engine.models import INPUT_LAYER
from retrograde.engine.program import ravel
from retrograde.tui.state import Mark, SheetKind, SheetView
from retrograde.tui.views.slots import (
    PARAMETERS,
    base_of,
    cell_of,
    info_of,
    outputs_of,
    place_name,
    size_of,
    time_of,
)

if TYPE_CHECKING:
    from retrograde.tui.reading import Reading
    from retrograde.tui.state import Bools, Floats
    from retrograde.tui.views.marks import Marks

MOST_NAMED = 24
"""Rows of a picture through time that have names."""
LEAST_SCALE = 1e-300


def sheets_of(reading: Reading, name: str, found: Marks, selected: int) -> tuple[SheetView, ...]:
    """What there is to see of a layer: what it hands on first, then the array of the step, then its kernels.

    Args:
        reading: the reading.
        name: the layer.
        found: what takes part in the step.
        selected: the number of the selected slot among those that the layer hands on, -1 for none.
    """
    sheets = [_main(reading, name, found, selected)]
    step = reading.step
    drawn: set[Array] = set()
    if step is not None and name in (step.op.layer, base_of(step.target.array).layer):
        array = step.target.array
        shown = array if reading.known(array) or reading.program.batch == 1 else base_of(array)
        if cell_of(reading, step.target) is None or array.role is Role.GRADIENT:
            drawn.add(base_of(array))
            if size_of(shown) > 1:
                sheets.append(_sheet(reading, shown, found))
    info = info_of(reading.network, name)
    for array in () if info is None else info.parameters.values():
        if array in drawn or len(array.shape) < 2 or size_of(array) < 2:
            continue
        if len(array.shape) > 2 or any(base_of(one) is array for one in found.arrays):
            sheets.append(_sheet(reading, array, found))
    return tuple(sheets)


def _main(reading: Reading, name: str, found: Marks, selected: int) -> SheetView:
    """What a layer hands on."""
    arrays = outputs_of(reading.program, name)
    form = reading.network.forms[name]
    timed = bool(form.steps) or (bool(arrays) and arrays[0].timed and len(form.shape) == 2)
    whole: tuple[int, ...] = (form.steps, *form.shape) if form.steps else form.shape
    picture = reading.scenario.network.input_shape
    if name == INPUT_LAYER and picture is not None and len(whole) == 1 and Form(picture).size == form.size:
        # The inputs of dense layers are a row, and a picture all the same.
        whole = picture
    values = np.full(whole, np.nan)
    known = np.zeros(whole, dtype=np.bool_)
    if len(arrays) == 1 and not form.steps:
        values = reading.values(arrays[0]).reshape(whole)
        known = _prefix(reading.known(arrays[0]), whole)
    else:
        for time, array in enumerate(arrays):
            values[time] = reading.values(array).reshape(form.shape)
            known[time] = _prefix(reading.known(array), form.shape)
    marks = {cell.number: mark for cell, mark in found.cells.items() if cell.layer == name}
    tiles = _tiles(whole)
    kind = SheetKind.MAP if len(whole) > 1 else SheetKind.VECTOR
    values, known = values.reshape(tiles), known.reshape(tiles)
    names: tuple[str, ...] = ()
    now = -1
    if timed and len(whole) == 2:
        # A column a moment: a row a unit.
        steps, units = whole
        kind = SheetKind.TIME
        values, known = values.transpose(0, 2, 1), known.transpose(0, 2, 1)
        marks = {(number % units) * steps + number // units: mark for number, mark in marks.items()}
        selected = (selected % units) * steps + selected // units if selected >= 0 else -1
        if units <= MOST_NAMED and arrays:
            first = (reading.sample,) if form.steps else (reading.sample, 0)
            names = tuple(
                place_name(reading, Ref(arrays[0], (*first, unit))).partition("@")[0] for unit in range(units)
            )
        now = _now(reading, steps)
    image = name == INPUT_LAYER and reading.scenario.network.input_shape is not None and kind is SheetKind.MAP
    largest = _largest(values)
    return SheetView(
        kind=kind,
        values=values,
        known=None if known.all() else known,
        scale=largest if name == INPUT_LAYER else max(1.0, largest),
        image=image and not bool((values < 0).any()),
        marks=marks,
        selected=selected,
        names=names,
        now=now,
    )


def _sheet(reading: Reading, array: Array, found: Marks) -> SheetView:
    """An array of the step, or a parameter."""
    shape = array.element_shape
    values = reading.values(array)
    count = reading.known(array)
    place = len(array.shape) - len(shape)
    marks: dict[int, Mark] = {}
    for ref, mark in found.refs.items():
        same = ref.array is array or (array.role in PARAMETERS and base_of(ref.array) is array)
        if same and len(ref.index) == len(array.shape) and (not array.batched or ref.index[0] == reading.sample):
            marks[ravel(ref.index[place:], shape)] = mark
    tiles = _tiles(shape)
    timed = array.timed and len(shape) == 2
    values, known = values.reshape(tiles), _prefix(count, shape).reshape(tiles)
    if timed:
        steps, units = shape
        values, known = values.transpose(0, 2, 1), known.transpose(0, 2, 1)
        marks = {(number % units) * steps + number // units: mark for number, mark in marks.items()}
    return SheetView(
        kind=SheetKind.TIME if timed else SheetKind.MAP if len(shape) > 1 else SheetKind.VECTOR,
        values=values,
        title=_title(array),
        known=None if known.all() else known,
        scale=max(_largest(values), LEAST_SCALE),
        marks=marks,
        now=_now(reading, shape[0]) if timed else -1,
    )


def _title(array: Array) -> str:
    """What an array is called as a whole."""
    time = "" if array.time is None else f"@{array.time}"
    base = base_of(array)
    if array.role is Role.GRADIENT:
        of = array.of
        if of is not None and of.role is Role.NET:
            return f"δ{time}"
        return f"∂E/∂{base.sign or base.stem or base.name}{time}"
    if array.role is Role.UPDATED:
        return f"{base.sign or base.stem or base.name}⁺"
    return f"{array.sign or array.stem or array.name}{time}"


def _tiles(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Any number of axes as tiles of rows and columns."""
    if len(shape) < 2:
        return (1, 1, shape[0] if shape else 1)
    return (int(np.prod(shape[:-2], dtype=int)), shape[-2], shape[-1])


def _prefix(count: int, shape: tuple[int, ...]) -> Bools:
    """True for the first slots of an array, row by row."""
    size = Form(shape).size
    return (np.arange(size) < count).reshape(shape)


def _largest(values: Floats) -> float:
    """The largest magnitude of what is known and finite; 0 for none."""
    with np.errstate(invalid="ignore"):
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
