"""`retrograde keys`: the commands of the app with their ids, as a file of a person's own keys."""

from __future__ import annotations

from retrograde.engine.text import N_, _
from retrograde.tui.cli.support.streams import complain
from retrograde.tui.cli.support.subcommand import Subcommand


def write_keys() -> int:
    """Print the file of keys, as the app would have it now, and say on stderr where it belongs.

    Returns:
        0.

    Raises:
        EngineError: The file that is there is wrong.
    """
    from retrograde.tui.commands.keymap import keymap_file, read_keymap, template
    from retrograde.tui.debugger.table import COMMANDS

    path = keymap_file()
    print(template(read_keymap(path, COMMANDS)), end="")
    complain(_("the app reads {path}").format(path=path), name=False)
    return 0


COMMAND = Subcommand(
    name="keys",
    help=N_("print the commands of the app and their keys, as a file to change"),
    run=lambda _given: write_keys(),
)
