"""The rows of the command palette, from the table of commands; grey, with the reason, what is not possible now."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from retrograde.engine.text import _
from retrograde.tui.canvas.glyphs import plain
from retrograde.tui.debugger.loading import LoadingScreen
from retrograde.tui.debugger.screen import DebuggerScreen
from retrograde.tui.debugger.table import commands


class Offer(NamedTuple):
    """A command that the palette offers.

    Attributes:
        title: what it does, and its key.
        help: one sentence; why it is not possible now where it is not.
        possible: whether it is possible now.
        name: its id.
    """

    title: str
    help: str
    possible: bool
    name: str


def offers(screen: LoadingScreen | DebuggerScreen) -> Iterator[Offer]:
    """What the palette offers on a screen.

    Args:
        screen: the screen that it was opened from.
    """
    clean = plain if screen.glyphs.ascii else str
    for row in commands():
        if row.palette:
            title, reason = _(row.title), screen.why_not(row)
            title = f"{title[0].upper()}{title[1:]}  ({row.shown})"
            yield Offer(clean(title), clean(reason or _(row.help)), not reason, row.id)


class Palette(Provider):
    """Offers the commands."""

    async def discover(self) -> Hits:
        """All of them, by their titles."""
        screen = self.screen
        if isinstance(screen, LoadingScreen | DebuggerScreen):
            for one in sorted(offers(screen)):
                shown = one.title if one.possible else _grey(Content(one.title))
                yield DiscoveryHit(shown, partial(screen.do, one.name, sure=True), one.title, one.help)

    async def search(self, query: str) -> Hits:
        """Those whose title is like what is typed.

        Args:
            query: what is typed.
        """
        screen, matcher = self.screen, self.matcher(query)
        if isinstance(screen, LoadingScreen | DebuggerScreen):
            for one in offers(screen):
                score = matcher.match(one.title)
                if score > 0:
                    shown = matcher.highlight(one.title)
                    shown = shown if one.possible else _grey(shown)
                    yield Hit(score, shown, partial(screen.do, one.name, sure=True), one.title, one.help)


def _grey(shown: Content) -> Content:
    return shown.stylize("dim")
