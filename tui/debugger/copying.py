"""Copying: what is selected, as a text for another program."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import TYPE_CHECKING

from retrograde.engine.equations.expression import Ref
from retrograde.engine.errors import EngineError
from retrograde.engine.text import _, joined

if TYPE_CHECKING:
    from retrograde.engine.scenario.models import Scenario
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.reading.reading import Reading

KINDS = ("value", "equation", "row", "address")
"""What can be copied, as it is written on the command line."""
ROOM = 60
"""Characters of a text that are shown before it is copied."""


class Copying:
    """The part that copies."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def key(self) -> None:
        """Copies what the mouse has marked; asks what, where it has marked nothing."""
        marked = self._desk.host.marked()
        if marked:
            self._copy(marked)
            return
        from retrograde.tui.screens.choosing import ChoiceScreen

        found = dict(self._texts())
        titles = {"value": _("value"), "equation": _("equation"), "row": _("row"), "address": _("address")}

        def copy(row: int | None) -> None:
            if row is not None:
                self._copy(tuple(found.values())[row])

        rows = tuple((titles[kind], _head(text)) for kind, text in found.items())
        self._desk.host.ask(ChoiceScreen(_("copy"), rows, self._desk.host.glyphs), copy)

    def written(self, kind: str) -> None:
        """Copies what is named.

        Args:
            kind: one of ``KINDS``; empty to be asked.

        Raises:
            EngineError: it is none, or there is no such thing here.
        """
        if not kind:
            self.key()
            return
        text = dict(self._texts()).get(kind)
        if text is None and kind in KINDS:
            raise EngineError(_("make a step first"))
        if text is None:
            raise EngineError(_("copy takes {kinds}").format(kinds=joined(KINDS, ", ")))
        self._copy(text)

    def _copy(self, text: str) -> None:
        self._desk.host.copy(text)
        self._desk.say(_("copied: {text}").format(text=_head(text)))

    def _texts(self) -> Iterator[tuple[str, str]]:
        """What there is to copy, by its kind."""
        desk, reading = self._desk, self._desk.reading
        step = reading.step
        ref = desk.selected
        if ref is None and step is not None:
            ref = step.target
        value = None if ref is None else reading.visible(ref)
        if value is not None:
            yield "value", repr(value)
        recording = reading.recording
        if step is not None and (recording is None or not recording.silence(step.place.op)):
            symbols, numbers = step.text()
            yield "equation", " = ".join(dict.fromkeys((step.symbol, symbols, numbers, repr(step.result))))
        if len(desk.parameters):
            yield "row", _row(reading, desk.parameters.ref(desk.lens.weight))
        if desk.session.branch.parent is None and not desk.session.original:
            # An edit is in no file of a scenario: a saved session has it. A variant is in none.
            yield "address", _address(reading)


def _row(reading: Reading, ref: Ref) -> str:
    """A parameter, its gradient and its new value in full, between tabs: what a spreadsheet takes."""
    named = reading.program.named
    cells = [reading.symbol(ref)]
    for name in (ref.array.name, f"grad({ref.array.name})", f"new({ref.array.name})"):
        array = named.get(name)
        value = None if array is None else reading.visible(Ref(array, ref.index))
        cells.append("" if value is None else repr(value))
    return "\t".join(cells)


def _address(reading: Reading) -> str:
    """What opens this moment again, after `retrograde`."""
    from retrograde.tui.views.debugging import address

    if reading.recording is not None:
        # Its one iteration is the first of the first epoch.
        file = quote(str(reading.recording.file.path))
        return f"{file}@1:1:{reading.position}" if reading.position else file
    name = called(reading.scenario)
    return f"{name}@{address(reading.schedule, reading.position)}" if reading.position else name


def called(scenario: Scenario) -> str:
    """What a scenario is called in a shell: its name, or its file where it does not ship."""
    from retrograde.engine.scenario.catalogue import folder

    ships = scenario.path is None or scenario.path.parent == folder()
    _stem, colon, behind = scenario.name.partition(":")
    return quote(scenario.name) if ships else quote(f"{scenario.path}{colon}{behind}")


def _head(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(line) <= ROOM else line[: ROOM - 1] + "…"
