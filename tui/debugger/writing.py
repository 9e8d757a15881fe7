"""The command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from retrograde.engine.errors import EngineError, FormulaError
from retrograde.engine.text import _, suggest
from retrograde.tui.commands.table import commands
from retrograde.tui.debugger.working import Working

if TYPE_CHECKING:
    from retrograde.tui.commands.words import Fault


class Writing(Working):
    """The part of the screen that obeys what is written."""

    def do_line(self) -> None:
        """Asks for an address or a command."""
        self._write()

    def _write(self, text: str = "", fault: Fault | None = None) -> None:
        from retrograde.tui.screens.command_line import LineScreen

        hint = _("2:1:17   50%   +5i   run 100   break E < 0.01   first E < 0.01   Tab completes")
        line = LineScreen(":", hint, text, fault=fault, history=self._history, complete=self._complete)
        self.app.push_screen(line, self._obey)

    def _obey(self, text: str | None) -> None:
        """Does what was written on the command line."""
        line = (text or "").strip().lstrip(":").strip()
        if not line or self.session is None:
            return
        if self._busy and not self._when_idle(lambda: self._obey(text)):
            return
        word, _space, rest = line.partition(" ")
        if word.endswith("!"):
            word, rest = word[:-1], f"! {rest}"
        known = {written: name for name, written in command_words().items()}
        name = known.get("quit" if word == "q" else word)
        self._record(line)
        try:
            if name is not None:
                written = getattr(self, f"line_{name}", None)
                if written is not None:
                    written(rest.strip())
                else:
                    self.do(name)
            elif not rest and (not word.isalpha() or word in {"start", "end"}):
                # A bare number is the number of a step; 2: and 2:1 are addresses.
                self._go(f"@{word}" if word.isdigit() else word.rstrip(":"))
            else:
                raise FormulaError(line, 1, self._no_command(word, known))
        except EngineError as error:
            self._write(line, self._fault(error, line))

    def _record(self, line: str) -> None:
        """Remembers a line that was written."""
        if line in self._history:
            self._history.remove(line)
        self._history.append(line)

    def _complete(self, head: str) -> tuple[str, list[str]]:
        """What the end of a line may become."""
        from retrograde.tui.commands.words import complete, names

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
        from retrograde.tui.commands.words import fault_of

        return fault_of(error, line)

    @staticmethod
    def _no_command(word: str, known: Iterable[str]) -> str:
        near = suggest(word, known, most=2)
        return _("{text} is no command").format(text=word) + (
            near or _("; Tab lists them, and 2:1:17, 120 or 50% are addresses")
        )


def command_words() -> dict[str, str]:
    """The words of the command line, by the id of their command."""
    return {command.id: command.word for command in commands() if command.word}
