"""The picture of inputs, and of what neurons weigh: in the shape of the inputs, side by side."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from retrograde.engine.scenario.shapes import INPUT_LAYER
from retrograde.engine.text import N_, _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.reading.figures import show
from retrograde.tui.records.fields import GalleryPlot, PictureView
from retrograde.tui.records.pictures import Grid, JoinedPicture
from retrograde.tui.screens.picturing import Picture, Room, Surroundings, Then

if TYPE_CHECKING:
    from retrograde.engine.network.network import LayerInfo
    from retrograde.engine.session.session import Session
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.records.value_types import Floats

MOST_MATRICES = 256
"""Neurons, and samples, that are shown."""
FIGURE = 8
"""Columns of a number; where all of them fit, matrices are numbers."""
ONE, NEURONS, SAMPLES = "one", "neurons", "samples"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InputsReading:
    """What is read where the cursor is.

    Attributes:
        inputs: the samples of the iteration, shape (samples, rows, columns).
        numbers: their numbers in the data, from 1.
        sample: the cursor's sample, from 0.
        weights: what each neuron weighs, shape (neurons, rows, columns).
        biases: their biases, shape (neurons,); None where they have none.
        names: their names.
        nets: the net inputs of the cursor's sample that are computed, NaN for others; None where there are none.
        whole: whether a neuron weighs the whole input, so that the product makes sense.
    """

    inputs: Floats
    numbers: tuple[int, ...]
    sample: int
    weights: Floats
    biases: Floats | None
    names: tuple[str, ...]
    nets: Floats | None
    whole: bool


class InputsPicture(Picture):
    """The inputs of a sample, what a neuron weighs, and their products; or all neurons; or all samples of the batch."""

    name = "inputs"
    title = N_("inputs")
    keys: ClassVar[tuple[tuple[str, str], ...]] = (
        ("↑ ↓", N_("neuron")),
        ("← →", N_("one, all neurons, the batch")),
    )

    def __init__(self, session: Session, around: Surroundings) -> None:
        super().__init__(session, around)
        self._found: InputsReading | None = None
        self._mode = ONE
        self._neuron = 0

    @classmethod
    def why_not(cls, session: Session) -> str:
        """Why there is nothing that weighs the inputs."""
        return "" if _weighing(session) is not None else _("no layer weighs the inputs one by one")

    # -- reading

    def read(self, room: Room, asked: Callable[[], bool]) -> InputsReading:
        """The samples of the iteration, and what the neurons of the first layer weigh."""
        import numpy as np

        session = self.session
        info = _weighing(session)
        assert info is not None
        frame, network = session.frame, session.network
        program = frame.program
        weights = frame.array(info.parameters["W"])
        form = network.forms[INPUT_LAYER]
        array = program.named[INPUT_LAYER]
        side = _side(form.shape)
        values = np.array(frame.array(array)[:MOST_MATRICES])
        whole = len(weights.shape) == 2
        kernel = side if whole else (weights.shape[-2] * int(np.prod(weights.shape[1:-2])), weights.shape[-1])
        net = program.named.get(f"net_{info.name}") if whole else None
        nets = None
        if net is not None:
            nets = np.array(frame.array(net)[session.sample].ravel())
            from retrograde.engine.equations.expression import Ref

            first = program.produced(Ref(net, (session.sample, *(0,) * (len(net.shape) - 1))))
            if first is not None:
                nets[max(session.revealed - first, 0) :] = np.nan
        bias = info.parameters.get("b")
        rows = np.asarray(session.schedule.rows(session.iteration))
        count = min(len(weights), MOST_MATRICES)
        return InputsReading(
            inputs=values.reshape(len(values), *side),
            numbers=tuple((rows[: len(values)] + 1).tolist()),
            sample=session.sample,
            weights=np.array(weights[:count]).reshape(count, *kernel),
            biases=None if bias is None else np.array(np.broadcast_to(frame.array(bias), (len(weights),))),
            names=tuple(session.notation.neuron(info.name, unit) for unit in range(count)),
            nets=nets,
            whole=whole,
        )

    def take(self, found: Any) -> None:
        """Takes what was read."""
        self._found = found
        self._neuron = min(self._neuron, len(found.names) - 1)

    def do(self, action: str, room: Room) -> Then:
        """Chooses a neuron, or what is shown."""
        found = self._found
        if found is None:
            return Then.NOTHING
        modes = (ONE, NEURONS, SAMPLES) if found.whole else (NEURONS, SAMPLES)
        mode = self._mode if self._mode in modes else modes[0]
        match action:
            case "left" | "right":
                self._mode = modes[(modes.index(mode) + (1 if action == "right" else -1)) % len(modes)]
            case "up" | "down":
                self._neuron = (self._neuron + (1 if action == "down" else -1)) % len(found.names)
            case _:
                return Then.NOTHING
        return Then.SHOW

    # -- showing

    def view(self, room: Room, glyphs: Glyphs) -> PictureView:
        """Matrices."""
        import numpy as np

        found = self._found
        if found is None:
            return PictureView()
        mode = NEURONS if self._mode == ONE and not found.whole else self._mode
        most = float(np.abs(found.inputs[np.isfinite(found.inputs)]).max(initial=0.0)) or 1.0
        sample = found.inputs[min(found.sample, len(found.inputs) - 1)]
        if mode == SAMPLES:
            grids = tuple(
                Grid(values=values, title=_("sample {number}").format(number=number), scale=most)
                for number, values in zip(found.numbers, found.inputs, strict=True)
            )
            return PictureView(plot=GalleryPlot(grids=grids, selected=found.sample))
        heavy = float(np.abs(found.weights[np.isfinite(found.weights)]).max(initial=0.0)) or 1.0
        if mode == NEURONS:
            grids = tuple(
                Grid(values=values, title=name, scale=heavy)
                for name, values in zip(found.names, found.weights, strict=True)
            )
            return PictureView(plot=GalleryPlot(grids=grids, selected=self._neuron), lines=(self._said(found),))
        weights = found.weights[self._neuron]
        name = found.names[self._neuron]
        with np.errstate(all="ignore"):
            terms = sample * weights
        number = found.numbers[min(found.sample, len(found.numbers) - 1)]
        grids = (
            Grid(values=sample, title=_("sample {number}").format(number=number), scale=most),
            Grid(values=weights, title=_("weights of {name}").format(name=name)),
            Grid(values=terms, title=_("products")),
        )
        figures = 3 * (sample.shape[1] * FIGURE + 3) <= room.columns
        plot: GalleryPlot | JoinedPicture = GalleryPlot(grids=grids, signs=("×", "="))
        if figures:
            plot = JoinedPicture(grids=grids, signs=("×", "="))
        return PictureView(plot=plot, lines=(self._said(found),))

    def _said(self, found: InputsReading) -> Line:
        """The neuron, its bias, and its net input."""
        name = found.names[self._neuron]
        spans = [Span(name, Ink.STRONG)]
        if found.biases is not None:
            spans.append(
                Span("   " + _("bias {value}").format(value=show(float(found.biases[self._neuron]), 6)), Ink.DIM)
            )
        if found.nets is not None and self._neuron < len(found.nets):
            value = float(found.nets[self._neuron])
            text = show(None if value != value else value, 9)
            spans.append(Span(f"   net {text}", Ink.TEXT))
        return tuple(spans)


def _weighing(session: Session) -> LayerInfo | None:
    """The first layer whose weights are those of the inputs, one by one."""
    network = session.network
    if network.forms[INPUT_LAYER].steps or INPUT_LAYER not in session.schedule.full.named:
        return None
    for info in network.layers:
        weights = info.parameters.get("W")
        if weights is None or info.sources != (INPUT_LAYER,) or info.spec.sequential:
            continue
        if len(weights.shape) == 2 and weights.shape[1] == network.inputs:
            return info
        if len(weights.shape) == 4:
            return info
    return None


def _side(shape: tuple[int, ...]) -> tuple[int, int]:
    """The rows and columns of a sample: as it is, or a square where it is one row that makes one."""
    if len(shape) > 1:
        return math.prod(shape[:-1]), shape[-1]
    side = math.isqrt(shape[0])
    return (side, side) if side * side == shape[0] and side > 3 else (1, shape[0])
