"""Breakpoints, watches, marks, log lines and queries: what their keys and words do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, cast

from textual.timer import Timer

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _, ngettext
from retrograde.tui.commands import commands
from retrograde.tui.jobs import Job, JobEnded, JobProgress
from retrograde.tui.screens.base import DebuggerScreen
from retrograde.tui.state import NO_PINS, DebugView, PanelId
from retrograde.tui.views.debugging import (
    MOST_MOMENTS,
    Change,
    Found,
    Item,
    Ledger,
    Lines,
    Rows,
    address,
    debug_view,
    heavy,
    normal,
    pins_of,
)

if TYPE_CHECKING:
    from retrograde.engine.breakpoints import Breakpoint
    from retrograde.engine.expression import Ref
    from retrograde.engine.formula.tree import Formula
    from retrograde.engine.session import Here, Session, Stop
    from retrograde.tui.words import Fault

REST_SECONDS = 0.15
"""How long the cursor rests before what the debug panel shows of the whole run is looked for."""
NEAR_ROWS = 100
"""Rows around the selection in which it is looked for after the list has changed."""
LOG_LINES = 1000
"""Lines of a logpoint that are kept."""

_OPTION = re.compile(r"\s+(?:(once)|hit\s+(\d+)|after\s+(\d+))\s*$")


class Debugging(DebuggerScreen):
    """The part of the screen that stops, watches and searches."""

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

    # -- showing

    def _debug_changed(self) -> None:
        """Shows the lists anew after something of them has changed."""
        self._debug_count += 1
        with self._held() as free:
            if free:
                self._read_pins()
                self._schedule_rest()
        self._show()

    @contextmanager
    def _held(self) -> Iterator[bool]:
        """The session for a look or a small change, if it can be had: a run lets it go between two of its pieces."""
        if self.session is None or self._busy:
            yield False
        elif self.run_state is None:
            yield True
        else:
            with self.session.lock:
                yield True

    @property
    def _busy(self) -> bool:
        """Whether work has the session and does not let it go."""
        return self.run_state is not None and not self.run_state.walkable

    def _with_session(self, action: Callable[[], None]) -> None:
        """Looks at the session or changes something small of it; a search is cancelled for it, a run goes on."""
        self._stop_quiet_job()
        with self._held() as free:
            if free:
                action()
                return
        if self._when_idle(lambda: self._with_session(action)):
            action()

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

    # -- long work

    def _job(
        self,
        title: str,
        task: Callable[[Job], object],
        done: Callable[[object], None],
        stopped: Callable[[], None] | None = None,
    ) -> None:
        """Does work on the session off the screen's thread; what is short is done when the key was answered.

        Args:
            title: what it does; nothing is said of work without a title.
            task: the work.
            done: takes its result.
            stopped: called instead when it was cancelled.
        """
        if not self._when_idle(lambda: self._job(title, task, done, stopped)):
            return
        session = self.session
        assert session is not None
        job = Job(session=session, post=self.post_message, title=title, task=task, done=done)
        if stopped is not None:
            job.stopped = stopped
        elif title:
            job.stopped = lambda: self._say(_("{what} was cancelled").format(what=title))
        self.run_state = job
        if job.begin():
            self._end_job(job)
        elif title:
            self._say(_("{what} … Esc cancels").format(what=title))

    def on_job_progress(self, message: JobProgress) -> None:
        """Shows how far a search is."""
        from retrograde.tui.view import duration

        job = message.job
        if job is self.run_state and job.title:
            text = _("{what} … {percent} % · {time} left · Esc cancels").format(
                what=job.title, percent=int(100 * message.share), time=duration(message.seconds_left)
            )
            self._notice = (text, False)
            self._show_footer()

    def on_job_ended(self, message: JobEnded) -> None:
        """Takes the session back."""
        if message.job is self.run_state:
            self._end_job(message.job)

    def _end_job(self, job: Job) -> None:
        self._free()
        after, self._after_run = self._after_run, None
        if job.failure is not None:
            raise job.failure
        if job.title:
            self._notice = ("", False)
        if job.error:
            self._say(job.error, bad=True)
        elif job.cancelled:
            job.stopped()
        else:
            job.done(job.result)
        if after is not None:
            after()

    def _stop_quiet_job(self) -> None:
        """Ends the work that was begun without being asked for, so that a key need not wait for it."""
        job = self.run_state
        if isinstance(job, Job) and (not job.title or job.finished.is_set()):
            job.cancel()
            if job.finished.wait(1.0):
                self._end_job(job)

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
        self._ledger.changes[formula.text] = Change(session.branch.name, session.position, step)

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

    # -- going on and back

    def do_continue(self) -> None:
        """Goes on to the next hit of a breakpoint, or to where the run ends."""
        self._continue(back=False)

    def do_continue_back(self) -> None:
        """Goes back to the previous hit of a breakpoint, or to the start."""
        self._continue(back=True)

    def _continue(self, *, back: bool) -> None:
        if isinstance(self.run_state, Job) and self.run_state.title:
            return
        self._stop_quiet_job()
        if not self._when_idle(lambda: self._continue(back=back)):
            return
        session = self.session
        assert session is not None
        origin = session.here
        self._outcome = ""

        def task(job: Job) -> object:
            if back:
                return session.reverse(job.searched)
            return session.proceed(job.ran, job.asked, job.searched)

        title = _("going back") if back else _("going on")
        self._job(title, task, lambda stop: self._stopped(cast("Stop", stop), origin, back=back))

    def _stopped(self, stop: Stop, origin: Here, *, back: bool) -> None:
        session = self.session
        assert session is not None
        outcome = stop.outcome
        if outcome is not None and outcome.step is not None and stop.breakpoint is None:
            # A number that is not finite: where it was made is what is asked for.
            session.seek(outcome.step)
        if session.here != origin:
            session.visit(origin)
        if stop.breakpoint is not None:
            point = stop.breakpoint
            text = _("breakpoint {number}: {text}").format(number=point.number, text=point.text)
        elif outcome is not None:
            self._outcome = text = outcome.message
        elif session.breakpoints:
            text = _("no hit before: this is the start")
        else:
            text = _("no breakpoint: this is the start")
        self._arrived(text)

    def _arrived(self, text: str) -> None:
        """Shows where the session is, with a notice."""
        self._debug_count += 1
        self._notice = (text, False)
        self._moved()

    # -- breakpoints

    def do_break_here(self) -> None:
        """Sets a breakpoint where the value of this step is made, or removes it."""
        self._with_session(self._break_here)

    def _break_here(self) -> None:
        from retrograde.engine.breakpoints import spot_of

        session, reading = self.session, self.reading
        assert session is not None
        assert reading is not None
        if reading.step is None:
            self._say(_("make a step first"))
            return
        target = reading.step.target
        slot = spot_of(target)
        known = [
            point.number
            for point in session.breakpoints.values()
            if point.place is not None and point.place.slot == slot and not point.log
        ]
        self._toggle(f"at {reading.notation.name(target)}", known)

    def do_break_change(self) -> None:
        """Sets a breakpoint on a change of what is selected, or removes it."""
        self._with_session(self._break_change)

    def _break_change(self) -> None:
        session, reading = self.session, self.reading
        assert session is not None
        assert reading is not None
        ref = self._selected_ref()
        if ref is None:
            self._say(_("make a step first"))
            return
        if ref.array.of is not None and f"new({ref.array.of.name})" == ref.array.name:
            from retrograde.engine.expression import Ref

            ref = Ref(ref.array.of, ref.index)
        text = _changes(reading.notation.name(ref))
        known = [point.number for point in session.breakpoints.values() if point.text == text and not point.log]
        self._toggle(text, known)

    def _toggle(self, text: str, known: list[int]) -> None:
        session = self.session
        assert session is not None
        if known:
            for number in known:
                session.remove_breakpoint(number)
            self._say(_("breakpoint removed: {text}").format(text=text))
        else:
            try:
                point = session.add_breakpoint(text)
            except EngineError as error:
                self._say(str(error), bad=True)
                return
            self._say(_("breakpoint {number}: {text}").format(number=point.number, text=text) + _("; c goes there"))
        self._debug_changed()

    def _selected_ref(self) -> Ref | None:
        """The slot that is selected in the panel with the focus, else that of the step."""
        from retrograde.engine.expression import Ref
        from retrograde.tui.view import node_at

        reading, lens = self.reading, self._lens
        assert reading is not None
        assert lens is not None
        if self._focus is PanelId.WEIGHTS and self._parameters is not None:
            return self._parameters.ref(lens.weight)
        if self._focus is PanelId.NETWORK and lens.node >= 0:
            layer, unit = node_at(reading, lens.node)
            array = reading.program.named.get(f"out_{layer}")
            if array is not None:
                return Ref(array, (reading.sample, unit))
        operands = self._operands()
        if self._focus is PanelId.EQUATION and 0 <= lens.operand < len(operands):
            return operands[lens.operand].ref
        return None if reading.step is None else reading.step.target

    def line_break(self, rest: str) -> None:
        """Sets a breakpoint: a condition, an event or a place, with its options."""
        if not rest:
            self.do_break_here()
            return
        session = self.session
        assert session is not None
        once, from_hit, after = False, 1, None
        while (match := _OPTION.search(" " + rest)) is not None and match.start() > 0:
            rest = rest[: match.start() - 1].rstrip()
            if match[1]:
                once = True
            elif match[2]:
                from_hit = int(match[2])
            else:
                after = int(match[3])
        point = session.add_breakpoint(rest, once=once, from_hit=from_hit, after=after)
        self._select_new("break", point.number)
        self._say(_("breakpoint {number}: {text}").format(number=point.number, text=point.text) + _("; c goes there"))

    def line_log(self, rest: str) -> None:
        """Sets a logpoint: expressions, and when they are printed."""
        session = self.session
        assert session is not None
        match = re.match(r"(.*?)\s+(?:if\s+(.+)|(at\s+.+))$", rest)
        if match is None:
            raise EngineError(_("say when: log w5, E if E < 0.1, or log w5 at update"))
        expressions = tuple(part.strip() for part in _parts(match[1]))
        point = session.add_breakpoint(match[2] or match[3], log=expressions)
        self._select_new("break", point.number)
        self._say(_("log {number}: {text}").format(number=point.number, text=rest))

    def line_delete(self, rest: str) -> None:
        """Deletes a breakpoint by its number, a watch by its expression or a mark by its letter, or all of them."""
        session = self.session
        assert session is not None
        if not rest:
            self.do_delete()
            return
        watched = [formula for formula in session.watches if formula.text == rest]
        if rest == "all":
            session.breakpoints.clear()
            session.watches.clear()
            session.marks.clear()
            self._ledger.found = None
        elif watched:
            session.watches.remove(watched[-1])
        elif rest in session.marks:
            del session.marks[rest]
        else:
            session.remove_breakpoint(_number(rest))
        self._say(_("deleted: {what}").format(what=rest))
        self._debug_changed()

    def do_delete(self) -> None:
        """Deletes the selected row of the debug panel."""
        self._with_session(self._delete_row)

    def _delete_row(self) -> None:
        session = self.session
        assert session is not None
        item = self._rows().item(self._debug_row) if self._focus is PanelId.DEBUG else None
        if item is None:
            self._say(_("select a row of the debug panel first: 6, then the arrows"))
            return
        kind, number = item
        match kind:
            case "break":
                session.remove_breakpoint(number)
            case "watch":
                del session.watches[number]
            case "mark":
                del session.marks[chr(number)]
            case _:
                self._ledger.found = None
        rows = self._rows()
        self._pick(min(self._debug_row, len(rows) - 1), rows)
        self._debug_changed()

    def line_enable(self, rest: str) -> None:
        """Switches a breakpoint on."""
        self._switch_on(rest, on=True)

    def line_disable(self, rest: str) -> None:
        """Switches a breakpoint off."""
        self._switch_on(rest, on=False)

    def _switch_on(self, rest: str, *, on: bool) -> None:
        session = self.session
        assert session is not None
        point = session.breakpoint(_number(rest))
        point.enabled = on
        text = _("breakpoint {number} is on") if on else _("breakpoint {number} is off")
        self._say(text.format(number=point.number))
        self._debug_changed()

    # -- watches

    def line_watch(self, rest: str) -> None:
        """Watches an expression."""
        session = self.session
        assert session is not None
        session.watch(rest)
        self._select_new("watch", len(session.watches) - 1)
        self._say(_("watching {text}").format(text=rest))

    def _select_new(self, kind: str, number: int) -> None:
        """Brings the panel to the front, with a new row selected; the focus stays where it is."""
        rows = self._rows()
        first = rows.first_of(kind)
        found = (row for row in range(max(first, 0), len(rows)) if rows.item(row) == (kind, number))
        self._pick(next(found, self._debug_row), rows)
        self._bring(PanelId.DEBUG)
        self._debug_changed()

    # -- marks

    def do_mark(self) -> None:
        """Marks this moment with the letter that is typed next."""
        self._ask_letter(_("mark this moment: a letter"), lambda letter: self._with_session(lambda: self._mark(letter)))

    def do_go_to_mark(self) -> None:
        """Goes to the mark whose letter is typed next."""
        session = self.session
        assert session is not None
        if not session.marks:
            self._say(_("there is no mark; m and a letter makes one"))
            return
        marks = "   ".join(
            f"{letter} {address(session.schedule, position)}"
            for letter, (_branch, position) in sorted(session.marks.items())
        )
        self._ask_letter(_("go to mark: {marks}").format(marks=marks), self._go_to_mark)

    def _ask_letter(self, text: str, then: Callable[[str], None]) -> None:
        from retrograde.tui.screens.letter import LetterScreen

        def answered(letter: str | None) -> None:
            if letter is not None:
                then(letter)

        self.app.push_screen(LetterScreen(text), answered)

    def line_mark(self, rest: str) -> None:
        """Marks this moment."""
        self._mark(rest)

    def _mark(self, letter: str) -> None:
        session = self.session
        assert session is not None
        session.mark(letter)
        place = address(session.schedule, session.position)
        self._say(_("mark {letter}: {place}").format(letter=letter, place=place))
        self._debug_changed()

    def _go_to_mark(self, letter: str) -> None:
        session = self.session
        assert session is not None
        branch = session.branch
        known = session.marks.get(letter)
        if known is not None and known[0] == branch.name and self._walk(lambda: session.go_to_mark(letter)):
            return
        if not self._when_idle(lambda: self._go_to_mark(letter)):
            return
        try:
            session.go_to_mark(letter)
        except EngineError as error:
            self._say(str(error), bad=True)
            return
        if session.branch is not branch:
            self._switched()
        self._arrived(_("mark {letter}").format(letter=letter))

    # -- places that were visited

    def do_return(self) -> None:
        """Goes back to where the last jump came from."""
        self._revisit(forward=False)

    def do_forth(self) -> None:
        """Goes forth again to the place that was left by returning."""
        self._revisit(forward=True)

    def _revisit(self, *, forward: bool) -> None:
        if self._walk(lambda: cast("Session", self.session).revisit(forward=forward)):
            return
        if not self._when_idle(lambda: self._revisit(forward=forward)):
            return
        session = self.session
        assert session is not None
        branch = session.branch
        if not session.revisit(forward=forward):
            self._say(_("this is the last place") if forward else _("no jump to return from"))
            return
        if session.branch is not branch:
            self._switched()
        self._moved()

    # -- queries

    def line_first(self, rest: str) -> None:
        """Goes to the first moment at which a condition is true."""
        self._query("first", rest)

    def line_last(self, rest: str) -> None:
        """Goes to the last moment at which a condition is true."""
        self._query("last", rest)

    def line_count(self, rest: str) -> None:
        """Says at how many moments a condition is true."""
        self._query("count", rest)

    def line_all(self, rest: str) -> None:
        """Lists the moments at which a condition is true."""
        self._query("all", rest)

    def line_max(self, rest: str) -> None:
        """Goes to where an expression is largest."""
        self._query("max", rest)

    def line_min(self, rest: str) -> None:
        """Goes to where an expression is smallest."""
        self._query("min", rest)

    def _query(self, verb: str, text: str) -> None:
        session = self.session
        assert session is not None
        # What is wrong with it is said at once, while it can be corrected.
        (session.formula if verb in {"max", "min"} else session.condition)(text)
        self._job(
            f"{verb} {text}",
            lambda job: _answer(session, verb, text, job),
            lambda found: self._answered(verb, cast(Found, found)),
        )

    def _answered(self, verb: str, found: Found) -> None:
        session = self.session
        assert session is not None
        self._ledger.found = found
        rows = self._rows()
        self._pick(rows.first_of("moment"), rows)
        self._notice = (f"{found.title}: {found.text}", False)
        if verb in {"all", "count"}:
            if verb == "all" and found.steps:
                self._focus_on(PanelId.DEBUG)
            else:
                self._bring(PanelId.DEBUG)
            self._debug_changed()
            return
        self._debug_count += 1
        if found.steps:
            self._leap(found.steps[0])
            self._notice = (f"{found.title}: {found.text}", False)
        self._show()

    # -- the selection in the panel

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

    def _enter_debug(self) -> None:
        """Does what Enter does with a row: switches a breakpoint, goes to a moment."""
        self._with_session(self._enter_row)

    def _enter_row(self) -> None:
        session = self.session
        assert session is not None
        item = self._rows().item(self._debug_row)
        if item is None:
            self._say(_("select a row with the arrows first"))
            return
        kind, number = item
        match kind:
            case "break":
                self._switch_on(str(number), on=not session.breakpoints[number].enabled)
            case "watch":
                self._to_last_change(session.watches[number])
            case "mark":
                self._go_to_mark(chr(number))
            case _:
                found = self._ledger.found
                first = self._rows().first_of("moment")
                if found is not None and found.branch != session.branch.name and 0 <= first <= self._debug_row:
                    self._say(_("this was found on branch {name}; go there first").format(name=found.branch))
                    return
                self._leap(number)

    def _to_last_change(self, formula: Formula) -> None:
        session = self.session
        assert session is not None

        def done(step: object) -> None:
            if step is None:
                self._say(_("{text} has not changed before").format(text=formula.text))
            elif step == session.position:
                self._say(_("{text} changed at this step").format(text=formula.text))
            else:
                self._leap(cast(int, step))

        title = _("last change of {text}").format(text=formula.text)
        self._job(title, lambda job: session.last_change(formula, job.searched), done)

    # -- the command line

    def _record(self, line: str) -> None:
        """Remembers a line that was written."""
        if line in self._history:
            self._history.remove(line)
        self._history.append(line)

    def _complete(self, head: str) -> tuple[str, list[str]]:
        """What the end of a line may become."""
        from retrograde.tui.words import complete, names

        session = self.session
        if session is None:
            return "", []
        if not self._names:
            self._names = names(session.network, session.schedule)
        written = [command.word for command in commands() if command.word]
        return complete(head, [*written, "start", "end"], self._names, session.notation.layer_names)

    @staticmethod
    def _fault(error: EngineError, line: str) -> Fault:
        """Where in a line an error is."""
        from retrograde.tui.words import fault_of

        return fault_of(error, line)

    @staticmethod
    def _no_command(word: str, known: Iterable[str]) -> str:
        near = get_close_matches(word, list(known), n=2)
        text = _("{text} is no command").format(text=word)
        if near:
            return text + _("; did you mean {names}?").format(names=", ".join(near))
        return text + _("; Tab lists them, and 2:1:17, 120 or 50% are addresses")

    # -- parts of the screen that this one needs

    def _walk(self, move: Callable[[], object]) -> bool:
        """Moves over the past of a run that goes on; False where there is none, or it has to be paused."""
        raise NotImplementedError

    def _free(self) -> None:
        """The session is free again."""
        self.run_state = None

    def _bring(self, panel: PanelId) -> None:
        """Brings a panel to the front where it is a tab; the focus stays."""
        raise NotImplementedError

    def _switched(self) -> None:
        """Forgets what was shown of another branch."""
        raise NotImplementedError


def _answer(session: Session, verb: str, text: str, job: Job) -> Found:
    """Searches a run, in the worker."""
    branch, title = session.branch.name, f"{verb} {text}"
    if verb == "count":
        count = session.count(text, job.searched)
        return Found(title, branch, (), ngettext("{count} moment", "{count} moments", count).format(count=f"{count:,}"))
    if verb == "all":
        steps = tuple(islice(session.where(text, job.searched), MOST_MOMENTS + 1))
        more = len(steps) > MOST_MOMENTS
        steps = steps[:MOST_MOMENTS]
        count = len(steps)
        words = ngettext("{count} moment", "{count} moments", count).format(count=f"{count:,}")
        return Found(title, branch, steps, _("the first {moments}").format(moments=words) if more else words, more)
    if verb in {"max", "min"}:
        from retrograde.tui.figures import show

        extreme = session.extreme(text, largest=verb == "max", on_progress=job.searched)
        if extreme is None:
            return Found(title, branch, (), _("nothing found"))
        place = address(session.schedule, extreme.step)
        said = _("{value} at {place}").format(value=show(extreme.value), place=place)
        return Found(title, branch, (extreme.step,), said)
    step = (session.first if verb == "first" else session.last)(text, job.searched)
    if step is None:
        return Found(title, branch, (), _("nothing found"))
    return Found(title, branch, (step,), _("at {place}").format(place=address(session.schedule, step)))


def _parts(text: str) -> list[str]:
    """The expressions of a list, divided by the commas outside of brackets."""
    parts, depth, start = [], 0, 0
    for at, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def _number(text: str) -> int:
    if not text.isdigit():
        raise EngineError(_("{text} is not the number of a breakpoint").format(text=text or "…"))
    return int(text)


def _changes(name: str) -> str:
    return f"{name} changes"
