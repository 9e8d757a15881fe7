"""The picture of the plane of two weights: the loss all over it, and the way that the run took."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from retrograde.engine.errors import EngineError
from retrograde.engine.text import N_, _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink, Solid
from retrograde.tui.drawing.axes import Axis
from retrograde.tui.drawing.fields import height_field
from retrograde.tui.reading.figures import show
from retrograde.tui.records.fields import FieldPlot, FieldPoint, PictureView
from retrograde.tui.screens.picturing import Picture, Room, Surroundings, Then, updates_of

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.explaining.landscape import Landscape
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.timeline import Timeline
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.records.value_types import Floats

GRIDS = (16, 8, 4, 2, 1)
"""Every how many places the loss is computed, coarse first."""
MOST_SECONDS = 20.0
"""How long all grids but the first may take; a finer one that would take longer is left out."""
SPREAD = 0.6
"""How far the plane goes beyond the way, as a part of its extent."""
LEAST_SIZE = 0.5
"""How large the plane is at least."""
ZOOM = 0.6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlaneReading:
    """What is known of the plane.

    Attributes:
        pair: the two parameters, across and up.
        updates: how many iterations are complete at the cursor.
        state: the state there.
        way: the values of the two over the run, shape (moments, 2).
        ends: the ends of the plane: left, right, bottom, top.
        here: the values of the two at the cursor.
        loss: E over all samples there.
        losses: E all over the plane, shape (rows, columns); None before it is known.
        fine: every how many places it is known.
    """

    pair: tuple[Ref, Ref]
    updates: int
    state: Floats
    way: Floats
    ends: tuple[float, float, float, float]
    here: tuple[float, float]
    loss: float
    losses: Floats | None = None
    fine: int = 0


class PlanePicture(Picture):
    """The loss over two parameters, all others as they are at the cursor."""

    name = "plane"
    title = N_("plane")
    keys: ClassVar[tuple[tuple[str, str], ...]] = (
        ("← →", N_("weight across")),
        ("↑ ↓", N_("weight upward")),
        ("m", N_("what moved furthest")),
        ("+ -", N_("scale")),
        ("l", N_("log or linear")),
    )

    def __init__(self, session: Session, around: Surroundings) -> None:
        super().__init__(session, around)
        self._land: tuple[Timeline, Landscape] | None = None
        self._ways: tuple[Timeline, tuple[Ref, Ref], int, Floats] | None = None
        self._found: PlaneReading | None = None
        self._pair: tuple[Ref, Ref] | None = None
        self._zoom = 1.0
        self._logarithmic: bool | None = None

    @classmethod
    def why_not(cls, session: Session) -> str:
        """Why there are no two parameters."""
        return "" if sum(array.size for array in session.network.trainable) > 1 else _("fewer than two are trained")

    def ask(self, words: list[str]) -> None:
        """Takes the names of two parameters."""
        if not words:
            return
        if len(words) != 2:
            raise EngineError(_("plane takes two parameters, such as plane w1 w5"))
        first, second = (self.session.resolve(word) for word in words)
        trained = {array.name for array in self.session.network.trainable}
        for word, ref in zip(words, (first, second), strict=True):
            if ref.array.name not in trained:
                raise EngineError(_("{name} is not trained").format(name=word))
        if first == second:
            raise EngineError(_("plane takes two parameters, such as plane w1 w5"))
        self._pair = first, second

    # -- reading

    def _landscape(self) -> Landscape:
        from retrograde.engine.explaining.landscape import Landscape

        timeline = self.session.timeline
        if self._land is None or self._land[0] is not timeline:
            self._land = timeline, Landscape(timeline)
        return self._land[1]

    def read(self, room: Room, asked: Callable[[], bool]) -> PlaneReading:
        """The two parameters, their way, and the loss where the cursor is."""
        from retrograde.engine.explaining.landscape import movers, way

        session = self.session
        timeline = session.timeline
        land = self._landscape()
        end = len(session.losses)
        if self._pair is None:
            self._pair = self._first_pair(lambda: movers(timeline, end))
        pair = self._pair
        known = self._ways
        if known is None or known[:3] != (timeline, pair, end):
            _moments, values = way(timeline, *pair, end, lambda _done, _count: asked())
            self._ways = timeline, pair, end, values
            known = self._ways
        updates = updates_of(session)
        state = timeline.state(updates)
        here = float(state[land.place(pair[0])]), float(state[land.place(pair[1])])
        found = PlaneReading(
            pair=pair,
            updates=updates,
            state=state,
            way=known[3],
            ends=self._ends(known[3], here),
            here=here,
            loss=land.loss(state),
        )
        before = self._found
        same = before is not None and before.losses is not None and before.updates == updates
        if same and before is not None and (before.pair, before.ends) == (pair, found.ends):
            found = replace(found, losses=before.losses, fine=before.fine)
        return found

    def study(self, room: Room, asked: Callable[[], bool], tell: Callable[[Any], None]) -> PlaneReading | None:
        """The loss all over the plane, coarse first."""
        found = self._found
        if found is None:
            return None
        land, began = self._landscape(), time.perf_counter()
        each = self._seconds(land, found)
        columns, rows = max(room.columns - 10, 8), 2 * max(room.rows - 1, 4)
        for every in GRIDS:
            shape = (-(-rows // every), -(-columns // every))
            if found.losses is not None and found.losses.shape[0] >= shape[0] and found.losses.shape[1] >= shape[1]:
                continue
            needed = shape[0] * shape[1] * each
            if every != GRIDS[0] and time.perf_counter() - began + needed > MOST_SECONDS:
                break
            xs = _middles(found.ends[0], found.ends[1], shape[1])
            ys = _middles(found.ends[2], found.ends[3], shape[0])[::-1]
            since = time.perf_counter()
            losses = land.over(found.state, *found.pair, xs, ys, asked)
            each = (time.perf_counter() - since) / losses.size
            found = replace(found, losses=losses, fine=every)
            tell(found)
        return found

    @staticmethod
    def _seconds(land: Landscape, found: PlaneReading) -> float:
        """How long one loss takes."""
        began = time.perf_counter()
        land.loss(found.state)
        return time.perf_counter() - began

    def _first_pair(self, moved: Callable[[], list[Ref]]) -> tuple[Ref, Ref]:
        """The selected parameter and its neighbour; else the two that have moved furthest."""
        selected = self.around.selected
        if selected is not None:
            return selected, self._neighbour(selected, 1, None)
        first, second = moved()
        return first, second

    def _neighbour(self, ref: Ref, by: int, other: Ref | None) -> Ref:
        """The parameter that follows on one, but for another one."""
        from retrograde.engine.explaining.landscape import place_of, ref_at, trained

        program = self.session.schedule.full
        size = sum(array.size for array in trained(program))
        place = place_of(program, ref)
        while True:
            place = (place + by) % size
            found = ref_at(program, place)
            if found != other:
                return found

    def _ends(self, way: Floats, here: tuple[float, float]) -> tuple[float, float, float, float]:
        """The ends of the plane: the way and what is around it; zoomed, around the cursor."""
        import numpy as np

        ends: list[float] = []
        for axis in (0, 1):
            finite = way[np.isfinite(way[:, axis]), axis]
            low = min([*finite.tolist(), here[axis]], default=0.0)
            high = max([*finite.tolist(), here[axis]], default=0.0)
            size = max((high - low) * (1 + 2 * SPREAD), LEAST_SIZE) * self._zoom
            middle = (low + high) / 2 if self._zoom >= 1 else here[axis]
            ends += [middle - size / 2, middle + size / 2]
        return ends[0], ends[1], ends[2], ends[3]

    def take(self, found: Any) -> None:
        """Takes what was computed; not what is of another moment than the one that was read last."""
        before = self._found
        stale = before is not None and found.losses is not None and found.fine and before.pair != found.pair
        if not stale:
            self._found = found

    def do(self, action: str, room: Room) -> Then:
        """Chooses parameters, or zooms."""
        pair = self._pair
        if pair is None:
            return Then.NOTHING
        match action:
            case "left" | "right":
                self._pair = self._neighbour(pair[0], 1 if action == "right" else -1, pair[1]), pair[1]
            case "up" | "down":
                self._pair = pair[0], self._neighbour(pair[1], 1 if action == "down" else -1, pair[0])
            case "movers":
                self.around, self._pair = Surroundings(alerts=self.around.alerts), None
            case "in" | "out":
                self._zoom = min(max(self._zoom * (ZOOM if action == "in" else 1 / ZOOM), 1e-6), 1e6)
            case "whole":
                self._zoom = 1.0
            case "log":
                self._logarithmic = not self._axis_logarithmic
                return Then.SHOW
            case _:
                return Then.NOTHING
        return Then.READ

    @property
    def _axis_logarithmic(self) -> bool:
        axis = self._axis(self._found)
        return axis is not None and axis.logarithmic

    def _axis(self, found: PlaneReading | None) -> Axis | None:
        """The heights; None where none is known."""
        import numpy as np

        if found is None or found.losses is None:
            return None
        finite = found.losses[np.isfinite(found.losses)]
        if not len(finite):
            return None
        return Axis.around(float(finite.min()), float(finite.max()), logarithmic=self._logarithmic)

    # -- showing

    def view(self, room: Room, glyphs: Glyphs) -> PictureView:
        """The plane with the way through it."""
        import numpy as np

        found = self._found
        if found is None:
            return PictureView()
        axis = self._axis(found)
        if found.losses is None or axis is None:
            shades = np.full((2, 2), int(Solid.SURFACE), dtype=np.int64)
            digits: tuple[str, ...] = ("  ", "  ")
        else:
            shades, digits = height_field(found.losses, axis)
        left, right, bottom, top = found.ends
        symbols = [self.session.notation.symbol(ref) for ref in found.pair]
        points = [
            FieldPoint(
                x=float(found.way[0, 0]), y=float(found.way[0, 1]),
                sign="o" if glyphs.ascii else "○", shade=Solid.STRONG,
            )
        ] if len(found.way) else []  # fmt: skip
        points.append(
            FieldPoint(x=found.here[0], y=found.here[1], sign="@" if glyphs.ascii else "◆", shade=Solid.TARGET)
        )
        plot = FieldPlot(
            shades=shades,
            digits=digits,
            left=left,
            right=right,
            bottom=bottom,
            top=top,
            across=symbols[0],
            up=symbols[1],
            points=tuple(points),
            way=found.way,
        )
        return PictureView(plot=plot, lines=(self._said(found, symbols, axis, glyphs),))

    def _said(self, found: PlaneReading, symbols: list[str], axis: Axis | None, glyphs: Glyphs) -> Line:
        """E where the cursor is, and the least that was computed."""
        import numpy as np

        sign = "@" if glyphs.ascii else "◆"
        spans = [
            Span(sign, Ink.CHANGED),
            Span(f" {symbols[0]} {show(found.here[0], 6)}  {symbols[1]} {show(found.here[1], 6)}", Ink.TEXT),
            Span("   " + _("E of all samples {loss}").format(loss=show(found.loss, 9)), Ink.STRONG),
        ]
        if found.losses is None or axis is None:
            return (*spans, Span("   " + _("computing …"), Ink.CHANGED))
        row, column = np.unravel_index(int(np.nanargmin(found.losses)), found.losses.shape)
        rows, columns = found.losses.shape
        at = (
            found.ends[0] + (int(column) + 0.5) / columns * (found.ends[1] - found.ends[0]),
            found.ends[3] - (int(row) + 0.5) / rows * (found.ends[3] - found.ends[2]),
        )
        text = _("least here {loss} at {across}, {up}").format(
            loss=show(float(found.losses[row, column]), 6), across=show(at[0], 4), up=show(at[1], 4)
        )
        spans.append(Span("   " + text, Ink.DIM))
        word = _("log scale") if axis.logarithmic else _("linear scale")
        return (*spans, Span(f"   {word}", Ink.FAINT))


def _middles(low: float, high: float, count: int) -> Floats:
    """The middles of so many pieces of a stretch."""
    import numpy as np

    found: Floats = low + (np.arange(count) + 0.5) / count * (high - low)
    return found
