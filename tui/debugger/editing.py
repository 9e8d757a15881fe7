"""Edits, branches and notes: the part of the debugger's screen that changes what happened."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from textual.timer import Timer

from retrograde.engine.errors import EngineError
from retrograde.engine.session.beside import TICK_SECONDS, catch_up, go_to, waits
from retrograde.engine.text import _
from retrograde.tui.debugger.desk import DebuggerScreen
from retrograde.tui.records.marks import PanelId
from retrograde.tui.screens.goals import Switch, Visit

if TYPE_CHECKING:
    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.session.session import Session
    from retrograde.engine.travel.branch import Branch

REST_SECONDS = 0.15
"""How long the cursor rests before the parent branch is run up to it."""
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


class Editing(DebuggerScreen):
    """What the keys and words for edits, branches and notes do."""

    _compared = ""
    _parent_timer: Timer | None = None

    def _arrive(self) -> None:
        """Shows another branch than before."""
        self._outcome = ""
        self._switched()
        self._moved()

    # -- edits

    def do_edit(self) -> None:
        """Asks for another value of what is selected."""
        if not self._when_idle(self.do_edit):
            return
        from retrograde.tui.screens.command_line import LineScreen

        session, reading = self.session, self.reading
        assert session is not None
        assert reading is not None
        ref = self._edited_slot()
        name = slot_name(session, ref)
        value = self._value_now(ref)
        shown = name if self._glyphs.ascii else reading.symbol(ref)
        hint = _("a number: 0.7, 1e-3, inf, nan")
        text = "" if value is None else repr(value)

        def take(answer: str | None) -> None:
            if answer:
                self._edit_text(f"{name} = {answer}")

        self.app.push_screen(LineScreen(f"{shown} =", hint, text, select=True), take)

    def _edited_slot(self) -> Ref:
        """The slot that an edit means: what is selected in the panel that has the focus, else what the step makes."""
        from retrograde.engine.equations.expression import Ref
        from retrograde.tui.views.slots import node_ref

        reading, lens, parameters = self.reading, self._lens, self._parameters
        assert reading is not None
        assert lens is not None
        assert parameters is not None
        operands = self._operands()
        if self._focus is PanelId.NETWORK and lens.node >= 0:
            ref = node_ref(reading, lens.node)
            if ref is not None:
                return ref
        if self._focus is PanelId.EQUATION and 0 <= lens.operand < len(operands):
            return operands[lens.operand].ref
        if parameters and (self._focus is PanelId.WEIGHTS or reading.step is None):
            return parameters.ref(lens.weight)
        if reading.step is None:
            return Ref(reading.network.rate)
        return reading.step.target

    def _value_now(self, ref: Ref) -> float | None:
        """The value that an edit here replaces; None for one that is not computed yet."""
        from retrograde.engine.equations.expression import Ref

        reading = self.reading
        assert reading is not None
        updated = reading.program.named.get(f"new({ref.array.name})")
        if updated is not None and reading.position and reading.revealed == reading.program.steps:
            return reading.frame.value(Ref(updated, ref.index))
        return reading.visible(ref)

    def line_set(self, rest: str) -> None:
        """Gives slots other values."""
        self._edit_text(rest)

    def _edit_text(self, text: str) -> None:
        """Forks by what was written, or says what is wrong with it."""
        if not self._when_idle(lambda: self._edit_text(text)):
            return
        session = self.session
        assert session is not None
        try:
            wanted = {session.resolve(name): value for name, value in assignments(text).items()}
            if all(_same(self._value_now(ref), value) for ref, value in wanted.items()):
                self._say(_("{name} is that already; nothing was changed").format(name=text.partition("=")[0].strip()))
                return
            branch = session.edit({slot_name(session, ref): value for ref, value in wanted.items()})
        except EngineError as error:
            self._say(str(error), bad=True)
            return
        self._forked(branch)

    def line_drop(self, rest: str) -> None:
        """Takes a sample out of the iteration."""
        if not self._when_idle(lambda: self.line_drop(rest)):
            return
        session = self.session
        assert session is not None
        try:
            if rest and not rest.isdecimal():
                batch = session.program.batch
                raise EngineError(_("drop takes the number of a sample, 1 to {batch}").format(batch=batch))
            branch = session.drop_sample(int(rest) if rest else None)
        except EngineError as error:
            self._say(str(error), bad=True)
            return
        self._forked(branch)

    def _forked(self, branch: Branch) -> None:
        session = self.session
        assert session is not None
        self._keep()
        self._arrive()
        change = branch.timeline.change
        text = (
            _("{branch}: {edit}") if change.first <= session.iteration else _("{branch}: {edit} from iteration {at} on")
        )
        text = text.format(branch=branch.name, edit=branch.edit, at=f"{change.first + 1:,}")
        self._say(_("{what} · u undoes, 7 lists the branches").format(what=text))

    def do_undo(self) -> None:
        """Takes back the edit that made this branch."""
        if not self._when_idle(self.do_undo):
            return
        session = self.session
        assert session is not None
        gone = session.branch
        try:
            session.undo()
        except EngineError as error:
            self._say(str(error), bad=True)
            return
        self._arrive()
        self._say(_("undone: {edit}; on {branch} again").format(edit=gone.edit, branch=session.branch.name))

    # -- branches

    def do_branches(self) -> None:
        """Lists the branches."""
        self._branches("")

    def line_branch(self, rest: str) -> None:
        """Goes to a branch, or lists them."""
        if not rest:
            self.do_branches()
            return
        self._switch(rest)

    def line_compare(self, rest: str) -> None:
        """Shows this branch beside another one, by default the one that it departs from."""
        if not self._when_idle(lambda: self.line_compare(rest)):
            return
        session = self.session
        assert session is not None
        try:
            other = session.branch_called(rest) if rest else session.branch.parent
            if other is None or other is session.branch:
                known = ", ".join(branch.name for branch in session.branches if branch is not session.branch)
                if not known:
                    raise EngineError(_("there is one branch only; an edit makes another"))
                raise EngineError(_("compare takes the name of another branch: {known}").format(known=known))
        except EngineError as error:
            self._say(str(error), bad=True)
            return
        self._branches(other.name)

    def _branches(self, compared: str) -> None:
        if not self._when_idle(lambda: self._branches(compared)):
            return
        from retrograde.tui.screens.branches import BranchesScreen

        session = self.session
        assert session is not None

        def answered(choice: Switch | Visit | None) -> None:
            if not self._when_idle(lambda: answered(choice)):
                return
            self._compared = screen.compared or self._compared
            if isinstance(choice, Switch):
                self._switch(choice.name)
            elif isinstance(choice, Visit):
                self._jump(choice.number)
            else:
                self._moved(follow=False)

        screen = BranchesScreen(session, self._glyphs, self._job, compared)
        self.app.push_screen(screen, answered)

    def _switch(self, name: str) -> None:
        if not self._when_idle(lambda: self._switch(name)):
            return
        session = self.session
        assert session is not None
        try:
            go_to(session, name)
        except EngineError as error:
            self._say(str(error), bad=True)
            return
        self._arrive()
        self._say(_("on branch {name}").format(name=name))

    def line_rename(self, rest: str) -> None:
        """Gives this branch another name."""
        if not self._when_idle(lambda: self.line_rename(rest)):
            return
        session = self.session
        assert session is not None
        old = session.branch.name
        try:
            session.rename(rest)
        except EngineError as error:
            self._say(str(error), bad=True)
            return
        if self._compared == old:
            self._compared = rest
        self._moved(follow=False)
        self._say(_("{old} is called {new}").format(old=old, new=rest))

    def _other_branch(self) -> Branch | None:
        """The branch whose loss is drawn beside this one's: the one that was compared last, else the parent."""
        session = self.session
        if session is None:
            return None
        for branch in session.branches:
            if branch.name == self._compared and branch is not session.branch:
                return branch
        return session.branch.parent

    def _schedule_parent(self) -> None:
        """Runs the parent branch up to the cursor while it rests, so that what differs can be marked."""
        if self._parent_timer is not None:
            self._parent_timer.stop()
            self._parent_timer = None
        if self.session is not None and waits(self.session):
            self._parent_timer = self.set_timer(REST_SECONDS, self._run_parent)

    def _run_parent(self) -> None:
        from retrograde.tui.reading.reading import Reading

        session = self.session
        parent = None if session is None else session.branch.parent
        if session is None or parent is None or self.run_state is not None:
            return
        if waits(session) and not catch_up(parent, session.iteration):
            self._parent_timer = self.set_timer(TICK_SECONDS, self._run_parent)
        elif not waits(session):
            self.reading = Reading.of(session)
            self._show()

    # -- notes

    def line_note(self, rest: str) -> None:
        """Notes a text on this step; without a text, forgets what was noted."""
        if not self._when_idle(lambda: self.line_note(rest)):
            return
        session = self.session
        assert session is not None
        place = (session.branch.name, session.position)
        if rest:
            session.notes[place] = rest
            text = _("noted on this step; :notes lists all")
        elif session.notes.pop(place, None) is not None:
            text = _("the note is gone")
        else:
            text = _("note takes a text, such as note saturated from here on")
        self._moved(follow=False)
        self._say(text)

    def line_notes(self, rest: str) -> None:
        """Lists the notes, to go to one."""
        if not self._when_idle(lambda: self.line_notes(rest)):
            return
        from retrograde.tui.screens.choosing import ChoiceScreen
        from retrograde.tui.views.debugging import address

        session = self.session
        assert session is not None
        found = sorted(session.notes.items())
        if not found:
            self._say(_(":note TEXT notes something on a step"))
            return
        rows = tuple((address(session.schedule, position), name, text) for (name, position), text in found)

        def go(choice: int | None) -> None:
            if choice is None:
                return
            name, position = found[choice][0]
            if name != session.branch.name:
                self._switch(name)
            self._jump(position)

        self.app.push_screen(ChoiceScreen(_("notes"), rows, self._glyphs), go)


def _same(one: float | None, other: float) -> bool:
    return (
        one is not None
        and (one == other or (one != one and other != other))
        and math.copysign(1, one) == (math.copysign(1, other))
    )
