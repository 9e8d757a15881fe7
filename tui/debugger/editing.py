"""Edits, branches and notes: the part of the debugger's screen that changes what happened."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError
from retrograde.engine.session.beside import go_to
from retrograde.engine.text import _, whole_number

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.branch import Branch
    from retrograde.tui.debugger.beside import Beside
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.keeping import Keeping
    from retrograde.tui.debugger.moving import Moving
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.screens.goals import Switch, Try, Visit

_NUMBERS = str.maketrans({"−": "-", "∞": "inf"})


def number(text: str) -> float:
    """The number that was written: decimal, ``inf`` or ``nan``.

    Raises:
        EngineError: it is none.
    """
    try:
        return float(text.strip().translate(_NUMBERS))
    except ValueError:
        raise EngineError(
            _("{text} is no number; 0.7, −2, 1e-3, inf and nan are").format(text=text.strip() or "…")
        ) from None


def assignments(text: str) -> dict[str, float]:
    """The values in ``w5 0.7``, ``w5 = 0.7`` or ``w5 = 0.7; w6 = 0``.

    Raises:
        EngineError: it is written in another way.
    """
    found: dict[str, float] = {}
    for part in text.split(";"):
        name, sign, value = part.rpartition("=")
        if not sign:
            pieces = part.strip().rsplit(None, 1)
            if len(pieces) < 2:
                raise EngineError(_("set takes a name and a number, such as set w5 0.7"))
            name, value = pieces
        if not name.strip():
            raise EngineError(_("set takes a name and a number, such as set w5 0.7"))
        found[name.strip()] = number(value)
    return found


def slot_name(session: Session, ref: Ref) -> str:
    """The name of a slot that means the same one wherever the cursor is: the first sample goes without saying."""
    return session.notation.name(ref, sample=0 if session.sample == 0 else -1)


class Editing:
    """The part that changes what happened."""

    def __init__(self, desk: Desk, working: Working, moving: Moving, keeping: Keeping, beside: Beside) -> None:
        self._desk = desk
        self._working = working
        self._moving = moving
        self._keeping = keeping
        self._beside = beside

    def _arrive(self) -> None:
        """Shows another branch than before."""
        self._desk.outcome = ""
        self._desk.forget()
        self._desk.moved()

    # -- edits

    def ask(self) -> None:
        """Asks for another value of what is selected."""
        if not self._working.when_idle(self.ask):
            return
        from retrograde.tui.screens.command_line import LineScreen

        session, reading = self._desk.session, self._desk.reading
        ref = self._edited_slot()
        name = slot_name(session, ref)
        value = self._value_now(ref)
        shown = name if self._desk.host.glyphs.ascii else reading.symbol(ref)
        hint = _("a number: 0.7, 1e-3, inf, nan")
        text = "" if value is None else repr(value)

        def take(answer: str | None) -> None:
            if answer:
                self.set(f"{name} = {answer}")

        self._desk.host.ask(LineScreen(f"{shown} =", hint, text, select=True), take)

    def _edited_slot(self) -> Ref:
        """The slot that an edit means: what is selected in the panel that has the focus, else what the step makes."""
        from retrograde.engine.equations.expression import Ref

        desk, selected = self._desk, self._desk.selected
        if selected is not None:
            return selected
        if desk.reading.step is not None:
            return desk.reading.step.target
        if desk.parameters:
            return desk.parameters.ref(desk.lens.weight)
        return Ref(desk.reading.network.rate)

    def _value_now(self, ref: Ref) -> float | None:
        """The value that an edit here replaces; None for one that is not computed yet."""
        from retrograde.engine.equations.expression import Ref

        reading = self._desk.reading
        updated = reading.program.named.get(f"new({ref.array.name})")
        if updated is not None and reading.position and reading.revealed == reading.program.steps:
            return reading.frame.value(Ref(updated, ref.index))
        return reading.visible(ref)

    def set(self, text: str) -> None:
        """Gives slots other values, in another branch, or says what is wrong with what was written.

        Args:
            text: the values, such as ``w5 = 0.7; w6 = 0``.
        """
        if not self._working.when_idle(lambda: self.set(text)):
            return
        session = self._desk.session
        try:
            wanted = {session.resolve(name): value for name, value in assignments(text).items()}
            if all(_same(self._value_now(ref), value) for ref, value in wanted.items()):
                self._desk.say(
                    _("{name} is that already; nothing was changed").format(name=text.partition("=")[0].strip())
                )
                return
            branch = session.edit({slot_name(session, ref): value for ref, value in wanted.items()})
        except EngineError as error:
            self._desk.say(str(error), bad=True)
            return
        self._forked(branch)

    def try_out(self, wanted: Try) -> None:
        """Gives slots other values, in another branch, and goes to the step that makes another slot then.

        Args:
            wanted: the values, where, and which slot.
        """
        if not self._working.when_idle(lambda: self.try_out(wanted)):
            return
        session, origin = self._desk.session, self._desk.session.here
        try:
            session.seek(wanted.position)
            branch = session.edit({slot_name(session, ref): value for ref, value in wanted.values})
        except EngineError as error:
            self._desk.moved()
            self._desk.say(str(error), bad=True)
            return
        session.visit(origin)
        made = self._desk.reading.schedule.program(session.iteration).produced(wanted.then)
        if made is not None:
            session.seek(session.schedule.start(session.iteration) + made + 1)
        self._forked(branch)

    def drop(self, rest: str) -> None:
        """Takes a sample out of the iteration."""
        if not self._working.when_idle(lambda: self.drop(rest)):
            return
        session = self._desk.session
        try:
            number = whole_number(rest)
            if rest and number is None:
                batch = session.program.batch
                raise EngineError(_("drop takes the number of a sample, 1 to {batch}").format(batch=batch))
            branch = session.drop_sample(number)
        except EngineError as error:
            self._desk.say(str(error), bad=True)
            return
        self._forked(branch)

    def _forked(self, branch: Branch) -> None:
        session = self._desk.session
        self._keeping.keep()
        self._arrive()
        change = branch.timeline.change
        text = (
            _("{branch}: {edit}") if change.first <= session.iteration else _("{branch}: {edit} from iteration {at} on")
        )
        text = text.format(branch=branch.name, edit=branch.edit, at=f"{change.first + 1:,}")
        self._desk.say(_("{what} · u undoes, 7 lists the branches").format(what=text))

    @property
    def why_not_undo(self) -> str:
        """Why there is no edit to take back; empty where there is."""
        return _("there is no edit to undo on this branch") if self._desk.session.branch.parent is None else ""

    def undo(self) -> None:
        """Takes back the edit that made this branch."""
        if not self._working.when_idle(self.undo):
            return
        session = self._desk.session
        gone = session.branch
        try:
            session.undo()
        except EngineError as error:
            self._desk.say(str(error), bad=True)
            return
        self._arrive()
        self._desk.say(_("undone: {edit}; on {branch} again").format(edit=gone.edit, branch=session.branch.name))

    # -- branches

    def branch(self, name: str) -> None:
        """Goes to a branch, or lists them.

        Args:
            name: the branch; empty for the list.
        """
        if name:
            self.switch(name)
        else:
            self.branches()

    def compare(self, rest: str) -> None:
        """Shows this branch beside another one, by default the one that it departs from."""
        if not self._working.when_idle(lambda: self.compare(rest)):
            return
        session = self._desk.session
        try:
            other = session.branch_called(rest) if rest else session.branch.parent
            if other is None or other is session.branch:
                known = ", ".join(branch.name for branch in session.branches if branch is not session.branch)
                if not known:
                    raise EngineError(_("there is one branch only; an edit makes another"))
                raise EngineError(_("compare takes the name of another branch: {known}").format(known=known))
        except EngineError as error:
            self._desk.say(str(error), bad=True)
            return
        self.branches(other.name)

    def branches(self, compared: str = "") -> None:
        """Lists the branches, or shows how one differs.

        Args:
            compared: the name of the one that is compared at once.
        """
        if not self._working.when_idle(lambda: self.branches(compared)) or not self._working.lend():
            return
        from retrograde.tui.screens.branches import BranchesScreen

        desk, working, beside = self._desk, self._working, self._beside

        def answered(choice: Switch | Visit | None) -> None:
            beside.compared = screen.compared or beside.compared
            self._moving.returned(choice, lambda switch: self.switch(switch.name))

        screen = BranchesScreen(desk.session, desk.host.glyphs, working.search, compared)
        desk.host.ask(screen, answered)

    def switch(self, name: str) -> None:
        """Goes to another branch.

        Args:
            name: the branch.
        """
        if not self._working.when_idle(lambda: self.switch(name)):
            return
        session = self._desk.session
        try:
            go_to(session, name)
        except EngineError as error:
            self._desk.say(str(error), bad=True)
            return
        self._arrive()
        self._desk.say(_("on branch {name}").format(name=name))

    def rename(self, rest: str) -> None:
        """Gives this branch another name."""
        if not self._working.when_idle(lambda: self.rename(rest)):
            return
        session = self._desk.session
        old = session.branch.name
        try:
            session.rename(rest)
        except EngineError as error:
            self._desk.say(str(error), bad=True)
            return
        if self._beside.compared == old:
            self._beside.compared = rest
        self._desk.moved(follow=False)
        self._desk.say(_("{old} is called {new}").format(old=old, new=rest))

    # -- notes

    def note(self, rest: str) -> None:
        """Notes a text on this step; without a text, forgets what was noted."""
        if not self._working.when_idle(lambda: self.note(rest)):
            return
        session = self._desk.session
        place = (session.branch.name, session.position)
        if rest:
            session.notes[place] = rest
            text = _("noted on this step; :notes lists all")
        elif session.notes.pop(place, None) is not None:
            text = _("the note is gone")
        else:
            text = _("note takes a text, such as note saturated from here on")
        self._desk.moved(follow=False)
        self._desk.say(text)

    def notes(self) -> None:
        """Lists the notes, to go to one."""
        if not self._working.when_idle(self.notes):
            return
        from retrograde.tui.screens.choosing import ChoiceScreen
        from retrograde.tui.views.debugging import address

        session = self._desk.session
        found = sorted(session.notes.items())
        if not found:
            self._desk.say(_(":note TEXT notes something on a step"))
            return
        rows = tuple((address(session.schedule, position), name, text) for (name, position), text in found)

        def go(choice: int | None) -> None:
            if choice is None:
                return
            name, position = found[choice][0]
            if name != session.branch.name:
                self.switch(name)
            self._moving.seek(position)

        self._desk.host.ask(ChoiceScreen(_("notes"), rows, self._desk.host.glyphs), go)


def _same(one: float | None, other: float) -> bool:
    return (
        one is not None
        and (one == other or (one != one and other != other))
        and math.copysign(1, one) == (math.copysign(1, other))
    )
