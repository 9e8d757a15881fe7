"""The command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError, FormulaError
from retrograde.engine.text import _, suggest
from retrograde.tui.work.turns import Event

if TYPE_CHECKING:
    from retrograde.tui.commands.words import Fault
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.moving import Moving
    from retrograde.tui.debugger.working import Working

_ADDRESS = re.compile(r"[-+−@]?\d")
"""What an address begins with."""


class Writing:
    """The part that obeys what is written.

    Args:
        desk: the desk.
        working: who has the session.
        moving: goes to addresses.
        words: the words of the command line, with the ids of their commands.
        obey: does the command with an id, with what is written after its word.
    """

    def __init__(
        self,
        desk: Desk,
        working: Working,
        moving: Moving,
        words: Mapping[str, str],
        obey: Callable[[str, str], None],
    ) -> None:
        self._desk = desk
        self._working = working
        self._moving = moving
        self._words = words
        self._do = obey
        self._history: list[str] = []
        self._names: tuple[str, ...] = ()
        desk.beginners.append(self._forget)

    def _forget(self) -> None:
        self._names = ()

    def ask(self, text: str = "", fault: Fault | None = None) -> None:
        """Asks for an address or a command.

        Args:
            text: the text to begin with.
            fault: what is wrong with it.
        """
        from retrograde.tui.screens.command_line import LineScreen

        hint = _("2:1:17   50%   +5i   run 100   break E < 0.01   first E < 0.01   Tab completes")
        line = LineScreen(":", hint, text, fault=fault, history=self._history, complete=self._complete)
        self._desk.host.ask(line, self._obey)

    def _obey(self, text: str | None) -> None:
        """Does what was written on the command line."""
        line = (text or "").strip().lstrip(":").strip()
        if not line:
            return
        if not self._working.turns.allows(Event.LOOK) and not self._working.when_idle(lambda: self._obey(text)):
            return
        word, _space, rest = line.partition(" ")
        if word.endswith("!"):
            word, rest = word[:-1], f"! {rest}"
        known = self._words
        name = known.get("quit" if word == "q" else word)
        self._record(line)
        try:
            if name is not None:
                self._do(name, rest.strip())
            elif not rest and (_ADDRESS.match(word) or word in {"start", "end"}):
                # A bare number is the number of a step; 2: and 2:1 are addresses.
                self._moving.to_address(f"@{word}" if word.isdigit() else word.rstrip(":"))
            else:
                self._value(line, word, known)
        except EngineError as error:
            self.ask(line, self._fault(error, line))

    def _value(self, line: str, word: str, known: Iterable[str]) -> None:
        """Says what an expression is worth that was written without a command.

        Raises:
            EngineError: it is none.
        """
        try:
            self._do("print", line)
        except EngineError:
            # A word that is neither may have been meant for a command, anything else for a value.
            if word.isalpha():
                raise FormulaError(line, 1, self._no_command(word, known)) from None
            raise

    def _record(self, line: str) -> None:
        """Remembers a line that was written."""
        if line in self._history:
            self._history.remove(line)
        self._history.append(line)

    def _complete(self, head: str) -> tuple[str, list[str]]:
        """What the end of a line may become."""
        from retrograde.tui.commands.words import complete, names

        session = self._desk.session
        if not self._names:
            self._names = names(session.network, session.schedule)
        return complete(head, [*self._words, "start", "end"], self._names, session.notation.layer_names)

    @staticmethod
    def _fault(error: EngineError, line: str) -> Fault:
        """Where in a line an error is."""
        from retrograde.tui.commands.words import fault_of

        return fault_of(error, line)

    @staticmethod
    def _no_command(word: str, known: Iterable[str]) -> str:
        near = suggest(word, known, most=2)
        return _("{text} is no command").format(text=word) + (
            near or _("; Tab lists them, and 2:1:17, 120 or 50% are addresses")
        )
