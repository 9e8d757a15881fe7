"""The debug panel: what it shows of breakpoints, watches, marks, log lines and queries, and its selection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.timer import Timer

from retrograde.tui.debugger.working import Working
from retrograde.tui.records.marks import PanelId
from retrograde.tui.records.views import NO_PINS, DebugView
from retrograde.tui.views.debugging import (
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
from retrograde.tui.work.jobs import Job

if TYPE_CHECKING:
    from retrograde.engine.formulas.tree import Formula
    from retrograde.engine.session.breakpoints import Breakpoint
    from retrograde.engine.session.session import Session


REST_SECONDS = 0.15
"""How long the cursor rests before what the debug panel shows of the whole run is looked for."""
NEAR_ROWS = 100
"""Rows around the selection in which it is looked for after the list has changed."""
LOG_LINES = 1000
"""Lines of a logpoint that are kept."""


class Debugging(Working):
    """The part of the screen that keeps the debug panel."""

    def __init__(self) -> None:
        super().__init__()
        self._history: list[str] = []
        self._forget_debugging()

    def _forget_debugging(self) -> None:
        """Begins with an empty panel, for another session."""
        self._ledger = Ledger()
        self._debug_row = -1
        self._debug_item: Item | None = None
        self._debug_count = 0
        self._debug_last: DebugView | None = None
        self._pins = NO_PINS
        self._names: tuple[str, ...] = ()
        self._hits_known: tuple[object, tuple[int, ...]] = (None, ())
        self._rest_timer: Timer | None = None

    @staticmethod
    def _carry_over(old: Session, new: Session) -> None:
        """Gives a session that begins anew the breakpoints and watches of the one before; nothing is hit yet."""
        for number, point in old.breakpoints.items():
            point.count = 0
            new.breakpoints[number] = point
        new.watches.extend(old.watches)

    def _debug_changed(self) -> None:
        """Shows the lists anew after something of them has changed."""
        self._debug_count += 1
        with self._held() as free:
            if free:
                self._read_pins()
                self._schedule_rest()
        self._show()

    def _read_pins(self) -> None:
        """Looks at which steps of the cursor's iteration marks and breakpoints are; the session must be free."""
        session = self.session
        assert session is not None
        enabled = tuple(point for point in session.breakpoints.values() if point.enabled and not point.log)
        if not enabled and not session.marks:
            self._pins = NO_PINS
            return
        key = (session.branch, session.iteration, enabled)
        if self._hits_known[0] != key:
            self._hits_known = (key, session.hits_of(session.iteration) if enabled else ())
        self._pins = pins_of(session, self._hits_known[1])

    def _debug_key(self) -> tuple[object, ...]:
        """What the debug panel depends on."""
        digits = 9 if self._lens is None else self._lens.digits
        return (self.reading, self._debug_count, self._debug_row, digits, self.app.size.height)

    def _debug_view(self) -> DebugView:
        """The debug panel; while other work has the session, as it was before."""
        with self._held() as free:
            if free and self._lens is not None:
                rows = self._rows()
                self._keep_selection(rows)
                window = self.app.size.height
                self._debug_last = debug_view(rows, self._debug_row, self._lens.digits, window=window)
        return self._debug_last or DebugView(rows=(), first=0, count=0, selected=-1)

    def _keep_selection(self, rows: Rows) -> None:
        """Follows what is selected where rows before it came or went."""
        if self._debug_item is None or rows.item(self._debug_row) == self._debug_item:
            return
        near = range(max(self._debug_row - NEAR_ROWS, 0), min(self._debug_row + NEAR_ROWS, len(rows)))
        same = (row for row in near if rows.item(row) == self._debug_item)
        self._pick(next(same, min(self._debug_row, len(rows) - 1)), rows)

    def _pick(self, row: int, rows: Rows) -> None:
        """Selects a row; of a title the row below it."""
        if 0 <= row < len(rows) and rows.item(row) is None:
            row = rows.step(row, 1)
        self._debug_row, self._debug_item = row, rows.item(row)

    def _rows(self) -> Rows:
        assert self.session is not None
        return Rows(self.session, self._ledger)

    def _arrived(self, text: str) -> None:
        """Shows where the session is, with a notice."""
        self._debug_count += 1
        self._notice = (text, False)
        self._moved()

    def _select_new(self, kind: str, number: int) -> None:
        """Brings the panel to the front, with a new row selected; the focus stays where it is."""
        rows = self._rows()
        first = rows.first_of(kind)
        found = (row for row in range(max(first, 0), len(rows)) if rows.item(row) == (kind, number))
        self._pick(next(found, self._debug_row), rows)
        self._bring(PanelId.DEBUG)
        self._debug_changed()

    # -- what the panel shows of the whole run

    def _schedule_rest(self) -> None:
        if self._rest_timer is not None:
            self._rest_timer.stop()
            self._rest_timer = None
        session = self.session
        if session is not None and (session.watches or any(point.log for point in session.breakpoints.values())):
            self._rest_timer = self.set_timer(REST_SECONDS, self._rest)

    def _rest(self) -> None:
        """Looks for what the panel shows of the whole run: changes and curves of watches, log lines."""
        session = self.session
        if session is None:
            return
        if self.run_state is not None or getattr(self.app.screen, "holds_session", False):
            return
        tasks: list[Callable[[Job], None]] = []
        for formula in session.watches:
            if heavy(formula) and self._ledger.values.get(formula.text, (None,))[0] != session.here:
                tasks.append(lambda _job, formula=formula: self._find_value(formula))  # type: ignore[misc]
            known = self._ledger.changes.get(formula.text)
            here = (session.branch.name, session.position)
            if known is None or (known.branch, known.position) != here:
                tasks.append(lambda job, formula=formula: self._find_change(formula, job))  # type: ignore[misc]
            curve = self._ledger.curves.get(formula.text)
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

        self._job("", work, lambda _result: self._debug_changed(), self._schedule_rest)

    def _find_value(self, formula: Formula) -> None:
        session = self.session
        assert session is not None
        self._ledger.values[formula.text] = (session.here, session.look(formula))

    def _find_change(self, formula: Formula, job: Job) -> None:
        session = self.session
        assert session is not None
        step = session.last_change(formula, job.searched)
        self._ledger.changes[formula.text] = ValueChange(session.branch.name, session.position, step)

    def _find_curve(self, formula: Formula, job: Job) -> None:
        session = self.session
        assert session is not None
        found = session.sparks(formula, on_progress=job.searched)
        self._ledger.curves[formula.text] = (session.branch.name, session.frontier, normal(found))

    def _lines_of(self, point: Breakpoint) -> Lines:
        session = self.session
        assert session is not None
        lines = self._ledger.lines.get(point.number)
        if lines is None or lines.branch != session.branch.name:
            lines = self._ledger.lines[point.number] = Lines(session.branch.name)
        return lines

    def _lines_missing(self, point: Breakpoint) -> bool:
        session = self.session
        assert session is not None
        lines = self._lines_of(point)
        return lines.upto < session.frontier and len(lines.entries) < LOG_LINES

    def _find_lines(self, point: Breakpoint, job: Job) -> None:
        session = self.session
        assert session is not None
        lines, frontier = self._lines_of(point), session.frontier
        for entry in session.log(point, lines.upto, frontier, job.searched):
            lines.entries.append(entry)
            lines.upto = entry.step
            if len(lines.entries) >= LOG_LINES:
                return
        lines.upto = frontier

    # -- the selection

    def _select_debug(self, by: int) -> None:
        self._stop_quiet_job()
        with self._held() as free:
            if free:
                rows = self._rows()
                self._pick(rows.step(self._debug_row, by), rows)
        self._show()

    def _point_at(self, row: int) -> None:
        """Selects a row with the mouse."""
        with self._held() as free:
            rows = self._rows()
            if free and rows.item(row) is not None:
                self._pick(row, rows)
