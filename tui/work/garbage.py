"""The collector of garbage, told when to look: not while the program loads, and never at what stays for good.

What is imported, and the ops and slots of a session, are very many objects, none of them garbage. To look through them
takes a tenth of the time until a session is shown, and later longer than all the work of a key.
"""

from __future__ import annotations

import gc


def rest() -> None:
    """Collects nothing until ``wake`` or ``keep``: the program is loading."""
    gc.disable()


def wake() -> None:
    """Collects again."""
    gc.enable()


def keep() -> None:
    """Leaves alone what is there now, in place of what was kept before, and collects again."""
    if gc.get_freeze_count():
        # Another session was there before.
        gc.unfreeze()
        gc.collect()
    gc.freeze()
    gc.enable()


def keep_besides() -> None:
    """Leaves alone what came since, where something is kept."""
    if gc.get_freeze_count():
        gc.freeze()
