"""What an editor sees of the values at the cursor: scopes, arrays by pages, elements; and other values for them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrograde.engine.equations.array import Array, Role
from retrograde.engine.equations.expression import Ref
from retrograde.engine.equations.rendering import render
from retrograde.engine.errors import EngineError
from retrograde.engine.formulas.tree import Kind
from retrograde.engine.network.program import unravel
from retrograde.engine.text import _, ngettext
from retrograde.tui.editors import requests as given
from retrograde.tui.editors.debuggee import Body, Debuggee
from retrograde.tui.editors.frames import FRAMES, written

if TYPE_CHECKING:
    from retrograde.engine.explaining.step import Step
    from retrograde.engine.session.session import Session

MOST = 1000
"""Variables of one answer."""
_PREVIEW = 4
_MOST_TEXT = 2000
_PARAMETERS = frozenset({Role.WEIGHT, Role.BIAS})
_BACKWARD = frozenset({Role.GRADIENT, Role.SLOPE})
_REST = frozenset({Role.UPDATED, Role.MEMORY, Role.HYPER, Role.RATE, Role.MASK})


@dataclass(frozen=True, slots=True)
class StepScope:
    """The step at the cursor."""


@dataclass(frozen=True, slots=True)
class Operands:
    """What the step reads."""


@dataclass(frozen=True, slots=True)
class Arrays:
    """Some arrays."""

    arrays: tuple[Array, ...]


@dataclass(frozen=True, slots=True)
class Elements:
    """The elements of an array, of the cursor's sample."""

    array: Array


@dataclass(frozen=True, slots=True)
class Values:
    """The values of an expression that has several."""

    values: Any


def scopes(debuggee: Debuggee, wanted: given.OfFrame) -> Body:
    """The scopes of a frame: the step and what it reads, then the arrays; of the layer its own only."""
    if not 1 <= wanted.frame_id <= len(FRAMES):
        raise EngineError(_("there is no such frame"))
    step, found = debuggee.session.current, []
    if wanted.frame_id == 1 and step is not None:
        found.append(_scope(debuggee, _("Step"), StepScope(), "locals"))
        found.append(_scope(debuggee, _("Operands"), Operands(), "arguments"))
    layer = step.moment.layer if step is not None and FRAMES[wanted.frame_id - 1] == "layer" else None
    arrays = [one for one in debuggee.session.program.arrays if layer is None or one.layer == layer]
    kinds = {
        _("Parameters"): [one for one in arrays if one.role in _PARAMETERS],
        _("Gradients"): [one for one in arrays if one.role in _BACKWARD],
        _("Activations"): [one for one in arrays if one.role not in _PARAMETERS | _BACKWARD | _REST],
        _("Updates"): [one for one in arrays if one.role in _REST],
    }
    for name, some in kinds.items():
        if some:
            expensive = name != _("Parameters")
            found.append(_scope(debuggee, name, Arrays(tuple(some)), None, expensive=expensive))
    return {"scopes": found}


def _scope(debuggee: Debuggee, name: str, holder: Any, hint: str | None, *, expensive: bool = False) -> Body:
    body: Body = {"name": name, "variablesReference": handle(debuggee, holder), "expensive": expensive}
    return body if hint is None else body | {"presentationHint": hint}


def handle(debuggee: Debuggee, holder: Any) -> int:
    """A number by which the editor asks for what something holds, until the next stop."""
    number = len(debuggee.handles) + 1
    debuggee.handles[number] = holder
    return number


