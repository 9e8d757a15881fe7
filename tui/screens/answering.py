"""Screens that are answered once: of keys that come fast, some are for a screen that is gone or not in front."""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, TypeVar

from textual import events
from textual.await_complete import AwaitComplete
from textual.binding import BindingType
from textual.screen import ModalScreen, Screen

from retrograde.tui.canvas.glyphs import Glyphs, plain
from retrograde.tui.widgets.bars import Saying

T = TypeVar("T")


class Answered(Protocol):
    """A screen that knows whether it has been answered."""

    answered: bool

    @property
    def is_current(self) -> bool:
        """Whether it is in front."""


def takes_answer(screen: Answered) -> bool:
    """Whether an answer is taken: the first one, of the screen in front. Textual would take away whichever is there."""
    if screen.answered or not screen.is_current:
        return False
    screen.answered = True
    return True


class Answering(Screen[T]):
    """A screen that answers once."""

    answered = False

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Answers, where that is possible now."""
        return super().dismiss(result) if takes_answer(self) else AwaitComplete()


class AnsweringModal(ModalScreen[T]):
    """A screen over the one below that answers once."""

    answered = False

    def dismiss(self, result: Any = None) -> AwaitComplete:
        """Answers, where that is possible now."""
        return super().dismiss(result) if takes_answer(self) else AwaitComplete()


class SayingModal(AnsweringModal[T]):
    """A screen over the one below that says something for a moment: until the next key."""

    _glyphs: Glyphs

    def say(self, text: str, *, bad: bool = False) -> None:
        """Says something in a row of its own, below what is shown.

        Args:
            text: the text; empty for nothing.
            bad: whether it says what is wrong.
        """
        self.query_one(Saying).say(plain(text) if self._glyphs.ascii else text, bad=bad)

    def on_key(self) -> None:
        """What was said has been read."""
        for one in self.query(Saying):
            one.say("")


class Keyed(AnsweringModal[T]):
    """A screen over the one below that takes every key itself, also one that was typed before it was there."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def typed(self, character: str | None) -> None:
        """Takes a key: the character that it types, None where it types none."""
        raise NotImplementedError

    def take_late(self, event: events.Key) -> bool:
        """Takes a key that was typed before this screen was there."""
        self.post_message(events.Key(event.key, event.character))
        return True

    def on_key(self, event: events.Key) -> None:
        """Takes a key; one that comes after the answer was meant for the screen below."""
        event.stop()
        event.prevent_default()
        if self.answered:
            self.app.post_message(events.Key(event.key, event.character))
        else:
            self.typed(event.character)
