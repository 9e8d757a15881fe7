"""Moving on and back: by steps, to breakpoints, to a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from retrograde.engine.equations.ailments import AILMENTS
from retrograde.engine.errors import EngineError, SearchCancelledError
from retrograde.engine.session.breakpoints import SpotIndex
from retrograde.engine.session.session import Halt
from retrograde.engine.text import _
from retrograde.engine.travel.stopping import Fault, StopRule
from retrograde.tui.editors import requests as given
from retrograde.tui.editors.breakpoints import tell_logs
from retrograde.tui.editors.debuggee import THREAD, Body, Debuggee, Stop
from retrograde.tui.editors.frames import FRAMES
from retrograde.tui.editors.progress import Telling
from retrograde.tui.editors.sources import first_names

if TYPE_CHECKING:
    from retrograde.engine.session.session import Session

_LINE, _INSTRUCTION = "line", "instruction"
_SIZES: Mapping[str, str] = {_LINE: "layer", _INSTRUCTION: "term"}


def _start() -> Stop:
    return Stop(reason="entry", description=_("this is the initial state"))


def _end(session: Session) -> Stop:
    text = _("this is the end of the training") if session.recording is None else _("this is the end of the step")
    return Stop(reason="end", description=text)


def _stepped(debuggee: Debuggee, size: str, *, back: bool = False) -> Body:
    debuggee.require_still()
    session = debuggee.session
    moved = session.back(size) if back else session.step(size)
    stop = Stop(reason="step") if moved else _start() if back else _end(session)
    debuggee.stand(stop)
    return {}


def step_on(debuggee: Debuggee, wanted: given.Motion) -> Body:
    """One step on; by lines, to the end of the layer."""
    return _stepped(debuggee, _SIZES.get(wanted.granularity, debuggee.launch.step))


def step_in(debuggee: Debuggee, _wanted: given.Motion) -> Body:
    """Into a sum: one term on."""
    return _stepped(debuggee, "term")


def step_out(debuggee: Debuggee, _wanted: given.Motion) -> Body:
    """Out of a sum, or to the end of the layer."""
    return _stepped(debuggee, "step" if debuggee.session.term else "layer")


def step_back(debuggee: Debuggee, wanted: given.Motion) -> Body:
    """One step back."""
    return _stepped(debuggee, _SIZES.get(wanted.granularity, debuggee.launch.step), back=True)


def go_on(debuggee: Debuggee, _wanted: given.Motion) -> Body:
    """On to the next breakpoint."""
    debuggee.require_session()
    debuggee.require_still()
    debuggee.after.append(lambda: travel(debuggee))
    return {"allThreadsContinued": True}


def go_back(debuggee: Debuggee, _wanted: given.Motion) -> Body:
    """Back to the last breakpoint before."""
    debuggee.require_session()
    debuggee.require_still()
    debuggee.after.append(lambda: travel(debuggee, back=True))
    return {}


def pause(debuggee: Debuggee, _wanted: given.Motion) -> Body:
    """Stops what goes on."""
    debuggee.require_session()
    if debuggee.running:
        debuggee.interrupted = True
    else:
        debuggee.stand(Stop(reason="pause"))
    return {}


def travel(debuggee: Debuggee, *, back: bool = False) -> None:
    """Goes on, or back, until something stops it; answers who asks meanwhile."""
    debuggee.moved()
    debuggee.running, debuggee.interrupted = True, False
    try:
        stop = None
        while stop is None and not debuggee.over:
            stop = _leg_back(debuggee) if back else _leg(debuggee)
            if stop is None:
                debuggee.answer_waiting()
                if debuggee.interrupted:
                    stop = Stop(reason="pause", description=_("paused"))
    except EngineError as error:
        debuggee.say(str(error))
        stop = Stop(reason="pause", description=str(error))
    finally:
        debuggee.running = debuggee.interrupted = False
    if stop is not None and not debuggee.over:
        debuggee.stand(stop)


def _leg(debuggee: Debuggee) -> Stop | None:
    """Goes on to the next stop of the session; None where it was asked to let go, or the stop is none of the editor."""
    session, points = debuggee.session, debuggee.points
    before, origin, telling = points.counts(), session.position, Telling(debuggee)
    try:
        halt = session.proceed(telling.ran, debuggee.asked, telling.searched)
    except (SearchCancelledError, InterruptedError):
        return None
    finally:
        telling.end()
    outcome = halt.outcome
    if outcome is not None and outcome.fault is not None:
        debuggee.faults[session.branch.name] = outcome.fault
    fault = fault_of(debuggee)
    if fault is not None and origin < fault.step <= session.position:
        session.seek(fault.step)
        tell_logs(debuggee, origin, session.position)
        return _exception(fault)
    tell_logs(debuggee, origin, session.position)
    if outcome is not None:
        cancelled = outcome.rule is StopRule.CANCELLED
        return None if cancelled else Stop(reason="end", description=outcome.message)
    return _halted(debuggee, halt, before) if halt.breakpoint is not None else _end(session)


def _leg_back(debuggee: Debuggee) -> Stop | None:
    """Goes back to the last stop of the session before; see ``_leg``."""
    session, points = debuggee.session, debuggee.points
    before, origin, telling = points.counts(), session.position, Telling(debuggee)
    try:
        halt = session.reverse(telling.searched)
    except (SearchCancelledError, InterruptedError):
        return None
    finally:
        telling.end()
    fault = fault_of(debuggee)
    if fault is not None and session.position < fault.step < origin:
        session.seek(fault.step)
        return _exception(fault)
    if halt.breakpoint is None:
        return Stop(reason="entry", description=_("no hit before: this is the start"))
    return _halted(debuggee, halt, before)


def _halted(debuggee: Debuggee, halt: Halt, before: dict[int, int]) -> Stop | None:
    """The stop at breakpoints; None where what they hold besides is not true."""
    hit = debuggee.points.hit(before)
    assert halt.breakpoint is not None
    if not hit:
        ours = any(halt.breakpoint is one for point in debuggee.points.all() for one in point.own)
        # A saved session brings breakpoints of its own.
        return None if ours else Stop(reason="breakpoint", description=halt.breakpoint.text)
    first = hit[0]
    alerts = [f"{_(AILMENTS[alert.rule].title)}: {alert.cause}" for alert in halt.alerts]
    return Stop(
        reason=first.reason,
        description=halt.breakpoint.text,
        text=alerts[0] if alerts else "",
        ids=tuple(point.id for point in hit),
        detail="\n".join(alerts),
    )


def fault_of(debuggee: Debuggee) -> Fault | None:
    """Where a value that is not finite came from, as far as it is known and to be stopped at."""
    session = debuggee.session
    fault = debuggee.faults.get(session.branch.name)
    if fault is None and session.recording is not None:
        fault = _recorded_fault(session)
        if fault is not None:
            debuggee.faults[session.branch.name] = fault
    if fault is None:
        return None
    kind = "nan" if fault.value != fault.value else "inf"
    return fault if kind in debuggee.points.filters else None


def _recorded_fault(session: Session) -> Fault | None:
    from retrograde.engine.network.program import Place

    assert session.recording is not None
    broken = session.recording.broken
    if broken is None:
        return None
    step = session.recording.step_at(Place(broken.op, None, broken.element))
    return Fault(name=step.symbol, value=broken.value, step=step.number, address=step.moment.address, epoch=1)


def _exception(fault: Fault) -> Stop:
    text = f"{fault.name} = {fault.value}"
    return Stop(reason="exception", description=_("not finite"), text=text, detail=f"{text}  {fault.address}")


def exception_info(debuggee: Debuggee, _wanted: given.Nothing) -> Body:
    """What an exception was."""
    stop = debuggee.stop
    if stop.reason != "exception":
        raise EngineError(_("it is not stopped at an exception"))
    return {
        "exceptionId": stop.description,
        "description": stop.detail or stop.text,
        "breakMode": "always",
        "details": {"message": stop.text or stop.description},
    }


def goto_targets(debuggee: Debuggee, wanted: given.Lines) -> Body:
    """The moments at which a line is computed, after the cursor and before it."""
    session, found = debuggee.session, None
    if wanted.source.path:
        found = debuggee.sources.resolved(wanted.source.path, debuggee.line_in(wanted.line))
    if found is None:
        return {"targets": []}
    line, ops = found
    spots = []
    for _number, name in first_names(session, ops):
        point = session.add_breakpoint(f"at {name}")
        session.remove_breakpoint(point.number)
        if point.place is not None:
            spots.append(SpotIndex(point.place, session.schedule))
    after = (spot.next(session.position, session.length) for spot in spots)
    before = (spot.previous(session.position) for spot in spots)
    positions = {
        _("next time"): min((step for step in after if step is not None), default=None),
        _("last time"): max((step for step in before if step is not None), default=None),
    }
    targets = []
    for words, position in positions.items():
        if position is None:
            continue
        number = len(debuggee.targets) + 1
        debuggee.targets[number] = position
        label = f"{words}: {session.step_at(position).moment.address}"
        targets.append({"id": number, "label": label, "line": debuggee.line_out(line.line)})
    return {"targets": targets}


def goto(debuggee: Debuggee, wanted: given.Goto) -> Body:
    """Goes to a moment of the menu."""
    debuggee.require_still()
    if wanted.target_id not in debuggee.targets:
        raise EngineError(_("there is no such moment any more"))
    debuggee.session.seek(debuggee.targets[wanted.target_id], debuggee.searched)
    debuggee.stand(Stop(reason="goto"))
    return {}


def restart_frame(debuggee: Debuggee, wanted: given.OfFrame) -> Body:
    """Goes back to where a frame begins: the layer, the pass, the iteration, the epoch."""
    debuggee.require_still()
    if not 1 <= wanted.frame_id <= len(FRAMES):
        raise EngineError(_("there is no such frame"))
    debuggee.session.back(FRAMES[wanted.frame_id - 1])
    debuggee.stand(Stop(reason="restart"))
    return {}


def threads(debuggee: Debuggee, _wanted: given.Nothing) -> Body:
    """The only thread: the session, on its branch."""
    try:
        session = debuggee.session
    except EngineError:
        return {"threads": []}
    return {"threads": [{"id": THREAD, "name": f"{session.name} ({session.branch.name})"}]}
