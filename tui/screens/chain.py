"""The whole chain of a gradient: a tree that folds, down to the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from retrograde.tui.reading.chain import ChainReading, Way
from retrograde.tui.screens.looking import LookingScreen, Work
from retrograde.tui.views.unfolding import Item, Placed, begun, chain_table, chain_title, in_sight, items_of, step_of

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session
    from retrograde.tui.canvas.canvas import Line
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.records.table_view import TableView
    from retrograde.tui.work.jobs import Job


class ChainScreen(LookingScreen):
    """The chain of a gradient, by paths, by cuts or term by term.

    Args:
        session: the session, which is lent to the screen.
        glyphs: the characters of the screen.
        work: does work on the session.
        reading: what was read of the gradient.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("right,l,space", "unfold", "unfold"),
        ("left,h", "fold", "fold"),
        ("tab", "way(1)", "another way"),
        ("shift+tab", "way(-1)", "another way back"),
        ("x", "axis", "other axis"),
        ("Y,backspace", "leave", "leave"),
    ]

    def __init__(self, session: Session, glyphs: Glyphs, work: Work, reading: ChainReading) -> None:
        super().__init__(session, glyphs, work)
        self._forget(reading)

    def _forget(self, reading: ChainReading) -> None:
        """Begins with a tree that is folded."""
        self._reading = reading
        self._way = reading.way
        self._roots: dict[Way, tuple[Item, ...]] = {}
        self._opened: set[tuple[object, ...]] = set()
        self._known: dict[object, tuple[Item, ...]] = {}
        self._axes: dict[object, int] = {}

    def title_line(self) -> Line:
        """The gradient, its value, and what it is taken apart by."""
        return chain_title(self._reading, self._way)

    @property
    def _placed(self) -> list[Placed]:
        return in_sight(self._roots.get(self._way, ()), self._opened, self._known)

    @property
    def _item(self) -> Item | None:
        placed = self._placed
        return placed[self.row].item if self.row < len(placed) else None

    def table(self) -> TableView:
        """The tree as it is unfolded."""
        return chain_table(self._reading, self._placed, self._opened, self.row)

    def step(self) -> int | None:
        """The step that the selected row is about."""
        return None if self._item is None else step_of(self._reading, self._item)

    def reread(self, _job: Job) -> object:
        """Asks again, of the iteration where the cursor is now."""
        return ChainReading.of(self.session, self._reading.asked)

    def read(self, result: Any) -> None:
        """Takes the answer."""
        way = self._way
        self._forget(result)
        self._way, self.row = way, 0

    def look_further(self) -> None:
        """Makes the first level of the tree, which may take a moment."""
        reading, way = self._reading, self._way
        if way in self._roots:
            return

        def task(_job: Job) -> object:
            items = items_of(reading, way)
            return items, begun(items, way)

        def done(result: Any) -> None:
            self._roots[way], inside = result
            self._known.update(inside)
            self._opened.update(inside)
            self.show()

        self.begin(str(way), task, done)

    # -- what the keys do

    def action_unfold(self) -> None:
        """Unfolds the selected row; of one that is unfolded, goes to the first row inside."""
        item = self._item
        if item is None or item.inside is None:
            return
        if item.key in self._opened:
            self.action_move(1)
            return
        self._open(item)

    def _open(self, item: Item) -> None:
        inside = item.inside
        assert inside is not None
        axis = self._axes.get(item.key, 0)

        def done(items: Any) -> None:
            self._known[item.key] = items
            self._opened.add(item.key)
            self.show()

        if item.key in self._known:
            done(self._known[item.key])
        else:
            self.begin(item.label, lambda _job: inside(axis), done)

    def action_fold(self) -> None:
        """Folds the selected row; of one that is folded, goes to the row that it is inside of."""
        item, placed = self._item, self._placed
        if item is None:
            return
        if item.key in self._opened:
            self._opened.discard(item.key)
        else:
            depth = placed[self.row].depth
            self.row = next((k for k in range(self.row - 1, -1, -1) if placed[k].depth < depth), self.row)
        self.show()

    def action_way(self, by: int) -> None:
        """Takes the chain apart in another way."""
        ways = list(Way)
        self._way = ways[(ways.index(self._way) + by) % len(ways)]
        self.row = 0
        self.show()
        self.look_further()

    def action_axis(self) -> None:
        """Goes by another axis: neuron, channel, position, sample."""
        placed = self._placed
        depth = placed[self.row].depth if self.row < len(placed) else 0
        for row in range(min(self.row, len(placed) - 1), -1, -1):
            item = placed[row].item
            if item.axes > 1 and placed[row].depth <= depth:
                self._axes[item.key] = (self._axes.get(item.key, 0) + 1) % item.axes
                self._known.pop(item.key, None)
                self.row = row
                self._open(item)
                return
