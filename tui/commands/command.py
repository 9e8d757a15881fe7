"""A command: its keys, its words and its place in the help; and how its keys are written for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from retrograde.engine.text import _, joined


class Group(Enum):
    """A heading of the help screen."""

    MOTION = "motion"
    WHY = "why"
    GOTO = "goto"
    RUN = "run"
    DEBUG = "debug"
    CHANGE = "change"
    SELECT = "select"
    SCREEN = "screen"


class Situation(Enum):
    """What is on the screen when the footer is read; a row of the table says where it matters more."""

    READING = "a step"
    START = "the initial state"
    TOLD = "a chapter of the scenario, or the page before the first one"
    GRADIENT = "a step of the backward pass"
    SELECTED = "something is selected in a panel"
    STOPPED = "a breakpoint was hit"
    ENDED = "the run has ended"
    BROKEN = "a value that is not finite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something that can be done from the keyboard. Its texts are messages, looked up where they are shown.

    Attributes:
        id: the name.
        keys: Textual's names of its keys, the first one first.
        title: what it does, in a few words.
        help: one sentence.
        group: where the help screen lists it.
        footer: its rank in the footer, 0 for not there.
        short: the word in the footer; of a parameter, ``{name}`` stands for the one that it goes to.
        brief: the word where there is little room; the same where it is empty.
        varied: the word in the footer of a variant, with ``{name}`` for its scenario; the same where it is empty.
        near: its rank in situations in which it comes before the other keys.
        kept: whether it is never left out of the footer.
        back: the id of the same motion backward, listed in the same row.
        palette: whether the command palette offers it.
        row: what the row of the key table says that it shares with other commands.
        names: what is filled into that row, messages.
        line: how it is written on the command line, such as ``set NAME VALUE``; a command without keys is only
            written.
        first: whether it is one of the keys of the first page of the help.
        twice: whether its key has to be pressed twice.
    """

    id: str
    keys: tuple[str, ...] = ()
    title: str
    help: str
    group: Group
    footer: int = 0
    short: str = ""
    brief: str = ""
    varied: str = ""
    near: Mapping[Situation, int] = field(default_factory=dict)
    kept: bool = False
    back: str = ""
    palette: bool = True
    row: str = ""
    names: tuple[str, ...] = ()
    line: str = ""
    first: bool = False
    twice: bool = False

    @property
    def word(self) -> str:
        """The first word of the command on the command line; empty for none."""
        return self.line.partition(" ")[0]

    @property
    def listed(self) -> str:
        """What the row of the key table says, for people."""
        return _(self.row).format(names=joined((_(name) for name in self.names), ", ")) if self.row else _(self.title)

    @property
    def shown(self) -> str:
        """The key of the command for people, or what is written on the command line."""
        return self.named(self.keys[0]) if self.keys else f":{self.word}"

    def named(self, key: str) -> str:
        """How one of its keys is written for people."""
        return f"{key_name(key)} {key_name(key)}" if self.twice else key_name(key)


def group_title(group: Group) -> str:
    """The heading of a group."""
    return {
        Group.MOTION: _("Moving (capitals go backward)"),
        Group.WHY: _("Asking why"),
        Group.GOTO: _("Going somewhere"),
        Group.RUN: _("Running"),
        Group.DEBUG: _("Stopping, watching, searching"),
        Group.CHANGE: _("Changing what happened, and keeping it"),
        Group.SELECT: _("Selecting"),
        Group.SCREEN: _("The screen"),
    }[group]


NAMES = {
    "right": "→",
    "left": "←",
    "up": "↑",
    "down": "↓",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "right_curly_bracket": "}",
    "left_curly_bracket": "{",
    "left_parenthesis": "(",
    "colon": ":",
    "slash": "/",
    "comma": ",",
    "full_stop": ".",
    "question_mark": "?",
    "space": "Space",
    "enter": "Enter",
    "backspace": "Backspace",
    "escape": "Esc",
    "delete": "Del",
    "apostrophe": "'",
    "tab": "Tab",
    "shift+tab": "Shift-Tab",
    "pagedown": "PgDn",
    "pageup": "PgUp",
}
"""How keys are written for people that are called otherwise than their character."""


def key_name(key: str) -> str:
    """How a key is written for people."""
    if key in NAMES:
        return NAMES[key]
    if key.startswith("ctrl+"):
        return "Ctrl-" + key[5:].upper()
    if key.startswith("shift+"):
        return "Shift-" + key_name(key[6:])
    return key.upper() if len(key) > 1 else key
