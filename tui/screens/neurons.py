"""The neurons of a layer: which are dead, what each weighs, where it leads, and which class it answers to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from retrograde.engine.equations.expression import Ref
from retrograde.engine.explaining.samples import answers
from retrograde.tui.reading.neurons import NeuronReading
from retrograde.tui.screens.looking import LookingScreen, Work
from retrograde.tui.views.neurons import neurons_table, neurons_title

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session
    from retrograde.tui.canvas.canvas import Line
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.records.table_view import TableView
    from retrograde.tui.work.jobs import Job


class NeuronScreen(LookingScreen):
    """The neurons of a layer over all samples.

    Args:
        session: the session, which is lent to the screen.
        glyphs: the characters of the screen.
        work: does work on the session.
        reading: the neurons of a layer.
        unit: the one to begin with, from 0.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("left,h", "layer(-1)", "layer before"),
        ("right,l", "layer(1)", "layer after"),
        ("s", "sort", "sort"),
    ]

    def __init__(self, session: Session, glyphs: Glyphs, work: Work, reading: NeuronReading, unit: int = 0) -> None:
        super().__init__(session, glyphs, work)
        self._reading = reading
        self._by_zeros = False
        self.row = min(unit, max(len(reading.table) - 1, 0))

    @property
    def _order(self) -> list[int]:
        """The neurons in the order of the rows: as they are, or the most silent first."""
        numbers = list(range(len(self._reading.table)))
        zeros = self._reading.table.zeros
        return sorted(numbers, key=lambda number: -zeros[number]) if self._by_zeros else numbers

    def title_line(self) -> Line:
        """What it is, and when."""
        return neurons_title(self.session, self._reading)

    def table(self) -> TableView:
        """A row a neuron."""
        room = self.size.width
        return neurons_table(self._reading, self._order, self.row, self._glyphs, by_zeros=self._by_zeros, room=room)

    def step(self) -> int | None:
        """The step that makes the value of the selected neuron for the sample at the cursor."""
        session, order = self.session, self._order
        arrays = answers(session.program, self._reading.table.layer.name)
        if not arrays or not order:
            return None
        array = arrays[-1]
        unit, axes = order[self.row], len(array.element_shape)
        # Of a convolution the first place of the channel, else the last row that has the unit.
        place = (unit, *(0,) * (axes - 1)) if axes == 3 else (*(n - 1 for n in array.element_shape[:-1]), unit)
        made = session.produced(Ref(array, (session.sample, *place[:axes])))
        return None if made is None else made.number

    def reread(self, _job: Job) -> object:
        """The neurons under the parameters where the cursor is now."""
        return NeuronReading.of(self.session, self._reading.table.layer.name)

    def read(self, result: Any) -> None:
        """Takes them."""
        self._reading = result

    def action_sort(self) -> None:
        """The most silent first, or in the order of the layer."""
        here = self._order[self.row] if self._order else 0
        self._by_zeros = not self._by_zeros
        self.row = 0 if self._by_zeros else here
        self.show()

    def action_layer(self, by: int) -> None:
        """Turns to another layer.

        Args:
            by: how many layers further.
        """
        names = [info.name for info in self.session.network.layers]
        place = names.index(self._reading.table.layer.name) + by
        if not 0 <= place < len(names):
            return

        def done(result: Any) -> None:
            self._reading, self.row = result, 0
            self.show()

        self.begin("", lambda _job: NeuronReading.of(self.session, names[place]), done)
