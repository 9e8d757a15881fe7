"""What is said of a step of a recording, here and on the command line: its line of code, and how its number holds."""

from __future__ import annotations

import math
from pathlib import PurePath
from typing import TYPE_CHECKING

from retrograde.engine.equations.rendering import render
from retrograde.engine.network.program import Place
from retrograde.engine.recording.checking import compare
from retrograde.engine.recording.form import DTYPES
from retrograde.engine.text import _
from retrograde.tui.reading.figures import show

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.recording.recording import Break, Recording


def line_of_code(recording: Recording, op: int) -> tuple[str, str]:
    """Where in the user's own program an op stands: its file and line, and the text of the line; empty where nowhere.

    Args:
        recording: the recording.
        op: the number of the op.
    """
    source = recording.source(op)
    return ("", "") if source is None else (f"{PurePath(source.file).name}:{source.line}", source.text)


def where(recording: Recording, op: int) -> str:
    """What an op is: its operator, the node of the backward pass, the module, and whether it ran a second time."""
    call = recording.op(op).call
    again = _("recomputed") if call.recomputed else ""
    parts = (call.op.replace(".", "::", 1), call.node, call.module, again)
    return " · ".join(part for part in parts if part)


def agreement(recording: Recording, step: Step) -> tuple[str, bool]:
    """What the equation gives in float64 beside what was recorded, and whether that is within rounding.

    Only of a step whose op says something: see ``Recording.silence``.
    """
    found = compare(recording.recorded, step.place)
    dtype = recording.value_of(step.op.target).dtype
    if found.difference == 0:
        return _("float64 of this equation gives the same"), True
    kind = DTYPES[dtype]
    sizes = [abs(number) for number in (step.result, found.computed) if math.isfinite(number)]
    size = max(sizes, default=0.0)
    unit = kind.epsilon * 2.0 ** math.floor(math.log2(size)) if size and kind.epsilon else 0.0
    away = f"{found.difference:.3g}"
    if unit:
        away = _("{difference} ({count} ulp)").format(difference=away, count=f"{found.difference / unit:.3g}")
    text = (
        _("float64 of this equation differs by {away}, within rounding: {bound} at most")
        if found.agrees
        else _("float64 of this equation differs by {away}, MORE than rounding can do: {bound}")
    )
    return text.format(away=away, bound=f"{found.bound:.3g}"), found.agrees


def headline(recording: Recording, found: Break) -> str:
    """Where a step stopped being finite, in a line: ``SqrtBackward0, element 4 of 16: 0.0625 / 0 = inf``."""
    call, size = recording.op(found.op).call, recording.op(found.op).target.size
    what = show(found.value)
    if found.origin is not None and found.origin.node is not None:
        numbers = render(found.origin.node, lambda ref: show(recording.frame.value(ref)), times=" × ")
        what = f"{numbers} = {what}"
    text = _("{op}, element {number} of {size}: {what}")
    return text.format(op=call.node or call.op, number=found.element + 1, size=f"{size:,}", what=what)


def step_of(recording: Recording, found: Break) -> int:
    """The number of the step at which a recording stopped being finite, from 1."""
    return recording.program.number(Place(found.op, None, found.element)) + 1
