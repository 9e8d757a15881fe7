"""Motions: steps, jumps, and to where a value comes from or is used."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from retrograde.engine.text import _
from retrograde.tui.debugger.working import Working
from retrograde.tui.records.marks import PanelId

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Operand


class Moving(Working):
    """The part of the screen that moves the cursor."""

    def _motion(self, granularity: str, *, back: bool) -> None:
        session = self.session
        assert session is not None
        if self._walk(lambda: session.back(granularity) if back else session.step(granularity)):
            return
        if not self._when_idle(lambda: self._motion(granularity, back=back)):
            return
        moved = session.back(granularity) if back else session.step(granularity)
        if moved:
            self._moved()
        else:
            self._say(_("this is the initial state") if back else _("this is the end of the training"))

    # -- going somewhere

    def _jump(self, number: int) -> None:
        """Goes to a step and remembers where from."""
        self._seek(number)

    def _seek(self, where: int) -> None:
        """Goes to a position and remembers where from; what takes long is done in the worker."""
        session = self.session
        assert session is not None
        if where <= session.branch.frontier and self._walk(lambda: self._visit(where)):
            return
        if not self._when_idle(lambda: self._seek(where)):
            return
        if where <= session.frontier:
            self._visit(where)
            self._moved()
        else:
            self._origin = session.here
            self._start(where=where)

    def _visit(self, where: int) -> None:
        assert self.session is not None
        self._origin = self.session.here
        self.session.seek(where)
        self._remember()

    def _remember(self) -> None:
        """Remembers where a jump came from, if it has gone anywhere."""
        origin, self._origin = self._origin, None
        if self.session is not None and origin is not None and self.session.here != origin:
            self.session.visit(origin)

    def do_start(self) -> None:
        """Goes to the initial state."""
        self._leap(0)

    def do_end(self) -> None:
        """Goes to the furthest moment that was reached."""
        if self._when_idle(self.do_end):
            assert self.session is not None
            self._leap(self.session.frontier)

    def _leap(self, position: int) -> None:
        self._seek(position)

    def _go(self, where: str) -> None:
        assert self.session is not None
        self._seek(self.session.find(where))

    # -- going by what is shown

    def _operands(self) -> tuple[Operand, ...]:
        from retrograde.tui.views.equation import operands_of

        return () if self.reading is None else operands_of(self.reading)

    def do_origin(self) -> None:
        """Goes to the step that made the selected operand, or the first that was made by one."""
        operands = self._operands()
        assert self._lens is not None
        if 0 <= self._lens.operand < len(operands):
            chosen = operands[self._lens.operand]
            if chosen.made_by is None:
                self._say(_("{name} was given, no step made it").format(name=chosen.symbol))
                return
            self._jump(chosen.made_by)
            return
        made = next((operand.made_by for operand in operands if operand.made_by is not None), None)
        if made is None:
            self._say(_("all operands were given, no step made them"))
        else:
            self._jump(made)

    def do_uses(self) -> None:
        """Lists the steps that read the selected operand, or the value of this step."""
        if not self._when_idle(self.do_uses):
            return
        session, reading, lens = self.session, self.reading, self._lens
        assert session is not None
        assert reading is not None
        assert lens is not None
        if reading.step is None:
            self._say(_("make a step first"))
            return
        operands = self._operands()
        ref = operands[lens.operand].ref if 0 <= lens.operand < len(operands) else reading.step.target
        symbol = reading.symbol(ref)
        found = session.uses(ref)
        if not found:
            self._say(_("{name} is not used again in this iteration").format(name=symbol))
            return
        if len(found) == 1:
            self._jump(found[0].number)
            return
        from retrograde.tui.reading.figures import phase_word
        from retrograde.tui.screens.choosing import ChoiceScreen

        rows = []
        for moment in found[:500]:
            step = session.step_at(moment.number)
            place = f"{phase_word(moment.phase)} {moment.layer}"
            rows.append(
                (
                    _("step {number}").format(number=moment.step),
                    reading.symbol(step.target),
                    f"{place} · {step.op.title}",
                )
            )
        title = _("where {name} is used").format(name=symbol)

        def go(choice: int | None) -> None:
            if choice is not None:
                self._jump(found[choice].number)

        self.app.push_screen(ChoiceScreen(title, tuple(rows), self._glyphs), go)

    def do_enter(self) -> None:
        """Goes to what is selected in the panel that has the focus."""
        if self._focus is PanelId.WEIGHTS:
            self.do_row()
        elif self._focus is PanelId.NETWORK:
            self._enter_node()
        elif self._focus is PanelId.EQUATION:
            self.do_origin()
        elif self._focus is PanelId.DEBUG:
            self._enter_debug()

    def _enter_node(self) -> None:
        from retrograde.tui.views.slots import node_ref

        reading, lens = self.reading, self._lens
        assert reading is not None
        assert lens is not None
        if lens.node < 0:
            self._say(_("select a neuron with the arrows first"))
            return
        ref = node_ref(reading, lens.node)
        number = None if ref is None else reading.made_by(ref)
        if number is None:
            name = "" if ref is None else reading.symbol(ref)
            self._say(_("{name} is an input, no step made it").format(name=name))
        else:
            self._jump(number)

    def do_row(self) -> None:
        """Goes to the next step that makes the gradient or the new value of the selected parameter."""
        self._to_row(back=False)

    def do_row_back(self) -> None:
        """Goes to the previous such step."""
        self._to_row(back=True)

    def _to_row(self, *, back: bool) -> None:
        if not self._when_idle(lambda: self._to_row(back=back)):
            return
        from retrograde.tui.views.parameters import steps_of_parameter

        reading, lens, parameters = self.reading, self._lens, self._parameters
        assert reading is not None
        assert lens is not None
        assert parameters is not None
        number = steps_of_parameter(reading, parameters.ref(lens.weight), back=back) if parameters else None
        if number is None:
            self._say(_("there is no such step"))
            return
        keep = lens.weight
        self._jump(number)
        if self._lens is not None:
            self._lens = replace(self._lens, weight=keep)