def variables(debuggee: Debuggee, wanted: given.Variables) -> Body:
    """What a scope or an array holds; of an array a page."""
    if wanted.variables_reference not in debuggee.handles:
        raise EngineError(_("there is no such variable any more"))
    holder, hexadecimal = debuggee.handles[wanted.variables_reference], wanted.format.hex
    match holder:
        case StepScope():
            found = list(_step(debuggee, hexadecimal))
        case Operands():
            found = list(_operands(debuggee, hexadecimal))
        case Arrays(arrays):
            found = [_array(debuggee, array, hexadecimal) for array in _page(arrays, wanted)]
            if (more := len(arrays) - max(0, wanted.start) - len(found)) > 0 and not wanted.count:
                found.append(_plain("…", _("and {count} more").format(count=more)))
        case Elements() | Values() if wanted.filter == "named":
            found = []
        case Elements(array):
            size = math.prod(array.element_shape)
            found = [_element(debuggee, array, number, hexadecimal) for number in _page(range(size), wanted)]
        case Values(values):
            flat = values.reshape(-1)
            found = [
                _plain(_index(number, values.shape), shown(float(flat[number]), hexadecimal))
                for number in _page(range(flat.size), wanted)
            ]
        case _:
            found = []
    return {"variables": found}


def _page(items: Sequence[Any], wanted: given.Variables) -> Sequence[Any]:
    start = max(0, wanted.start)
    return items[start : start + min(wanted.count or MOST, MOST)]


def _plain(name: str, value: str, **more: Any) -> Body:
    return {"name": name, "value": value, "variablesReference": 0, **more}


def _index(flat: int, shape: tuple[int, ...]) -> str:
    return f"[{','.join(str(part + 1) for part in unravel(flat, shape))}]"


def shown(value: float | bool, hexadecimal: bool) -> str:
    """A number, exactly: the shortest decimal of its bits, or in hexadecimal."""
    if isinstance(value, bool):
        return _("true") if value else _("false")
    return float(value).hex() if hexadecimal else repr(float(value))


def _step(debuggee: Debuggee, hexadecimal: bool) -> Iterator[Body]:
    """The step: its equation, its numbers, what it makes and why."""
    session, step = debuggee.session, debuggee.session.current
    if step is None:
        return
    recording = session.recording
    silence = "" if recording is None else recording.silence(step.place.op)
    yield _plain(_("moment"), step.moment.address)
    if silence:
        yield _plain(_("note"), silence)
        value = session.visible(step.target)
        yield _plain(step.symbol, _("unknown") if value is None else shown(value, hexadecimal))
        return
    yield _plain(_("equation"), written(debuggee, step))
    yield _plain(_("numbers"), _numbers(step, hexadecimal)[:_MOST_TEXT])
    if step.term:
        term = step.terms[step.term - 1]
        yield _plain(_("term"), f"{step.term} / {len(step.terms)}: {shown(term.value, hexadecimal)}")
        yield _plain(_("sum so far"), shown(term.partial, hexadecimal))
        return
    yield _plain(step.symbol, shown(step.result, hexadecimal), evaluateName=step.name)
    yield _plain(_("why"), step.why)


def _numbers(step: Step, hexadecimal: bool) -> str:
    """The equation of a step with its numbers, each exactly."""
    return render(step.equation, lambda ref: shown(step.frame.value(ref), hexadecimal), times=" × ")


def _operands(debuggee: Debuggee, hexadecimal: bool) -> Iterator[Body]:
    session, step = debuggee.session, debuggee.session.current
    recording = session.recording
    if step is None or (recording is not None and recording.silence(step.place.op)):
        return
    for operand in step.operands[:MOST]:
        made = operand.made_by
        whence = _("given") if made is None else session.step_at(made).moment.address
        yield _plain(operand.name, shown(operand.value, hexadecimal), type=whence, evaluateName=operand.name)


def _array(debuggee: Debuggee, array: Array, hexadecimal: bool) -> Body:
    """An array, with its first values; of one element that one."""
    size = math.prod(array.element_shape)
    if size == 1:
        return _element(debuggee, array, 0, hexadecimal)
    first = [_visible(debuggee.session, _ref(debuggee.session, array, number)) for number in range(min(size, _PREVIEW))]
    values = ", ".join("·" if one is None else f"{one:.6g}" for one in first)
    shape = "×".join(map(str, array.element_shape))
    return {
        "name": array.name,
        "value": f"{shape} [{values}{', …' if size > _PREVIEW else ''}]",
        "type": array.role.value,
        "evaluateName": array.name,
        "variablesReference": handle(debuggee, Elements(array)),
        "indexedVariables": size,
    }


