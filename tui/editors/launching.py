"""The beginning and the end of a conversation with an editor."""

from __future__ import annotations

from retrograde.engine.errors import EngineError
from retrograde.engine.network.program import as_granularity
from retrograde.engine.text import _
from retrograde.tui.editors import requests as given
from retrograde.tui.editors.breakpoints import exception_filters
from retrograde.tui.editors.debuggee import Body, Debuggee, Stop
from retrograde.tui.editors.motions import travel

_CAN = (
    "supportsBreakpointLocationsRequest",
    "supportsClipboardContext",
    "supportsCompletionsRequest",
    "supportsConditionalBreakpoints",
    "supportsConfigurationDoneRequest",
    "supportsDataBreakpoints",
    "supportsEvaluateForHovers",
    "supportsExceptionFilterOptions",
    "supportsExceptionInfoRequest",
    "supportsFunctionBreakpoints",
    "supportsGotoTargetsRequest",
    "supportsHitConditionalBreakpoints",
    "supportsLoadedSourcesRequest",
    "supportsLogPoints",
    "supportsRestartFrame",
    "supportsRestartRequest",
    "supportsSetExpression",
    "supportsSetVariable",
    "supportsStepBack",
    "supportsSteppingGranularity",
    "supportsTerminateRequest",
    "supportsValueFormattingOptions",
)


def initialize(debuggee: Debuggee, wanted: given.Initialize) -> Body:
    """Says what can be done."""
    debuggee.client = wanted
    return dict.fromkeys(_CAN, True) | {"exceptionBreakpointFilters": exception_filters()}


def launch(debuggee: Debuggee, wanted: given.Launch) -> Body:
    """Opens what is debugged, and asks for the breakpoints."""
    source = wanted.program or wanted.scenario
    if not source:
        raise EngineError(_("launch needs `program`: a scenario by its name or file, a saved session or a recording"))
    as_granularity(wanted.step)
    session = debuggee.open(source, wanted.data, debuggee.halting)
    if wanted.at is not None:
        session.seek(wanted.at, debuggee.searched)
    debuggee.launch = wanted
    debuggee.begin(session)
    _wait_for(debuggee)
    for warning in session.warnings[:10]:
        debuggee.say(str(warning))
    debuggee.after.append(lambda: debuggee.send("initialized", {}))
    return {}


def configuration_done(debuggee: Debuggee, _wanted: given.Nothing) -> Body:
    """All breakpoints are set: stops at the beginning, or goes on."""
    debuggee.require_session()
    if not debuggee.configured:
        debuggee.configured = True
        _begin(debuggee)
    return {}


def _wait_for(debuggee: Debuggee) -> None:
    """Sets the breakpoint that is gone on to before the first stop."""
    debuggee.points.clear("until")
    if debuggee.launch.until:
        debuggee.points.add("until", "breakpoint", [debuggee.launch.until], hits="== 1")


def _begin(debuggee: Debuggee) -> None:
    session, wanted = debuggee.session, debuggee.launch
    if wanted.no_debug:
        debuggee.after.append(lambda: _whole(debuggee))
        return
    if wanted.until:
        debuggee.after.append(lambda: travel(debuggee))
    elif wanted.stop_on_entry:
        start = session.current is None
        debuggee.stand(Stop(reason="entry", description=_("this is the initial state") if start else ""))
    else:
        debuggee.after.append(lambda: travel(debuggee))


def _whole(debuggee: Debuggee) -> None:
    """Runs to the end, and stops nowhere."""
    session = debuggee.session
    debuggee.running, debuggee.interrupted = True, False
    try:
        if session.recording is None:
            outcome = session.run(cancelled=lambda: _let_go(debuggee))
            debuggee.say(outcome.message)
    except EngineError as error:
        debuggee.say(str(error))
    finally:
        debuggee.running = False
    if not debuggee.over:
        debuggee.send("exited", {"exitCode": 0})
        debuggee.send("terminated", {})


def _let_go(debuggee: Debuggee) -> bool:
    """Answers who waits; says whether the work is to end."""
    if debuggee.asked():
        debuggee.answer_waiting()
    return debuggee.interrupted or debuggee.over


def restart(debuggee: Debuggee, wanted: given.Restart) -> Body:
    """Goes back to the beginning; the run that was made stays known."""
    debuggee.require_still()
    if wanted.arguments is not None and (wanted.arguments.program or wanted.arguments.scenario):
        debuggee.launch = wanted.arguments
    _wait_for(debuggee)
    debuggee.session.seek(debuggee.launch.at or 0, debuggee.searched)
    _begin(debuggee)
    return {}


def terminate(debuggee: Debuggee, _wanted: given.Nothing) -> Body:
    """Ends the debugging."""
    debuggee.interrupted = True
    debuggee.after.append(lambda: debuggee.send("terminated", {}))
    return {}


def disconnect(debuggee: Debuggee, _wanted: given.Nothing) -> Body:
    """Ends the conversation."""
    debuggee.interrupted = debuggee.over = True
    return {}
