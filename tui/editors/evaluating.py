"""The console and hovers of an editor: expressions, and the words of the command line of the app."""

from __future__ import annotations

import re
from itertools import islice

from retrograde.engine.errors import EngineError
from retrograde.engine.text import _
from retrograde.tui.editors import requests as given
from retrograde.tui.editors.debuggee import Body, Debuggee, Stop
from retrograde.tui.editors.variables import evaluated

_MOST_COMPLETIONS = 60
_TAIL = re.compile(r"[\w.@∂δσ/(\[,]*$")
_MOST_HOVER = 300


def evaluate(debuggee: Debuggee, wanted: given.Evaluate) -> Body:
    """What an expression is worth; from the console, what a line answers."""
    text = wanted.expression.strip()
    if not text:
        raise EngineError(_("there is nothing to evaluate"))
    if wanted.context != "repl":
        if wanted.context == "hover" and len(text) > _MOST_HOVER:
            raise EngineError(_("this is too long for an expression"))
        return evaluated(debuggee, text, wanted.format.hex)
    debuggee.require_still()
    session = debuggee.session
    before, branches = session.here, len(session.branches)
    answer = debuggee.console(text)
    if answer is None:
        debuggee.over = True
        debuggee.after.append(lambda: debuggee.send("terminated", {}))
        return {"result": "", "variablesReference": 0}
    if session.here[1:] != before[1:]:
        debuggee.stand(Stop(reason="goto"))
    elif session.here != before or len(session.branches) != branches:
        debuggee.changed()
    return {"result": answer, "variablesReference": 0}


def completions(debuggee: Debuggee, wanted: given.Completions) -> Body:
    """Names that go on what is written."""
    session = debuggee.session
    column = wanted.column - 1 if debuggee.client.lines_start_at1 else wanted.column
    written = wanted.text[: max(0, column)]
    match = _TAIL.search(written)
    tail = "" if match is None else match.group()
    begun = re.split(r"[(\[,/]", tail)[-1]
    program = session.program
    names = dict.fromkeys((*(array.name for array in program.arrays), *session.notation.names(program)))
    fitting = (name for name in names if name.startswith(begun) and name != begun)
    return {
        "targets": [
            {"label": name, "type": "variable", "length": len(begun)} for name in islice(fitting, _MOST_COMPLETIONS)
        ]
    }
