"""The picture of a layer's numbers: how its weights, outputs or gradients are spread, now and over the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from retrograde.engine.errors import EngineError
from retrograde.engine.text import N_, _
from retrograde.tui.canvas.canvas import Line, Span
from retrograde.tui.canvas.inks import Ink
from retrograde.tui.reading.figures import show
from retrograde.tui.records.fields import PictureView, SpreadPlot
from retrograde.tui.screens.picturing import Picture, Room, Surroundings, Then

if TYPE_CHECKING:
    from retrograde.engine.explaining.spreads import Spread, SpreadCourse
    from retrograde.engine.session.session import Session
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.records.value_types import Floats

MOST_MOMENTS = 24
"""Epochs that are looked at."""
WORDS = {"weights": N_("weights"), "outputs": N_("outputs"), "gradients": N_("gradients")}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpreadReading:
    """The numbers of a layer at the cursor.

    Attributes:
        layer: the layer.
        spread: whose numbers they are.
        values: those that are computed at the cursor.
        epoch: the epoch of the cursor, from 0.
        epochs: the complete epochs of the run.
        branch: the branch.
    """

    layer: str
    spread: Spread
    values: Floats
    epoch: int
    epochs: int
    branch: str


class SpreadPicture(Picture):
    """How the numbers of a layer are spread: now as columns, over the run as a row of shades an epoch."""

    name = "histogram"
    title = N_("histograms")
    keys: ClassVar[tuple[tuple[str, str], ...]] = (
        ("↑ ↓", N_("layer")),
        ("← →", N_("weights, outputs, gradients")),
        ("+ -", N_("bins")),
    )

    def __init__(self, session: Session, around: Surroundings) -> None:
        super().__init__(session, around)
        self._found: SpreadReading | None = None
        self._course: tuple[tuple[str, Spread, str, int], SpreadCourse] | None = None
        self._choices = self._all()
        self._chosen = 0
        self._bins = 30
        selected = around.selected
        if selected is not None:
            self._choose(selected.array.layer)

    @classmethod
    def why_not(cls, session: Session) -> str:
        """Why there are no numbers of layers."""
        return "" if session.network.layers else _("there are no layers")

    def _all(self) -> list[tuple[str, Spread]]:
        """The layers, each with those of its numbers that it has."""
        from retrograde.engine.explaining.spreads import Spread, arrays_of

        network, program = self.session.network, self.session.schedule.full
        return [
            (info.name, spread)
            for info in network.layers
            for spread in Spread
            if arrays_of(network, program, info.name, spread)
        ]

    def _choose(self, layer: str) -> bool:
        found = [number for number, one in enumerate(self._choices) if one[0] == layer]
        if found:
            self._chosen = found[0]
        return bool(found)

    def ask(self, words: list[str]) -> None:
        """Takes the name of a layer, and which of its numbers."""
        if words and not self._choose(words[0]):
            raise EngineError(_("there is no layer {name} with numbers").format(name=words[0]))
        if len(words) > 1:
            found = [k for k, one in enumerate(self._choices) if one[0] == words[0] and one[1].startswith(words[1])]
            if not found:
                raise EngineError(_("histogram takes a layer, and weights, outputs or gradients"))
            self._chosen = found[0]

    # -- reading

    def read(self, room: Room, asked: Callable[[], bool]) -> SpreadReading:
        """The numbers at the cursor, as far as they are computed."""
        import numpy as np

        from retrograde.engine.explaining.spreads import arrays_of, numbers

        session = self.session
        layer, spread = self._choices[self._chosen]
        frame = session.frame
        arrays = arrays_of(session.network, frame.program, layer, spread)
        per_epoch = session.schedule.per_epoch
        return SpreadReading(
            layer=layer,
            spread=spread,
            values=np.array(numbers(frame, arrays, session.revealed)),
            epoch=session.iteration // per_epoch,
            epochs=len(session.branch.history) // per_epoch,
            branch=session.branch.name,
        )

    def study(self, room: Room, asked: Callable[[], bool], tell: Callable[[Any], None]) -> Any:
        """The numbers in the last iterations of some epochs."""
        from retrograde.engine.explaining.spreads import spread_course

        found = self._found
        if found is None or not found.epochs:
            return None
        key = (found.layer, found.spread, found.branch, found.epochs)
        if self._course is not None and self._course[0] == key:
            return None
        per_epoch = self.session.schedule.per_epoch
        every = max(-(-found.epochs // MOST_MOMENTS), 1)
        epochs = sorted({1, *range(found.epochs, 0, -every)})
        iterations = [epoch * per_epoch - 1 for epoch in epochs]
        course = spread_course(
            self.session.timeline, found.layer, found.spread, iterations, lambda _done, _count: asked()
        )
        return key, course

    def take(self, found: Any) -> None:
        """Takes what was read."""
        if isinstance(found, SpreadReading):
            self._found = found
        else:
            self._course = found

    def do(self, action: str, room: Room) -> Then:
        """Chooses a layer, which of its numbers, and how many bins."""
        layer, spread = self._choices[self._chosen]
        match action:
            case "left" | "right":
                own = [k for k, one in enumerate(self._choices) if one[0] == layer]
                self._chosen = own[(own.index(self._chosen) + (1 if action == "right" else -1)) % len(own)]
            case "up" | "down":
                layers = list(dict.fromkeys(one[0] for one in self._choices))
                other = layers[(layers.index(layer) + (1 if action == "down" else -1)) % len(layers)]
                same = [k for k, one in enumerate(self._choices) if one == (other, spread)]
                self._chosen = same[0] if same else next(k for k, one in enumerate(self._choices) if one[0] == other)
            case "in" | "out":
                self._bins = min(max(self._bins * 2 if action == "in" else self._bins // 2, 5), 240)
                return Then.SHOW
            case _:
                return Then.NOTHING
        return Then.READ

    # -- showing

    def view(self, room: Room, glyphs: Glyphs) -> PictureView:
        """Columns for now, a row of shades an epoch."""
        import numpy as np

        from retrograde.engine.explaining.spreads import counted, edges_of

        found = self._found
        if found is None:
            return PictureView()
        course = self._course
        key = (found.layer, found.spread, found.branch, found.epochs)
        known = course[1] if course is not None and course[0] == key else None
        finite = found.values[np.isfinite(found.values)]
        ends = [(float(finite.min()), float(finite.max()))] if len(finite) else []
        if known is not None and known.range is not None:
            ends.append(known.range)
        if not ends:
            text = _("none of these numbers is computed yet at the cursor")
            return PictureView(lines=(self._said(found, 0), (Span(text, Ink.DIM),)))
        wide = max(room.columns - 16, 4)
        # As many as fill the room with columns of one size.
        bins = wide // max(wide // self._bins, 1)
        edges = edges_of(min(one[0] for one in ends), max(one[1] for one in ends), bins)
        now = counted(found.values, edges)
        per_epoch = self.session.schedule.per_epoch
        epochs = [] if known is None else [(iteration + 1) // per_epoch for iteration in known.iterations]
        rows = [] if known is None else [counted(values, edges).counts for values in known.values]
        here = found.epoch + 1
        plot = SpreadPlot(
            counts=now.counts,
            rows=np.array(rows, dtype=np.int64).reshape(len(rows), bins),
            labels=tuple(_("epoch {number}").format(number=f"{epoch:,}") for epoch in epochs),
            now=max((k for k, epoch in enumerate(epochs) if epoch <= here), default=-1),
            low=float(edges[0]),
            high=float(edges[-1]),
            what=_(WORDS[found.spread]),
        )
        return PictureView(plot=plot, lines=(self._said(found, now.odd),))

    def _said(self, found: SpreadReading, odd: int) -> Line:
        """What the numbers are, how many, and between which ends they lie."""
        import numpy as np

        spans = [
            Span(found.layer, Ink.STRONG),
            Span(f"  {_(WORDS[found.spread])}   ", Ink.TEXT),
            Span(_("{count} numbers").format(count=f"{len(found.values):,}"), Ink.DIM),
        ]
        finite = found.values[np.isfinite(found.values)]
        if len(finite):
            text = _("from {low} to {high}, mean {mean}, {zeros} are 0").format(
                low=show(float(finite.min()), 6),
                high=show(float(finite.max()), 6),
                mean=show(float(finite.mean()), 6),
                zeros=f"{int((finite == 0).sum()):,}",
            )
            spans.append(Span(f"   {text}", Ink.DIM))
        if odd:
            spans.append(Span("   " + _("{count} are not finite").format(count=f"{odd:,}"), Ink.BAD))
        return tuple(spans)
