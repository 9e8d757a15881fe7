"""Recurrent layers: what a unit holds at each time step, what comes back to it, and where the signal vanishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.evaluation import evaluate
from retrograde.engine.equations.expression import Ref
from retrograde.engine.layers.recurrent import REVERSE, RecurrentLayer
from retrograde.engine.layers.rnn import RnnLayer
from retrograde.engine.ops.activation import SlopePart
from retrograde.engine.ops.cells import CellPart, CellStep
from retrograde.engine.ops.gradient import Gradient
from retrograde.engine.ops.recurrent import BackPart, GateSum, TimeRowPart
from retrograde.engine.text import _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.pictures.terms import term_bars
from retrograde.tui.reading.figures import show
from retrograde.tui.records.pictures import ColumnsPicture, PlacedSpan

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.ops.base import Part
    from retrograde.tui.pictures.table import Table
    from retrograde.tui.reading.reading import Reading
    from retrograde.tui.records.pictures import Picture
    from retrograde.tui.records.value_types import Floats

MOST_UNITS = 64
"""Units up to which the Jacobians of a simple recurrent layer are multiplied."""
MOST_INPUTS = 3
"""Inputs of a step up to which each has a row."""

Row = list[float | None]
"""A number for each time step; None where it is not computed yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """A unit of one direction of a recurrent layer.

    Attributes:
        reading: the reading.
        spec: the layer.
        unit: the unit, from 0.
        direction: what the names of the direction end in.
        state: what the states are called.
        times: the time steps.
    """

    reading: Reading
    spec: RecurrentLayer
    unit: int
    direction: str
    state: str
    times: range

    @property
    def flow(self) -> int:
        """1 where the layer runs to the right, -1 to the left."""
        return -1 if self.direction == REVERSE or self.spec.direction == "backward" else 1

    @property
    def order(self) -> Sequence[int]:
        """The time steps in the order in which the layer runs."""
        return self.times if self.flow > 0 else self.times[::-1]

    @property
    def name(self) -> str:
        """The unit."""
        return self.reading.notation.neuron(self.spec.name, self.unit)

    def array(self, stem: str, time: int) -> Array | None:
        """An array of a time step."""
        return self.reading.program.named.get(f"{stem}_{self.spec.name}@{time}")

    def ref(self, array: Array) -> Ref:
        """The unit's slot in an array of a time step, of the shown sample."""
        return Ref(array, (self.reading.sample, self.unit))

    def row(self, stem: str) -> Row:
        """What is computed of the unit at each time step."""
        found = (self.array(stem, time) for time in self.times)
        return [None if array is None else self.reading.visible(self.ref(array)) for array in found]

    def gradient(self, array: Array | None) -> Gradient | None:
        """The op that makes the gradient of an array."""
        if array is None:
            return None
        target = self.reading.program.named.get(f"grad({array.name})")
        op = None if target is None else self.reading.program.maker(target)
        return op if isinstance(op, Gradient) else None

    def counts(self, time: int) -> bool:
        """Whether the step counts in the shown sample; at others the state is held."""
        mask = self.reading.program.named.get("mask")
        if mask is None or mask.shape[1] != len(self.times):
            return True
        return self.reading.frame.value(Ref(mask, (self.reading.sample, time - 1))) != 0.0


def _unit(reading: Reading, array: Array, unit: int) -> _Unit | None:
    """The unit of a recurrent layer that an array belongs to; None where it belongs to none."""
    spec = next((info.spec for info in reading.network.layers if info.name == array.layer), None)
    if not isinstance(spec, RecurrentLayer):
        return None
    both, stem = spec.direction == "both", array.stem.removeprefix("net_")
    # The reset gate of a GRU is called r itself.
    backward = stem.endswith(REVERSE) and not (spec.kind == "gru" and stem == "r")
    direction = REVERSE if both and backward else ""
    state = "h" + direction if both else "out"
    named, count = reading.program.named, 0
    while f"{state}_{spec.name}@{count + 1}" in named:
        count += 1
    if not count:
        return None
    return _Unit(
        reading=reading,
        spec=spec,
        unit=unit % spec.units,
        direction=direction,
        state=state,
        times=range(1, count + 1),
    )


def _picture(unit: _Unit, rows: Mapping[str, Row], spot: PlacedSpan | None, **more: Any) -> ColumnsPicture:
    """Rows of numbers through time."""
    values = np.array([[np.nan if value is None else value for value in line] for line in rows.values()])
    known = np.array([[value is not None for value in line] for line in rows.values()])
    return ColumnsPicture(
        titles=tuple(f"t={time}" for time in unit.times),
        rows=tuple(rows),
        values=values,
        known=known,
        spots=() if spot is None else (spot,),
        **more,
    )


def _beside(reading: Reading, terms: tuple[Picture, ...], picture: ColumnsPicture) -> tuple[Picture, ...]:
    """The picture through time, below the terms while the cursor is among them, else above them."""
    return (*terms, picture) if reading.term else (picture, *terms)


