"""The requests that set breakpoints: at lines, by names, at values, at exceptions."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import islice

from retrograde.engine.equations.ailments import AILMENTS
from retrograde.engine.errors import EngineError
from retrograde.engine.session.breakpoints import Event, data_condition
from retrograde.engine.text import _
from retrograde.tui.editors import requests as given
from retrograde.tui.editors.debuggee import Body, Debuggee
from retrograde.tui.editors.points import Point
from retrograde.tui.editors.sources import Line, first_names

MOST_LOGGED = 200
"""Lines that logpoints print of one way."""
_EVENT = re.compile(r"(changes\s+sign|changes|crosses\s+\S+|becomes\s+(nan|inf|NaN)|stops\s+changing)")
FILTERS = ("nan", "inf", "alert")


def set_lines(debuggee: Debuggee, wanted: given.SetBreakpoints) -> Body:
    """Sets the breakpoints of a file."""
    path = wanted.source.path or ""
    kind = f"line {path}"
    debuggee.points.clear(kind)
    return {"breakpoints": [_line(debuggee, kind, path, one) for one in wanted.breakpoints]}


def _line(debuggee: Debuggee, kind: str, path: str, wanted: given.LineBreakpoint) -> Body:
    found = debuggee.sources.resolved(path, debuggee.line_in(wanted.line)) if path else None
    if found is None:
        message = _("no step stands at this line or below it")
        return {"verified": False, "message": message, "line": wanted.line}
    line, ops = found

    def add() -> Point:
        return debuggee.points.add(
            kind,
            "breakpoint",
            _places(debuggee, line, ops),
            condition=wanted.condition,
            hits=wanted.hit_condition,
            log=wanted.log_message,
        )

    return _told(debuggee, add, line, wanted.line)


def _places(debuggee: Debuggee, line: Line, ops: tuple[int, ...]) -> list[str]:
    """What the session's breakpoints wait for at a line: the entry of a layer, or the first elements of its ops."""
    layer = debuggee.sources.header(line)
    if layer is not None:
        return [f"at {layer}"]
    return [f"at {name}" for _number, name in first_names(debuggee.session, ops)]


def _told(debuggee: Debuggee, add: Callable[[], Point], line: Line | None = None, asked: int | None = None) -> Body:
    """Adds a breakpoint, and says what became of it."""
    try:
        point = add()
    except EngineError as error:
        return {"verified": False, "message": str(error)} | ({} if asked is None else {"line": asked})
    body: Body = {"id": point.id, "verified": True, "message": point.text}
    if line is not None:
        body |= {"line": debuggee.line_out(line.line), "source": {"path": line.path}}
    return body


def set_functions(debuggee: Debuggee, wanted: given.SetFunctionBreakpoints) -> Body:
    """Sets the breakpoints by name: a place, an event, a condition."""
    debuggee.points.clear("function")
    return {"breakpoints": [_told(debuggee, partial(_named, debuggee, one)) for one in wanted.breakpoints]}


def _named(debuggee: Debuggee, wanted: given.NamedBreakpoint) -> Point:
    name = wanted.name.strip()
    settings = {"condition": wanted.condition, "hits": wanted.hit_condition}
    add = debuggee.points.add
    if not name.startswith(("at ", "on ")):
        try:
            return add("function", "function breakpoint", [f"at {name}"], **settings)
        except EngineError:
            if re.fullmatch(r"[\w.@]+", name):
                raise
    return add("function", "function breakpoint", [name], **settings)


def data_info(debuggee: Debuggee, wanted: given.DataInfo) -> Body:
    """Says whether a value can be waited for."""
    session = debuggee.session
    try:
        name = session.notation.name(session.resolve(wanted.name))
    except EngineError as error:
        return {"dataId": None, "description": str(error)}
    return {"dataId": name, "description": name, "accessTypes": ["write"], "canPersist": True}


def set_data(debuggee: Debuggee, wanted: given.SetDataBreakpoints) -> Body:
    """Sets the breakpoints at values."""
    debuggee.points.clear("data")
    return {"breakpoints": [_told(debuggee, partial(_data, debuggee, one)) for one in wanted.breakpoints]}


def _data(debuggee: Debuggee, wanted: given.DataBreakpoint) -> Point:
    """Waits until a value changes: in a way, or with a condition besides; in a recording until it is made."""
    name, condition = wanted.data_id, (wanted.condition or "").strip()
    text, besides = f"{name} changes", None
    if condition and _EVENT.fullmatch(condition):
        text = f"{name} {condition}"
    elif debuggee.session.recording is not None:
        text, besides = f"at {name}", condition or None
    elif condition:
        text = f"({data_condition(name, Event.CHANGES)}) and ({condition})"
    return debuggee.points.add("data", "data breakpoint", [text], condition=besides, hits=wanted.hit_condition)


def exception_filters() -> list[Body]:
    """What exceptions there are."""
    return [
        {"filter": "nan", "label": _("a value is NaN"), "default": True},
        {"filter": "inf", "label": _("a value is infinite"), "default": True},
        {
            "filter": "alert",
            "label": _("the doctor alerts"),
            "default": False,
            "supportsCondition": True,
            "conditionDescription": _("a rule, such as dead_relu"),
        },
    ]


def set_exceptions(debuggee: Debuggee, wanted: given.SetExceptionBreakpoints) -> Body:
    """Sets the exceptions that are stopped at."""
    points = debuggee.points
    points.clear("exception")
    points.filters.clear()
    options = [given.FilterOption(filter_id=name) for name in wanted.filters] + list(wanted.filter_options)
    return {"breakpoints": [_exception(debuggee, one) for one in options]}


def _exception(debuggee: Debuggee, wanted: given.FilterOption) -> Body:
    name, rule = wanted.filter_id, (wanted.condition or "").strip()
    if name not in FILTERS:
        return {"verified": False, "message": _("there is no filter {name}").format(name=name)}
    if name != "alert":
        debuggee.points.filters.add(name)
        return {"verified": True}
    if rule and rule not in AILMENTS:
        return {"verified": False, "message": _("there is no rule {name}").format(name=rule)}
    text = f"on alert {rule}".strip()
    return _told(debuggee, lambda: debuggee.points.add("exception", "exception", [text]))


def locations(debuggee: Debuggee, wanted: given.Lines) -> Body:
    """The lines of a stretch at which a breakpoint may stand."""
    first = debuggee.line_in(wanted.line)
    last = first if wanted.end_line is None else debuggee.line_in(wanted.end_line)
    lines = debuggee.sources.lines(wanted.source.path or "")
    return {"breakpoints": [{"line": debuggee.line_out(line)} for line in lines if first <= line <= last]}


def tell_logs(debuggee: Debuggee, after: int, stop: int) -> None:
    """Prints what logpoints say of a way forward."""
    entries = list(islice(debuggee.points.logged(after, stop), MOST_LOGGED + 1))
    for step, text in sorted(entries[:MOST_LOGGED]):
        at = debuggee.session.step_at(step)
        debuggee.say(f"{at.moment.address}  {text}", line=debuggee.sources.of_step(at))
    if len(entries) > MOST_LOGGED:
        debuggee.say(_("… more than {count} lines").format(count=MOST_LOGGED))
