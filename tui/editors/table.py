"""THE table of requests: what an editor may ask, what that holds, and what answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from retrograde.tui.editors import breakpoints, evaluating, frames, launching, motions, variables
from retrograde.tui.editors import requests as given
from retrograde.tui.editors.debuggee import Body, Debuggee


class Row(NamedTuple):
    """A request.

    Attributes:
        given: the model of its arguments.
        answer: answers it, with the body of the response.
    """

    given: type[given.Given]
    answer: Callable[[Debuggee, Any], Body]


REQUESTS: Mapping[str, Row] = {
    "initialize": Row(given.Initialize, launching.initialize),
    "launch": Row(given.Launch, launching.launch),
    "attach": Row(given.Launch, launching.launch),
    "configurationDone": Row(given.Nothing, launching.configuration_done),
    "restart": Row(given.Restart, launching.restart),
    "terminate": Row(given.Nothing, launching.terminate),
    "disconnect": Row(given.Nothing, launching.disconnect),
    "setBreakpoints": Row(given.SetBreakpoints, breakpoints.set_lines),
    "setFunctionBreakpoints": Row(given.SetFunctionBreakpoints, breakpoints.set_functions),
    "dataBreakpointInfo": Row(given.DataInfo, breakpoints.data_info),
    "setDataBreakpoints": Row(given.SetDataBreakpoints, breakpoints.set_data),
    "setExceptionBreakpoints": Row(given.SetExceptionBreakpoints, breakpoints.set_exceptions),
    "breakpointLocations": Row(given.Lines, breakpoints.locations),
    "exceptionInfo": Row(given.Nothing, motions.exception_info),
    "threads": Row(given.Nothing, motions.threads),
    "stackTrace": Row(given.StackTrace, frames.stack_trace),
    "scopes": Row(given.OfFrame, variables.scopes),
    "variables": Row(given.Variables, variables.variables),
    "setVariable": Row(given.SetVariable, variables.set_variable),
    "setExpression": Row(given.SetExpression, variables.set_expression),
    "evaluate": Row(given.Evaluate, evaluating.evaluate),
    "completions": Row(given.Completions, evaluating.completions),
    "next": Row(given.Motion, motions.step_on),
    "stepIn": Row(given.Motion, motions.step_in),
    "stepOut": Row(given.Motion, motions.step_out),
    "stepBack": Row(given.Motion, motions.step_back),
    "continue": Row(given.Motion, motions.go_on),
    "reverseContinue": Row(given.Motion, motions.go_back),
    "pause": Row(given.Motion, motions.pause),
    "goto": Row(given.Goto, motions.goto),
    "gotoTargets": Row(given.Lines, motions.goto_targets),
    "restartFrame": Row(given.OfFrame, motions.restart_frame),
    "source": Row(given.Source, frames.source),
    "loadedSources": Row(given.Nothing, frames.loaded_sources),
}
