"""Motions: steps, jumps, and to where a value comes from or is used."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _
from retrograde.tui.work.turns import Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.explaining.step import Moment
    from retrograde.engine.recording.recording import Recording
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.screens.goals import Visit

T = TypeVar("T")

MOST_USES = 500
"""Steps that read a value which are listed."""


class Moving:
    """The part that moves the cursor."""

    def __init__(self, desk: Desk, working: Working) -> None:
        self._desk = desk
        self._working = working

    def motion(self, granularity: str, *, back: bool = False) -> None:
        """Steps or goes back by a granularity.

        Args:
            granularity: how far.
            back: backward.
        """
        session = self._desk.session
        if self._working.walk(lambda: session.back(granularity) if back else session.step(granularity)):
            return
        if not self._working.when_idle(lambda: self.motion(granularity, back=back)):
            return
        try:
            moved = session.back(granularity) if back else session.step(granularity)
        except EngineError as error:
            # A recording has no samples, iterations and epochs.
            self._desk.say(str(error))
            return
        if moved:
            self._desk.moved()
        else:
            self._desk.say(self.why_not_back if back else self.why_not_on)

    @property
    def why_not_on(self) -> str:
        """Why there is nothing to go on to; empty where there is."""
        session = self._desk.session
        return "" if session.position < session.length else _("this is the end of the training")

    @property
    def why_not_back(self) -> str:
        """Why there is nothing to go back to; empty where there is."""
        session = self._desk.session
        return "" if session.position or session.term else _("this is the initial state")

    # -- going somewhere

    def seek(self, where: int) -> None:
        """Goes to a position and remembers where from; what takes long is done in the worker.

        Args:
            where: the position.
        """
        session = self._desk.session
        if where <= session.branch.frontier and self._working.walk(lambda: self._visit(where)):
            return
        if not self._working.when_idle(lambda: self.seek(where)):
            return
        if where <= session.frontier:
            self._visit(where)
            self._desk.moved()
        else:
            self._working.seek(where)

    def returned(self, choice: Visit | T | None, otherwise: Callable[[T], None] | None = None) -> None:
        """A screen over the panels has been left: goes where it was closed with, or does what it was closed with.

        Args:
            choice: what the screen answered; None where it was only closed.
            otherwise: does what is no place to go to.
        """
        from retrograde.tui.screens.goals import Visit

        if not self._working.when_idle(lambda: self.returned(choice, otherwise)):
            return
        self._working.take_back()
        if isinstance(choice, Visit):
            self.seek(choice.number)
        elif choice is None or otherwise is None:
            self._desk.moved(follow=False)
        else:
            otherwise(choice)

    def offer_break(self) -> None:
        """Says of a recording where it stopped being finite; Enter goes there."""
        recording = self._desk.session.recording
        broken = None if recording is None else recording.broken
        if recording is None or broken is None:
            return
        from retrograde.tui.reading.recorded import headline, step_of

        self._desk.goal = step_of(recording, broken)
        text = _("the first value that is not finite: {what}; Enter goes there")
        self._desk.say(text.format(what=headline(recording, broken)), bad=True)

    def to_goal(self) -> bool:
        """Goes to the step that the notice is about; False where it is about none."""
        goal, self._desk.goal = self._desk.goal, None
        if goal is not None:
            self.seek(goal)
        return goal is not None or self._to_break()

    def _to_break(self) -> bool:
        """Of a step whose value is not finite, goes to where that began; False where nothing is asked for that."""
        from math import isfinite

        from retrograde.engine.explaining.nonfinite import origin

        desk, reading = self._desk, self._desk.reading
        step = reading.step
        if step is None or isfinite(reading.frame.value(step.target)) or desk.selected is not None:
            return False
        if not self._working.turns.allows(Event.USE):
            return False
        found = origin(reading.frame, step.target)
        number = None if found is None else reading.made_by(found.ref)
        if found is None or number == reading.position:
            desk.say(_("it began here"))
        elif number is None:
            desk.say(_("{name} was given, no step made it").format(name=reading.symbol(found.ref)))
        else:
            self.seek(number)
        return True

    def _visit(self, where: int) -> None:
        session = self._desk.session
        origin = session.here
        session.seek(where)
        if session.here != origin:
            session.visit(origin)

    def to_start(self) -> None:
        """Goes to the initial state."""
        self.seek(0)

    def to_end(self) -> None:
        """Goes to the furthest moment that was reached."""
        if self._working.when_idle(self.to_end):
            self.seek(self._desk.session.frontier)

    def to_address(self, where: str) -> None:
        """Goes to an address.

        Args:
            where: the address, such as ``2:1:17``.
        """
        self.seek(self._desk.session.find(where))

    # -- going by what is shown

    def to_origin(self) -> None:
        """Goes to the step that made the selected operand, or the first that was made by one."""
        chosen = self._desk.operand
        if chosen is not None:
            if chosen.made_by is None:
                self._desk.say(_("{name} was given, no step made it").format(name=chosen.symbol))
            else:
                self.seek(chosen.made_by)
            return
        made = next((one.made_by for one in self._desk.operands if one.made_by is not None), None)
        if made is None:
            self._desk.say(_("all operands were given, no step made them"))
        else:
            self.seek(made)

    def to_uses(self) -> None:
        """Lists the steps that read the selected operand, or the value of this step."""
        if not self._working.when_idle(self.to_uses):
            return
        session, reading = self._desk.session, self._desk.reading
        if reading.step is None:
            self._desk.say(_("make a step first"))
            return
        chosen = self._desk.operand
        ref = reading.step.target if chosen is None else chosen.ref
        if reading.recording is None:
            self._list_uses(ref, session.uses(ref))
            return
        # Of some ops each equation has to be looked at, which takes long where they are large.
        title = _("where {name} is used").format(name=reading.symbol(ref))
        self._working.search(
            title, lambda job: session.uses(ref, job.searched), lambda found: self._list_uses(ref, found)
        )

    def _list_uses(self, ref: Ref, found: tuple[Moment, ...]) -> None:
        """Lists the steps that read a slot; goes to the only one."""
        symbol = self._desk.reading.symbol(ref)
        if not found:
            self._desk.say(_("{name} is not used again in this iteration").format(name=symbol))
            return
        if len(found) == 1:
            self.seek(found[0].number)
            return
        from retrograde.tui.screens.choosing import ChoiceScreen

        rows = tuple(self._use(moment) for moment in found[:MOST_USES])
        title = _("where {name} is used").format(name=symbol)

        def go(choice: int | None) -> None:
            if choice is not None:
                self.seek(found[choice].number)

        self._desk.host.ask(ChoiceScreen(title, rows, self._desk.host.glyphs), go)

    def _use(self, moment: Moment) -> tuple[str, str, str]:
        """What is said of a step that reads a value: its number, its symbol and its place."""
        from retrograde.tui.reading.figures import phase_word

        step = self._desk.session.step_at(moment.number)
        place = f"{phase_word(moment.phase)} {moment.layer} · {step.op.title}"
        return _("step {number}").format(number=f"{moment.step:,}"), self._desk.reading.symbol(step.target), place

    def to_node(self) -> None:
        """Goes to the step that made the value of the selected neuron."""
        from retrograde.tui.views.slots import node_ref

        reading, lens = self._desk.reading, self._desk.lens
        if lens.node < 0:
            self._desk.say(_("select a neuron with the arrows first"))
            return
        if reading.recording is not None:
            self._to_module(reading.recording, lens.node)
            return
        ref = node_ref(reading, lens.node)
        number = None if ref is None else reading.made_by(ref)
        if number is None:
            name = "" if ref is None else reading.symbol(ref)
            self._desk.say(_("{name} is an input, no step made it").format(name=name))
        else:
            self.seek(number)

    def _to_module(self, recording: Recording, row: int) -> None:
        """Goes to the first step of a module in the forward pass, or to that of the loss."""
        from retrograde.tui.views.modules import target_of

        ref = target_of(recording, row)
        number = None if ref is None else self._desk.reading.made_by(ref)
        if number is None:
            self._desk.say(_("this was given, or makes nothing in the forward pass: no step is its first"))
        else:
            self.seek(number)

    def to_row(self) -> None:
        """Goes to the next step that makes the gradient or the new value of the selected parameter."""
        self._to_row(back=False)

    def to_row_back(self) -> None:
        """Goes to the previous such step."""
        self._to_row(back=True)

    def _to_row(self, *, back: bool) -> None:
        if not self._working.when_idle(lambda: self._to_row(back=back)):
            return
        from retrograde.tui.views.parameters import steps_of_parameter

        reading, lens, parameters = self._desk.reading, self._desk.lens, self._desk.parameters
        number = steps_of_parameter(reading, parameters.ref(lens.weight), back=back) if parameters else None
        if number is None:
            self._desk.say(_("there is no such step"))
            return
        keep = lens.weight
        self.seek(number)
        self._desk.lens = replace(self._desk.lens, weight=keep)