def _ref(session: Session, array: Array, number: int) -> Ref:
    index = unravel(number, array.element_shape)
    return Ref(array, (session.sample, *index) if array.batched else index)


def _visible(session: Session, ref: Ref) -> float | None:
    """What a slot is worth at the cursor: a parameter has its new value once its update is there."""
    updated = session.program.named.get(f"new({ref.array.name})")
    value = None if updated is None else session.visible(Ref(updated, ref.index))
    return session.visible(ref) if value is None else value


def _element(debuggee: Debuggee, array: Array, number: int, hexadecimal: bool) -> Body:
    session = debuggee.session
    ref = _ref(session, array, number)
    name, value = session.symbol(ref), _visible(session, ref)
    text = _("not computed yet") if value is None else shown(value, hexadecimal)
    body = _plain(session.notation.name(ref), text, type=array.role.value, evaluateName=session.notation.name(ref))
    if name != body["name"]:
        body["type"] = f"{name}  {array.role.value}"
    if session.recording is not None:
        body["presentationHint"] = {"attributes": ["readOnly"]}
    return body


def set_variable(debuggee: Debuggee, wanted: given.SetVariable) -> Body:
    """Gives a value of a scope another one: time forks."""
    if wanted.variables_reference not in debuggee.handles:
        raise EngineError(_("there is no such variable any more"))
    return _set(debuggee, wanted.name, wanted.value, wanted.format.hex)


def set_expression(debuggee: Debuggee, wanted: given.SetExpression) -> Body:
    """Gives what a name means another value: time forks."""
    return _set(debuggee, wanted.expression, wanted.value, wanted.format.hex)


def _set(debuggee: Debuggee, name: str, text: str, hexadecimal: bool) -> Body:
    debuggee.require_still()
    session = debuggee.session
    value = _number(session, text)
    ref = session.resolve(name)
    branch = session.edit({session.notation.name(ref, sample=0 if session.sample == 0 else -1): value})
    debuggee.say(_("Branch {name}: {edit}.").format(name=branch.name, edit=branch.edit))
    debuggee.changed()
    return {"value": shown(value, hexadecimal), "variablesReference": 0}


def _number(session: Session, text: str) -> float:
    """A number, as one writes it or as an expression of the values at the cursor."""
    text = text.strip()
    try:
        return float.fromhex(text) if "0x" in text.lower() else float(text)
    except (ValueError, OverflowError):
        pass
    found = session.value(text)
    if not isinstance(found, bool | float):
        raise EngineError(_("{text!r} is no number").format(text=text))
    return float(found)


def evaluated(debuggee: Debuggee, text: str, hexadecimal: bool) -> Body:
    """What an expression is worth at the cursor.

    Raises:
        EngineError: it can not be read, or is not known there.
    """
    session = debuggee.session
    found = session.value(text)
    if isinstance(found, str):
        return {"result": found, "variablesReference": 0}
    if isinstance(found, bool | float):
        found = bool(found) if _is_condition(session, text) else found
        return {"result": shown(found, hexadecimal), "variablesReference": 0}
    count = ngettext("{count} value", "{count} values", found.size).format(count=found.size)
    first = ", ".join(f"{float(one):.6g}" for one in found.reshape(-1)[:_PREVIEW])
    return {
        "result": f"{count} [{first}{', …' if found.size > _PREVIEW else ''}]",
        "variablesReference": handle(debuggee, Values(found)),
        "indexedVariables": int(found.size),
    }


def _is_condition(session: Session, text: str) -> bool:
    try:
        return session.formula(text).kind is Kind.TRUTH
    except EngineError:
        # The name of a slot need be no formula.
        return False
