"""Help: all of it, a word, or the symbol that is selected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograde.engine.text import _

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from retrograde.tui.commands.command import Command
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.working import Working
    from retrograde.tui.views.topics import Topic


class Helping:
    """The part that says what something is.

    Args:
        desk: the desk.
        working: who has the session.
        table: gives the table of commands.
    """

    def __init__(self, desk: Desk, working: Working, table: Callable[[], Sequence[Command]]) -> None:
        self._table = table
        self._desk = desk
        self._working = working

    def help(self, word: str = "") -> None:
        """Shows what a word means; without one, the help.

        Args:
            word: a symbol, a command, a key, a sign, a term, a kind of layer or a word of formulas.

        Raises:
            EngineError: it means nothing here.
        """
        from retrograde.tui.views.topics import topics_of

        if not word:
            self._show()
        elif self._working.when_idle(lambda: self.help(word)):
            desk = self._desk
            self._show(*topics_of(word, desk.session, self._table(), desk.host.glyphs))

    def symbol(self) -> None:
        """Says what the selected symbol is, or that which this step makes."""
        from retrograde.tui.views.topics import symbol_topic

        if not self._working.when_idle(self.symbol):
            return
        desk = self._desk
        ref = desk.selected
        if ref is None and desk.reading.step is not None:
            ref = desk.reading.step.target
        if ref is None:
            desk.say(_("select something with the arrows, or make a step first"))
        else:
            self._show(symbol_topic(ref, desk.session))

    def _show(self, *topics: Topic) -> None:
        from retrograde.tui.commands.keys import key_rows

        self._desk.host.show_help(key_rows(self._table()), topics)
