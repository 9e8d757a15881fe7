"""What is a fault: anything but a clean result or an error with a message."""

from __future__ import annotations

import contextlib
import io
import re
import traceback
import warnings
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.target import Beat, Target

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
"""What acts on a terminal, or turns its text around."""


class Harm(StrEnum):
    """Kinds of fault, in the words of the last line."""

    TRACEBACK = "tracebacks"
    HANG = "hangs over 2 s"
    MEMORY = "over 500 MB"
    CONTROL = "control characters printed"
    WARNING = "warnings of NumPy"
    END = "ends of the process"


class Fault(NamedTuple):
    """A fault: its kind, where it comes from (the same for the same fault), and what is told of it."""

    harm: Harm
    place: str
    text: str


class Verdict(NamedTuple):
    """What became of a case."""

    taken: bool
    fault: Fault | None


def place_of(error: BaseException) -> str:
    """The kind of an error and the line that raised it, of this project where there is one."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "site-packages" not in frame.filename and "/tests/fuzz/" not in frame.filename]
    frame = (own or frames or [None])[-1]
    where = "" if frame is None else f" {Path(frame.filename).name}:{frame.lineno}"
    return f"{type(error).__name__}{where}"


def judged(target: Target, content: bytes, beat: Beat) -> Verdict:
    """Runs a case."""
    printed = io.StringIO()
    taken = False
    try:
        with (
            contextlib.redirect_stdout(printed),
            contextlib.redirect_stderr(printed),
            warnings.catch_warnings(record=True) as warned,
        ):
            warnings.simplefilter("always", RuntimeWarning)
            taken = target.run(content, beat)
    except MemoryError as error:
        return Verdict(False, Fault(Harm.MEMORY, place_of(error), traceback.format_exc(limit=-6)))
    except BaseException as error:  # noqa: BLE001 - this is what is looked for
        return Verdict(False, Fault(Harm.TRACEBACK, place_of(error), traceback.format_exc(limit=-12)))
    for warning in warned:
        if issubclass(warning.category, RuntimeWarning):
            place = f"{Path(warning.filename).name}:{warning.lineno}"
            return Verdict(taken, Fault(Harm.WARNING, place, str(warning.message)))
    text = printed.getvalue()
    if "Traceback (most recent call last)" in text:
        return Verdict(taken, Fault(Harm.TRACEBACK, text.rstrip().rpartition("\n")[2][:60], text))
    if (found := CONTROL.search(text)) is not None:
        return Verdict(taken, Fault(Harm.CONTROL, "", f"{found[0]!r} in {text[:300]!r}"))
    return Verdict(taken, None)
