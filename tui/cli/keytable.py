"""`python -m retrograde.tui.cli.keytable docs/keys.md docs/keys.zh.md`: writes the page of the app's keys."""

from __future__ import annotations

from retrograde.tui.cli.support.markdown import page_of, told, write_page
from retrograde.tui.commands.keys import key_table
from retrograde.tui.debugger.table import commands

_INTRODUCTION = """\
# Keys

English · [简体中文](keys.zh.md)

Lower case goes forward, the capital is the same motion backward. What begins with a colon is written on the command
line of the app, which `:` opens. `?` shows this table in the app, `Ctrl-P` finds a command by its name.

Other keys: `retrograde keys` prints all commands with their ids as a file of keys. Saved as
`~/.config/retrograde/keys.toml`, with lines such as `step = ["ctrl+f", "right"]` and `why = "Y"`, it gives commands
other keys, in the help and the footer too. A key that two commands would have is refused, with the line.

Written from the table of commands by `python -m retrograde.tui.cli.keytable docs/keys.md docs/keys.zh.md`.
"""


def key_page(language: str = "en") -> str:
    """The page, in a language."""

    def lines() -> tuple[str, str]:
        return told(_INTRODUCTION), key_table(commands(), (told("keys"), told("what they do")))

    return page_of(lines, language)


if __name__ == "__main__":
    write_page(key_page)
