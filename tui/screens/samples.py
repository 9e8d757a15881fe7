"""The samples under the parameters at the cursor: which are wrong, and which class is taken for which."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import BindingType

from retrograde.engine.errors import EngineError
from retrograde.engine.explaining.sample_order import INTO, SORTS, WRONG, chosen, labels
from retrograde.engine.text import _
from retrograde.tui.screens.goals import Visit
from retrograde.tui.screens.looking import LookingScreen, Work
from retrograde.tui.views.samples import SamplesLook, matrix_table, samples_table, samples_title

if TYPE_CHECKING:
    from retrograde.engine.explaining.samples import Integers, SampleTable
    from retrograde.engine.session.session import Session
    from retrograde.tui.canvas.canvas import Line
    from retrograde.tui.canvas.glyphs import Glyphs
    from retrograde.tui.records.table_view import TableView
    from retrograde.tui.work.jobs import Job


class SamplesScreen(LookingScreen):
    """All samples in a table, and how often each class is taken for each other.

    Args:
        session: the session, which is lent to the screen.
        glyphs: the characters of the screen.
        work: does work on the session.
        reading: the samples under the parameters at the cursor.
        text: the filter to begin with.
        matrix: whether the confusion matrix is shown first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        ("tab,shift+tab,c", "turn", "samples, confusion matrix"),
        ("s", "sort(1)", "sort"),
        ("S", "sort(-1)", "sort back"),
        ("r", "reverse", "turn round"),
        ("w", "wrong", "wrong only"),
        ("slash", "filter", "filter"),
        ("h", "held_out", "held out"),
        ("left", "across(-1)", "left"),
        ("right", "across(1)", "right"),
        ("9", "leave", "leave"),
    ]

    def __init__(
        self,
        session: Session,
        glyphs: Glyphs,
        work: Work,
        reading: SampleTable,
        text: str = "",
        *,
        matrix: bool = False,
    ) -> None:
        super().__init__(session, glyphs, work)
        self._table = reading
        self._look = SamplesLook()
        self._text = text
        self._matrix = matrix and reading.classified
        self._asked = -1
        self._rows: Integers = chosen(reading, text)

    # -- what is said

    def title_line(self) -> Line:
        """What it is, when, and how many are right."""
        return samples_title(self.session, self._table, matrix=self._matrix)

    def table(self) -> TableView:
        """The samples, or the confusion matrix."""
        look = replace(self._look, row=self.row, text=self._text, room=self.size.width)
        if self._matrix:
            return matrix_table(self._table, look)
        return samples_table(self._table, self._rows, look, self._glyphs)

    def step(self) -> int | None:
        """The step of the cursor's epoch that completes the outputs of the selected sample."""
        if self._matrix or self._table.held_out or not len(self._rows):
            return None
        return self.session.step_of_sample(int(self._rows[self.row]) + 1)

    def reread(self, _job: Job) -> object:
        """The samples under the parameters where the cursor is now."""
        return self.session.samples(held_out=self._table.held_out)

    def read(self, result: Any) -> None:
        """Takes them; the selected sample stays where the filter keeps it."""
        self._table = result
        if not result.classified:
            self._matrix, self._text = False, ""
        self._choose(keep=True)

    def _choose(self, *, keep: bool = False) -> None:
        """Filters and sorts the samples.

        Args:
            keep: whether the selected sample stays selected.
        """
        here = int(self._rows[self.row]) if keep and not self._matrix and self.row < len(self._rows) else -1
        self._rows = chosen(self._table, self._text, self._look.sort, reverse=self._look.reverse)
        if self._matrix:
            return
        places = (self._rows == here).nonzero()[0]
        self.row = int(places[0]) if len(places) else 0

    # -- what the keys do

    def action_turn(self) -> None:
        """Turns to the confusion matrix, or back to the samples."""
        if not self._table.classified:
            self.say(_("the targets of this network are no classes"))
            return
        self._matrix, self.row = not self._matrix, 0
        self._look = replace(self._look, column=0)
        self.show()

    def action_sort(self, by: int) -> None:
        """Sorts by the next thing.

        Args:
            by: 1 for the next one, -1 for the one before.
        """
        sorts = (
            SORTS if self._table.classified else tuple(sort for sort in SORTS if sort not in ("worst", "confidence"))
        )
        place = sorts.index(self._look.sort) if self._look.sort in sorts else 0
        self._look = replace(self._look, sort=sorts[(place + by) % len(sorts)])
        self._again()

    def action_reverse(self) -> None:
        """Turns the order round."""
        self._look = replace(self._look, reverse=not self._look.reverse)
        self._again()

    def action_wrong(self) -> None:
        """Shows only what is wrong, or everything again."""
        if self._table.classified:
            self._take("" if self._text == WRONG else WRONG)

    def action_filter(self) -> None:
        """Asks for a filter."""
        from retrograde.tui.screens.command_line import LineScreen

        hint = _("wrong · 3 a class · 3>8 taken for · #12 a sample")
        self.app.push_screen(LineScreen("/", hint, self._text), lambda text: None if text is None else self._take(text))

    def action_held_out(self) -> None:
        """Turns to the samples that are held out, or back to those of the training."""
        other = not self._table.held_out
        if self.session.network.dataset.held_out is None:
            self.say(_("no samples are held out; a scenario says which in [held_out]"))
            return

        def done(result: Any) -> None:
            self.read(result)
            self.show()

        self.begin(_("samples"), lambda _job: self.session.samples(held_out=other), done)

    def action_across(self, by: int) -> None:
        """Moves over the columns of the confusion matrix."""
        if self._matrix:
            most = self._table.classes - (not self._table.confusion()[:, -1].any())
            self._look = replace(self._look, column=min(max(self._look.column + by, 0), most))
            self.show()

    def action_choose(self) -> None:
        """Goes to the sample, or from a cell of the matrix to its samples."""
        if self._matrix:
            if not self._table.confusion()[self.row, self._look.column]:
                return
            names = (*labels(self._table), "NaN")
            target, output = names[self.row], names[self._look.column]
            self._matrix = False
            self._take(f"{target}{INTO}{output}")
            return
        if self._table.held_out:
            self.say(_("it is held out: no step of the training has it"))
            return
        number = self.step()
        if number is None:
            return
        if number > self.session.frontier and self._asked != number:
            self._asked = number
            place = self.session.schedule.locate(number)[0]
            epoch, iteration = divmod(place, self.session.schedule.per_epoch)
            text = _("it comes in epoch {epoch}, iteration {iteration}, which has not run yet; Enter again goes there")
            self.say(text.format(epoch=epoch + 1, iteration=iteration + 1))
            return
        self.dismiss(Visit(number))

    def _take(self, text: str) -> None:
        """Takes a filter; one that means nothing is said to."""
        before, self._text = self._text, text.strip()
        try:
            self._choose()
        except EngineError as error:
            self._text = before
            self.say(str(error), bad=True)
        self.row = 0
        self.show()

    def _again(self) -> None:
        """Shows the samples in their new order, from the first on."""
        if not self._matrix:
            self._choose()
            self.row = 0
            self.show()
