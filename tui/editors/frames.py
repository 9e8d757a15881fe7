"""Where the session stands, as a stack: the step, its layer, the pass, the iteration, the epoch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

from retrograde.engine.equations.array import Phase
from retrograde.engine.errors import EngineError
from retrograde.engine.text import N_, _, joined
from retrograde.tui.editors import requests as given
from retrograde.tui.editors.debuggee import Body, Debuggee
from retrograde.tui.editors.sources import Line

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step

FRAMES = ("step", "layer", "phase", "iteration", "epoch")
"""The frames, the innermost first: what the session calls each, by its number from 1."""
_MOST_NAME = 160
_PASSES = {
    Phase.FORWARD: N_("forward pass"),
    Phase.LOSS: N_("loss"),
    Phase.BACKWARD: N_("backward pass"),
    Phase.UPDATE: N_("update"),
}


def stack_trace(debuggee: Debuggee, wanted: given.StackTrace) -> Body:
    """The frames."""
    frames = list(_frames(debuggee))
    last = wanted.start_frame + wanted.levels if wanted.levels else None
    return {"stackFrames": frames[wanted.start_frame : last], "totalFrames": len(frames)}


def _frames(debuggee: Debuggee) -> Iterator[Body]:
    session, sources = debuggee.session, debuggee.sources
    step = session.current
    if step is None:
        first = sources.of_key("network") or next(_files(debuggee), None)
        yield _frame(debuggee, 1, joined((session.name, _("initial state")), ": "), first)
        return
    yield _frame(debuggee, 1, written(debuggee, step), sources.of_step(step)) | {"canRestart": True}
    sample = step.moment.sample
    layer = step.moment.layer or _("the model")
    if sample is not None and step.program.batch > 1:
        layer = joined((layer, _("sample {number}").format(number=sample + 1)), ", ")
    yield _frame(debuggee, 2, layer, sources.of_layer(step.moment.layer)) | {"canRestart": True}
    reference, line = sources.reference(step)
    yield {
        "id": 3,
        "name": _(_PASSES[step.moment.phase]),
        "source": equations(debuggee, reference),
        "line": debuggee.line_out(line),
        "column": 1,
        "canRestart": True,
    }
    if session.recording is not None:
        return
    moment = step.moment
    iteration = _("iteration {number} of {count}").format(number=moment.iteration + 1, count=session.schedule.per_epoch)
    yield _frame(debuggee, 4, iteration, sources.of_key("data")) | {"canRestart": True}
    epoch = _("epoch {number}").format(number=moment.epoch + 1)
    yield _frame(debuggee, 5, epoch, sources.of_key("training")) | {"canRestart": True}


def _files(debuggee: Debuggee) -> Iterator[Line]:
    for path in debuggee.sources.files():
        yield Line(path=path, line=debuggee.sources.lines(path)[0])


def written(debuggee: Debuggee, step: Step) -> str:
    """A step in symbols, of a bounded length."""
    recording = debuggee.session.recording
    if recording is not None and recording.silence(step.place.op):
        return step.symbol
    text = f"{step.symbol} = {step.text()[0]}"
    return text if len(text) <= _MOST_NAME else text[:_MOST_NAME] + "…"


def _frame(debuggee: Debuggee, number: int, name: str, line: Line | None) -> Body:
    """A frame at a line; of one that has none the editor shows no file."""
    body: Body = {"id": number, "name": name, "line": 0, "column": 0}
    if line is None:
        return body | {"presentationHint": "subtle"}
    return body | {"line": debuggee.line_out(line.line), "column": 1, "source": file(debuggee, line.path)}


def file(debuggee: Debuggee, path: str) -> Body:
    """A file, as the protocol says it; of one that is not here, the editor asks for what is known of it."""
    body: Body = {"name": PurePath(path).name, "path": path}
    reference = debuggee.sources.file_reference(path)
    return body | {"sourceReference": reference, "origin": _("as recorded")} if reference else body


def equations(debuggee: Debuggee, reference: int) -> Body:
    """A text of equations, as the protocol says a file."""
    name = f"{debuggee.session.name}.equations"
    return {"name": name, "sourceReference": reference, "origin": _("equations of the iteration")}


def source(debuggee: Debuggee, wanted: given.Source) -> Body:
    """A text of equations, or what a recording knows of a file of the user's program."""
    place = wanted.source or given.Place()
    reference = place.source_reference or wanted.source_reference
    text = debuggee.sources.text(reference)
    if text is None:
        raise EngineError(_("there is no such text"))
    return {"content": text, "mimeType": "text/plain"}


def loaded_sources(debuggee: Debuggee, _wanted: given.Nothing) -> Body:
    """The files that steps stand in."""
    return {"sources": [file(debuggee, path) for path in debuggee.sources.files()]}
