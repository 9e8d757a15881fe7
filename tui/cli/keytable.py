"""`python -m retrograde.tui.cli.keytable docs/keys.md`: writes the page of the app's keys."""

from __future__ import annotations

from retrograde.tui.cli.support.markdown import in_english, write_page
from retrograde.tui.commands.keys import key_table
from retrograde.tui.debugger.table import commands

_INTRODUCTION = """\
# Keys

Lower case goes forward, the capital is the same motion backward. What begins with a colon is written on the command
line of the app, which `:` opens. `?` shows this table in the app, `Ctrl-P` finds a command by its name.

Other keys: `retrograde keys` prints all commands with their ids as a file of keys. Saved as
`~/.config/retrograde/keys.toml`, with lines such as `step = ["ctrl+f", "right"]` and `why = "Y"`, it gives commands
other keys, in the help and the footer too. A key that two commands would have is refused, with the line.

Written from the table of commands by `python -m retrograde.tui.cli.keytable docs/keys.md`.
"""


def key_page() -> str:
    """The page, in English."""
    return in_english(lambda: (_INTRODUCTION, key_table(commands())))


if __name__ == "__main__":
    write_page(key_page)
