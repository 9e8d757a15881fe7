"""Breakpoints, logpoints and watches: what their keys and words do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _, brief, whole_number
from retrograde.tui.records.marks import PanelId

if TYPE_CHECKING:
    from retrograde.engine.formulas.tree import Formula
    from retrograde.engine.session.session import Halt, Here
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.listing import Listing
    from retrograde.tui.debugger.moving import Moving
    from retrograde.tui.debugger.visiting import Visiting
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.views.debugging import Item
    from retrograde.tui.work.jobs import Job


_OPTION = re.compile(r"\s+(?:(once)|hit\s+(\d{1,18})|after\s+(\d{1,18}))\s*$")


class Breaking:
    """The part that stops and watches."""

    def __init__(self, desk: Desk, working: Working, listing: Listing, moving: Moving, visiting: Visiting) -> None:
        self._desk = desk
        self._working = working
        self._listing = listing
        self._moving = moving
        self._visiting = visiting

    # -- going on and back

    def go_on(self) -> None:
        """Goes on to the next hit of a breakpoint, or to where the run ends."""
        self._continue(back=False)

    def go_back(self) -> None:
        """Goes back to the previous hit of a breakpoint, or to the start."""
        self._continue(back=True)

    def _continue(self, *, back: bool) -> None:
        if self._working.searching:
            return
        if not self._working.when_idle(lambda: self._continue(back=back)):
            return
        session = self._desk.session
        origin = session.here
        self._desk.outcome = ""

        def task(job: Job) -> Halt:
            if back:
                return session.reverse(job.searched)
            return session.proceed(job.ran, job.asked, job.searched)

        title = _("going back") if back else _("going on")
        self._working.search(title, task, lambda stop: self._stopped(stop, origin, back=back))

    def _stopped(self, stop: Halt, origin: Here, *, back: bool) -> None:
        session = self._desk.session
        outcome = stop.outcome
        if outcome is not None and outcome.step is not None and stop.breakpoint is None:
            # A number that is not finite: where it was made is what is asked for.
            session.seek(outcome.step)
        if session.here != origin:
            session.visit(origin)
        self._desk.stopped = -1 if stop.breakpoint is None else session.position
        if stop.breakpoint is not None:
            point = stop.breakpoint
            text = _("breakpoint {number}: {text}").format(number=point.number, text=point.text)
            if stop.alerts:
                from retrograde.tui.views.doctor import title

                text += " · " + " · ".join(f"{title(alert)}: {alert.cause}" for alert in stop.alerts)
        elif outcome is not None:
            self._desk.outcome = text = outcome.message
        elif session.position:
            text = _("no hit after this: it is the end of the recording")
        elif session.breakpoints:
            text = _("no hit before: this is the start")
        else:
            text = _("no breakpoint: this is the start")
        self._listing.arrived(text)

    # -- setting

    @property
    def why_not_here(self) -> str:
        """Why no breakpoint can be set here; empty where one can."""
        return _("make a step first") if self._desk.reading.step is None else ""

    def here(self) -> None:
        """Sets a breakpoint where the value of this step is made, or removes it."""
        self._working.with_session(self._break_here)

    def _break_here(self) -> None:
        from retrograde.engine.session.breakpoints import spot_of

        session, reading = self._desk.session, self._desk.reading
        if reading.step is None:
            self._desk.say(self.why_not_here)
            return
        target = reading.step.target
        slot = spot_of(target)
        known = [
            point.number
            for point in session.breakpoints.values()
            if point.place is not None and point.place.slot == slot and not point.log
        ]
        self._toggle(f"at {reading.notation.name(target)}", known)

    def on_change(self) -> None:
        """Sets a breakpoint on a change of what is selected, or removes it."""
        self._working.with_session(self._break_change)

    def _break_change(self) -> None:
        session, reading = self._desk.session, self._desk.reading
        ref = self._desk.selected
        if ref is None and reading.step is not None:
            ref = reading.step.target
        if ref is None:
            self._desk.say(self.why_not_here)
            return
        if ref.array.of is not None and f"new({ref.array.of.name})" == ref.array.name:
            from retrograde.engine.equations.expression import Ref

            ref = Ref(ref.array.of, ref.index)
        text = _changes(reading.notation.name(ref))
        known = [point.number for point in session.breakpoints.values() if point.text == text and not point.log]
        self._toggle(text, known)

    def _toggle(self, text: str, known: list[int]) -> None:
        session = self._desk.session
        if known:
            for number in known:
                session.remove_breakpoint(number)
            self._desk.say(_("breakpoint removed: {text}").format(text=text))
        else:
            try:
                point = session.add_breakpoint(text)
            except EngineError as error:
                self._desk.say(str(error), bad=True)
                return
            self._desk.say(
                _("breakpoint {number}: {text}").format(number=point.number, text=text) + _("; c goes there")
            )
        self._listing.changed()

    def set(self, rest: str) -> None:
        """Sets a breakpoint: a condition, an event or a place, with its options."""
        if not rest:
            self.here()
            return
        session = self._desk.session
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
        self._listing.select_new("break", point.number)
        self._desk.say(
            _("breakpoint {number}: {text}").format(number=point.number, text=point.text) + _("; c goes there")
        )

    def log(self, rest: str) -> None:
        """Sets a logpoint: expressions, and when they are printed."""
        session = self._desk.session
        match = re.match(r"(.*?)\s+(?:if\s+(.+)|(at\s+.+))$", rest)
        if match is None:
            raise EngineError(_("say when: log w5, E if E < 0.1, or log w5 at update"))
        expressions = tuple(part.strip() for part in _parts(match[1]))
        point = session.add_breakpoint(match[2] or match[3], log=expressions)
        self._listing.select_new("break", point.number)
        self._desk.say(_("log {number}: {text}").format(number=point.number, text=rest))

    def watch(self, rest: str) -> None:
        """Watches an expression."""
        session = self._desk.session
        session.watch(rest)
        self._listing.select_new("watch", len(session.watches) - 1)
        self._desk.say(_("watching {text}").format(text=rest))

    # -- deleting and switching

    def delete(self, rest: str) -> None:
        """Deletes a breakpoint by its number, a watch by its expression or a mark by its letter, or all of them."""
        session = self._desk.session
        if not rest:
            self.delete_row()
            return
        watched = [formula for formula in session.watches if formula.text == rest]
        if rest == "all":
            session.breakpoints.clear()
            session.watches.clear()
            session.marks.clear()
            self._listing.ledger.found = None
        elif watched:
            session.watches.remove(watched[-1])
        elif rest in session.marks:
            del session.marks[rest]
        else:
            session.remove_breakpoint(_number(rest))
        self._desk.say(_("deleted: {what}").format(what=rest))
        self._listing.changed()

    @property
    def _chosen(self) -> Item | None:
        """The selected row of the debug panel, where that has the focus."""
        return self._listing.item if self._desk.focus == PanelId.DEBUG else None

    @property
    def why_not_delete(self) -> str:
        """Why there is no row to delete; empty where there is."""
        text = _("select a row of the debug panel first: 6, then the arrows")
        return text if self._chosen is None else ""

    def delete_row(self) -> None:
        """Deletes the selected row of the debug panel."""
        self._working.with_session(self._delete_row)

    def _delete_row(self) -> None:
        session = self._desk.session
        item = self._chosen
        if item is None:
            self._desk.say(self.why_not_delete)
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
                self._listing.ledger.found = None
        self._listing.pick(min(self._listing.row, len(self._listing.rows) - 1))
        self._listing.changed()

    def enable(self, rest: str) -> None:
        """Switches a breakpoint on."""
        self._switch_on(rest, on=True)

    def disable(self, rest: str) -> None:
        """Switches a breakpoint off."""
        self._switch_on(rest, on=False)

    def _switch_on(self, rest: str, *, on: bool) -> None:
        session = self._desk.session
        point = session.breakpoint(_number(rest))
        point.enabled = on
        text = _("breakpoint {number} is on") if on else _("breakpoint {number} is off")
        self._desk.say(text.format(number=point.number))
        self._listing.changed()

    # -- a row of the panel

    def enter(self) -> None:
        """Does what Enter does with a row: switches a breakpoint, goes to a moment."""
        self._working.with_session(self._enter_row)

    def _enter_row(self) -> None:
        session = self._desk.session
        item = self._listing.item
        if item is None:
            self._desk.say(_("select a row with the arrows first"))
            return
        kind, number = item
        match kind:
            case "break":
                self._switch_on(str(number), on=not session.breakpoints[number].enabled)
            case "watch":
                self._to_last_change(session.watches[number])
            case "mark":
                self._visiting.go_to_mark(chr(number))
            case _:
                found = self._listing.ledger.found
                first = self._listing.rows.first_of("moment")
                if found is not None and found.branch != session.branch.name and 0 <= first <= self._listing.row:
                    self._desk.say(_("this was found on branch {name}; go there first").format(name=found.branch))
                    return
                self._moving.seek(number)

    def _to_last_change(self, formula: Formula) -> None:
        session = self._desk.session

        def done(step: int | None) -> None:
            if step is None:
                self._desk.say(_("{text} has not changed before").format(text=formula.text))
            elif step == session.position:
                self._desk.say(_("{text} changed at this step").format(text=formula.text))
            else:
                self._moving.seek(step)

        title = _("last change of {text}").format(text=formula.text)
        self._working.search(title, lambda job: session.last_change(formula, job.searched), done)


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
    number = whole_number(text)
    if number is None:
        raise EngineError(_("{text} is not the number of a breakpoint").format(text=brief(text) or "…"))
    return number


def _changes(name: str) -> str:
    return f"{name} changes"