# -- forward -------------------------------------------------------------------------------------------------------


def forward(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """The terms of the step, and the gates and states of the unit at each time step."""
    below = term_bars(reading, step, digits)
    array = step.target.array
    unit = _unit(reading, array, step.target.index[-1])
    if unit is None or array.time is None:
        return below
    rows = _inputs(unit)
    if len(unit.spec.gates) == 1:
        rows["net"] = unit.row("net_r" if unit.direction else "net")
    rows |= {gate: unit.row(gate + unit.direction) for gate in unit.spec.gates if gate}
    if "c0" in unit.spec.states:
        rows["c"] = unit.row("c" + unit.direction)
    rows["h"] = unit.row(unit.state)
    stem = array.stem.removeprefix("net_")
    stem = stem.removesuffix(REVERSE) if unit.direction else stem
    shown = {unit.state: "h", "h": "h", "rh": "r", "u": "n", "cand": "h", "": "net"}.get(stem, stem)
    spot = PlacedSpan(row=list(rows).index(shown), column=array.time - 1) if shown in rows else None
    title = _("{unit} through time").format(unit=unit.name)
    return _beside(reading, below, _picture(unit, rows, spot, flow=unit.flow, title=title))


def _inputs(unit: _Unit) -> dict[str, Row]:
    """The inputs of each step, where they are few."""
    found: dict[int, Row] = {}
    sample = unit.reading.sample
    for op in unit.reading.program.ops:
        if isinstance(op, GateSum) and op.layer == unit.spec.name and op.target.time not in found:
            read = op.sources[0]
            if op.stack.segments[0].parameter.stem != "W" + unit.direction or read is None:
                continue
            if read.size > MOST_INPUTS:
                return {}
            assert op.target.time is not None
            found[op.target.time] = [unit.reading.visible(read.ref(sample, number)) for number in range(read.size)]
    columns = [found[time] for time in unit.times]
    names = ["x"] if len(columns[0]) == 1 else [f"x{number + 1}" for number in range(len(columns[0]))]
    return {name: list(line) for name, line in zip(names, zip(*columns, strict=True), strict=True)}


# -- backward ------------------------------------------------------------------------------------------------------


def backward(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """What comes to a state from above and what from the step after it, and how much of the signal is left."""
    below = term_bars(reading, step, digits)
    array = step.target.array.of
    unit = None if array is None else _unit(reading, array, step.target.index[-1])
    if unit is None or array is None or array.time is None:
        return below
    cell = "c" + unit.direction
    # A gate's gradient stands below that of the state.
    stem = array.stem if array.stem in {unit.state, cell} else unit.state
    rows = _ways(unit, stem)
    if stem != array.stem:
        symbol = reading.symbol(step.target).partition("@")[0]
        gradients = (unit.gradient(unit.array(array.stem, time)) for time in unit.times)
        rows[symbol] = [None if op is None else reading.visible(unit.ref(op.target)) for op in gradients]
    label, bars, caption = _signal(unit)
    picture = _picture(
        unit,
        rows,
        PlacedSpan(row=len(rows) - 1, column=array.time - 1),
        flow=-unit.flow,
        bars=bars,
        bar_label=label,
        caption=caption,
        title=_("what comes back to {unit}").format(unit=unit.name),
    )
    return _beside(reading, below, picture)


def _ways(unit: _Unit, stem: str) -> dict[str, Row]:
    """What the gradient of a state is made of at each time step, and the gradient."""
    reading, state = unit.reading, stem == unit.state
    above: Row = []
    after: Row = []
    whole: Row = []
    for time in unit.times:
        op = unit.gradient(unit.array(stem, time))
        total = None if op is None else reading.visible(unit.ref(op.target))
        if op is None or total is None:
            above.append(None)
            after.append(None)
            whole.append(None)
            continue
        here, later = 0.0, 0.0
        for part in op.parts:
            value = _value(reading, part, unit.ref(op.target))
            if _source(part) in {time, None}:
                here += value
            else:
                later += value
        above.append(here)
        after.append(later)
        whole.append(total)
    return {
        _("from above") if state else _("from h"): above,
        _("from t+1") if unit.flow > 0 else _("from t−1"): after,
        "∂E/∂h" if state else "∂E/∂c": whole,
    }


def _source(part: Part) -> int | None:
    """The time of the gradient that a part takes on; None where it has none."""
    return next((array.time for array in part.inputs if array.role is Role.GRADIENT), None)


def _value(reading: Reading, part: Part, ref: Ref) -> float:
    """What a part contributes to an element."""
    if isinstance(part, BackPart):
        stack = part.stack
        rows = reading.frame.array(part.weights)[stack.rows][stack.place(part.gate)]
        return float(rows[:, ref.index[-1]] @ reading.frame.array(part.g)[ref.index[0]])
    return evaluate(part.term(ref.index), reading.frame.value, reading.frame.mathematics)


def _signal(unit: _Unit) -> tuple[str, tuple[float | None, ...], Line]:
    """How much of a change of the unit's state at each time step is left at the last one.

    Of an LSTM and a GRU, the part of the cell or the state that its own gate hands on: the product of all later f or
    z. Of a simple layer, the length of the column of ∂h_T/∂h_t that belongs to the unit.
    """
    if isinstance(unit.spec, RnnLayer):
        label, left = f"∂h@{unit.order[-1]}/∂h", _jacobians(unit)
        text = _("of a change at {first}, the share {share} reaches {last}")
    else:
        gate = "f" if unit.spec.kind == "lstm" else "z"
        label, left = f"∏{gate}", _gated(unit, gate + unit.direction)
        text = _("of what is held at {first}, {gate} lets the share {share} through to {last}")
        text = text.replace("{gate}", gate)
    if left is None:
        return "", (), ()
    ends = unit.order
    share = left[ends[0]]
    found = text.format(first=f"t={ends[0]}", last=f"t={ends[-1]}", share=show(share, 3))
    return label, tuple(left[time] for time in unit.times), (Span(" " + found, Ink.DIM),)


def _gated(unit: _Unit, gate: str) -> dict[int, float] | None:
    """The product of the gates of all later steps, by time."""
    found, product = {}, 1.0
    for time in reversed(unit.order):
        found[time] = product
        array = unit.array(gate, time)
        if array is None:
            return None
        product *= unit.reading.frame.value(unit.ref(array)) if unit.counts(time) else 1.0
    return found


def _jacobians(unit: _Unit) -> dict[int, float] | None:
    """The length of the unit's column of ∂h_T/∂h_t, by time."""
    reading = unit.reading
    weights = reading.program.named.get(f"U{unit.direction}_{unit.spec.name}")
    if weights is None or unit.spec.units > MOST_UNITS:
        return None
    table, net = reading.frame.array(weights), "net_r" if unit.direction else "net"
    found: dict[int, float] = {}
    passed: Floats = np.eye(unit.spec.units)
    for time in reversed(unit.order):
        found[time] = float(np.linalg.norm(passed[:, unit.unit]))
        array = unit.array(net, time)
        if array is None:
            return None
        if unit.counts(time):
            with np.errstate(all="ignore"):
                slopes = _slopes(unit, reading.frame.array(array)[reading.sample])
                passed = (passed * slopes) @ table
    return found


def _slopes(unit: _Unit, nets: Floats) -> Floats:
    """The slopes of the activation of a simple layer."""
    match getattr(unit.spec, "activation", "tanh"):
        case "tanh":
            return np.asarray(1.0 - np.tanh(nets) ** 2)
        case "sigmoid":
            out = 1.0 / (1.0 + np.exp(-nets))
            return np.asarray(out * (1.0 - out))
        case "relu":
            return np.asarray(nets > 0.0, dtype=np.float64)
        case _:
            return np.ones_like(nets)


# -- parameters ----------------------------------------------------------------------------------------------------


def summed(reading: Reading, step: Step, digits: int) -> tuple[Picture, ...]:
    """What each time step contributes to the gradient of a weight or a bias, in one sample."""
    below = term_bars(reading, step, digits)
    op, index = step.op, step.target.index
    unit = None if not isinstance(op, Gradient) else _unit(reading, op.of, index[0])
    if unit is None or not isinstance(op, Gradient):
        return below
    sample = step.place.sample or 0
    columns: dict[int, tuple[float, float, float]] = {}
    named = "x"
    for part in op.parts:
        if not isinstance(part, TimeRowPart) or not part.covers(index) or part.g.time is None:
            continue
        delta = reading.frame.value(Ref(part.g, (sample, index[0] % unit.spec.units)))
        source = 1.0 if part.read is None else reading.frame.value(part.read.ref(sample, index[1]))
        named = "" if part.read is None else named
        columns[part.g.time] = (delta, source, delta * source)
    if not columns:
        return below
    lines = list(zip(*(columns.get(time, (0.0, 0.0, 0.0)) for time in unit.times), strict=True))
    source_name = ("h′" if op.of.stem.startswith("U") else "x") if named else ""
    rows: dict[str, Row] = {"δ": list(lines[0])}
    if source_name:
        rows[source_name] = list(lines[1])
        rows[f"δ · {source_name}"] = list(lines[2])
    picture = _picture(
        unit,
        rows,
        None,
        flow=-unit.flow,
        bars=tuple(lines[2]),
        bar_label=_("share"),
        title=_("what each step adds"),
    )
    return _beside(reading, below, picture)


PICTURES: Table = {
    GateSum: forward,
    CellStep: forward,
    BackPart: backward,
    CellPart: backward,
    SlopePart: backward,
    TimeRowPart: summed,
}
