"""From a key, or a written word, to the row of the table that says what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.binding import Binding, BindingsMap, BindingType

from retrograde.engine.errors import OnlyReadError
from retrograde.engine.text import _, language
from retrograde.tui.commands.keys import footer_key, footer_keys
from retrograde.tui.debugger.desk import NOTHING_SAID
from retrograde.tui.debugger.situation import ANYWHERE, Situated, situation
from retrograde.tui.debugger.table import Row, commands
from retrograde.tui.records.status import FooterView

if TYPE_CHECKING:
    from retrograde.tui.commands.command import Situation
    from retrograde.tui.debugger.desk import Desk
    from retrograde.tui.debugger.panelled import PanelledScreen
    from retrograde.tui.debugger.parts import Parts
    from retrograde.tui.work.unsaved import Keeper


def bindings() -> list[BindingType]:
    """What Textual is told of the keys: each leads to ``action_command`` with the id of its row."""
    return [Binding(",".join(row.keys), f"command('{row.id}')", show=False) for row in commands() if row.keys]


def rebind(bound: BindingsMap) -> None:
    """Gives a screen the keys that were chosen since its class was made.

    Args:
        bound: the keys of the screen.
    """
    for key, found in list(bound.key_to_bindings.items()):
        if any(one.action.startswith("command(") for one in found):
            del bound.key_to_bindings[key]
    for one in Binding.make_bindings(bindings()):
        bound.key_to_bindings[one.key] = [one]


MOST_WORDED = 64
"""Footers that are kept: one for each situation and parameter."""


class Rows:
    """The table as a screen reads it when it begins.

    Attributes:
        by_id: the rows.
        words: the words of the command line, with the ids of their commands.
    """

    def __init__(self) -> None:
        self.by_id = {row.id: row for row in commands()}
        self.words = {row.word: row.id for row in commands() if row.word}
        self._footers: dict[Situation, tuple[Row, ...]] = {}
        self._worded: dict[tuple[Situated, str, frozenset[str]], tuple[tuple[Row, ...], FooterView]] = {}

    def footer(
        self, why_not: Callable[[Row], str], at: Situated = ANYWHERE, offered: Callable[[Row], bool] | None = None
    ) -> FooterView:
        """The keys of the footer; grey where a command is not possible now.

        Args:
            why_not: says why a command is not possible; empty where it is.
            at: what is on the screen.
            offered: says whether a command is listed at all; None for every one.
        """
        rows = self._footers.get(at.kind)
        if rows is None:
            rows = self._footers[at.kind] = footer_keys(commands(), at.kind)
        hidden = frozenset() if offered is None else frozenset(row.id for row in rows if not offered(row))
        key = (at, language(), hidden)
        known = self._worded.get(key)
        if known is None:
            if len(self._worded) >= MOST_WORDED:
                self._worded.clear()
            known = self._worded[key] = self._word(at, rows, hidden)
        rows, view = known
        return replace(view, grey=frozenset(number for number, row in enumerate(rows) if why_not(row)))

    def _word(
        self, at: Situated, listed: tuple[Row, ...], hidden: frozenset[str]
    ) -> tuple[tuple[Row, ...], FooterView]:
        """The rows of the footer, and their keys with what they do."""
        rows = tuple(row for row in listed if row.id not in hidden and (at.name or "{name}" not in row.short))
        keys = [footer_key(row, self.by_id) for row in rows]
        if at.original:
            # What leads back comes first: it is what a variant has that no scenario has.
            rows = tuple(sorted(rows, key=lambda row: not row.varied))
            keys = [footer_key(row, self.by_id) for row in rows]

        def word(row: Row, *, brief: bool) -> str:
            if at.original and row.varied:
                return _("back") if brief else _(row.varied).format(name=at.original)
            return _(row.brief or row.short) if brief else _(row.short).format(name=at.name)

        return rows, FooterView(
            keys=tuple((key, word(row, brief=False)) for row, (key, _one) in zip(rows, keys, strict=True)),
            brief=tuple((key, word(row, brief=True)) for row, (_both, key) in zip(rows, keys, strict=True)),
            kept=next((number for number, row in enumerate(rows) if row.kept), -1),
        )


class Doing:
    """Does commands.

    Args:
        desk: the session on the screen.
        screen: the screen that shows it.
        keeper: keeps what was not saved.

    Attributes:
        parts: the parts, on which the rows act.
    """

    def __init__(self, desk: Desk, screen: PanelledScreen, keeper: Keeper) -> None:
        self._desk = desk
        self._screen = screen
        self._rows = Rows()
        self._begun = ""
        # Here, so that the first paint need not wait for what the parts need; the app loads it while it reads.
        from retrograde.tui.debugger.parts import Parts

        self.parts = Parts(desk, keeper, self._rows.words, self.obey, commands)

    def do(self, name: str, *, sure: bool = False) -> None:
        """Does what the key of a command does.

        Args:
            name: the id of the command.
            sure: at once, even where the key has to be pressed twice.
        """
        row, desk, working = self._rows.by_id[name], self._desk, self.parts.working
        working.stand_back()
        if name == "pause" and self.parts.touring.leave():
            return
        begun, self._begun = self._begun, ""
        self.parts.keeping.next_key()
        if desk.notice.text:
            desk.notice = NOTHING_SAID
            if working.work is None:
                desk.paint_footer()
        if name != "enter":
            desk.goal = None
        refusal = self._refusal(row)
        if refusal:
            desk.say(refusal)
        elif row.twice and begun != name and not sure:
            self._begun = name
        elif row.act is not None:
            self._act(row.act)
        elif row.early is not None:
            row.early(self._screen)
        else:
            self.parts.writing.ask(f"{row.word} ")
        self.parts.touring.did(name)

    def obey(self, name: str, rest: str) -> None:
        """Does what was written on the command line.

        Args:
            name: the id of the command.
            rest: what stands after its word.
        """
        row = self._rows.by_id[name]
        refusal = self._refusal(row)
        if refusal:
            self._desk.say(refusal, bad=True)
        elif row.obey is not None:
            row.obey(self.parts, rest)
        else:
            self.do(name)

    def why_not(self, row: Row) -> str:
        """Why a command is not possible now; empty where it is.

        Args:
            row: its row.
        """
        refusal = self._refusal(row)
        if refusal or row.when is None:
            return refusal
        try:
            return row.when(self.parts)
        except OnlyReadError as error:
            return str(error)

    def _act(self, act: Callable[[Parts], None]) -> None:
        """Does what a key does; says what a recording has not."""
        try:
            act(self.parts)
        except OnlyReadError as error:
            self._desk.say(str(error))

    def _refusal(self, row: Row) -> str:
        """Why a command can do nothing with a recording or a variant; empty where it can, and of scenarios."""
        recording, original = self._desk.session.recording, self._desk.session.original
        if original and row.scenario:
            return _("not of a variant, whose equations are others; q goes back to {name}").format(name=original)
        if recording is None:
            return ""
        granularity = row.id.removesuffix("_back")
        granularity = "sample" if granularity in {"samples", "misclassified", "confusion"} else granularity
        if granularity in {"sample", "iteration", "epoch"}:
            return str(recording.no_such_motion(granularity))
        if row.unrecorded:
            return _(row.unrecorded)
        return str(recording.only_read()) if row.runs else ""

    def footer(self) -> FooterView:
        """The keys of the footer."""
        return self._rows.footer(self.why_not, situation(self._desk), self._offered)

    def _offered(self, row: Row) -> bool:
        """Whether a command is in the footer: not what no recording has, nor what has nothing to say here."""
        return not self._refusal(row) and (row.offered is None or row.offered(self.parts))
