"""Who has the session, as one table of states and events: what is not in it is refused, and nothing has happened.

A worker computes in a thread of its own while the screen goes on taking keys. `python -m retrograde.tui.work.turns`
draws the table for the documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum


class Turn(Enum):
    """Who has the session; the value says it in a few words."""

    FREE = "the debugger's screen"
    LENT = "the screen of branches, in front of it"
    RUN = "a run, which lets it go between two pieces"
    WALK = "a run, while the cursor walks its past"
    PAUSE = "a run that was asked to end"
    SEEK = "a seek that has to compute its way"
    SEARCH = "a search that was asked for"
    QUIET = "a search that nobody asked for"
    STOP = "a seek or a search that was asked to end"
    LENT_SEARCH = "a search for the screen of branches"
    LENT_STOP = "such a search that was asked to end"


class Event(Enum):
    """What is wanted of the session, or happens to it; the value says it in a few words."""

    USE = "move or change it, on the screen's thread"
    LOOK = "look at it, or change something small, between two pieces"
    WALK = "move over the past of a run that goes on"
    RUN = "begin a run"
    SEEK = "begin a seek"
    SEARCH = "begin a search that was asked for"
    REST = "begin a search that nobody asked for"
    LEND = "show the branches"
    RETURN = "leave the branches"
    STOP = "ask the work to end"
    END = "the work is over"


TABLE: dict[Turn, dict[Event, Turn]] = {
    Turn.FREE: {
        Event.USE: Turn.FREE,
        Event.LOOK: Turn.FREE,
        Event.RUN: Turn.RUN,
        Event.SEEK: Turn.SEEK,
        Event.SEARCH: Turn.SEARCH,
        Event.REST: Turn.QUIET,
        Event.LEND: Turn.LENT,
    },
    Turn.LENT: {
        Event.USE: Turn.LENT,
        Event.LOOK: Turn.LENT,
        Event.SEARCH: Turn.LENT_SEARCH,
        Event.RETURN: Turn.FREE,
    },
    Turn.RUN: {Event.LOOK: Turn.RUN, Event.WALK: Turn.WALK, Event.STOP: Turn.PAUSE, Event.END: Turn.FREE},
    Turn.WALK: {Event.LOOK: Turn.WALK, Event.WALK: Turn.WALK, Event.STOP: Turn.PAUSE, Event.END: Turn.FREE},
    Turn.PAUSE: {Event.LOOK: Turn.PAUSE, Event.WALK: Turn.PAUSE, Event.STOP: Turn.PAUSE, Event.END: Turn.FREE},
    Turn.SEEK: {Event.STOP: Turn.STOP, Event.END: Turn.FREE},
    Turn.SEARCH: {Event.STOP: Turn.STOP, Event.END: Turn.FREE},
    Turn.QUIET: {Event.STOP: Turn.STOP, Event.END: Turn.FREE},
    Turn.STOP: {Event.STOP: Turn.STOP, Event.END: Turn.FREE},
    Turn.LENT_SEARCH: {Event.STOP: Turn.LENT_STOP, Event.END: Turn.LENT},
    Turn.LENT_STOP: {Event.STOP: Turn.LENT_STOP, Event.END: Turn.LENT},
}
"""What follows on what; an event that a state does not have is refused there."""


class RefusedError(RuntimeError):
    """The session was taken out of turn: a mistake in the program, since what is asked for is looked up before."""


class Turns:
    """Whose turn it is.

    Attributes:
        now: who has the session.
    """

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = Turn.FREE

    def allows(self, event: Event) -> bool:
        """Whether something may happen now."""
        return event in TABLE[self.now]

    def take(self, event: Event) -> None:
        """Lets something happen.

        Args:
            event: what happens.

        Raises:
            RefusedError: it may not; nothing has happened.
        """
        following = TABLE[self.now].get(event)
        if following is None:
            raise RefusedError(f"{self.now.name} has no {event.name}")
        self.now = following


def diagram(told: Callable[[str], str] = str) -> str:
    """The table as a diagram, in Mermaid's notation; what leaves a state as it is does not show.

    Args:
        told: a text in the language of the page.
    """
    lines = ["stateDiagram-v2", f"    [*] --> {Turn.FREE.name}"]
    lines += [f"    {turn.name}: {turn.name} — {told(turn.value)}" for turn in Turn]
    for turn, following in TABLE.items():
        by_target: dict[Turn, list[str]] = {}
        for event, target in following.items():
            if target is not turn:
                by_target.setdefault(target, []).append(event.name)
        lines += [f"    {turn.name} --> {target.name}: {', '.join(names)}" for target, names in by_target.items()]
    return "\n".join(lines) + "\n"


def markdown(told: Callable[[str], str] = str) -> str:
    """The table in Markdown: a row a state, a column an event, with the state that follows; empty where refused.

    Args:
        told: a text in the language of the page.
    """
    events = tuple(Event)
    lines = [
        f"| {told('who has the session')} | " + " | ".join(event.name for event in events) + " |",
        "| --- |" + " --- |" * len(events),
    ]
    for turn, following in TABLE.items():
        cells = [following[event].name if event in following else "" for event in events]
        lines.append(f"| **{turn.name}**: {told(turn.value)} | " + " | ".join(cells) + " |")
    lines += ["", *(f"- {event.name}: {told(event.value)}" for event in events)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(f"```mermaid\n{diagram()}```\n\n{markdown()}", end="")
