"""The picture of the boundary: what a neuron, or the whole network, answers all over a plane of two inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from retrograde.engine.errors import EngineError
from retrograde.engine.scenario.shapes import INPUT_LAYER
from retrograde.engine.text import N_, _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import CLASS_FIELD, CLASS_STEPS, CLASSES, Ink, Solid
from retrograde.tui.drawing.fields import class_field, class_signs, signed_field
from retrograde.tui.reading.figures import show
from retrograde.tui.records.fields import FieldPlot, FieldPoint, PictureView
from retrograde.tui.screens.picturing import Picture, Room, Surroundings, Then, updates_of

if TYPE_CHECKING:
    from retrograde.engine.explaining.regions import Regions
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.timeline import Timeline
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.records.value_types import Bools, Floats

MARGIN = 0.12
"""How far the plane goes beyond the data, as a part of their extent."""
MOST_NEURONS = 256
"""Neurons that can be chosen."""
ZOOM = 0.7


@dataclass(frozen=True, slots=True)
class Answerer:
    """Whose answer is shown: a neuron, or all outputs where ``unit`` is -1."""

    layer: str
    unit: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoundaryReading:
    """What was computed of a plane.

    Attributes:
        of: whose answer it is.
        name: its name.
        values: what it is all over the plane, shape (rows, columns, units).
        ends: the ends of the plane: left, right, bottom, top.
        names: the names of the inputs across and up.
        inputs: the places of the samples, shape (samples, 2).
        targets: their targets, shape (samples, outputs).
        wrong: whose class is missed; None where there are no classes.
        here: the sample of the cursor, from 0.
        answer: its own value at the cursor's sample.
        middle: the number that is neither on one side nor on the other.
        scale: the distance from it that is full.
        held: whether other inputs are held at those of the cursor's sample.
    """

    of: Answerer
    name: str
    values: Floats
    ends: tuple[float, float, float, float]
    names: tuple[str, str]
    inputs: Floats
    targets: Floats
    wrong: Bools | None
    here: int
    answer: Floats
    middle: float
    scale: float
    held: bool


class BoundaryPicture(Picture):
    """What is answered over a plane of two inputs, at the cursor's parameters."""

    name = "boundary"
    title = N_("boundary")
    keys: ClassVar[tuple[tuple[str, str], ...]] = (
        ("↑ ↓", N_("neuron")),
        ("+ -", N_("scale")),
        ("x y", N_("inputs")),
    )

    def __init__(self, session: Session, around: Surroundings) -> None:
        super().__init__(session, around)
        self._regions: tuple[Timeline, Regions] | None = None
        self._found: BoundaryReading | None = None
        self._zoom = 1.0
        self._axes = (0, 1)
        self._all = self._answerers()
        self._chosen = 0

    @classmethod
    def why_not(cls, session: Session) -> str:
        """Why there is no plane of two inputs."""
        from retrograde.engine.explaining.regions import why_no_regions

        return why_no_regions(session.network)

    def _answerers(self) -> list[Answerer]:
        """All that can be chosen: the outputs together, each output, each hidden neuron from the last layer back."""
        network = self.session.network
        program = self.session.schedule.full
        found: list[Answerer] = []
        for info in reversed(network.layers):
            array = program.named.get(f"out_{info.name}")
            if array is None or len(array.shape) != 2:
                continue
            units = array.shape[1]
            if info is network.layers[-1] and units > 1:
                found.append(Answerer(info.name, -1))
            found += [Answerer(info.name, unit) for unit in range(units)]
        return found[:MOST_NEURONS]

    def ask(self, words: list[str]) -> None:
        """Takes the name of a neuron."""
        if not words:
            return
        for number, one in enumerate(self._all):
            if words[0] in {self._called(one), f"out_{self._called(one)}"}:
                self._chosen = number
                return
        raise EngineError(_("there is no neuron {name}").format(name=words[0]))

    def _called(self, one: Answerer) -> str:
        return one.layer if one.unit < 0 else self.session.notation.neuron(one.layer, one.unit)

    # -- reading

    def read(self, room: Room, asked: Callable[[], bool]) -> BoundaryReading:
        """Computes the answers at the cursor's parameters."""
        import numpy as np

        from retrograde.engine.explaining.regions import Plane, Regions

        session = self.session
        timeline = session.timeline
        if self._regions is None or self._regions[0] is not timeline:
            self._regions = timeline, Regions(timeline)
        regions, of = self._regions[1], self._all[self._chosen]
        data = session.network.dataset
        row = int(np.asarray(session.schedule.rows(session.iteration))[session.sample])
        across, up = self._axes
        ends = self._ends(data.inputs[:, across], data.inputs[:, up])
        plane = Plane(across=across, up=up, through=tuple(data.inputs[row].tolist()))
        xs = _middles(ends[0], ends[1], max(room.columns - 10, 8))
        ys = _middles(ends[2], ends[3], 2 * max(room.rows - 1, 4))[::-1]
        state = timeline.state(updates_of(session))
        values = regions.over(state, of.layer, plane, xs, ys, asked)
        own = regions.at(state, of.layer, data.inputs, asked)
        if of.unit >= 0:
            values, own = values[:, :, of.unit : of.unit + 1], own[:, of.unit : of.unit + 1]
        middle, scale = self._middle(of, values)
        notation = session.notation
        return BoundaryReading(
            of=of,
            name=self._called(of),
            values=values,
            ends=ends,
            names=(notation.neuron(INPUT_LAYER, across), notation.neuron(INPUT_LAYER, up)),
            inputs=data.inputs[:, [across, up]],
            targets=data.targets,
            wrong=self._wrong(of, own, middle),
            here=row,
            answer=own[row],
            middle=middle,
            scale=scale,
            held=session.network.inputs > 2,
        )

    def _ends(self, x: Floats, y: Floats) -> tuple[float, float, float, float]:
        found: list[float] = []
        for values in (x, y):
            low, high = float(values.min()), float(values.max())
            size = (high - low or max(abs(high), 1.0)) * (1 + 2 * MARGIN) * self._zoom
            middle = (low + high) / 2
            found += [middle - size / 2, middle + size / 2]
        return found[0], found[1], found[2], found[3]

    def _middle(self, of: Answerer, values: Floats) -> tuple[float, float]:
        """The number that is on neither side, and the distance that is full."""
        import numpy as np

        info = next(info for info in self.session.network.layers if info.name == of.layer)
        activation = getattr(info.spec, "activation", "identity")
        if activation in {"sigmoid", "softmax", "hard_sigmoid"}:
            return 0.5, 0.5
        if of.layer == self.session.network.layers[-1].name and of.unit >= 0:
            targets = self.session.network.dataset.targets
            if targets.shape[1] > of.unit and len(np.unique(targets[:, of.unit])) == 2:
                low, high = np.unique(targets[:, of.unit]).tolist()
                return (low + high) / 2, (high - low) / 2
        finite = np.abs(values[np.isfinite(values)])
        return 0.0, float(finite.max()) if len(finite) and finite.max() > 0 else 1.0

    def _wrong(self, of: Answerer, own: Floats, middle: float) -> Bools | None:
        """Which samples are on the wrong side."""
        network = self.session.network
        targets = network.dataset.targets
        if of.layer != network.layers[-1].name or not targets.size:
            return None
        if of.unit < 0:
            if targets.shape[1] != own.shape[1]:
                return None
            found: Bools = own.argmax(axis=1) != targets.argmax(axis=1)
            return found
        if targets.shape[1] <= of.unit:
            return None
        wanted = targets[:, of.unit]
        import numpy as np

        if len(np.unique(wanted)) > 2:
            return None
        missed: Bools = (own[:, 0] >= middle) != (wanted >= middle)
        return missed

    def take(self, found: Any) -> None:
        """Takes what was computed."""
        self._found = found

    def do(self, action: str, room: Room) -> Then:
        """Chooses a neuron or inputs, or zooms."""
        inputs = self.session.network.inputs
        match action:
            case "up" | "down":
                self._chosen = (self._chosen + (1 if action == "down" else -1)) % len(self._all)
            case "in" | "out":
                self._zoom = min(max(self._zoom * (ZOOM if action == "in" else 1 / ZOOM), 1e-3), 1e3)
            case "whole":
                self._zoom = 1.0
            case "x" | "y":
                across, up = self._axes
                if inputs < 3:
                    self._axes = (up, across)
                elif action == "x":
                    self._axes = (_after(across, up, inputs), up)
                else:
                    self._axes = (across, _after(up, across, inputs))
            case _:
                return Then.NOTHING
        return Then.READ

    # -- showing

    def view(self, room: Room, glyphs: Glyphs) -> PictureView:
        """The plane with the samples on it."""
        found = self._found
        if found is None:
            return PictureView()
        several = found.values.shape[2] > 1
        shades, digits = (
            class_field(found.values) if several else signed_field(found.values[:, :, 0], found.middle, found.scale)
        )
        left, right, bottom, top = found.ends
        plot = FieldPlot(
            shades=shades,
            digits=digits,
            left=left,
            right=right,
            bottom=bottom,
            top=top,
            across=found.names[0],
            up=found.names[1],
            points=tuple(self._points(found, glyphs)),
        )
        lines = (self._said(found), self._legend(found, glyphs))
        return PictureView(plot=plot, lines=tuple(line for line in lines if line))

    def _points(self, found: BoundaryReading, glyphs: Glyphs) -> list[FieldPoint]:
        """The samples, by their classes; what is missed stands out, the cursor's sample most of all."""
        count = found.targets.shape[1] if found.targets.ndim > 1 else 0
        column = self._column(found)
        signs, sides = class_signs(max(count, 1)), _sides(glyphs)
        points: list[FieldPoint] = []
        for number, (x, y) in enumerate(found.inputs.tolist()):
            if count > 1:
                best = int(found.targets[number].argmax())
                sign = signs[best]
            else:
                above = not count or float(found.targets[number, column]) >= self._half(found, column)
                sign = sides[not above]
            missed = found.wrong is not None and bool(found.wrong[number])
            shade = Solid.TARGET if number == found.here else Solid.BAD if missed else Solid.STRONG
            points.append(FieldPoint(x=x, y=y, sign=sign, shade=shade))
        points.append(points[found.here])
        return points

    def _column(self, found: BoundaryReading) -> int:
        """The target that the signs of the samples are about."""
        count = found.targets.shape[1] if found.targets.ndim > 1 else 0
        last = found.of.layer == self.session.network.layers[-1].name
        return found.of.unit if last and 0 <= found.of.unit < count else 0

    def _legend(self, found: BoundaryReading, glyphs: Glyphs) -> Line:
        """What the signs of the samples say; where there are several classes, each has its own."""
        import numpy as np

        if found.targets.ndim < 2 or found.targets.shape[1] != 1:
            return ()
        values = np.unique(found.targets[:, self._column(found)])
        full, empty = _sides(glyphs)
        if len(values) == 1:
            return (Span(full, Ink.STRONG), Span(" " + _("target {value}").format(value=show(values[0], 4)), Ink.DIM))
        if len(values) == 2:
            low, high = (_("target {value}").format(value=show(value, 4)) for value in values)
        else:
            half = show(self._half(found, self._column(found)), 4)
            low, high = _("target below {value}").format(value=half), _("target {value} or more").format(value=half)
        return (
            Span(full, Ink.STRONG), Span(f" {high}   ", Ink.DIM),
            Span(empty, Ink.STRONG), Span(f" {low}", Ink.DIM),
        )  # fmt: skip

    @staticmethod
    def _half(found: BoundaryReading, column: int) -> float:
        values = found.targets[:, column]
        return float(values.min() + values.max()) / 2

    def _said(self, found: BoundaryReading) -> Line:
        """Whose answer it is, and what it is for the cursor's sample."""
        spans = [Span(found.name, Ink.STRONG)]
        if found.values.shape[2] > 1:
            names = self.session.network.dataset.class_names
            for k in range(min(found.values.shape[2], CLASSES)):
                name = names[k] if k < len(names) else f"{found.of.layer}{k + 1}"
                ink = _class_ink(k)
                spans += [Span("  "), Span(f" {class_signs(k + 1)[k]} ", ink), Span(f" {name}", Ink.DIM)]
        else:
            text = _("from {low} to {high}, the seam is {middle}").format(
                low=show(float(found.values.min()), 4), high=show(float(found.values.max()), 4),
                middle=show(found.middle, 4),
            )  # fmt: skip
            spans.append(Span("  " + text, Ink.DIM))
            here = _("sample {number}: {value}").format(number=found.here + 1, value=show(float(found.answer[0]), 9))
            spans.append(Span("   " + here, Ink.CHANGED))
        if found.wrong is not None:
            count = int(found.wrong.sum())
            text = _("{count} on the wrong side").format(count=count)
            spans.append(Span("   " + text, Ink.BAD if count else Ink.GOOD))
        if found.held:
            spans.append(Span("   " + _("other inputs as in the sample"), Ink.DIM))
        return tuple(spans)


def _sides(glyphs: Glyphs) -> tuple[str, str]:
    """The signs of samples with the greater and the lesser target."""
    return ("@", "o") if glyphs.ascii else ("●", "○")


def _class_ink(number: int) -> int:
    from retrograde.tui.canvas.inks import point

    return point(Solid.STRONG, CLASS_FIELD + number % CLASSES * CLASS_STEPS + CLASS_STEPS - 1)


def _middles(low: float, high: float, count: int) -> Floats:
    """The middles of so many pieces of a stretch."""
    import numpy as np

    found: Floats = low + (np.arange(count) + 0.5) / count * (high - low)
    return found


def _after(one: int, other: int, count: int) -> int:
    """The input after one, but for another one."""
    following = (one + 1) % count
    return (following + 1) % count if following == other else following
