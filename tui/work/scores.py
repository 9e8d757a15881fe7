"""Scores of the quiz, kept in the state folder: how often each mistake was made, and how often avoided."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrograde.engine.atomic import held, read_regular, write_whole
from retrograde.engine.errors import EngineError
from retrograde.tui.work.unsaved import folder

if TYPE_CHECKING:
    from retrograde.engine.quizzing.round import Result

NAME = "quiz.json"
FORMAT = 1
MOST_BYTES = 1 << 20
LOCK_SECONDS = 1.0
"""How long another program's writing is waited for."""


@dataclass(slots=True)
class Scores:
    """What was answered so far.

    Attributes:
        levels: by level: questions, and right answers.
        made: by kind of mistake, how often it was made.
        avoided: by kind of mistake, how often a right answer ruled it out.
    """

    levels: dict[str, list[int]] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    avoided: dict[str, int] = field(default_factory=dict)

    def add(self, result: Result) -> None:
        """Counts an answer."""
        row = self.levels.setdefault(str(result.question.level), [0, 0])
        row[0] += 1
        row[1] += result.right
        for names, into in ((result.made, self.made), (result.avoided, self.avoided)):
            for name in names:
                into[name] = into.get(name, 0) + 1


def path() -> Path:
    """The file.

    Raises:
        OSError: there is no home.
    """
    return folder() / NAME


def load() -> Scores:
    """The scores that were kept; none where there is no file that can be read."""
    try:
        record = json.loads(read_regular(path(), MOST_BYTES))
    except (OSError, EngineError, ValueError, RecursionError):
        return Scores()
    return _scores(record)


def _scores(record: Any) -> Scores:
    """Scores from a file; what is no count is left out."""
    found = Scores()
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        return found
    for name, into in (("made", found.made), ("avoided", found.avoided)):
        row = record.get(name)
        if isinstance(row, dict):
            into.update({key: value for key, value in row.items() if _is_count(value)})
    levels = record.get("levels")
    if isinstance(levels, dict):
        for key, value in levels.items():
            if isinstance(value, list) and len(value) == 2 and all(map(_is_count, value)):
                found.levels[key] = value
    return found


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 1 << 53


def keep(results: Iterable[Result]) -> Scores | None:
    """Adds answers to the scores on the disk, which another program may have written to meanwhile.

    Returns:
        The scores; None where they can not be kept.
    """
    try:
        place = path()
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(place):
            scores = load()
            for result in results:
                scores.add(result)
            record = {"format": FORMAT, "levels": scores.levels, "made": scores.made, "avoided": scores.avoided}
            write_whole(place, json.dumps(record, indent=1) + "\n")
    except (OSError, EngineError):
        return None
    return scores


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Waits a moment for another program that counts an answer; a lock that stays is no reason to lose this one."""
    descriptor = os.open(place.with_name(place.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        end = time.monotonic() + LOCK_SECONDS
        while not held(descriptor) and time.monotonic() < end:
            time.sleep(0.01)
        yield
    finally:
        os.close(descriptor)
