"""The command line's language: what Tab completes, and where in a line a mistake is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Phase
from retrograde.engine.equations.words import EVENTS, FUNCTIONS, POSITIONS, STOPPING
from retrograde.engine.errors import EngineError, FormulaError

if TYPE_CHECKING:
    from retrograde.engine.network.network import Network
    from retrograde.engine.travel.calendar import Schedule


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a line: where it begins, from 0, and what it is."""

    column: int
    message: str


MOST_NAMES = 3000
"""Slots of an array whose names are all completed; of a larger one only its own name is."""

_BEGUN = re.compile(r"[\w.]*$")


def names(network: Network, schedule: Schedule) -> tuple[str, ...]:
    """The names that a formula or a place may have, without those that need a bracket."""
    from retrograde.engine.equations.expression import Ref
    from retrograde.engine.network.program import unravel

    found: dict[str, None] = {}
    if network.notation.dotted:
        # Paths of a recording, which are very many: each array by its own name.
        found = {array.name + ("[" if array.shape else ""): None for array in schedule.full.arrays}
        return ("E", *(name for name in found if "(" not in name))
    for array in schedule.full.arrays:
        if array.name.isidentifier():
            found[array.name] = None
        shape = array.shape[1:] if array.batched else array.shape
        size = 1
        for length in shape:
            size *= length
        if size > MOST_NAMES:
            continue
        for flat in range(size):
            index = unravel(flat, shape)
            name = network.notation.name(Ref(array, (0, *index) if array.batched else index), sample=0)
            if re.fullmatch(r"[\w.]+", name):
                found[name] = None
            elif "[" in name and re.match(r"\w+\[", name):
                found[name.partition("[")[0] + "["] = None
    return tuple(found)


def complete(head: str, commands: Sequence[str], known: Sequence[str], layers: Sequence[str]) -> tuple[str, list[str]]:
    """What the end of a line may become.

    Args:
        head: the line up to the cursor.
        commands: the words that a line begins with.
        known: the names of the network.
        layers: the names of the layers.

    Returns:
        The end of the line that is completed, and what it may become; nothing where nothing fits.
    """
    line = head.lstrip()
    if " " not in line:
        begun = line.lstrip(":")
        return begun, [word for word in sorted(commands) if word.startswith(begun)]
    word = line.lstrip(":").partition(" ")[0]
    match = _BEGUN.search(head)
    begun = match[0] if match is not None else ""
    choices = [*known, *(f"{name}(" for name in FUNCTIONS), *POSITIONS]
    if word in {"break", "log"}:
        choices += [*STOPPING, *Phase, *layers]
        if begun and re.search(r"[\w)\]]\s+[a-z]+$", head):
            choices += EVENTS
    if not begun:
        return "", []
    return begun, sorted(dict.fromkeys(choice for choice in choices if choice.startswith(begun)), key=_natural)


def _natural(text: str) -> tuple[str, int, str]:
    match = re.match(r"(.*?)(\d+)(.*)", text)
    return (text, 0, "") if match is None else (match[1], int(match[2]), match[3])


def fault_of(error: EngineError, line: str) -> Fault:
    """Where in a line an error is.

    An error of a formula says it; of another one the first word that its message has, else what follows the command.
    """
    argument = len(line) - len(line.partition(" ")[2]) if " " in line else 0
    if isinstance(error, FormulaError):
        at = line.find(error.text)
        if at >= 0 and error.text:
            return Fault(at + error.column - 1, error.message)
        # The condition that an event stands for: the same name is in the line.
        name = re.match(r"[\w.]+", error.text[error.column - 1 :])
        at = -1 if name is None else line.find(name[0], argument)
        return Fault(at if at >= 0 else argument, error.message)
    message = str(error)
    for match in re.finditer(r"[^\s,]+", line[argument:]):
        if re.search(rf"(?<!\w){re.escape(match[0])}(?!\w)", message):
            return Fault(argument + match.start(), message)
    return Fault(argument, message)
