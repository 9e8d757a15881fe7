"""Breakpoints, logpoints and watches: what their keys and words do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _
from retrograde.tui.debugger.visiting import Visiting
from retrograde.tui.records.marks import PanelId
from retrograde.tui.work.jobs import Job

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.formulas.tree import Formula
    from retrograde.engine.session.session import Halt, Here


_OPTION = re.compile(r"\s+(?:(once)|hit\s+(\d+)|after\s+(\d+))\s*$")


class Breakpoints(Visiting):
    """The part of the screen that stops and watches."""

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
        self._job(title, task, lambda stop: self._stopped(cast("Halt", stop), origin, back=back))

    def _stopped(self, stop: Halt, origin: Here, *, back: bool) -> None:
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

    # -- setting

    def do_break_here(self) -> None:
        """Sets a breakpoint where the value of this step is made, or removes it."""
        self._with_session(self._break_here)

    def _break_here(self) -> None:
        from retrograde.engine.session.breakpoints import spot_of

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
            from retrograde.engine.equations.expression import Ref

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
        from retrograde.tui.views.slots import node_ref

        reading, lens = self.reading, self._lens
        assert reading is not None
        assert lens is not None
        if self._focus is PanelId.WEIGHTS and self._parameters:
            return self._parameters.ref(lens.weight)
        if self._focus is PanelId.NETWORK and lens.node >= 0:
            ref = node_ref(reading, lens.node)
            if ref is not None:
                return ref
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

    def line_watch(self, rest: str) -> None:
        """Watches an expression."""
        session = self.session
        assert session is not None
        session.watch(rest)
        self._select_new("watch", len(session.watches) - 1)
        self._say(_("watching {text}").format(text=rest))

    # -- deleting and switching

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

    # -- a row of the panel

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
