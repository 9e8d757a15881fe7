"""The debug panel: what it shows of breakpoints, watches, marks, log lines and queries, and its selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from retrograde.tui.debugger.desk import Said
from retrograde.tui.records.debug import DebugView
from retrograde.tui.records.marks import PanelId
from retrograde.tui.records.status import NO_PINS
from retrograde.tui.views.debugging import (
    Found,
    Item,
    Ledger,
    Lines,
    Rows,
    ValueChange,
    debug_view,
    heavy,
    normal,
    pins_of,
)
from retrograde.tui.work.turns import Event

if TYPE_CHECKING:
    from textual.timer import Timer

    from retrograde.engine.formulas.tree import Formula
    from retrograde.engine.session.breakpoints import Breakpoint
    from retrograde.engine.session.session import Session
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.work.jobs import Job


REST_SECONDS = 0.15
"""How long the cursor rests before what the debug panel shows of the whole run is looked for."""
NEAR_ROWS = 100
"""Rows around the selection in which it is looked for after the list has changed."""
LOG_LINES = 1000
"""Lines of a logpoint that are kept."""


class Listing:
    """The part that keeps the debug panel.

    Attributes:
        ledger: what was found of the whole run.
        pins: where marks and breakpoints are in the cursor's iteration.
        row: the selected row, -1 for none.
    """

    def __init__(self, desk: Desk, working: Working) -> None:
        self._desk = desk
        self._working = working
        self._rest_timer: Timer | None = None
        self._forget()
        desk.readers.append(self._read_pins)
        desk.resters.append(self.schedule_rest)
        desk.beginners.append(self._forget)

    def _forget(self) -> None:
        """Begins with an empty panel, for another session."""
        self.ledger = Ledger()
        self.pins = NO_PINS
        self.row = -1
        self._item: Item | None = None
        self._count = 0
        self._last = DebugView(rows=(), first=0, count=0, selected=-1)
        self._hits_known: tuple[object, tuple[int, ...]] = (None, ())

    @staticmethod
    def carry_over(old: Session, new: Session) -> None:
        """Gives a session that begins anew the breakpoints and watches of the one before; nothing is hit yet.

        Args:
            old: the session before.
            new: the session that begins.
        """
        for number, point in old.breakpoints.items():
            point.count = 0
            new.breakpoints[number] = point
        new.watches.extend(old.watches)

    def changed(self) -> None:
        """Shows the lists anew after something of them has changed."""
        self._count += 1
        with self._working.held() as free:
            if free:
                self._read_pins()
                self.schedule_rest()
        self._desk.paint()

    def _read_pins(self) -> None:
        """Looks at which steps of the cursor's iteration marks and breakpoints are; the session must be free."""
        session = self._desk.session
        enabled = tuple(point for point in session.breakpoints.values() if point.enabled and not point.log)
        if not enabled and not session.marks:
            self.pins = NO_PINS
            return
        key = (session.branch, session.iteration, enabled)
        if self._hits_known[0] != key:
            self._hits_known = (key, session.hits_of(session.iteration) if enabled else ())
        self.pins = pins_of(session, self._hits_known[1])

    # -- the panel

    @property
    def rows(self) -> Rows:
        """The rows of the panel."""
        return Rows(self._desk.session, self.ledger)

    @property
    def item(self) -> Item | None:
        """What is selected: its kind and its number."""
        return self.rows.item(self.row)

    @property
    def key(self) -> tuple[object, ...]:
        """What the panel depends on."""
        desk = self._desk
        return (desk.reading, self._count, self.row, desk.lens.digits, desk.host.cells[1])

    def view(self) -> DebugView:
        """The panel; while other work has the session, as it was before."""
        with self._working.held() as free:
            if free:
                rows = self.rows
                self._keep_selection(rows)
                window = self._desk.host.cells[1]
                self._last = debug_view(rows, self.row, self._desk.lens.digits, window=window)
        return self._last

    def _keep_selection(self, rows: Rows) -> None:
        """Follows what is selected where rows before it came or went."""
        if self._item is None or rows.item(self.row) == self._item:
            return
        near = range(max(self.row - NEAR_ROWS, 0), min(self.row + NEAR_ROWS, len(rows)))
        same = (row for row in near if rows.item(row) == self._item)
        self.pick(next(same, min(self.row, len(rows) - 1)), rows)

    def pick(self, row: int, rows: Rows | None = None) -> None:
        """Selects a row; of a title the row below it.

        Args:
            row: the row; beyond the last one, the last.
            rows: the rows of the panel, where they are known.
        """
        rows = self.rows if rows is None else rows
        if 0 <= row < len(rows) and rows.item(row) is None:
            row = rows.step(row, 1)
        self.row, self._item = row, rows.item(row)

    def arrived(self, text: str) -> None:
        """Shows where the session is, with a notice."""
        self._count += 1
        self._desk.notice = Said(text)
        self._desk.moved()

    def found(self, found: Found) -> None:
        """Keeps what a search has found, with its first moment selected.

        Args:
            found: the moments.
        """
        self.ledger.found = found
        self._count += 1
        rows = self.rows
        self.pick(rows.first_of("moment"), rows)

    def select_new(self, kind: str, number: int) -> None:
        """Brings the panel to the front, with a new row selected; the focus stays where it is.

        Args:
            kind: what the row is of.
            number: which one.
        """
        rows = self.rows
        first = rows.first_of(kind)
        found = (row for row in range(max(first, 0), len(rows)) if rows.item(row) == (kind, number))
        self.pick(next(found, self.row), rows)
        self._desk.bring(PanelId.DEBUG)
        self.changed()

    def select(self, by: int) -> None:
        """Moves the selection."""
        self._working.stop_quiet()
        with self._working.held() as free:
            if free:
                rows = self.rows
                self.pick(rows.step(self.row, by), rows)
        self._desk.paint()

    def point_at(self, row: int) -> None:
        """Selects a row with the mouse."""
        with self._working.held() as free:
            rows = self.rows
            if free and rows.item(row) is not None:
                self.pick(row, rows)

    # -- what the panel shows of the whole run

    def schedule_rest(self) -> None:
        """Looks for it once the cursor has rested."""
        if self._rest_timer is not None:
            self._rest_timer.stop()
            self._rest_timer = None
        session = self._desk.session
        if session.watches or any(point.log for point in session.breakpoints.values()):
            self._rest_timer = self._desk.host.after(REST_SECONDS, self._rest)

    def _rest(self) -> None:
        """Looks for what the panel shows of the whole run: changes and curves of watches, log lines."""
        session = self._desk.session
        if not self._working.turns.allows(Event.REST):
            return
        tasks: list[Callable[[Job], None]] = []
        for formula in session.watches:
            if heavy(formula) and self.ledger.values.get(formula.text, (None,))[0] != session.here:
                tasks.append(lambda _job, formula=formula: self._find_value(formula))  # type: ignore[misc]
            known = self.ledger.changes.get(formula.text)
            here = (session.branch.name, session.position)
            if known is None or (known.branch, known.position) != here:
                tasks.append(lambda job, formula=formula: self._find_change(formula, job))  # type: ignore[misc]
            curve = self.ledger.curves.get(formula.text)
            if curve is None or curve[0] != session.branch.name or not (curve[1] or 1) / (session.frontier or 1) > 0.9:
                tasks.append(lambda job, formula=formula: self._find_curve(formula, job))  # type: ignore[misc]
        tasks.extend(
            lambda job, point=point: self._find_lines(point, job)  # type: ignore[misc]
            for point in session.breakpoints.values()
            if point.log and point.enabled and self._lines_missing(point)
        )
        if not tasks:
            return

        def work(job: Job) -> None:
            for task in tasks:
                if job.asked():
                    return
                task(job)

        self._working.rest(work, lambda _result: self.changed(), self.schedule_rest)

    def _find_value(self, formula: Formula) -> None:
        session = self._desk.session
        self.ledger.values[formula.text] = (session.here, session.look(formula))

    def _find_change(self, formula: Formula, job: Job) -> None:
        session = self._desk.session
        step = session.last_change(formula, job.searched)
        self.ledger.changes[formula.text] = ValueChange(session.branch.name, session.position, step)

    def _find_curve(self, formula: Formula, job: Job) -> None:
        session = self._desk.session
        found = session.sparks(formula, on_progress=job.searched)
        self.ledger.curves[formula.text] = (session.branch.name, session.frontier, normal(found))

    def _lines_of(self, point: Breakpoint) -> Lines:
        session = self._desk.session
        lines = self.ledger.lines.get(point.number)
        if lines is None or lines.branch != session.branch.name:
            lines = self.ledger.lines[point.number] = Lines(session.branch.name)
        return lines

    def _lines_missing(self, point: Breakpoint) -> bool:
        session = self._desk.session
        lines = self._lines_of(point)
        return lines.upto < session.frontier and len(lines.entries) < LOG_LINES

    def _find_lines(self, point: Breakpoint, job: Job) -> None:
        session = self._desk.session
        lines, frontier = self._lines_of(point), session.frontier
        for entry in session.log(point, lines.upto, frontier, job.searched):
            lines.entries.append(entry)
            lines.upto = entry.step
            if len(lines.entries) >= LOG_LINES:
                return
        lines.upto = frontier
